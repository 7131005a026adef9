"""Score against number of features: what the best few carry, and the smallest set that would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scalewise.core.curves import Curve, CurvePoint, Finished, Gain, interval
from scalewise.core.noise import shared_noise
from scalewise.core.results import TrialRecord
from scalewise.core.span import Span
from scalewise.core.spec import DataSpec, ModelSpec
from scalewise.core.study import StudyState
from scalewise.core.wording import byte_text, exact_text

__all__ = ["FeatureCurve", "FeaturePoint", "feature_curve", "table_bytes"]

_BYTES = 8
_NAMED = 3
_FEWEST_DF = 3.0
_MOST_SHARED = 0.5
"""Larger samples are nearly the same rows, and how they differ says little of how others would."""


@dataclass(frozen=True, slots=True)
class FeaturePoint:
    """The best k features.

    Parameters
    ----------
    k : int
    score, low, high : float
        Mean over repeats and its 90 % interval.
    loss : Gain or None
        What the score loses against all features, paired, with its 90 % interval; None for all features themselves,
        and while no repeat of both is done.
    features : tuple of str
        Which they are, best first; where repeats disagree, those that stand highest over all of them.
    fit_seconds : float
        Median over repeats.
    repeats : int
    """

    k: int
    score: float
    low: float
    high: float
    loss: Gain | None
    features: tuple[str, ...]
    fit_seconds: float
    repeats: int


@dataclass(frozen=True, slots=True)
class FeatureCurve:
    """Score against number of features, of one model at one size.

    Parameters
    ----------
    model : ModelSpec
    n_rows : int
        Training rows.
    n_train_rows : int
        All that there are.
    n_features : int
    points : tuple of FeaturePoint
        By number of features.
    whole : FeaturePoint
        All features; the last of `points`.
    margin : float
        The least gain that counts.
    enough : int or None
        The smallest number of features that credibly loses less than the margin against the best set; None where only
        all features do.
    guessing : float or None
        Score of a model that looks at no feature.
    asked : int or None
        The number of features that a person asked for.
    n_rows_in_all : int
        Rows of the table, held-out ones included.
    """

    model: ModelSpec
    n_rows: int
    n_train_rows: int
    n_features: int
    points: tuple[FeaturePoint, ...]
    whole: FeaturePoint
    margin: float
    enough: int | None
    guessing: float | None
    asked: int | None = None
    n_rows_in_all: int = 0

    @property
    def keep(self) -> FeaturePoint | None:
        """The set to go on with: the one asked for, else the smallest that is enough."""
        return self.at(self.asked or self.enough or 0)

    def at(self, k: int) -> FeaturePoint | None:
        """The point of so many features, if it is done."""
        return next((point for point in self.points if point.k == k), None)

    def share(self, k: int) -> float | None:
        """Share of the score, over guessing, that the best k features carry; None where that says nothing."""
        point = self.at(k)
        if point is None or self.guessing is None or not self.whole.score > self.guessing:
            return None
        return (point.score - self.guessing) / (self.whole.score - self.guessing)

    def bytes(self, k: int) -> int:
        """Bytes that all rows take as models read them, with the target, on k features."""
        return _BYTES * (k + 1) * self.n_rows_in_all

    def words(self, k: int) -> str:
        """What the best k features carry, as in ``3 of 412 columns carry 99 % of the score``.

        Without a model that guesses there is no share to tell; then whether they are enough.
        """
        share, columns = self.share(k), f"{k:,} of {self.n_features:,} columns"
        if share is not None and share >= 0:
            return f"{columns} {'carries' if k == 1 else 'carry'} {_percent(share)} of the score"
        if self.enough is not None and k >= self.enough:
            return f"{columns} {'does' if k == 1 else 'do'} as well as the best set, within {exact_text(self.margin)}"
        return columns

    def sentence(self, kept: FeaturePoint) -> str:
        """What a set of features carries, which they are where they are few, and what they save."""
        names = f": {', '.join(kept.features)}" if kept.k <= _NAMED else ""
        now, then = byte_text(self.bytes(self.n_features)), byte_text(self.bytes(kept.k))
        saved = f"All rows take {then} with {'it' if kept.k == 1 else 'these'}, {now} with all columns."
        return f"With {self.model.label} {self.words(kept.k)}{names}. {saved}"


def _percent(share: float) -> str:
    """Rounded down, so that not quite all is never told as all."""
    return f"{int(1000 * share) / 10:g} %" if share < 0.99 else f"{min(int(100 * share), 100)} %"


def table_bytes(data: DataSpec, k: int | None = None) -> int:
    """Bytes that all rows take as models read them, with the target, on all features or on k of them."""
    n_columns = 1 + (len(data.features) if k is None else k)
    return _BYTES * n_columns * (data.n_train_rows + data.n_holdout_rows)


def feature_curve(state: StudyState, curves: Sequence[Curve]) -> FeatureCurve | None:
    """Score against number of features, as far as trials on few features are done; None without one.

    Parameters
    ----------
    state : StudyState
    curves : sequence of Curve
        Those of the plan's models.
    """
    if state.study is None or state.plan is None:
        return None
    found = _trials(state)
    if not found:
        return None
    first = found[0][0]
    curve = next((c for c in curves if c.model.name == first.model), None)
    if curve is None or curve.at(first.n_rows) is None:
        return None
    guessing = next((c.at(first.n_rows) or c.last for c in curves if c.model.rung == 0), None)
    asked = state.plan.features.keep if state.plan.features else None
    data = state.study.data
    n_rows = data.n_train_rows + data.n_holdout_rows
    told = _Told(len(data.features), state.plan.min_gain, guessing.score if guessing else None, asked, n_rows)
    return _feature_curve(curve, found, told)


def _trials(state: StudyState) -> tuple[Finished, ...]:
    """Trials on few features of the model and size that the plan asks for, else of the largest that is known."""
    kept = [trial for trial in state.records if trial.keep]
    asked = state.plan.features if state.plan else None
    places = {(trial.model, trial.n_rows) for trial in kept}
    wanted = (asked.model, asked.n_rows) if asked else ("", 0)
    if wanted not in places:
        wanted = max(places, key=lambda place: (place[1], place[0]), default=wanted)
    found = sorted(trial for trial in kept if (trial.model, trial.n_rows) == wanted)
    return tuple((trial, state.records[trial], state.places.get(trial, "")) for trial in found)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a feature curve needs to know beside its trials."""

    n_features: int
    margin: float
    guessing: float | None
    asked: int | None
    n_rows_in_all: int


Trained = dict[int, TrialRecord]
"""Records by repeat."""


@lru_cache(maxsize=32)
def _feature_curve(curve: Curve, found: tuple[Finished, ...], told: _Told) -> FeatureCurve:
    by_k: dict[int, Trained] = {}
    for trial, record, _ in found:
        by_k.setdefault(trial.keep, {})[trial.repeat] = record
    n_rows = found[0][0].n_rows
    plain = curve.at(n_rows)
    assert plain is not None
    all_of_them = dict(plain.trials)
    by_k = {**{k: by_k[k] for k in sorted(by_k)}, told.n_features: all_of_them}
    spread = _Spread(by_k, n_rows, curve.n_train_rows)
    whole = _whole(plain, told.n_features)
    few = [_point(k, by_k[k], spread, told, curve.span) for k in by_k if k < told.n_features]
    enough = _enough(by_k, spread, told)
    points = (*few, whole)
    return FeatureCurve(
        curve.model, n_rows, curve.n_train_rows, told.n_features, points, whole, told.margin, enough,
        told.guessing, told.asked, told.n_rows_in_all,
    )  # fmt: skip


class _Spread:
    """How much scores and paired differences vary over samples.

    A handful of repeats says little about a variance, so each number of features borrows from the next larger one.
    Smaller ones vary far more, since repeats may choose other features there.
    """

    def __init__(self, by_k: dict[int, Trained], n_rows: int, n_train_rows: int) -> None:
        self._shared = min(shared_noise(n_rows, n_train_rows), _MOST_SHARED)
        self._by_k = by_k

    def of_score(self, k: int) -> Gain:
        """Mean score of the best k features with its interval."""
        trained = self._by_k[k]
        near = [[record.score for record in self._by_k[n].values()] for n in self._near(k)]
        variance, df = self._pooled(near)
        mean = float(np.mean(near[0]))
        blocks = [record.block_scores for record in trained.values()]
        return interval(mean, self._of_mean(variance, len(trained)), df, blocks)

    def of_loss(self, k: int, best: int) -> Gain | None:
        """What the best k features lose against another number, paired; None where they share no repeat."""
        few, more = self._by_k[k], self._by_k[best]
        losses = _differences(more, few)
        if not losses:
            return None
        near = [list(_differences(more, self._by_k[n]).values()) for n in self._near(k) if n != best]
        variance, df = self._pooled(near)
        blocks = [np.subtract(more[r].block_scores, few[r].block_scores).tolist() for r in losses]
        return interval(float(np.mean(list(losses.values()))), self._of_mean(variance, len(losses)), df, blocks)

    def _near(self, k: int) -> list[int]:
        ks = sorted(self._by_k)
        return ks[ks.index(k) : ks.index(k) + 2]

    def _pooled(self, values: Sequence[Sequence[float]]) -> tuple[float, float]:
        several = [np.asarray(some) for some in values if len(some) > 1]
        df = sum(len(some) - 1 for some in several)
        squares = sum(float(np.square(some - some.mean()).sum()) for some in several)
        return (squares / df, max(float(df), _FEWEST_DF)) if df else (0.0, 1.0)

    def _of_mean(self, variance: float, repeats: int) -> float:
        """Variance of a mean over fresh tables: samples of one table overlap, so they differ less than they should."""
        return variance / (1 - self._shared) * (self._shared + (1 - self._shared) / repeats)


def _differences(one: Trained, other: Trained) -> dict[int, float]:
    return {repeat: one[repeat].score - other[repeat].score for repeat in sorted(one.keys() & other.keys())}


def _point(k: int, trained: Trained, spread: _Spread, told: _Told, span: Span) -> FeaturePoint:
    score = spread.of_score(k)
    return FeaturePoint(
        k=k,
        score=score.mean,
        low=span.clip(score.low),
        high=span.clip(score.high),
        loss=spread.of_loss(k, told.n_features),
        features=_agreed([record.kept for record in trained.values()]),
        fit_seconds=float(np.median([record.fit_seconds for record in trained.values()])),
        repeats=len(trained),
    )


def _whole(plain: CurvePoint, n_features: int) -> FeaturePoint:
    return FeaturePoint(n_features, plain.score, plain.low, plain.high, None, (), plain.fit_seconds, plain.repeats)


def _agreed(ranked: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The k names that stand highest over all repeats (Borda's count)."""
    k = len(ranked[0])
    points: dict[str, int] = {}
    for names in ranked:
        for place, name in enumerate(names):
            points[name] = points.get(name, 0) + k - place
    return tuple(sorted(points, key=lambda name: (-points[name], name))[:k])


def _enough(by_k: dict[int, Trained], spread: _Spread, told: _Told) -> int | None:
    """The smallest number of features that credibly loses less than the margin against the best number."""
    means = {k: float(np.mean([record.score for record in trained.values()])) for k, trained in by_k.items()}
    best = max(means, key=lambda k: (means[k], -k))
    for k in by_k:
        loss = Gain(0.0, 0.0, 0.0, 0.0, 1.0) if k == best else spread.of_loss(k, best)
        if k < told.n_features and loss is not None and loss.high < told.margin:
            return k
    return None
