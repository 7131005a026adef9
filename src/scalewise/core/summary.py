"""Everything that the page and the report show, worked out from a state once."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scalewise.core.cost import CostCurve, cost_curve
from scalewise.core.curves import Curve, StreamCurve, each_curve, stream_curves
from scalewise.core.extrapolation import Forecast, forecast
from scalewise.core.importance import ImportanceTable, importance_table
from scalewise.core.study import StudyState
from scalewise.core.units import UnitComparison, compare_units
from scalewise.core.verdict import Outlook, Verdict, decide

__all__ = ["Continuation", "ModelSummary", "Summary", "summarise", "summary_steps"]

_FAN_POINTS = 25
_BEYOND = 4
"""The fan is drawn up to this many times the rows of the table."""

_FARTHEST = 20
"""Forecasts beyond this many times the largest measured size are refused, so none is drawn."""

_FEWEST_SIZES = 4


@dataclass(frozen=True, slots=True)
class Continuation:
    """A curve continued beyond its last point, for drawing.

    Parameters
    ----------
    n_rows : tuple of int
    mean, low, high : tuple of float
        Expected score and its 90 % interval at each size.
    p_gain : tuple of float
        Probability of gaining at least the margin by then.
    refusal : str or None
        Why it should not be acted on, in words.
    flags : tuple of str
    """

    n_rows: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    p_gain: tuple[float, ...]
    refusal: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """All about one model.

    Parameters
    ----------
    curve : Curve
    continuation : Continuation or None
        None with fewer than four sizes.
    outlook : Outlook or None
        What all rows of the table (or, where they are used already, twice as many) would bring.
    fit_time, fit_memory : CostCurve or None
        Seconds and bytes of one fit; None with fewer than four sizes.
    importances : ImportanceTable or None
    """

    curve: Curve
    continuation: Continuation | None
    outlook: Outlook | None
    fit_time: CostCurve | None
    fit_memory: CostCurve | None
    importances: ImportanceTable | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A state and all that follows from it.

    Parameters
    ----------
    state : StudyState
    models : tuple of ModelSummary
        From simple to complex; only models with a point.
    verdict : Verdict
        It follows from the models alone.
    streams : tuple of StreamCurve
        Models that learn the whole table block by block; only those with a score.
    unit_checks : tuple of UnitComparison
        What a few trials with other sampling units say.
    """

    state: StudyState
    models: tuple[ModelSummary, ...]
    verdict: Verdict
    streams: tuple[StreamCurve, ...] = ()
    unit_checks: tuple[UnitComparison, ...] = ()

    def model(self, name: str) -> ModelSummary | None:
        """One model's summary by its name; None while it has no point."""
        return next((m for m in self.models if m.curve.model.name == name), None)


def summarise(state: StudyState) -> Summary:
    """Work out curves, continuations, costs and the verdict of a state.

    What did not change since the last call is not worked out again.
    """
    steps = summary_steps(state)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            summary: Summary = end.value
            return summary


def summary_steps(state: StudyState) -> Generator[None, None, Summary]:
    """Work a summary out bit by bit, so that others may have their turn between; the generator returns it."""
    if state.study is None or state.plan is None:
        return Summary(state, (), decide(state, (), ()))
    best, min_gain = state.study.metric.best, state.plan.min_gain
    models: list[ModelSummary] = []
    for curve in each_curve(state):
        yield
        models.append(_model_summary(curve, min_gain, best))
        yield
    outlooks = tuple(m.outlook for m in models)
    verdict = decide(state, tuple(m.curve for m in models), outlooks)
    return Summary(state, tuple(models), verdict, stream_curves(state), compare_units(state))


@lru_cache(maxsize=64)
def _model_summary(curve: Curve, min_gain: float, best: float | None) -> ModelSummary:
    n_rows = [p.n_rows for p in curve.points]
    fit_time = cost_curve(n_rows, [p.fit_seconds for p in curve.points])
    continuation = outlook = None
    if len(curve.points) >= _FEWEST_SIZES:
        grid = _fan_sizes(curve)
        continuation = _continuation(grid, _forecast(curve, grid, min_gain, best))
        outlook = _outlook(curve, min_gain, best, fit_time)
    return ModelSummary(
        curve=curve,
        continuation=continuation,
        outlook=outlook,
        fit_time=fit_time,
        fit_memory=cost_curve(n_rows, [p.peak_bytes for p in curve.points]),
        importances=importance_table(curve),
    )


def _fan_sizes(curve: Curve) -> tuple[int, ...]:
    """Sizes at which the continuation is drawn: no farther than a forecast may be trusted."""
    last, full = curve.last.n_rows, curve.n_train_rows
    end = min(_BEYOND * full, _FARTHEST * last)
    sizes = {full, *(round(n) for n in np.geomspace(last, end, _FAN_POINTS))}
    return tuple(sorted(n for n in sizes if last < n <= end))


def _forecast(curve: Curve, targets: tuple[int, ...], min_gain: float, best: float | None) -> Forecast:
    repeats = 1 + max(repeat for p in curve.points for repeat, _ in p.trials)
    test = np.full((len(curve.points), repeats), np.nan)
    for row, point in enumerate(curve.points):
        for repeat, record in point.trials:
            test[row, repeat] = record.score
    train = [p.train_score for p in curve.points]
    n_rows = [p.n_rows for p in curve.points]
    return forecast(n_rows, test, train, targets=targets, min_gain=min_gain, max_score=best)


def _continuation(grid: tuple[int, ...], continued: Forecast) -> Continuation:
    parts = (continued.mean, continued.low, continued.high, continued.p_gain)
    mean, low, high, p_gain = (tuple(map(float, part)) for part in parts)
    return Continuation(grid, mean, low, high, p_gain, continued.refusal, tuple(continued.flags))


def _outlook(curve: Curve, min_gain: float, best: float | None, fit_time: CostCurve | None) -> Outlook:
    """What the next big step brings: all rows of the table, or twice as many where all are used."""
    full, last = curve.n_train_rows, curve.last
    target = full if last.n_rows < full else 2 * full
    ahead = _forecast(curve, (target,), min_gain, best)
    return Outlook(
        n_rows=target,
        gain=float(ahead.mean[0]) - last.score,
        low=float(ahead.low[0]) - last.score,
        high=float(ahead.high[0]) - last.score,
        p_gain=float(ahead.p_gain[0]),
        fit_seconds=float(fit_time.predict(target)) if fit_time else None,
        refusal=ahead.refusal,
    )
