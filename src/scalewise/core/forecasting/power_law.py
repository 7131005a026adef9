"""The drawn continuation of a learning curve: a constrained power law with three parameters.

``score(n) = asymptote - amplitude * n ** -exponent`` with an amplitude of zero or more and an asymptote no
better than the best possible score. For a fixed exponent the weighted least squares solution has a closed
form, so the exponent is searched on a grid and the fit cannot fail to converge. The law is then moved to
run through the score observed at the largest size.

References
----------
Viering, T. and Loog, M. (2023), "The shape of learning curves: a review", IEEE TPAMI 45(6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.core.forecasting.curve_points import CurvePoints, curve_points, positive_numbers

Floats = NDArray[np.float64]

EXPONENTS: Floats = np.geomspace(0.02, 3.0, 48)

# Large sizes say more about what follows than small ones, by this power of n.
_NEARNESS = 0.5
# No point is trusted to better than this part of the range of the scores from the size before it on: the law itself is
# not exact, and what a steep beginning leaves unexplained must not hide how the curve goes on.
_MODEL_ERROR = 0.1
# Two points allow many laws. Of those that fit but for what rounding leaves, this much of a score, the one of the most
# usual exponent is drawn: otherwise rounding would choose, another one in each unit of the scores.
_ROUNDED, _USUAL = 1e-13, 0.5

__all__ = ["EXPONENTS", "PowerLaw", "fit_power_law", "grid_fit", "power_law"]


@dataclass(frozen=True)
class PowerLaw:
    """A fitted power law, ``asymptote - amplitude * (n / anchor) ** -exponent + shift``.

    Attributes
    ----------
    asymptote, amplitude, shift : float
        In the metric's units; `shift` moves the law to the last observed score.
    exponent : float
        Speed of learning; larger is faster.
    anchor : float
        Largest measured number of rows.
    """

    asymptote: float
    amplitude: float
    exponent: float
    anchor: float
    shift: float
    ceiling: float = np.inf

    def predict(self, n_rows: ArrayLike) -> Floats:
        """Return the score at some sizes.

        Parameters
        ----------
        n_rows : array-like of float, shape (n_sizes,)
            Training rows.

        Returns
        -------
        ndarray of shape (n_sizes,)
            Scores in the metric's units, never above the best possible one.

        Raises
        ------
        InputError
            If a size is not a number of at least one.
        """
        ratio = positive_numbers(n_rows, "n_rows") / self.anchor
        return np.minimum(self.asymptote - self.amplitude * ratio**-self.exponent + self.shift, self.ceiling)


def power_law(
    n_rows: ArrayLike, test_scores: ArrayLike, *, max_score: float | None = None, shifted: bool = True
) -> PowerLaw:
    """Fit the power law that scalewise draws through a learning curve.

    Parameters
    ----------
    n_rows : array-like of int, shape (n_points,)
        Training rows.
    test_scores : array-like of float, shape (n_points, n_repeats) or (n_points,)
        Test scores, greater is better, NaN where missing.
    max_score : float, optional
        Best possible score, such as 1 for accuracy or 0 for a negated loss.
    shifted : bool
        Whether the law runs through the score observed at the largest size.

    Returns
    -------
    PowerLaw
        Its `predict` gives the curve to draw. A single point gives a flat line.

    Raises
    ------
    InputError
        If the points cannot be read as a learning curve.

    Examples
    --------
    >>> law = power_law([100, 200, 400, 800], [0.6, 0.7, 0.75, 0.775], max_score=1.0)
    >>> law.predict([1600]).round(3).tolist()
    [0.787]
    """
    return fit_power_law(curve_points(n_rows, test_scores), max_score, shifted=shifted)


def fit_power_law(points: CurvePoints, max_score: float | None, *, shifted: bool = True) -> PowerLaw:
    """Fit the law to points that are checked already; see `power_law`."""
    ceiling = np.inf if max_score is None else max_score
    weight = weights(points)
    asymptotes, amplitudes, errors = grid_fit(points.n, points.score, weight, ceiling)
    best = _best(errors, weight, points.score)
    asymptote, amplitude = float(asymptotes[best]), float(amplitudes[best])
    shift = float(points.score[-1]) - (asymptote - amplitude) if shifted else 0.0
    return PowerLaw(asymptote, amplitude, float(EXPONENTS[best]), float(points.n[-1]), shift, ceiling)


def _best(errors: Floats, weight: Floats, score: Floats) -> int:
    """Return the place of the exponent to draw."""
    dust = weight.sum() * (_ROUNDED * np.abs(score).max()) ** 2
    away = np.abs(np.log(EXPONENTS / _USUAL))
    return int(np.argmin(np.where(errors <= errors.min() + dust, away, np.inf)))


def weights(points: CurvePoints) -> Floats:
    """Return least squares weights, greatest one, from noise and nearness to the largest size."""
    extent = _extents(points.score)
    noise = np.where(np.isfinite(points.spread), points.spread, extent)
    variance = noise**2 + (_MODEL_ERROR * extent) ** 2
    nearness = (points.n / points.n[-1]) ** _NEARNESS
    if not variance.max() > 0:
        return np.asarray(nearness, dtype=np.float64)
    weight = nearness / np.maximum(variance / variance.max(), 1e-9)
    return np.asarray(weight / weight.max(), dtype=np.float64)


def _extents(score: Floats) -> Floats:
    """Return the range of the scores from the size before each one on, shape (n_points,)."""
    later = score[::-1]
    ranges = (np.maximum.accumulate(later) - np.minimum.accumulate(later))[::-1]
    return np.concatenate([ranges[:1], ranges[:-1]])


def grid_fit(n: Floats, score: Floats, weight: Floats, ceiling: float) -> tuple[Floats, Floats, Floats]:
    """Solve the weighted, constrained least squares problem for every exponent of the grid.

    Parameters
    ----------
    n, score, weight : ndarray of shape (n_points,)
        Ascending sizes, scores and weights.
    ceiling : float
        Best possible score, infinite if unknown.

    Returns
    -------
    asymptotes, amplitudes, errors : ndarray of shape (n_exponents,)
        With amplitudes of at least zero and asymptotes of at most `ceiling`, where the observed scores allow it.
    """
    decay = (n / n[-1])[None, :] ** -EXPONENTS[:, None]
    total = weight.sum()
    # Sums are taken around the means: scores may lie far from zero.
    decay_mean, score_mean = (decay * weight).sum(axis=1) / total, float((score * weight).sum() / total)
    decay_off, score_off = decay - decay_mean[:, None], score - score_mean
    variance = (weight * decay_off**2).sum(axis=1)
    covariance = (weight * decay_off * score_off).sum(axis=1)
    amplitude = np.maximum(-covariance / np.where(variance > 0, variance, np.inf), 0.0)
    asymptote = score_mean + amplitude * decay_mean
    capped = (weight * decay * (ceiling - score)).sum(axis=1) if np.isfinite(ceiling) else np.zeros(len(EXPONENTS))
    over = asymptote > ceiling
    amplitude = np.where(over, np.maximum(capped / (weight * decay**2).sum(axis=1), 0.0), amplitude)
    asymptote = np.minimum(asymptote, ceiling)
    residual = score - (asymptote[:, None] - amplitude[:, None] * decay)
    return asymptote, amplitude, (weight * residual**2).sum(axis=1)
