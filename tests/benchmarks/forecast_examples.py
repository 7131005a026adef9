"""What the forecast's nets learn from: random looks at the measured curves of one table, and what came after them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from curve_library import Curve, folds, grouped
from joblib import Parallel, delayed

from scalewise.core.forecasting.company import Companion, companion_features, learner_features
from scalewise.core.forecasting.curve_points import CurvePoints, curve_points
from scalewise.core.forecasting.forecast_features import curve_shape, target_features
from scalewise.core.forecasting.kinds import kind_features
from scalewise.core.forecasting.power_law import PowerLaw, fit_power_law

FARTHEST = 40.0
LIMIT = 20.0
# Weight by the size of a curve's changes: much for the score, whose error counts in the metric's units, little for the
# gain, where quiet curves are the ones to decide.
POWERS = (0.75, 0.4)
# Errors of another metric's look-alike, counted in its own units, are about this many times larger.
BENT_UNIT = 3.0
MOST_COMPANIONS = 6
JOBS = 2


@dataclass
class Examples:
    """Rows to learn from: features, the two outcomes in units of the curve, weight, fold."""

    features: np.ndarray
    outcomes: np.ndarray
    weights: np.ndarray
    fold: np.ndarray
    plain: np.ndarray


@dataclass(frozen=True, eq=False)
class Look:
    """What is seen of one curve, up to the place `end`."""

    curve: Curve
    end: int
    points: CurvePoints
    law: PowerLaw
    companion: Companion


def cut(curve: Curve, rng: np.random.Generator) -> np.ndarray:
    """Choose the points that are seen."""
    last = len(curve.n) - 1
    near = curve.n[-1] / 2 ** rng.uniform(0.9, 5.0)
    end = np.searchsorted(curve.n, near, side="right") - 1 if rng.random() < 0.7 else rng.integers(0, last)
    end = int(np.clip(end, 0, last - 1))
    start = 0 if rng.random() < 0.6 else int(rng.integers(0, end + 1))
    kind = rng.random()
    if kind < 0.5:
        steps = [np.array([1, 2, 5, 10, 25, 50]), np.array([1, 2.5, 5, 10, 20, 50]), 2.0 ** np.arange(8)]
        wanted = curve.n[end] / steps[int(rng.integers(3))][: int(rng.integers(1, 8))] * 1.0001
        places = np.searchsorted(curve.n, wanted, side="right") - 1
        return np.unique(places[places >= 0])
    places = np.arange(start, end + 1)
    if kind > 0.85:
        places = np.unique(np.append(places[rng.random(len(places)) < rng.uniform(0.3, 1.0)], end))
    return places


def ahead(curve: Curve, end: int, rng: np.random.Generator) -> np.ndarray:
    """Choose the later points that are asked for: two at random, and the last one if it is not too far."""
    last = len(curve.n) - 1
    later = np.arange(end + 1, last + 1)
    later = later[curve.n[later] <= FARTHEST * curve.n[end]]
    chosen = rng.choice(later, min(2, len(later)), replace=False) if len(later) else later
    reach = [last] if end < last and curve.n[last] <= FARTHEST * curve.n[end] else []
    return np.unique(np.append(chosen, reach).astype(int))


def bent(curve: Curve, power: float) -> Curve:
    """Return the curve as another metric might show it: a power of the distance to the best score."""

    def bend(score: np.ndarray) -> np.ndarray:
        return curve.ceiling - np.maximum(curve.ceiling - score, 0) ** power

    return Curve(
        curve.table, curve.learner, curve.metric, curve.n, bend(curve.scores), bend(curve.train), bend(curve.truth)
    )


def looks(lead: Curve, group: list[Curve], rng: np.random.Generator) -> list[Look]:
    """Look at all curves of a table as a study does: at the same sizes, and in the same repeats."""
    sizes = lead.n[cut(lead, rng)]
    shown = lead.scores.shape[1]
    repeats = rng.permutation(shown)[: int(rng.integers(1, shown)) if rng.random() < 0.3 else shown]
    with_train, ceiling = rng.random() < 0.75, lead.ceiling if rng.random() < 0.75 else None
    found = []
    for curve in group:
        places = np.flatnonzero(np.isin(curve.n, sizes))
        if not len(places) or curve.n[places[-1]] != sizes[-1]:
            continue
        scores = curve.scores[places][:, repeats]
        if np.isfinite(scores[-1]).any():
            points = curve_points(curve.n[places], scores, curve.train[places] if with_train else None)
            law = fit_power_law(points, ceiling)
            companion = Companion(float(points.score[-1]), float(points.train[-1]), curve_shape(points, law))
            found.append(Look(curve, int(places[-1]), points, law, companion))
    return found


def example(look: Look, others: list[Companion], rng: np.random.Generator) -> tuple[np.ndarray, ...] | None:
    """Return features, outcomes and scales of one look, None where there is nothing to ask for."""
    curve, points, law, shape = look.curve, look.points, look.law, look.companion.shape
    later = ahead(curve, look.end, rng)
    if not len(later) or shape.scale <= 1e-9:
        return None
    octaves = np.log2(curve.n[later] / points.n[-1])
    own, beside = target_features(shape, law, octaves), companion_features(others, points, shape, law, octaves)
    features = np.column_stack([own, beside, learner_features(curve.kind, len(later))]).astype(np.float32)
    from_seen = (curve.truth[later] - points.score[-1]) / shape.scale
    gain = (curve.truth[later] - curve.truth[look.end]) / shape.scale
    outcomes = np.clip(np.column_stack([from_seen, gain]), -LIMIT, LIMIT)
    return features, outcomes, np.full(len(later), shape.scale)


def examples(curves: list[Curve], leads: int) -> Examples:
    """Return examples from every curve: each leads some looks, which the others of its table share."""
    fold_of, units = folds(curves), typical_units(curves)
    work = (
        delayed(examples_of)(group, at, leads, units[group[0].metric], fold_of[group[0].table])
        for at, group in enumerate(grouped(curves))
    )
    rows = [row for found in Parallel(JOBS)(work) for row in found]
    return Examples(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))


def examples_of(group: list[Curve], seed: int, leads: int, unit: float, fold: int) -> list[tuple[np.ndarray, ...]]:
    """Return features, outcomes, weights, fold and plainness of random looks at the curves of one table."""
    rng = np.random.default_rng([7, seed])
    # A small group has few looks to share, and the many curves of other metrics are few tables.
    times = leads if group[0].table.startswith("openml") else max(1, leads * 20 // 3 // len(group))
    rows = []
    for lead in [curve for curve in group for _ in range(times)]:
        power = float(rng.choice([0.5, 1.7])) if rng.random() < 1 / 6 else 1.0
        found = looks(bent(lead, power), [bent(curve, power) for curve in group], rng)
        for at, look in enumerate(found):
            others = [found[place].companion for place in rng.permutation(len(found)) if place != at]
            made = example(look, others[: int(rng.integers(1, MOST_COMPANIONS + 1))], rng)
            if made is None:
                continue
            features, outcomes, scales = made
            weights = (scales / (unit * (1.0 if power == 1.0 else BENT_UNIT)))[:, None] ** POWERS
            plain = np.full(len(scales), power == 1.0 and lead.metric == "accuracy")
            rows.append((features, outcomes, weights, np.full(len(scales), fold), plain))
    return rows


def kind_examples(curves: list[Curve], cuts: int) -> tuple[np.ndarray, ...]:
    """Return what tells the kind of learner in random looks at curves, that kind as ones and zeros, and the fold."""
    fold_of = folds(curves)
    work = (delayed(kind_examples_of)(curve, at, cuts, fold_of[curve.table]) for at, curve in enumerate(curves))
    rows = [row for found in Parallel(JOBS)(work) for row in found]
    return tuple(np.array(part) for part in zip(*rows, strict=True))


def kind_examples_of(curve: Curve, seed: int, cuts: int, fold: int) -> list[tuple[np.ndarray, np.ndarray, int]]:
    rng = np.random.default_rng([13, seed])
    found = []
    for _ in range(cuts):
        (look,) = looks(curve, [curve], rng) or [None]
        if look is not None and look.companion.shape.scale > 1e-9:
            traits = kind_features(look.points, look.companion.shape, look.law).astype(np.float32)
            found.append((traits, learner_features(curve.kind, 1)[0], fold))
    return found


def typical_units(curves: list[Curve]) -> dict[str, float]:
    """Return the mean spread of each metric's curves, so that no metric outweighs the others."""
    found: dict[str, list[float]] = {}
    for curve in curves:
        found.setdefault(curve.metric, []).append(float(np.ptp(curve.truth[len(curve.n) // 2 :])))
    return {metric: float(np.mean(values)) for metric, values in found.items()}
