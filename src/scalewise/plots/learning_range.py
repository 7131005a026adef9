"""Which scores must be visible: those of the models that people compare, not the wild ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scalewise.plots.learning_frame import CurveFrame, ModelLine

__all__ = ["needed_range"]

_SETTLED = 0.1
"""Points at this share of a model's largest size, or above, are taken to say where its curve stands."""

_FEW = 3
"""With fewer sizes than this, guessing gives the scale: the first intervals alone would fill the plot with noise."""


def needed_range(frame: CurveFrame) -> tuple[float, float] | None:
    """Least and greatest score that must be visible; None without a point.

    Where the curves stand at their larger sizes always counts. Early points, guessing, bands, fans and training scores
    count as long as they do not push the curves together.
    """
    drawn = [line for line in frame.lines if line.n_rows]
    fitted = [line for line in drawn if line.rung > 0]
    guessing = [line.score[-1] for line in drawn if line.rung == 0]
    streamed = [score for line in frame.streams for score in line.score]
    if not fitted and streamed:
        return _bounds(streamed)
    if not fitted:
        reach = 0.2 * max(map(abs, guessing), default=0.0) or 0.1
        return (min(guessing) - reach, max(guessing) + reach) if guessing else None
    compared = _worth_comparing(fitted, guessing)
    low, high = _bounds(value for line in compared for value in _settled(line))
    if guessing and max(len(line.n_rows) for line in compared) < _FEW:
        low = min(low, *guessing)
    span = max(high - low, max(line.high[-1] - line.low[-1] for line in compared), 1e-9)
    below, above = low - 2 * span, high + span
    early = [value for line in compared for value in line.score]
    bands = [value for line in compared for value in (*line.low, *line.high)]
    fans = [value for line in compared if line.ahead for value in _near_full(line, frame.n_train_rows)]
    train = [value for line in compared for value in line.train]
    return _bounds(
        (
            low,
            high,
            *_within(early, below, above),
            *_within(streamed, below, above),
            *_within(bands, low - span, high + span),
            *_within(fans, low - span, high + span),
            *_within(train, low - 0.5 * span, high + 0.6 * span),
            *_within(guessing, low - 0.6 * span, high),
        )
    )


def _worth_comparing(fitted: Sequence[ModelLine], guessing: Sequence[float]) -> Sequence[ModelLine]:
    """Leave out models that fell far behind all others, such as one that diverged."""
    best = max(fitted, key=lambda line: line.score[-1])
    behind = sorted(best.score[-1] - line.score[-1] for line in fitted)
    low, high = _bounds(_settled(best))
    rise = high - low + best.high[-1] - best.low[-1]
    reach = max(5 * behind[(len(behind) - 1) // 2], 6 * rise)
    floor = min(best.score[-1] - reach, *guessing) if guessing else best.score[-1] - reach
    return [line for line in fitted if line.score[-1] >= floor]


def _settled(line: ModelLine) -> list[float]:
    return [s for n, s in zip(line.n_rows, line.score, strict=True) if n >= _SETTLED * line.n_rows[-1]]


def _near_full(line: ModelLine, n_train_rows: int) -> list[float]:
    """Where the continuation and its fan lie up to all rows of the table."""
    ahead = line.ahead
    if ahead is None:
        return []
    upto = [k for k, n in enumerate(ahead.n_rows) if n <= n_train_rows] or [0]
    return [value for k in upto for value in (ahead.mean[k], ahead.low[k], ahead.high[k])]


def _within(values: Iterable[float], low: float, high: float) -> list[float]:
    return [value for value in values if low <= value <= high]


def _bounds(values: Iterable[float]) -> tuple[float, float]:
    listed = list(values)
    return min(listed), max(listed)
