"""How much a score, or a difference of scores, varies over samples of one size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["TrainingNoise", "shared_noise"]

_EXPONENTS: NDArray[np.float64] = np.linspace(-1.0, 3.0, 41)
_USUAL, _SPREAD = 1.0, 0.8
"""How fast variances fall with the rows, before anything was seen: as a power of them, with its standard deviation."""
_BEYOND = math.log(2.0)
"""Variances that rise with the rows are carried no farther than this (in logarithms) beyond the largest size that was
repeated: over more they would make any difference look like chance, and of the catalogue's models they fall."""
_NEAR, _NEAREST = math.log(16.5), 1.5
"""Sizes farther away than the first say nothing about each other's noise; but where there are none so near, the nearest
ones, and those that are up to the second farther away, have to do."""
_FEWEST_DF = 3.0
"""Variances of fewer degrees of freedom are taken as if they had these: a band of six standard errors tells nothing."""
_MOST_SEEN = 0.7
"""Samples of a larger share of the rows are nearly the same rows: their spread says little."""


def shared_noise(n_rows: int, n_train_rows: float) -> float:
    """Correlation of two samples' scores by the rows that they share.

    A score near its best is a quadratic function of what was learned, so that it is the square of their share.
    """
    return min(n_rows / n_train_rows, 1.0) ** 2


class TrainingNoise:
    """Variance over samples of one size, pooled over sizes.

    A handful of repeats says little about a variance. Variances fall with the rows by some power; which one is told by
    all sizes nearby together, and where they do not tell it either, every power counts as far as it is usual.

    Parameters
    ----------
    scores : mapping of int to sequence of float
        Scores, or differences, of the repeats, by training rows.
    n_train_rows : float
        Rows that samples are drawn from. Samples of a finite table overlap, so that they differ less than those of
        fresh tables would, and their mean is less sure than its repeats look. Infinite where that does not matter.

    Notes
    -----
    With variances v_i of d_i degrees of freedom at n_i rows, each about s (n_i / n)**-b times a chi-square variable
    over d_i, the likelihood of b has a closed form once s is profiled out. The estimate of s is averaged over b.
    """

    def __init__(self, scores: Mapping[int, Sequence[float]], n_train_rows: float = math.inf) -> None:
        self._n_train_rows = n_train_rows
        known = [
            (n, _variance(s) / (1 - self._shared(n)), len(s) - 1)
            for n, s in scores.items()
            if len(s) > 1 and n <= _MOST_SEEN * n_train_rows
        ]
        self._n, self._variances, self._df = np.array(known, dtype=float).reshape(-1, 3).T

    def _shared(self, n_rows: int) -> float:
        return shared_noise(n_rows, self._n_train_rows)

    def of_mean(self, n_rows: int, repeats: int) -> tuple[float, float]:
        """Variance of the mean of some repeats at `n_rows`, over fresh tables, and the degrees of freedom behind it."""
        variance, df = self.variance(n_rows)
        shared = self._shared(n_rows)
        return variance * (shared + (1 - shared) / repeats), df

    def variance(self, n_rows: int) -> tuple[float, float]:
        """Variance of one trial's score at `n_rows`, and the degrees of freedom behind it."""
        away = np.log(self._n / n_rows)
        near = np.abs(away) <= max(_NEAR, np.abs(away).min(initial=math.inf) + _NEAREST)
        powers = _EXPONENTS if away.max(initial=-math.inf) >= -_BEYOND else _EXPONENTS[_EXPONENTS >= 0.0]
        away, variances, df = away[near], self._variances[near], self._df[near]
        total = float(df.sum())
        if not total or not variances.any():
            return 0.0, max(total, 1.0)
        scales = (df * variances * np.exp(np.outer(powers, away))).sum(axis=1) / total
        misfit = total * np.log(scales) - powers * (df * away).sum() + ((powers - _USUAL) / _SPREAD) ** 2
        weights = np.exp(-0.5 * (misfit - misfit.min()))
        weights /= weights.sum()
        scale = float(weights @ scales)
        doubt = float(weights @ (scales / scale - 1) ** 2)
        return scale, max(2 / (2 / total + doubt), _FEWEST_DF)


def _variance(scores: Sequence[float]) -> float:
    """Sample variance; for a handful of numbers plain Python is many times faster than numpy."""
    mean = sum(scores) / len(scores)
    return sum((score - mean) ** 2 for score in scores) / (len(scores) - 1)
