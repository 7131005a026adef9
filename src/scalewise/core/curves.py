"""Learning curves: the trials of one model gathered by size, with intervals, and paired comparisons between sizes.

Two kinds of noise are kept apart. *Training noise*: another sample of the same size would give another score; seen in
the spread over repeats. *Holdout noise*: other holdout rows would give another score; seen in the spread over the
holdout's blocks. Comparisons take differences first, repeat by repeat and block by block, so that whatever two trials
share cancels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from scalewise.core.intervals import LEVEL, Gain, holdout_noise, interval, t_interval
from scalewise.core.noise import TrainingNoise
from scalewise.core.results import StreamPoint, TrialRecord
from scalewise.core.span import Span
from scalewise.core.spec import ModelSpec, StudySpec, Trial
from scalewise.core.streams import Stream
from scalewise.core.study import StudyState

__all__ = [
    "LEVEL",
    "Curve",
    "CurvePoint",
    "Finished",
    "Gain",
    "StreamCurve",
    "curve_of",
    "curves",
    "each_curve",
    "interval",
    "paired_gain",
    "stream_curves",
    "training_noise",
]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One size of one model.

    Parameters
    ----------
    n_rows : int
    fraction : float
        Of the training rows.
    score, low, high : float
        Mean over repeats and its 90 % interval (training and holdout noise).
    train_score : float
        Mean score on training rows.
    repeats : int
    fit_seconds : float
        Median over repeats.
    peak_bytes : int
        Largest over repeats.
    trials : tuple of (int, TrialRecord)
        Repeat and record, by repeat.
    places : tuple of str
        The engines that computed it.
    """

    n_rows: int
    fraction: float
    score: float
    low: float
    high: float
    train_score: float
    repeats: int
    fit_seconds: float
    peak_bytes: int
    trials: tuple[tuple[int, TrialRecord], ...]
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of one model, by size, and the scores that there can be."""

    model: ModelSpec
    n_train_rows: int
    points: tuple[CurvePoint, ...]
    span: Span = field(default_factory=Span)

    @property
    def last(self) -> CurvePoint:
        """The point at the largest size done."""
        return self.points[-1]

    def at(self, n_rows: int) -> CurvePoint | None:
        """The point at a size, if it is done."""
        return next((p for p in self.points if p.n_rows == n_rows), None)


def curves(state: StudyState) -> tuple[Curve, ...]:
    """The curves of a state's plan, from simple to complex; models without a point are left out.

    Sizes above the plan's largest fraction are left out too: the slider narrows what is shown.
    """
    return tuple(each_curve(state))


def each_curve(state: StudyState) -> Iterator[Curve]:
    """Work out the curves of a state one after the other."""
    if state.study is None or state.plan is None:
        return
    data = state.study.data
    top = data.rows_at(state.plan.max_fraction)
    by_model: dict[str, list[Finished]] = {}
    for trial, record in state.records.items():
        if trial.n_rows <= top and trial.is_plain:
            by_model.setdefault(trial.model, []).append((trial, record, state.places.get(trial, "")))
    for model in state.plan.models:
        if model.name in by_model:
            yield curve_of(state.study, model, by_model[model.name])


@dataclass(frozen=True, slots=True)
class StreamCurve:
    """A model's scores while it learns the whole table block by block.

    These are points of one model that goes on learning, not of models fitted anew: no repeats, no paired gains, and
    neither continued nor part of the verdict.

    Parameters
    ----------
    stream : Stream
    low, high : tuple of float
        90 % interval at each of its points, holdout noise alone.
    """

    stream: Stream
    low: tuple[float, ...]
    high: tuple[float, ...]


def stream_curves(state: StudyState) -> tuple[StreamCurve, ...]:
    """The streams of a state that have a score, from simple to complex."""
    scored = sorted((s for s in state.streams.values() if s.points), key=lambda s: (s.model.rung, s.model.name))
    span = state.study.metric.span if state.study else Span()
    gains = [[_holdout_interval(point) for point in stream.points] for stream in scored]
    return tuple(
        StreamCurve(stream, tuple(span.clip(g.low) for g in own), tuple(span.clip(g.high) for g in own))
        for stream, own in zip(scored, gains, strict=True)
    )


@lru_cache(maxsize=2048)
def _holdout_interval(point: StreamPoint) -> Gain:
    return interval(point.score, 0.0, 1.0, [point.block_scores])


Finished = tuple[Trial, TrialRecord, str]
"""A trial, its record, and the engine that ran it."""


def curve_of(study: StudySpec, model: ModelSpec, finished: Iterable[Finished]) -> Curve:
    """The curve of one model's finished trials."""
    by_size = tuple(sorted(finished, key=_by_size))
    return _curve(model, study.data.n_train_rows, study.metric.span, by_size)


def _by_size(finished: Finished) -> tuple[int, int]:
    return finished[0].n_rows, finished[0].repeat


@lru_cache(maxsize=256)
def _curve(model: ModelSpec, n_train_rows: int, span: Span, finished: tuple[Finished, ...]) -> Curve:
    sizes: dict[int, list[Finished]] = {}
    for item in finished:
        sizes.setdefault(item[0].n_rows, []).append(item)
    noise = TrainingNoise({n: [record.score for _, record, _ in items] for n, items in sizes.items()}, n_train_rows)
    points = (_point(n, sizes[n], noise, n_train_rows) for n in sorted(sizes))
    within = tuple(replace(p, low=span.clip(p.low), high=span.clip(p.high)) for p in points)
    return Curve(model, n_train_rows, within, span)


def _point(n_rows: int, items: Sequence[Finished], noise: TrainingNoise, n_train_rows: int) -> CurvePoint:
    seen = _seen(tuple(record for _, record, _ in items))
    training, df = noise.of_mean(n_rows, len(items))
    gain = t_interval(seen.score, training, df, seen.holdout, seen.n_blocks)
    return CurvePoint(
        n_rows=n_rows,
        fraction=n_rows / n_train_rows,
        score=seen.score,
        low=gain.low,
        high=gain.high,
        train_score=seen.train_score,
        repeats=len(items),
        fit_seconds=seen.fit_seconds,
        peak_bytes=seen.peak_bytes,
        trials=tuple((trial.repeat, record) for trial, record, _ in items),
        places=tuple(sorted({place for _, _, place in items if place})),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the trials of one size say without those of other sizes."""

    score: float
    train_score: float
    fit_seconds: float
    peak_bytes: int
    holdout: float
    n_blocks: int


@lru_cache(maxsize=512)
def _seen(records: tuple[TrialRecord, ...]) -> _Seen:
    return _Seen(
        float(np.mean([r.score for r in records])),
        float(np.mean([r.train_score for r in records])),
        float(np.median([r.fit_seconds for r in records])),
        max(r.peak_bytes for r in records),
        *holdout_noise([r.block_scores for r in records]),
    )


def paired_gain(curve: Curve, first: int, second: int, *, other: Curve | None = None) -> Gain | None:
    """The gain in score from one point to another: two sizes of one model, or two models.

    Parameters
    ----------
    curve : Curve
        Where the first point lies.
    first, second : int
        Training rows of the two points.
    other : Curve or None
        Where the second point lies; the same curve by default.

    Returns
    -------
    Gain or None
        None where one of the points is missing or they share no repeat.

    Notes
    -----
    A handful of repeats says little about the spread of a difference, so it is pooled over comparable pairs nearby:
    steps of about the same ratio, or the same two models at neighbouring sizes.
    """
    other = other or curve
    a, b = curve.at(first), other.at(second)
    gains = _gains(a, b)
    if a is None or b is None or not gains:
        return None
    before, after = dict(a.trials), dict(b.trials)
    blocks = [np.subtract(after[r].block_scores, before[r].block_scores).tolist() for r in sorted(gains)]
    noise = _difference_noise(curve, other, second / first)
    training, df = noise.of_mean(max(first, second), len(gains))
    found = interval(float(np.mean(list(gains.values()))), training, df, blocks)
    # No two scores are farther apart than the best and the worst that there can be.
    most = curve.span.best - curve.span.worst
    return replace(found, low=max(found.low, -most), high=min(found.high, most))


def training_noise(curve: Curve, n_rows: int) -> float:
    """Variance of one trial's score over samples of a size, pooled over neighbouring sizes; 0 if unknown."""
    scores = {p.n_rows: [record.score for _, record in p.trials] for p in curve.points}
    return TrainingNoise(scores, curve.n_train_rows).variance(n_rows)[0]


def _gains(a: CurvePoint | None, b: CurvePoint | None) -> dict[int, float]:
    """Differences of scores by repeat, for the repeats that two points share."""
    if a is None or b is None:
        return {}
    before, after = dict(a.trials), dict(b.trials)
    return {r: after[r].score - before[r].score for r in sorted(before.keys() & after.keys())}


def _difference_noise(curve: Curve, other: Curve, ratio: float) -> TrainingNoise:
    """How much differences vary over repeats, for all pairs of points whose sizes have about the same ratio.

    What two samples share raises or lowers the smaller and the larger size alike, and cancels; between models it stays.
    """
    pairs = ((p, q) for p in curve.points for q in other.points if abs(math.log2(q.n_rows / p.n_rows / ratio)) < 0.3)
    gains = {max(p.n_rows, q.n_rows): list(_gains(p, q).values()) for p, q in pairs}
    return TrainingNoise(gains, curve.n_train_rows if abs(math.log2(ratio)) < 0.3 else math.inf)
