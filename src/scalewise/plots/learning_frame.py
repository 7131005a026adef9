"""What the learning curve shows: its frame, picked from a summary. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from scalewise.core.curves import CurvePoint
from scalewise.core.spec import DataSpec, ModelSpec
from scalewise.core.summary import Continuation, ModelSummary, Summary
from scalewise.core.wording import duration_text, percent_text, rows_text, score_text
from scalewise.plots.base import MOST_IN_FIGURE, MOST_IN_SERIES, View
from scalewise.plots.stream_frame import STREAM_NUMBERS, StreamLine, stream_lines
from scalewise.plots.tips import HOME, computed_by, own_settings

__all__ = ["Ahead", "CurveFrame", "ModelLine", "is_away", "select_curves"]

_SERIES, _AHEAD_POINTS = 5, 4 * 28
"""Numbers that a model takes in the figure: so many for each point, and so many for its continuation."""

_TIP_WIDTH = 44
"""Characters of a line of settings in a tip, which has no room for more on a narrow page."""

_MOST_CONTINUED = 12
"""With more models than this there is no room for continuations."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A curve continued from its last point on.

    Parameters
    ----------
    n_rows : tuple of int
        The last measured size first.
    mean, low, high : tuple of float
    full_score : float or None
        Expected score at all rows of the table, where that lies ahead.
    full_text : str
        What pointing at it tells.
    """

    n_rows: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    full_score: float | None
    full_text: str


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model's line.

    Parameters
    ----------
    name, label : str
    rung : int
    shown : bool
        False for a model switched off; its series are empty then.
    n_rows : tuple of int
    score, low, high : tuple of float
    train : tuple of float
        Scores on the training rows; empty where not asked for or not known.
    texts : tuple of str
        What pointing at each point tells.
    places : tuple of tuple of str
        The engines that computed each point.
    ahead : Ahead or None
    refusal : str
        Why the curve is not continued; empty where it is, or where it is too short to be.
    """

    name: str
    label: str
    rung: int
    shown: bool
    n_rows: tuple[int, ...]
    score: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    train: tuple[float, ...]
    texts: tuple[str, ...]
    places: tuple[tuple[str, ...], ...]
    ahead: Ahead | None
    refusal: str


@dataclass(frozen=True, slots=True)
class CurveFrame:
    """All that the learning curve shows.

    Parameters
    ----------
    study : str
        Id of the study; empty before a start.
    metric : str
        What scores mean, for people.
    best : float or None
        The best score there can be.
    log_rows : bool
    n_train_rows : int
        All rows of the table that can be trained on.
    first_rows, last_rows : float
        Ends of the axis of rows.
    lines : tuple of ModelLine
        From simple to complex.
    streams : tuple of StreamLine
        Models that learn the whole table block by block.
    message : str
        What stands in an empty plot.
    """

    study: str = ""
    metric: str = ""
    best: float | None = None
    log_rows: bool = True
    n_train_rows: int = 0
    first_rows: float = 1.0
    last_rows: float = 10.0
    lines: tuple[ModelLine, ...] = ()
    streams: tuple[StreamLine, ...] = ()
    message: str = ""


def select_curves(summary: Summary, view: View) -> CurveFrame:
    """Pick what the learning curve shows."""
    study = summary.state.study
    if study is None:
        return CurveFrame(log_rows=view.log_rows, message="The curve appears here, point by point, after Run.")
    lines = _lines(summary, view, study.metric.label)
    streams = stream_lines(summary, view)
    first, last = _ends(summary, study.data, [*lines, *streams], view.log_rows)
    return CurveFrame(
        study=study.id,
        metric=study.metric.label,
        best=study.metric.best,
        log_rows=view.log_rows,
        n_train_rows=study.data.n_train_rows,
        first_rows=first,
        last_rows=last,
        lines=lines,
        streams=streams,
        message=_message(summary, [*lines, *streams]),
    )


def is_away(places: Sequence[str]) -> bool:
    """Whether a point was computed elsewhere than on this machine's own processes."""
    return bool(set(places) - HOME)


def _message(summary: Summary, lines: Sequence[ModelLine | StreamLine]) -> str:
    if any(line.n_rows for line in lines):
        return ""
    if lines:
        return "Every model is switched off."
    return "Fitting the first models ..." if summary.state.phase == "running" else "No point was measured."


def _lines(summary: Summary, view: View, metric: str) -> tuple[ModelLine, ...]:
    n_models = max(len(summary.models), 1)
    continued = n_models <= _MOST_CONTINUED
    room = MOST_IN_FIGURE - STREAM_NUMBERS * len(summary.streams)
    share = room // n_models - _AHEAD_POINTS * continued
    most = max(2, min(MOST_IN_SERIES, share // _SERIES))
    return tuple(_line(model, view, metric, most, continued) for model in summary.models)


def _line(model: ModelSummary, view: View, metric: str, most: int, go_on: bool) -> ModelLine:
    spec = model.curve.model
    shown = spec.name not in view.hidden
    finite = [p for p in model.curve.points if math.isfinite(p.score)] if shown else []
    points = _thin(finite, most)
    train = [p.train_score for p in points]
    continued = model.continuation if go_on and points and spec.rung > 0 else None
    refusal = continued.refusal or "" if continued else ""
    return ModelLine(
        name=spec.name,
        label=spec.label,
        rung=spec.rung,
        shown=shown,
        n_rows=tuple(p.n_rows for p in points),
        score=tuple(p.score for p in points),
        low=tuple(_or(p.low, p.score) for p in points),
        high=tuple(_or(p.high, p.score) for p in points),
        train=tuple(train) if view.show_train and spec.rung > 0 and all(map(math.isfinite, train)) else (),
        texts=tuple(_text(spec, metric, p) for p in points),
        places=tuple(p.places for p in points),
        ahead=_ahead(model, metric, continued) if continued and not refusal else None,
        refusal=refusal,
    )


def _thin(points: Sequence[CurvePoint], most: int) -> Sequence[CurvePoint]:
    """At most so many points, spread evenly, the last one among them."""
    if len(points) <= most:
        return points
    return [points[round(k * (len(points) - 1) / (most - 1))] for k in range(most)]


def _or(value: float, instead: float) -> float:
    return value if math.isfinite(value) else instead


def _text(model: ModelSpec, metric: str, point: CurvePoint) -> str:
    repeats = "1 repeat" if point.repeats == 1 else f"{point.repeats} repeats"
    settings = own_settings(model.name)
    lines = [
        model.label,
        *(wrap(settings, _TIP_WIDTH) if settings not in model.label else []),
        f"{rows_text(point.n_rows)} rows ({percent_text(point.fraction)})",
        f"{metric} {score_text(point.score)}  (90 %: {score_text(point.low)} to {score_text(point.high)})",
        f"on its training rows {score_text(point.train_score)}",
        f"{repeats}, one fit {duration_text(point.fit_seconds)}",
    ]
    if point.places:
        lines.append(computed_by(point.places))
    return "\n".join(lines)


def _ahead(model: ModelSummary, metric: str, continued: Continuation) -> Ahead | None:
    if not continued.n_rows or not _all_finite(continued):
        return None
    label, last, n_train_rows = model.curve.model.label, model.curve.last, model.curve.n_train_rows
    full = continued.n_rows.index(n_train_rows) if n_train_rows in continued.n_rows else None
    text = ""
    if full is not None:
        low, high = score_text(continued.low[full]), score_text(continued.high[full])
        text = "\n".join(
            (
                f"{label}, expected",
                f"all {rows_text(n_train_rows)} rows (100 %)",
                f"{metric} {score_text(continued.mean[full])}  (90 %: {low} to {high})",
            )
        )
    # The fan opens from the last point: the curve there is known, and how much more rows add is not.
    return Ahead(
        n_rows=(last.n_rows, *continued.n_rows),
        mean=(last.score, *continued.mean),
        low=(last.score, *continued.low),
        high=(last.score, *continued.high),
        full_score=continued.mean[full] if full is not None else None,
        full_text=text,
    )


def _all_finite(continued: Continuation) -> bool:
    return all(map(math.isfinite, (*continued.mean, *continued.low, *continued.high)))


def _ends(summary: Summary, data: DataSpec, lines: Sequence[ModelLine | StreamLine], log: bool) -> tuple[float, float]:
    """Ends of the axis of rows. They follow from the plan, so that the axis stands still while points come in."""
    planned = summary.state.planned()
    sizes = [trial.n_rows for trial in planned] + [n for line in lines for n in line.n_rows]
    first, last = (min(sizes), max(sizes)) if sizes else (1, data.n_train_rows)
    full = data.n_train_rows
    if log:
        return first / 1.2, max(2.4 * full, 1.2 * last)
    return 0.0, 1.25 * full if last >= 0.04 * full else 8.0 * last
