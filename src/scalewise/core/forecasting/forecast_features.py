"""What the forecast looks at in a learning curve, in units of the curve itself.

Every feature is a ratio of score differences, a ratio of row counts, or a count. A metric's shift and scale
therefore do not matter, and a model of these features carries over to metrics, learners and tasks it has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.core.forecasting.curve_points import CurvePoints
from scalewise.core.forecasting.power_law import EXPONENTS, PowerLaw, grid_fit, weights

Floats = NDArray[np.float64]

__all__ = ["FEATURES", "CurveShape", "curve_shape", "target_features"]

# Gains are read over these many octaves (doublings of the rows) before the largest size.
_SPANS = (0.5, 1.0, 2.0, 3.0, 4.5, 6.0)
# The last three octaves; sizes are rounded.
_RECENT = 2**3.25
# Beginnings farther back than this are left out of what tells how restless a curve is: tiny samples scatter.
_BEGINNING = 2**6.5
_TINY = 1e-12
_LARGE = 100.0
# Even a flat and quiet curve may still move by this part of what is left to the best possible score.
_HEADROOM_UNIT = 0.01


@dataclass(frozen=True, eq=False)
class CurveShape:
    """The part of the features that does not depend on the target.

    Attributes
    ----------
    scale : float
        The curve's own unit, in the metric's units; zero for a curve without any change or noise.
    extent : float
        Range of all scores but those of a far beginning, in the metric's units.
    headroom : float
        What is left to the best possible score, in the metric's units; zero where that is not known.
    values : dict of str to float
        Features by name, NaN where the curve does not show them.
    amplitudes, belief : ndarray of shape (n_exponents,)
        Amplitudes of the power laws of the grid, in units of `scale`, and how well each fits, summing to one.
    recent_amplitudes, recent_belief : ndarray of shape (n_exponents,)
        The same for the last three octaves alone.
    """

    scale: float
    extent: float
    headroom: float
    values: dict[str, float]
    amplitudes: Floats
    belief: Floats
    recent_amplitudes: Floats
    recent_belief: Floats


def curve_shape(points: CurvePoints, law: PowerLaw) -> CurveShape:
    """Describe a curve.

    Parameters
    ----------
    points : CurvePoints
        The measured curve.
    law : PowerLaw
        Its power law; knows the best possible score.
    """
    gains = _gains(points, points.score)
    noise = _noise(points)
    scale = _scale(gains, noise, law, float(points.score[-1]))
    unit = scale if scale > 0 else 1.0
    values = _size_features(points) | _gain_features(gains / unit) | _noise_features(points, law, noise, unit)
    values |= _train_features(points, unit) | _law_features(law, unit) | _ceiling_features(points, law, unit)
    values |= _repeat_features(points, unit) | _trend_features(points, law, unit)
    weight = weights(points)
    amplitudes, belief = _believed(points.n, points.score, weight, law.ceiling, noise)
    recent = points.n >= points.n[-1] / _RECENT
    late = _believed(points.n[recent], points.score[recent], weight[recent], law.ceiling, noise)
    seen = points.scores[points.n >= points.n[-1] / _BEGINNING]
    extent = float(np.nanmax(seen) - np.nanmin(seen))
    left = max(law.ceiling - float(points.score[-1]), 0.0) if np.isfinite(law.ceiling) else 0.0
    return CurveShape(scale, extent, left, values, amplitudes / unit, belief, late[0] / unit, late[1])


def target_features(shape: CurveShape, law: PowerLaw, octaves: Floats) -> Floats:
    """Return the features of every target.

    Parameters
    ----------
    shape : CurveShape
        The curve.
    law : PowerLaw
        Its power law.
    octaves : ndarray of shape (n_targets,)
        Doublings from the largest measured size to the target.

    Returns
    -------
    ndarray of shape (n_targets, n_features)
        Columns as in `FEATURES`.
    """
    unit = shape.scale if shape.scale > 0 else 1.0
    decay = 1.0 - 2.0 ** (-EXPONENTS[None, :] * octaves[:, None])
    possible = shape.amplitudes * decay
    expected = (possible * shape.belief).sum(axis=1)
    spread = np.sqrt((shape.belief * (possible - expected[:, None]) ** 2).sum(axis=1))
    late = (shape.recent_amplitudes * decay * shape.recent_belief).sum(axis=1)
    fixed = {name: np.full(len(octaves), value) for name, value in shape.values.items()}
    moving = {
        "octaves": octaves,
        "law_gain": law.amplitude * (1.0 - 2.0 ** (-law.exponent * octaves)) / unit,
        "expected_gain": expected,
        "gain_spread": spread,
        "late_gain": late,
        "line_gain": shape.values["gain_1"] * octaves,
        "trend_gain": shape.values["trend"] * octaves,
        "gap_closing": shape.values["gap"] * (1.0 - 2.0 ** (-shape.values["gap_exponent"] * octaves)),
        "headroom_gain": shape.values["headroom"] * (1.0 - 2.0 ** (-shape.values["headroom_exponent"] * octaves)),
        "log_target": shape.values["log_rows"] + octaves,
        "gain_of_headroom": expected / max(shape.values["headroom"], _TINY),
    }
    features = np.column_stack([(fixed | moving)[name] for name in FEATURES])
    return np.asarray(np.clip(features, -_LARGE, _LARGE), dtype=np.float64)


def _gains(points: CurvePoints, values: Floats) -> Floats:
    """Return the gains over the last octaves of `_SPANS`, NaN where the curve starts later."""
    octaves = np.log2(points.n / points.n[-1])
    before = np.interp([-span for span in _SPANS], octaves, values)
    # A span may reach a little beyond the first size: sizes are rounded half octaves or percentages.
    seen = np.asarray(_SPANS) <= -octaves[0] * 1.15
    return np.where(seen, values[-1] - before, np.nan)


def _noise(points: CurvePoints) -> float:
    """Return the standard error of the last score, from repeats or else from roughness."""
    if np.isfinite(points.spread[-1]):
        return float(points.spread[-1])
    if points.size < 3:
        return 0.0
    octaves = np.log2(points.n)
    share = (octaves[1:-1] - octaves[:-2]) / (octaves[2:] - octaves[:-2])
    bend = points.score[1:-1] - (1 - share) * points.score[:-2] - share * points.score[2:]
    return float(np.median(np.abs(bend[-6:]))) / 1.2


def _scale(gains: Floats, noise: float, law: PowerLaw, last: float) -> float:
    octave = law.amplitude * (1.0 - 2.0**-law.exponent)
    headroom = max(law.ceiling - last, 0.0) if np.isfinite(law.ceiling) else 0.0
    per_octave = [gain / span for gain, span in zip(gains[1:3], _SPANS[1:3], strict=True) if np.isfinite(gain)]
    return float(
        np.sqrt(
            4 * noise**2 + octave**2 + (_HEADROOM_UNIT * headroom) ** 2 + float(np.mean(np.square(per_octave or [0.0])))
        )
    )


def _size_features(points: CurvePoints) -> dict[str, float]:
    octaves = np.log2(points.n)
    return {
        # Counts are held to what was trained on: more of them only makes a curve better known.
        "log_rows": float(np.clip(octaves[-1], 4.5, 21.0)),
        "seen_octaves": min(float(octaves[-1] - octaves[0]), 17.0),
        "n_points": min(float(points.size), 34.0),
        "n_repeats": min(float(np.isfinite(points.scores[-1]).sum()), 5.0),
    }


def _gain_features(gains: Floats) -> dict[str, float]:
    named = {f"gain_{span:g}": float(gain) for span, gain in zip(_SPANS, gains, strict=True)}
    return named | {
        "bend": float(2 * gains[1] - gains[2]),
        "slowing": float((gains[2] - gains[1] + 0.1) / (abs(gains[1]) + 0.1)),
    }


def _noise_features(points: CurvePoints, law: PowerLaw, noise: float, unit: float) -> dict[str, float]:
    residual = points.score - (law.predict(points.n) - law.shift)
    late = points.score[points.n >= points.n[-1] / _BEGINNING]
    steps = np.diff(late)
    falls = steps < -1e-12 * max(unit, _TINY)
    paired = points.scores[-1] - points.scores[-2] if points.size > 1 else np.array([np.nan])
    known = paired[np.isfinite(paired)]
    return {
        "noise": noise / unit,
        "spread_before": float(np.mean(points.spread[-4:-1])) / unit if points.size > 1 else np.nan,
        "step_noise": float(known.std(ddof=1)) / np.sqrt(len(known)) / unit if len(known) > 1 else np.nan,
        "roughness": float(np.sqrt(np.mean(residual[-5:] ** 2))) / unit,
        "last_residual": float(residual[-1]) / unit,
        "below_best": float(late.max() - late[-1]) / unit,
        "falls": float(falls.mean()) if len(steps) else np.nan,
        "deepest_fall": float(-np.minimum(steps.min(), 0.0)) / unit if len(steps) else np.nan,
        "range": float(np.ptp(late)) / unit,
    }


def _train_features(points: CurvePoints, unit: float) -> dict[str, float]:
    known = np.isfinite(points.train)
    if not known[-1]:
        return dict.fromkeys(("gap", "train_step_1", "train_step_2", "gap_ratio"), np.nan)
    train = np.interp(np.log2(points.n), np.log2(points.n[known]), points.train[known])
    steps = _gains(points, train)
    gap = train[-1] - points.score[-1]
    closing = _gains(points, train - points.score)[2]
    return {
        "gap": float(gap) / unit,
        "train_step_1": float(steps[1]) / unit,
        "train_step_2": float(steps[2]) / unit,
        "gap_ratio": float(closing / (abs(gap) + 0.1 * unit + _TINY)),
    }


def _law_features(law: PowerLaw, unit: float) -> dict[str, float]:
    return {"exponent": law.exponent, "law_left": min(law.amplitude / unit, 1e3)}


def _ceiling_features(points: CurvePoints, law: PowerLaw, unit: float) -> dict[str, float]:
    if not np.isfinite(law.ceiling):
        return dict.fromkeys(("headroom", "headroom_used", "train_headroom"), np.nan)
    headroom = max(law.ceiling - float(points.score[-1]), 0.0)
    return {
        "headroom": min(headroom / unit, 1e4),
        "headroom_used": float(np.ptp(points.score)) / max(law.ceiling - float(points.score.min()), _TINY),
        "train_headroom": float(law.ceiling - points.train[-1]) / max(headroom, _TINY),
    }


def _repeat_features(points: CurvePoints, unit: float) -> dict[str, float]:
    """Return how far the best and the worst repeat of the last size lie from their mean."""
    away = points.scores[-1][np.isfinite(points.scores[-1])] - points.score[-1]
    known = len(away) > 1
    return {
        "best_repeat": float(away.max()) / unit if known else np.nan,
        "worst_repeat": float(-away.min()) / unit if known else np.nan,
    }


def _trend_features(points: CurvePoints, law: PowerLaw, unit: float) -> dict[str, float]:
    """Return trends over the last three octaves: of the score, and of the logarithms of the gap and of the headroom.

    The gap between training and test score, and the headroom below the best possible score, shrink about as a power
    of the rows; their exponents bound what is to come.
    """
    recent = points.n >= points.n[-1] / _RECENT
    octaves = np.log2(points.n[recent])
    gap, headroom = (points.train - points.score)[recent], (law.ceiling - points.score)[recent]
    return {
        "trend": _slope(octaves, points.score[recent]) / unit,
        "train_trend": _slope(octaves, points.train[recent]) / unit,
        "gap_exponent": _exponent(octaves, gap, 0.1 * unit),
        "headroom_exponent": _exponent(octaves, headroom, 0.01 * unit),
    }


def _slope(octaves: Floats, values: Floats) -> float:
    """Return the least squares slope over the octaves, NaN from fewer than two known values."""
    known = np.isfinite(values)
    if known.sum() < 2:
        return np.nan
    away = octaves[known] - octaves[known].mean()
    return float(away @ values[known] / (away @ away))


def _exponent(octaves: Floats, values: Floats, least: float) -> float:
    """Return the exponent at which values fall as a power of the rows, within the range that laws are fitted in."""
    if not np.isfinite(values[-1]) or values[-1] <= least:
        return np.nan
    return float(np.clip(-_slope(octaves, np.log2(np.maximum(values, least))), -EXPONENTS[-1], EXPONENTS[-1]))


def _believed(n: Floats, score: Floats, weight: Floats, ceiling: float, noise: float) -> tuple[Floats, Floats]:
    """Return amplitude and posterior weight of every exponent, under a flat prior over its logarithm."""
    _, amplitudes, errors = grid_fit(n, score, weight, ceiling)
    residual = max(noise**2, float(errors.min()) / max(len(n) - 2, 1), _TINY * float(np.ptp(score)) ** 2)
    belief = np.exp(-0.5 * (errors - errors.min()) / residual) if residual > 0 else np.ones(len(EXPONENTS))
    return amplitudes, belief / belief.sum()


FEATURES: tuple[str, ...] = (
    "octaves",
    "law_gain",
    "expected_gain",
    "gain_spread",
    "late_gain",
    "line_gain",
    "trend_gain",
    "gap_closing",
    "headroom_gain",
    "log_target",
    "gain_of_headroom",
    "log_rows",
    "seen_octaves",
    "n_points",
    "n_repeats",
    *(f"gain_{span:g}" for span in _SPANS),
    "bend",
    "slowing",
    "noise",
    "spread_before",
    "step_noise",
    "roughness",
    "last_residual",
    "below_best",
    "falls",
    "deepest_fall",
    "range",
    "gap",
    "train_step_1",
    "train_step_2",
    "gap_ratio",
    "exponent",
    "law_left",
    "headroom",
    "headroom_used",
    "train_headroom",
    "best_repeat",
    "worst_repeat",
    "trend",
    "train_trend",
    "gap_exponent",
    "headroom_exponent",
)
