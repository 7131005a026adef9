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
from scalewise.core.noise import TrainingNoise, shared_noise, usual_variance
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
    n_holdout_rows: int = 0

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
    return _curve(model, (study.data.n_train_rows, study.data.n_holdout_rows), study.metric.span, by_size)


def _by_size(finished: Finished) -> tuple[int, int]:
    return finished[0].n_rows, finished[0].repeat


@lru_cache(maxsize=256)
def _curve(model: ModelSpec, n_rows: tuple[int, int], span: Span, finished: tuple[Finished, ...]) -> Curve:
    sizes: dict[int, list[Finished]] = {}
    for item in finished:
        sizes.setdefault(item[0].n_rows, []).append(item)
    points = tuple(_point(n, sizes[n], n / n_rows[0]) for n in sorted(sizes))
    bare = Curve(model, n_rows[0], points, span, n_rows[1])
    noise = _score_noise(bare)
    return replace(bare, points=tuple(_with_interval(p, noise, span) for p in points))


def _point(n_rows: int, items: Sequence[Finished], fraction: float) -> CurvePoint:
    """A point that has no interval yet."""
    seen = _seen(tuple(record for _, record, _ in items))
    return CurvePoint(
        n_rows=n_rows,
        fraction=fraction,
        score=seen.score,
        low=seen.score,
        high=seen.score,
        train_score=seen.train_score,
        repeats=len(items),
        fit_seconds=seen.fit_seconds,
        peak_bytes=seen.peak_bytes,
        trials=tuple((trial.repeat, record) for trial, record, _ in items),
        places=tuple(sorted({place for _, _, place in items if place})),
    )


def _with_interval(point: CurvePoint, noise: TrainingNoise, span: Span) -> CurvePoint:
    seen = _seen(tuple(record for _, record in point.trials))
    gain = t_interval(point.score, *noise.of_mean(point.n_rows, point.repeats), seen.holdout, seen.n_blocks)
    return replace(point, low=span.clip(gain.low), high=span.clip(gain.high))


def _score_noise(curve: Curve) -> TrainingNoise:
    """How much a model's scores vary over samples."""
    records = {p.n_rows: tuple(record for _, record in p.trials) for p in curve.points}
    scores = {n: [record.score for record in found] for n, found in records.items()}
    # A model that looks at no feature has next to nothing to learn, and is steadier than is usual.
    held_out = {n: _seen(found).holdout for n, found in records.items()} if curve.model.rung else {}
    usual = {n: usual_variance(h, curve.n_holdout_rows, n) for n, h in held_out.items() if h}
    return TrainingNoise(scores, curve.n_train_rows, usual)


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
    steps of about the same ratio, or the same two models at neighbouring sizes. Where no such pair was repeated either,
    it follows from the spreads of the two scores.
    """
    other = other or curve
    a, b = curve.at(first), other.at(second)
    gains = _gains(a, b)
    if a is None or b is None or not gains:
        return None
    before, after = dict(a.trials), dict(b.trials)
    blocks = [np.subtract(after[r].block_scores, before[r].block_scores).tolist() for r in sorted(gains)]
    noise = _difference_noise(curve, other, second / first)
    training, df = (
        noise.of_mean(max(first, second), len(gains)) if noise.is_seen else _apart((curve, a), (other, b), len(gains))
    )
    found = interval(float(np.mean(list(gains.values()))), training, df, blocks)
    # No two scores are farther apart than the best and the worst that there can be.
    most = curve.span.best - curve.span.worst
    return replace(found, low=max(found.low, -most), high=min(found.high, most))


def training_noise(curve: Curve, n_rows: int) -> float:
    """Variance of one trial's score over samples of a size, pooled over neighbouring sizes; 0 if unknown."""
    return _score_noise(curve).variance(n_rows)[0]


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


def _apart(one: tuple[Curve, CurvePoint], two: tuple[Curve, CurvePoint], repeats: int) -> tuple[float, float]:
    """Variance of a difference from those of the two scores, and the degrees of freedom behind it.

    What two models owe to the sample that they share is unknown, so nothing of it is taken to cancel. (Of the
    catalogue's models a fifth does.)
    """
    (a, df_a), (b, df_b) = (_score_noise(curve).of_mean(p.n_rows, repeats) for curve, p in (one, two))
    smaller, larger = sorted((one[1].n_rows, two[1].n_rows))
    shared = shared_noise(smaller, larger) if one[0].model == two[0].model else 0.0
    df = (a + b) ** 2 / (a**2 / df_a + b**2 / df_b) if a + b else 1.0
    return a + b - 2 * shared * math.sqrt(a * b), df
