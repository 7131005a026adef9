"""Where a learning curve turns by more than its noise: falls, now or on its way, and a jump at its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.core.forecasting.curve_points import CurvePoints
from scalewise.core.noise import TrainingNoise

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

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
    """Variance of each score and the degrees of freedom that it rests on, each of shape (n_points,)."""

    variance: Floats
    freedom: Floats


def turns_of(points: CurvePoints, n_train_rows: float = np.inf) -> Turns:
    """Tell where a curve turns by more than its noise.

    A fall is held against the noise of both of its scores. The best score is picked from many, and is the best in part
    by luck: among k falls that are looked at, one counts only where noise alone would make it with a k-th of the usual
    probability.

    Parameters
    ----------
    points : CurvePoints
    n_train_rows : float
        Rows that samples are drawn from: repeats of nearly all of them are nearly the same, however noisy the score.
    """
    noise = _noise(points, n_train_rows)
    late = np.flatnonzero(points.n >= points.n[-1] / _BEGINNING)
    first, second = (late[at] for at in np.triu_indices(len(late), 1))
    is_last, is_recent = second == points.size - 1, points.n[second] >= points.n[-1] / _RECENT
    fall = _deepest(points, noise, first[is_last], second[is_last])
    dip = _deepest(points, noise, first[is_recent & ~is_last], second[is_recent & ~is_last])
    return Turns(fall, 0.0 if fall else dip, _jump(points, noise))


def _deepest(points: CurvePoints, noise: _Noise, first: Places, second: Places) -> float:
    """Return the deepest of the falls from some scores to later ones that is beyond noise; 0 if none is."""
    depth, sd = points.score[first] - points.score[second], np.sqrt(noise.variance[first] + noise.variance[second])
    usual = _sds(np.minimum(noise.freedom[first], noise.freedom[second]), len(depth)) * sd
    least = np.maximum(usual, _ROUNDED * np.abs(points.score).max())
    return float(depth[depth > least].max(initial=0.0))


def _jump(points: CurvePoints, noise: _Noise) -> float:
    octaves = np.log2(points.n / points.n[-1])
    if octaves[0] > -_TWO_OCTAVES:
        return 0.0
    before, middle, last = np.interp([-2.0, -1.0, 0.0], octaves, points.score)
    variances = np.interp([-2.0, -1.0, 0.0], octaves, noise.variance)
    jump, sd = float(last - 2 * middle + before), float(np.sqrt(variances @ [1.0, 4.0, 1.0]))
    return jump if jump > _sds(noise.freedom[-1:], 1)[0] * sd else 0.0


def _sds(freedom: Floats, n_looks: int) -> Floats:
    """Standard deviations that noise alone reaches in one of some looks as rarely as `_BY_CHANCE`."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, 1 - _BY_CHANCE / max(n_looks, 1)), dtype=np.float64)


def _noise(points: CurvePoints, n_train_rows: float) -> _Noise:
    """Return the noise of the scores: each point's own, or that of all sizes together where that is more."""
    if not np.isfinite(points.spread[-1]):
        return _unrepeated(points)
    seen = [row[np.isfinite(row)].tolist() for row in points.scores]
    together = TrainingNoise(dict(zip(points.n.astype(int).tolist(), seen, strict=True)), n_train_rows)
    told = [together.of_mean(int(n), len(row)) for n, row in zip(points.n, seen, strict=True)]
    variance, freedom = np.array(told, dtype=np.float64).T
    return _Noise(np.maximum(variance, points.spread**2), freedom)


def _unrepeated(points: CurvePoints) -> _Noise:
    """The same from the bends of the curve: of the middle one of the last few, so that a fall does not hide itself."""
    if points.size < 3:
        # Nothing tells it: any fall may be noise.
        return _Noise(np.full(points.size, np.inf), np.ones(points.size))
    octaves = np.log2(points.n)
    share = (octaves[1:-1] - octaves[:-2]) / (octaves[2:] - octaves[:-2])
    bends = (points.score[1:-1] - (1 - share) * points.score[:-2] - share * points.score[2:])[-_BENDS:]
    sd = float(np.median(np.abs(bends))) / _MIDDLE_BEND
    # Smaller samples scatter more.
    larger = np.maximum(np.median(points.n[1:-1][-_BENDS:]) / points.n, 1.0)
    return _Noise(np.asarray(sd**2 * larger, dtype=np.float64), np.full(points.size, float(len(bends))))
