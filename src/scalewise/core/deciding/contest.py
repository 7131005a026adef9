"""Which model stands first: now, and with more rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from types import MappingProxyType

import numpy as np

from scalewise.core.curves import Curve, Gain, paired_gain
from scalewise.core.prospects import REACH_SDS, ModelSummary, Outlook

__all__ = [
    "CLOSE",
    "PROBABLE",
    "SURE",
    "Contest",
    "Overtaking",
    "contest",
    "leads_where_shared",
    "normal_above",
    "overtakings",
    "wins_by",
]

SURE = 0.8
"""Probability from which an answer is given as a yes, and below whose complement as a no."""
PROBABLE = 0.6
"""Probability from which one model is said to overtake another."""
_SELDOM, _SELDOM_AT_ALL = 0.7, 0.3
"""By how many standard deviations two forecasts of one table, taken as independent, promise too much to the one behind
or beside: to win by a margin, and to win at all. What moves one curve moves the others (bench_forecast.py)."""
_OF_A_LEAD = 0.6
"""Part of an expected lead that counts for winning at all: large ones come true more seldom than a normal distribution
says (bench_forecast.py)."""
CLOSE = 0.5
"""A model counts as deep enough to compare when it has been fitted on this share of the largest sample."""
_DEARER, _DEAR_SECONDS = 2.0, 1.0
"""Among models within noise of one another, none is chosen that takes so many times as long on all rows as another."""


@dataclass(frozen=True, slots=True)
class Contest:
    """The models of a study side by side.

    Parameters
    ----------
    models : tuple of ModelSummary
        Those that look at features, from simple to complex; at least one.
    best : ModelSummary
        The best score now.
    pick : ModelSummary
        The simplest model within noise of the best, but for those that take much longer than another.
    behind : Gain or None
        How far `best` is ahead of `pick`, paired; None where they are one.
    leads : mapping of str to Gain or None
        How far each model, by name, is ahead of `pick`; None where that was not measured.
    """

    models: tuple[ModelSummary, ...]
    best: ModelSummary
    pick: ModelSummary
    behind: Gain | None
    leads: Mapping[str, Gain | None]

    def gain(self, model: ModelSummary, n_rows: int, margin: float) -> Outlook | None:
        """What `model` on `n_rows` would bring by the rows: over itself or the pick as they stand now.

        The better of the two counts, so that what another model brings without more rows is no gain of theirs. None
        where it cannot be told.
        """
        ahead = model.at(n_rows)
        if ahead is None or model is self.pick:
            return ahead
        lead, own = self.leads[model.curve.model.name], self.pick.at(n_rows)
        if lead is None:
            return None
        # Where the pick has come to rest, another model is less likely to rise past it than its own curve says.
        resting = _SELDOM * (1.0 - own.p_gain) ** 2 if own else 0.0
        if lead.mean >= 0:
            return replace(ahead, p_gain=_lowered(ahead.p_gain, resting))
        mean, sd = lead.mean + ahead.gain, math.hypot(lead.se, ahead.sd)
        reach, curve = REACH_SDS * sd, self.pick.curve
        is_possible = curve.span.clip_gain(margin, curve.last.score) >= margin
        p_gain = normal_above(mean - resting * sd, sd, margin) if is_possible else 0.0
        gain, low, high = (curve.span.clip_gain(part, curve.last.score) for part in (mean, mean - reach, mean + reach))
        return Outlook(n_rows, gain, low, high, p_gain, ahead.fit_seconds, None)

    def lead(self, model: ModelSummary, other: ModelSummary, n_rows: int) -> tuple[float, float] | None:
        """How far `model` is expected to be ahead of `other` at `n_rows`, and the standard deviation of that."""
        a, b = model.score_at(n_rows), other.score_at(n_rows)
        return (a[0] - b[0], math.hypot(a[1], b[1])) if a and b else None

    def choice_at(self, n_rows: int, margin: float) -> ModelSummary | None:
        """The simplest model that probably is within the margin of the best at `n_rows`, but for much dearer ones."""
        known = [(m, expected[0]) for m in self.models if (expected := m.score_at(n_rows))]
        if not known:
            return None
        leader, _ = max(known, key=lambda pair: pair[1])
        near = [m for m, _ in known if m is leader or ((ahead := self.lead(leader, m, n_rows)) and ahead[0] < margin)]
        return _plainest(near, leader, n_rows)


def contest(models: Sequence[ModelSummary], margin: float) -> Contest:
    """Find the best model and the simplest one within noise of it.

    Within noise is a model whose paired difference from the best may be nothing, or is surely less than `margin`. One
    whose fits on all rows take twice as long as those of another is passed over; so is the best, for one that is surely
    within the margin.

    Parameters
    ----------
    models : sequence of ModelSummary
        Those that look at features; at least one.
    margin : float
    """
    ordered = tuple(sorted(models, key=lambda m: m.curve.model.complexity))
    best = _best(ordered)
    pick, behind = _simplest(ordered, best, margin)
    leads = {m.curve.model.name: _lead(pick.curve, m.curve) for m in ordered}
    return Contest(ordered, best, pick, behind, MappingProxyType(leads))


def _simplest(ordered: Sequence[ModelSummary], best: ModelSummary, margin: float) -> tuple[ModelSummary, Gain | None]:
    behind = {m.curve.model.name: _lead(m.curve, best.curve) for m in ordered if m is not best}
    near = [m for m in ordered if m is best or _is_near(m, best, behind[m.curve.model.name], margin)]
    pick = _plainest(near, best, best.curve.n_train_rows)
    return pick, behind.get(pick.curve.model.name)


def _is_near(model: ModelSummary, best: ModelSummary, behind: Gain | None, margin: float) -> bool:
    """Whether a model may stand for the best: a simpler one within noise, any other only surely within the margin."""
    is_simpler = model.curve.model.complexity < best.curve.model.complexity
    return behind is not None and (behind.high < margin or (is_simpler and behind.low <= 0))


def _plainest(near: Sequence[ModelSummary], best: ModelSummary, n_rows: int) -> ModelSummary:
    """The simplest of models that are as good as the best, but for those that take much longer than another."""
    seconds = [m.seconds(n_rows) for m in near]
    dear = max(_DEARER * min(seconds), _DEAR_SECONDS)
    spared = [m for m, s in zip(near, seconds, strict=True) if s <= dear]
    return min(spared, key=lambda m: (m.curve.model.complexity, m is not best, -m.curve.last.score))


def _lowered(probability: float, sds: float) -> float:
    """A probability of a normal value above a bound, were its mean so many standard deviations lower."""
    if not 0.0 < probability < 1.0:
        return probability
    return NormalDist().cdf(NormalDist().inv_cdf(probability) - sds)


def leads_where_shared(curve: Curve, other: Curve, least: float = 0.0) -> bool | None:
    """Whether a model surely is ahead of another by more than `least` at the largest size that both have.

    None where they share none.
    """
    size = max({p.n_rows for p in curve.points} & {p.n_rows for p in other.points}, default=0)
    gain = paired_gain(other, size, size, other=curve) if size else None
    return gain.low > least if gain else None


def _best(models: Sequence[ModelSummary]) -> ModelSummary:
    """The best of the deep models, or one that surely is better already, on fewer rows."""
    most = max(m.curve.last.n_rows for m in models)
    best = _best_of([m for m in models if m.curve.last.n_rows >= CLOSE * most], most)
    ahead = [m for m in models if m.curve.last.n_rows < CLOSE * most and _is_better_already(m.curve, best.curve)]
    return max((best, *ahead), key=lambda m: (m in ahead, m.curve.last.score))


def _is_better_already(curve: Curve, deeper: Curve) -> bool:
    return curve.last.low > deeper.last.score and leads_where_shared(curve, deeper) is not False


def _best_of(deep: Sequence[ModelSummary], most: int) -> ModelSummary:
    """The model with the best score at the largest size that all deep ones have, or at its own largest.

    Studies skip sizes, so that what all share may be small; far below the largest it says little about who leads now.
    """
    shared = set.intersection(*({p.n_rows for p in m.curve.points} for m in deep))
    size = max(shared, default=0)
    if size < CLOSE * most:
        return max(deep, key=lambda m: m.curve.last.score)
    return max(deep, key=lambda m: _score_at(m.curve, size))


def _score_at(curve: Curve, n_rows: int) -> float:
    point = curve.at(n_rows)
    return point.score if point else float("-inf")


def _lead(behind: Curve, ahead: Curve) -> Gain | None:
    """How far one model is ahead of another at the largest size that both have, if that is near their largest."""
    shared = {p.n_rows for p in behind.points} & {p.n_rows for p in ahead.points}
    size = max(shared, default=0)
    if size < CLOSE * max(behind.last.n_rows, ahead.last.n_rows):
        return None
    return paired_gain(behind, size, size, other=ahead)


@dataclass(frozen=True, slots=True)
class Overtaking:
    """A model that is behind now and probably ahead with more rows.

    Parameters
    ----------
    model, other : ModelSummary
        Who overtakes whom.
    n_rows : int
        Where the expected curves cross.
    chance : float
        Probability that it is ahead at the farthest size.
    farthest : int
        The largest size that both have a forecast for.
    """

    model: ModelSummary
    other: ModelSummary
    n_rows: int
    chance: float
    farthest: int


def overtakings(found: Contest) -> tuple[Overtaking, ...]:
    """Models that probably overtake the pick, the first to do so first."""
    crossings = (_overtaking(found, model) for model in found.models if model is not found.pick)
    return tuple(sorted((c for c in crossings if c), key=lambda c: c.n_rows))


def _overtaking(found: Contest, model: ModelSummary) -> Overtaking | None:
    now = found.leads[model.curve.model.name]
    if now is None or now.mean >= 0:
        return None
    sizes = _sizes_ahead(model, found.pick)
    leads = _leads(model, found.pick, sizes)
    chance = wins_by(*leads[-1], 0.0) if leads else 0.0
    if chance < PROBABLE:
        return None
    crossed = next(i for i in range(len(sizes)) if all(mean > 0 for mean, _ in leads[i:]))
    return Overtaking(model, found.pick, sizes[crossed], chance, sizes[-1])


def _leads(model: ModelSummary, other: ModelSummary, sizes: list[int]) -> list[tuple[float, float]]:
    """How far a model is expected to be ahead of another at each size, and the standard deviations of that."""
    paths = [(m, m.continuation) for m in (model, other)]
    if not sizes or any(ahead is None or ahead.refusal for _, ahead in paths):
        return []
    (a, a_low, a_high), (b, b_low, b_high) = (m.path(ahead, sizes) for m, ahead in paths if ahead)
    sds = np.hypot(a_high - a_low, b_high - b_low) / (2 * REACH_SDS)
    return list(zip((a - b).tolist(), sds.tolist(), strict=True))


def _sizes_ahead(model: ModelSummary, other: ModelSummary) -> list[int]:
    """Sizes at which both have a forecast."""
    start = max(model.curve.last.n_rows, other.curve.last.n_rows)
    ends = [m.continuation.n_rows[-1] for m in (model, other) if m.continuation and m.continuation.n_rows]
    limits = [m.curve.model.max_rows for m in (model, other) if m.curve.model.max_rows]
    if len(ends) < 2 or min(*ends, *limits) <= start:
        return []
    return [round(n) for n in np.geomspace(start, min(*ends, *limits), 40)[1:]]


def wins_by(mean: float, sd: float, least: float) -> float:
    """Probability that a model ends at least `least` ahead of another, from the forecasts of both.

    Parameters
    ----------
    mean : float
        How far it is expected to be ahead.
    sd : float
        Standard deviation of that, were the errors of the two forecasts independent.
    least : float
        At least 0; see `_SELDOM` and `_OF_A_LEAD`.
    """
    counted = mean - _SELDOM * sd
    if least <= 0:
        # Winning by however little is at least as likely as by a margin.
        counted = max(counted, min(mean, _OF_A_LEAD * mean) - _SELDOM_AT_ALL * sd)
    return normal_above(counted, sd, least)


def normal_above(mean: float, sd: float, least: float) -> float:
    """Probability that a normal value is at least `least`."""
    if sd <= 0:
        return float(mean >= least)
    return 0.5 * math.erfc((least - mean) / (sd * math.sqrt(2)))
