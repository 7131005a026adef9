"""Everything that the page and the report show, worked out from a state once."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scalewise.core.alarms import alarms, leak_words
from scalewise.core.cost import CostCurve, cost_curve
from scalewise.core.curves import Curve, StreamCurve, each_curve, stream_curves, training_noise
from scalewise.core.deciding.would_change import MOST_CHANGES
from scalewise.core.experimenting.experiment import Agenda, agenda
from scalewise.core.extrapolation import Forecast, forecast
from scalewise.core.features.feature_curve import FeatureCurve, feature_curve
from scalewise.core.forecasting.backtest import BackTest, backtest
from scalewise.core.forecasting.company import LEARNERS
from scalewise.core.forecasting.curve_points import CurvePoints, curve_points
from scalewise.core.forecasting.reservations import FARTHEST
from scalewise.core.importance import ImportanceTable, importance_table, probe_records
from scalewise.core.memory import worker_memory
from scalewise.core.prospects import FEWEST_SIZES, Continuation, ModelSummary, Outlook, farthest
from scalewise.core.spec import Alarm, SamplingUnit
from scalewise.core.study import StudyState
from scalewise.core.tuning import Tuning, tuning
from scalewise.core.unit_words import does_not_hold
from scalewise.core.units import UnitComparison, compare_units
from scalewise.core.verdict import Verdict, decide

__all__ = ["Continuation", "ModelSummary", "Summary", "summarise", "summary_steps"]

Floats = NDArray[np.float64]

_FAN_POINTS = 25
_BEYOND = 4
"""The fan is drawn up to this many times the rows of the table."""

# The nets behind the forecast have seen no more of them at a time.
_MOST_COMPANIONS = 6


@dataclass(frozen=True, slots=True)
class Summary:
    """A state and all that follows from it.

    Parameters
    ----------
    state : StudyState
    models : tuple of ModelSummary
        From simple to complex; only models with a point.
    verdict : Verdict
        It follows from the models alone; checks of other sampling units that speak against it are among its evidence,
        and first among what would overturn it.
    streams : tuple of StreamCurve
        Models that learn the whole table block by block; only those with a score.
    unit_checks : tuple of UnitComparison
        What a few trials with other sampling units say.
    agenda : Agenda
        What comes next, which models were dropped, and whether the study is at its end.
    features : FeatureCurve or None
        Score against number of features, once that was asked for.
    alarms : tuple of Alarm
    tuning : Tuning or None
        What other settings of a model brought, once that was asked for.
    """

    state: StudyState
    models: tuple[ModelSummary, ...]
    verdict: Verdict
    streams: tuple[StreamCurve, ...] = ()
    unit_checks: tuple[UnitComparison, ...] = ()
    agenda: Agenda = field(default_factory=Agenda)
    features: FeatureCurve | None = None
    alarms: tuple[Alarm, ...] = ()
    tuning: Tuning | None = None

    @property
    def main(self) -> ModelSummary | None:
        """The model whose features are shown first: the verdict's own, else the most complex that has any."""
        able = [m for m in self.models if m.importances]
        own = next((m for m in able if m.curve.model.label == self.verdict.model), None)
        return own or (able[-1] if able else None)

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
        return Summary(state, (), decide(state, ()), alarms=state.alarms)
    data, min_gain = state.study.data, state.plan.min_gain
    models: list[ModelSummary] = []
    drawn: list[Curve] = []
    for curve in each_curve(state):
        drawn.append(curve)
        yield
    for curve in drawn:
        yield
        probes = probe_records(state.records, curve.model.name)
        table = importance_table(curve, state.groups, probes)
        beside = _beside(curve, drawn)
        models.append(_model_summary(curve, beside, min_gain, data.row_bytes, data.n_holdout_rows, table))
        yield
    few, tuned = feature_curve(state, drawn), tuning(state, drawn)
    yield
    units = compare_units(state)
    found = alarms(state, few)
    verdict = _warned(decide(state, models, few, tuned), data.unit, units, leak_words(state, found))
    summary = Summary(state, tuple(models), verdict, stream_curves(state), units)
    summary = replace(summary, features=few, tuning=tuned, alarms=found)
    return replace(summary, agenda=agenda(state, models, verdict))


def _warned(verdict: Verdict, unit: SamplingUnit, checks: tuple[UnitComparison, ...], leak: str) -> Verdict:
    """The verdict with what makes it worth nothing, and with checks of other units that speak against it."""
    against = [found for found in checks if found.changes or found.warns]
    turns = (does_not_hold(unit, found.unit, surely=found.changes) for found in against)
    return replace(
        verdict,
        sentence=f"{verdict.sentence} {leak}".rstrip(),
        evidence=(*verdict.evidence, *(found.sentence for found in against)),
        would_change=(*turns, *verdict.would_change)[:MOST_CHANGES],
    )


@lru_cache(maxsize=64)
def _model_summary(
    curve: Curve,
    beside: tuple[CurvePoints, ...],
    min_gain: float,
    row_bytes: int,
    n_holdout_rows: int,
    importances: ImportanceTable | None,
) -> ModelSummary:
    n_rows = [p.n_rows for p in curve.points]
    fit_time = cost_curve(n_rows, [p.fit_seconds for p in curve.points])
    continuation, outlook, doubling = _ahead(curve, beside, min_gain, fit_time)
    return ModelSummary(
        curve=curve,
        continuation=continuation,
        outlook=outlook,
        fit_time=fit_time,
        importances=importances,
        doubling=doubling,
        memory=worker_memory(curve, row_bytes, n_holdout_rows),
        noise=training_noise(curve, curve.last.n_rows),
        back_test=_back_test(curve, beside, min_gain),
    )


def _ahead(
    curve: Curve, beside: tuple[CurvePoints, ...], min_gain: float, fit_time: CostCurve | None
) -> tuple[Continuation | None, Outlook | None, Outlook | None]:
    """What lies ahead of a curve: how it goes on, what the decision looks at, and the next doubling."""
    doubled = 2 * curve.last.n_rows
    if len(curve.points) < 2:
        return None, None, None
    if len(curve.points) < FEWEST_SIZES:
        return None, None, _outlook(_forecast(curve, beside, (doubled,), min_gain), doubled, fit_time)
    # One forecast serves all: it takes most of the time that a new point costs.
    grid = _fan_sizes(curve)
    ahead = _forecast(curve, beside, grid, min_gain)
    outlook, doubling = (_outlook(ahead, size, fit_time) for size in (_target(curve), doubled))
    return _continuation(grid, ahead), outlook, doubling


def _fan_sizes(curve: Curve) -> tuple[int, ...]:
    """Sizes at which the continuation is drawn: no farther than a forecast may be trusted."""
    last, full = curve.last.n_rows, curve.n_train_rows
    end = max(min(_BEYOND * full, FARTHEST * last), farthest(last, full))
    steps = {full, 2 * last, _target(curve)}
    sizes = {*steps, *(round(n) for n in np.geomspace(last, end, _FAN_POINTS))}
    return tuple(sorted(n for n in sizes if last < n <= end))


def _forecast(curve: Curve, beside: tuple[CurvePoints, ...], targets: tuple[int, ...], min_gain: float) -> Forecast:
    return forecast(
        *_measured(curve),
        targets=targets,
        min_gain=min_gain,
        max_score=_end(curve.span.best),
        min_score=_end(curve.span.worst),
        learner=_learner(curve),
        companions=beside,
        most_rows=min(curve.n_train_rows, curve.model.max_rows or curve.n_train_rows),
    )


def _back_test(curve: Curve, beside: tuple[CurvePoints, ...], min_gain: float) -> BackTest | None:
    return backtest(
        *_measured(curve),
        min_gain=min_gain,
        max_score=_end(curve.span.best),
        min_score=_end(curve.span.worst),
        learner=_learner(curve),
        companions=beside,
    )


def _end(score: float) -> float | None:
    """An end of the scores that there can be, as forecasts ask for it."""
    return score if math.isfinite(score) else None


def _learner(curve: Curve) -> str | None:
    kind = curve.model.kind
    return kind if kind in LEARNERS else None


def _beside(curve: Curve, drawn: list[Curve]) -> tuple[CurvePoints, ...]:
    """The curves of other models up to the last size of this one; the baseline learns nothing, and is left out."""
    last = curve.last.n_rows
    others = [other for other in drawn if other is not curve and other.model.rung > 0 and other.at(last)]
    return tuple(_companion(_trials_up_to(last, other)) for other in others[:_MOST_COMPANIONS])


def _trials_up_to(last: int, curve: Curve) -> tuple[tuple[int, float, float], ...]:
    """Sizes, test scores and mean training scores of the trials."""
    points = [p for p in curve.points if p.n_rows <= last]
    return tuple((p.n_rows, trial.score, p.train_score) for p in points for _, trial in p.trials)


@lru_cache(maxsize=256)
def _companion(trials: tuple[tuple[int, float, float], ...]) -> CurvePoints:
    """One and the same curve for the same trials, so that what follows from it is not worked out again."""
    return curve_points(*zip(*trials, strict=True))


def _measured(curve: Curve) -> tuple[list[int], Floats, list[float]]:
    """Sizes, test scores of shape (n_sizes, n_repeats) and mean training scores."""
    repeats = 1 + max(repeat for p in curve.points for repeat, _ in p.trials)
    test = np.full((len(curve.points), repeats), np.nan)
    for row, point in enumerate(curve.points):
        for repeat, record in point.trials:
            test[row, repeat] = record.score
    return [p.n_rows for p in curve.points], test, [p.train_score for p in curve.points]


def _continuation(grid: tuple[int, ...], continued: Forecast) -> Continuation:
    names = ("mean", "low", "high", "gain", "gain_low", "gain_high", "p_gain")
    columns = {name: tuple(map(float, getattr(continued, name))) for name in names}
    return Continuation(grid, **columns, refusal=continued.refusal, flags=tuple(continued.flags))


def _target(curve: Curve) -> int:
    """The size that the decision looks ahead to, no farther than a forecast may be trusted."""
    full, last = curve.n_train_rows, curve.last.n_rows
    return farthest(last, full) if last < full else 2 * full


def _outlook(ahead: Forecast, target: int, fit_time: CostCurve | None) -> Outlook:
    """What going to a size brings, which stands in a forecast."""
    at = int(np.searchsorted(ahead.n_rows, target))
    return Outlook(
        n_rows=target,
        gain=float(ahead.gain[at]),
        low=float(ahead.gain_low[at]),
        high=float(ahead.gain_high[at]),
        p_gain=float(ahead.p_gain[at]),
        fit_seconds=float(fit_time.predict(target)) if fit_time else None,
        refusal=ahead.refusal,
    )
