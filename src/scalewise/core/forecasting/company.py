"""What is known of a learning curve besides its own points: its kind of learner, and its companions.

Companions are curves of other learners on the same table, with the same test rows. The best of them shows what the
table allows, the worst what can be had without learning, and one that looks alike how such a curve goes on. As the
other features of a forecast, theirs are ratios of score differences, in the unit of the curve that is continued.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.core.forecasting.curve_points import CurvePoints, curve_points
from scalewise.core.forecasting.forecast_features import CurveShape, curve_shape
from scalewise.core.forecasting.power_law import EXPONENTS, PowerLaw, fit_power_law
from scalewise.errors import InputError, unknown_name

Floats = NDArray[np.float64]
# A curve as it was checked already, or its sizes, its test scores and perhaps its training scores.
Given = CurvePoints | Sequence[ArrayLike]

__all__ = [
    "ALONE",
    "COMPANY",
    "LEARNERS",
    "Companion",
    "Company",
    "Given",
    "companion_features",
    "company",
    "company_features",
    "described",
    "learner_features",
]

LEARNERS: tuple[str, ...] = (
    "linear",
    "sgd",
    "bayes",
    "discriminant",
    "quadratic discriminant",
    "tree",
    "forest",
    "boosting",
    "neighbors",
    "network",
    "kernel",
    "sigmoid kernel",
)
"""Kinds of learners that a forecast knows; models of the catalogue go by the same names."""

# Beyond this many times the unit of the curve, how far away a companion is no longer matters.
_LARGE = 100.0
_TINY = 1e-9
# Before it counts as unlike, a companion may be a unit away, or as steep to within half a unit.
_STEP_LIKENESS = 4.0
_LEAST_LIKENESS = 1e-6


@dataclass(frozen=True, eq=False)
class Company:
    """What surrounds a curve.

    Attributes
    ----------
    learner : str or None
        One of `LEARNERS`, None where it is none of them or unknown.
    curves : tuple of CurvePoints
        Curves of other learners on the same table.
    """

    learner: str | None = None
    curves: tuple[CurvePoints, ...] = ()


ALONE = Company()


@dataclass(frozen=True, eq=False)
class Companion:
    """A companion seen up to the size from which another curve is continued, in the metric's units."""

    score: float
    train: float
    shape: CurveShape

    def value(self, name: str) -> float:
        """Return a feature in the metric's units, zero where the curve is too short to show it."""
        return float(np.nan_to_num(self.shape.values[name])) * self.shape.scale


def company(learner: str | None, companions: Sequence[Given]) -> Company:
    """Check what is given of a curve's surroundings: see `scalewise.core.extrapolation.forecast`.

    Raises
    ------
    InputError
        If the learner is unknown, or a companion cannot be read as a learning curve.
    """
    if learner is not None and learner not in LEARNERS:
        raise InputError(unknown_name("kind of learner", learner, LEARNERS, most=len(LEARNERS)))
    return Company(learner, tuple(_points(given) for given in companions))


def _points(given: Given) -> CurvePoints:
    if isinstance(given, CurvePoints):
        return given
    n_parts = len(given) if isinstance(given, Sized) else 1
    if n_parts not in (2, 3):
        plural = "" if n_parts == 1 else "s"
        raise InputError(
            f"A companion has {n_parts} part{plural}; give its n_rows, its test_scores and, if known, its train_scores."
        )
    return curve_points(*given)


def company_features(found: Company, points: CurvePoints, shape: CurveShape, law: PowerLaw, octaves: Floats) -> Floats:
    """Return the features of a curve's surroundings for every target.

    Parameters
    ----------
    found : Company
        The surroundings; curves that were not measured at the largest size of this one are left aside.
    points, shape, law : CurvePoints, CurveShape, PowerLaw
        The curve that is continued.
    octaves : ndarray of shape (n_targets,)
        Doublings from its largest measured size to the target.

    Returns
    -------
    ndarray of shape (n_targets, n_features)
        Columns as in `COMPANY`, NaN without companions; then one for each of `LEARNERS`: one for that of the curve.
    """
    companions = [described(curve, law.ceiling) for curve in _alongside(found.curves, points)]
    beside = companion_features(companions, points, shape, law, octaves)
    return np.column_stack([beside, learner_features(found.learner, len(octaves))])


def learner_features(learner: str | None, n_targets: int) -> Floats:
    """Return a column for each of `LEARNERS`, of ones for that of the curve and of zeros for the others."""
    kind = np.array([float(name == learner) for name in LEARNERS])
    return np.tile(kind, (n_targets, 1))


def _alongside(curves: tuple[CurvePoints, ...], points: CurvePoints) -> list[CurvePoints]:
    """Return the curves that were measured at the largest size of another, up to there."""
    last = float(points.n[-1])
    return [_up_to(curve, last) for curve in curves if last in curve.n]


# The same curves are companions of many others, and are described over again with each of their forecasts.
@lru_cache(maxsize=256)
def _up_to(curve: CurvePoints, last: float) -> CurvePoints:
    seen = curve.n <= last
    return curve if seen.all() else curve_points(curve.n[seen], curve.scores[seen], curve.train[seen])


@lru_cache(maxsize=256)
def described(curve: CurvePoints, ceiling: float) -> Companion:
    """Describe a curve for others whose companion it is."""
    law = fit_power_law(curve, ceiling if np.isfinite(ceiling) else None)
    return Companion(float(curve.score[-1]), float(curve.train[-1]), curve_shape(curve, law))


def companion_features(
    companions: Sequence[Companion], points: CurvePoints, shape: CurveShape, law: PowerLaw, octaves: Floats
) -> Floats:
    """Return the columns of `COMPANY` alone: see `company_features`."""
    if not companions:
        return np.full((len(octaves), len(COMPANY)), np.nan)
    unit, last = shape.scale if shape.scale > 0 else 1.0, float(points.score[-1])
    level = np.array([one.score - last for one in companions]) / unit
    step = np.array([one.value("gain_1") for one in companions]) / unit
    own_step = float(np.nan_to_num(shape.values["gain_1"]))
    alike = np.exp(-0.5 * (level**2 + _STEP_LIKENESS * (step - own_step) ** 2)) + _LEAST_LIKENESS
    alike /= alike.sum()
    fixed = _levels(companions, level, last, unit, law) | _steps(companions, level, step, alike, own_step, unit)
    moving = _expectations(companions, level, alike, shape, octaves, unit)
    named = {name: np.full(len(octaves), value) for name, value in fixed.items()} | moving
    return np.asarray(np.clip(np.column_stack([named[name] for name in COMPANY]), -_LARGE, _LARGE), dtype=np.float64)


def _levels(
    companions: Sequence[Companion], level: Floats, last: float, unit: float, law: PowerLaw
) -> dict[str, float]:
    """Return how far from this curve's last score those of its companions are."""
    best = float(level.max()) * unit + last
    known = np.isfinite(law.ceiling)
    return {
        "companions": float(len(companions)),
        "best_level": float(level.max()),
        "second_level": float(np.sort(level)[-2]) if len(level) > 1 else np.nan,
        "middle_level": float(np.median(level)),
        "least_level": float(level.min()),
        "nearest_level": float(np.abs(level).min()),
        "most_trained": (float(np.fmax.reduce([one.train for one in companions])) - last) / unit,
        "best_headroom": (law.ceiling - best) / max(law.ceiling - last, _TINY) if known else np.nan,
    }


def _steps(
    companions: Sequence[Companion], level: Floats, step: Floats, alike: Floats, own_step: float, unit: float
) -> dict[str, float]:
    """Return what the last doublings brought to the companions, and how far they stray from their own past."""
    best, two_steps = int(np.argmax(level)), np.array([one.value("gain_2") for one in companions]) / unit
    return {
        "mean_step": float(step.mean()),
        "most_step": float(step.max()),
        "least_step": float(step.min()),
        "best_step": float(step[best]),
        "alike_step": float(alike @ step),
        "mean_two_steps": float(two_steps.mean()),
        "best_two_steps": float(two_steps[best]),
        "closing_in": float(level.max() - (level - step + own_step).max()),
        "mean_residual": float(np.mean([one.value("last_residual") for one in companions])) / unit,
        "mean_below_best": float(np.mean([one.value("below_best") for one in companions])) / unit,
    }


def _expectations(
    companions: Sequence[Companion], level: Floats, alike: Floats, shape: CurveShape, octaves: Floats, unit: float
) -> dict[str, Floats]:
    """Return what the power laws of the companions say about the targets."""
    decay = 1.0 - 2.0 ** (-EXPONENTS[:, None] * octaves[None, :])
    believed = np.array([one.shape.scale * one.shape.amplitudes * one.shape.belief for one in companions])
    gains = believed @ decay / unit
    return {
        "mean_expected": gains.mean(axis=0),
        "most_expected": gains.max(axis=0),
        "best_expected": gains[int(np.argmax(level))],
        "alike_expected": alike @ gains,
        "best_to_come": (level[:, None] + gains).max(axis=0),
        "ahead_of_mean": (shape.amplitudes * shape.belief) @ decay - gains.mean(axis=0),
    }


COMPANY: tuple[str, ...] = (
    "companions",
    "best_level",
    "second_level",
    "middle_level",
    "least_level",
    "nearest_level",
    "most_trained",
    "best_headroom",
    "mean_step",
    "most_step",
    "least_step",
    "best_step",
    "alike_step",
    "mean_two_steps",
    "best_two_steps",
    "closing_in",
    "mean_residual",
    "mean_below_best",
    "mean_expected",
    "most_expected",
    "best_expected",
    "alike_expected",
    "best_to_come",
    "ahead_of_mean",
)
