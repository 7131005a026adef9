"""Where a learning curve turns by more than its noise: falls, now or on its way, and a jump at its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.core.curve_points import CurvePoints

Floats = NDArray[np.float64]

__all__ = ["Turns", "turns_of"]

# So rarely noise alone makes a curve that neither rises nor falls look as if it had fallen.
_BY_CHANCE = 0.05
# Beginnings farther back than this are left out: tiny samples scatter.
_BEGINNING = 2**6.5
# The last three octaves; sizes are rounded.
_RECENT = 2**3.25
# So many bends at the end tell the noise of a curve without repeats. For a normal distribution the middle one of their
# sizes is so many standard deviations of a score.
_BENDS, _MIDDLE_BEND = 6, 0.82
# Scores that differ by less than this part of their size differ by rounding alone.
_ROUNDED = 1e-9
# Sizes are rounded, so that two octaves may be a little less.
_TWO_OCTAVES = 2 / 1.15


@dataclass(frozen=True, slots=True)
class Turns:
    """Each in the metric's units, and zero where noise may have made it.

    Parameters
    ----------
    fall : float
        From the best of the earlier scores to the last.
    dip : float
        From any score to a lower one in the last three octaves, made good since: zero where the last score is a fall.
    jump : float
        By how much the last octave gained more than the one before.
    """

    fall: float
    dip: float
    jump: float


@dataclass(frozen=True, eq=False, slots=True)
class _Noise:
    """Variance of each score, of shape (n_points,), and the degrees of freedom that this rests on."""

    variance: Floats
    freedom: float


def turns_of(points: CurvePoints) -> Turns:
    """Tell where a curve turns by more than its noise.

    A fall is held against the noise of both of its scores. The best score is picked from many, and is the best in part
    by luck: among k falls that are looked at, one counts only where noise alone would make it with a k-th of the usual
    probability.

    Parameters
    ----------
    points : CurvePoints
    """
    noise = _noise(points)
    if noise is None:
        return Turns(0.0, 0.0, 0.0)
    late = points.n >= points.n[-1] / _BEGINNING
    score, variance = points.score[late], noise.variance[late]
    first, second = np.triu_indices(len(score), 1)
    depth, sd = score[first] - score[second], np.sqrt(variance[first] + variance[second])
    is_last, is_recent = second == len(score) - 1, points.n[late][second] >= points.n[-1] / _RECENT
    fall, dip = (_deepest(depth[kind], sd[kind], noise.freedom, points) for kind in (is_last, is_recent & ~is_last))
    return Turns(fall, 0.0 if fall else dip, _jump(points, noise))


def _deepest(depth: Floats, sd: Floats, freedom: float, points: CurvePoints) -> float:
    """Return the deepest of some falls that are beyond noise, each with its standard deviation."""
    least = np.maximum(_sds(freedom, len(depth)) * sd, _ROUNDED * np.abs(points.score).max())
    return float(depth[depth > least].max(initial=0.0))


def _jump(points: CurvePoints, noise: _Noise) -> float:
    octaves = np.log2(points.n / points.n[-1])
    if octaves[0] > -_TWO_OCTAVES:
        return 0.0
    before, middle, last = np.interp([-2.0, -1.0, 0.0], octaves, points.score)
    variances = np.interp([-2.0, -1.0, 0.0], octaves, noise.variance)
    jump, sd = float(last - 2 * middle + before), float(np.sqrt(variances @ [1.0, 4.0, 1.0]))
    return jump if jump > _sds(noise.freedom, 1) * sd else 0.0


def _sds(freedom: float, n_looks: int) -> float:
    """Standard deviations that noise alone reaches in one of some looks as rarely as `_BY_CHANCE`."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - _BY_CHANCE / max(n_looks, 1)))


def _noise(points: CurvePoints) -> _Noise | None:
    """Return the noise of the scores, from repeats or else from bends; None where nothing tells it."""
    if np.isfinite(points.spread[-1]):
        return _Noise(points.spread**2, float(np.isfinite(points.scores).sum() - points.size))
    if points.size < 3:
        return None
    octaves = np.log2(points.n)
    share = (octaves[1:-1] - octaves[:-2]) / (octaves[2:] - octaves[:-2])
    bends = (points.score[1:-1] - (1 - share) * points.score[:-2] - share * points.score[2:])[-_BENDS:]
    sd = float(np.median(np.abs(bends))) / _MIDDLE_BEND
    # Smaller samples scatter more.
    larger = np.maximum(np.median(points.n[1:-1][-_BENDS:]) / points.n, 1.0)
    return _Noise(np.asarray(sd**2 * larger, dtype=np.float64), float(len(bends)))
