"""How much a score, or a difference of scores, varies over samples of one size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = ["TrainingNoise", "shared_noise", "usual_variance"]

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
_OF_HELD_OUT, _OF_HELD_OUT_DF = 0.25, 3.0
"""Variance over samples of as many rows as are held out, as a part of that over holdouts, and what that is worth, in
degrees of freedom. For the catalogue's models the middle one of these parts is .18 in accuracy, on 79 questions, and
.18 to .30 in other metrics, on 14 of them; they scatter by a factor of two or so."""
_BENT = 2.1
"""Nested samples' steps vary less than those of samples of their own, since they share rows, but so many times as
much as they would if each larger one only added to what the smaller one told (measured on the same curves)."""


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
    usual : mapping of int to float
        Variances that are usual at these rows (`usual_variance`): for where nothing was repeated.

    Notes
    -----
    With variances v_i of d_i degrees of freedom at n_i rows, each about s (n_i / n)**-b times a chi-square variable
    over d_i, the likelihood of b has a closed form once s is profiled out. The estimate of s is averaged over b.

    Where nothing was repeated, what is usual is held against how much the curve bends from step to step, as a variance
    is estimated from differences of neighbours (Gasser, T., Sroka, L. and Jennen-Steinmetz, C. (1986), "Residual
    variance and residual pattern in nonlinear regression", Biometrika 73(3)).
    """

    def __init__(
        self,
        scores: Mapping[int, Sequence[float]],
        n_train_rows: float = math.inf,
        usual: Mapping[int, float] = MappingProxyType({}),
    ) -> None:
        self._n_train_rows, self._scores, self._usual = n_train_rows, scores, usual
        known = [
            (n, _variance(s) / (1 - self._shared(n)), len(s) - 1)
            for n, s in scores.items()
            if len(s) > 1 and n <= _MOST_SEEN * n_train_rows
        ]
        self._n, self._variances, self._df = np.array(known, dtype=float).reshape(-1, 3).T

    @property
    def is_seen(self) -> bool:
        """Whether any size was repeated, so that the variance is not only guessed."""
        return len(self._n) > 0

    def _shared(self, n_rows: int) -> float:
        return shared_noise(n_rows, self._n_train_rows)

    def of_mean(self, n_rows: int, repeats: int) -> tuple[float, float]:
        """Variance of the mean of some repeats at `n_rows`, over fresh tables, and the degrees of freedom behind it."""
        variance, df = self.variance(n_rows)
        shared = self._shared(n_rows)
        return variance * (shared + (1 - shared) / repeats), df

    def variance(self, n_rows: int) -> tuple[float, float]:
        """Variance of one trial's score at `n_rows`, and the degrees of freedom behind it."""
        if not self.is_seen:
            return self._guessed(n_rows)
        away = np.log(self._n / n_rows)
        near = np.abs(away) <= max(_NEAR, np.abs(away).min(initial=math.inf) + _NEAREST)
        powers = _EXPONENTS if away.max(initial=-math.inf) >= -_BEYOND else _EXPONENTS[_EXPONENTS >= 0.0]
        away, variances, df = away[near], self._variances[near], self._df[near]
        total = float(df.sum())
        if not variances.any():
            return 0.0, max(total, 1.0)
        scales = (df * variances * np.exp(np.outer(powers, away))).sum(axis=1) / total
        misfit = total * np.log(scales) - powers * (df * away).sum() + ((powers - _USUAL) / _SPREAD) ** 2
        weights = np.exp(-0.5 * (misfit - misfit.min()))
        weights /= weights.sum()
        scale = float(weights @ scales)
        doubt = float(weights @ (scales / scale - 1) ** 2)
        return scale, max(2 / (2 / total + doubt), _FEWEST_DF)

    def _guessed(self, n_rows: int) -> tuple[float, float]:
        """The same from one score of each size; where there is nothing to go by, 0."""
        means = {n: sum(s) / len(s) for n, s in sorted(self._scores.items()) if len(s)}
        bends = _bends(means)
        near = [variance for n, variance in bends if abs(math.log(n / n_rows)) <= _NEAR] or [v for _, v in bends[-1:]]
        total, df = sum(near), float(len(near))
        if self._usual:
            nearest = min(self._usual, key=lambda n: abs(math.log(n / n_rows)))
            total, df = total + _OF_HELD_OUT_DF * self._usual[nearest] * nearest, df + _OF_HELD_OUT_DF
        return (total / df / n_rows, max(df, _FEWEST_DF)) if df else (0.0, 1.0)


def usual_variance(holdout: float, n_holdout_rows: int, n_rows: int) -> float:
    """Variance over samples of so many rows that is usual where that over holdouts is known."""
    return _OF_HELD_OUT * holdout * n_holdout_rows / n_rows


def _bends(scores: Mapping[int, float]) -> list[tuple[int, float]]:
    """What each three neighbouring sizes tell: the middle one, and the variance of a score times its rows.

    The steps between nested samples are taken to be independent, and by the logarithm of the rows as steep as the next
    ones, but for noise.
    """
    n, found = list(scores), []
    for a, b, c in zip(n, n[1:], n[2:], strict=False):
        one, two = math.log(b / a), math.log(c / b)
        bend = (scores[c] - scores[b]) / two - (scores[b] - scores[a]) / one
        unit = (1 - a / b) / a / one**2 + (1 - b / c) / b / two**2
        found.append((b, bend**2 / unit / _BENT))
    return found


def _variance(scores: Sequence[float]) -> float:
    """Sample variance; for a handful of numbers plain Python is many times faster than numpy."""
    mean = sum(scores) / len(scores)
    return sum((score - mean) ** 2 for score in scores) / (len(scores) - 1)
