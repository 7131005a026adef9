"""What models see of a table: lean scikit-learn transformers from canonical columns to matrices.

A canonical column is float64 with NaN where missing; its `FeatureKind` says what the numbers mean. The transformers
know nothing of frames or names, work on whole columns, and cost next to nothing on small samples.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin

__all__ = ["Bins", "Codes", "DateParts", "Numbers", "OneHot", "TreeReady"]

Floats = NDArray[np.float64]

_LARGEST = 1.0e30
"""Sums of so large numbers stay inside float32, which trees compute in."""

_SQUASH = 5.0
"""Scaled numbers end up within this many standard deviations; small ones stay as they are."""

_QUANTILE_ROWS = 100_000
"""Quantiles of more rows than this are taken from so many, evenly spread: the rest adds time, not precision."""


class _Columns(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn is untyped
    """A transformer of whole columns; this much is enough for one that learns nothing from the rows."""

    def fit(self, X: Floats, y: object = None) -> Self:  # noqa: ARG002 (scikit-learn's signature)
        """Learn from training rows.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_columns)
        y : ignored
        """
        self.n_features_in_ = X.shape[1]
        return self


class Numbers(_Columns):
    """Centre, scale, rein in outliers, fill gaps with the median, and tell gaps in columns of their own."""

    def fit(self, X: Floats, y: object = None) -> Self:
        """Learn medians and spreads of columns, shape (n_rows, n_columns)."""
        learned = [_center_and_spread(_known(column)) for column in X.T]
        self.center_ = np.array([center for center, _ in learned])
        self.spread_ = np.array([spread for _, spread in learned])
        self.with_gaps_ = np.flatnonzero(np.isnan(X).any(axis=0))
        return super().fit(X, y)

    def transform(self, X: Floats) -> Floats:
        """Return shape (n_rows, n_columns + columns that had gaps)."""
        # In place, because on many rows a new array for each step takes longer than the step.
        with np.errstate(over="ignore"):
            scaled: Floats = X - self.center_
            scaled /= self.spread_
            np.clip(scaled, -_LARGEST, _LARGEST, out=scaled)
            bend = scaled / _SQUASH
            np.square(bend, out=bend)
            bend += 1.0
            scaled /= np.sqrt(bend, out=bend)
        scaled[np.isnan(scaled)] = 0.0
        if not self.with_gaps_.size:
            return scaled
        return np.hstack([scaled, np.isnan(X[:, self.with_gaps_])])


class OneHot(_Columns):
    """One column a category, one shared by rare and unseen ones, one for missing.

    Parameters
    ----------
    n_categories : tuple of int
        Known categories of each column; codes beyond them are unseen values.
    most : int
        Categories of one column that get a column of their own; codes are ordered by frequency.
    """

    def __init__(self, n_categories: tuple[int, ...], most: int = 40) -> None:
        self.n_categories = n_categories
        self.most = most

    def fit(self, X: Floats, y: object = None) -> Self:
        """Lay out the columns; nothing is learned from the rows, codes of shape (n_rows, n_columns)."""
        self.other_ = np.minimum(np.asarray(self.n_categories), self.most)
        self.start_ = np.concatenate([[0], np.cumsum(self.other_ + 2)])
        return super().fit(X, y)

    def transform(self, X: Floats) -> sparse.csr_matrix:
        """Return a sparse matrix of shape (n_rows, sum of columns' widths)."""
        codes = np.where(np.isnan(X), self.other_ + 1, np.minimum(X, self.other_))
        places = (codes + self.start_[:-1]).astype(np.int32)
        n_rows, n_columns = X.shape
        ends = np.arange(0, places.size + 1, n_columns, dtype=np.int32)
        return sparse.csr_matrix((np.ones(places.size), places.ravel(), ends), shape=(n_rows, int(self.start_[-1])))


class Codes(_Columns):
    """Category codes as whole numbers, with one more for unseen and one more for missing values.

    Parameters
    ----------
    n_categories : tuple of int
        Known categories of each column.
    """

    def __init__(self, n_categories: tuple[int, ...]) -> None:
        self.n_categories = n_categories

    def transform(self, X: Floats) -> NDArray[np.int64]:
        """Return whole numbers of the same shape, from codes with NaN where missing."""
        known = np.asarray(self.n_categories)
        return np.where(np.isnan(X), known + 1, np.minimum(X, known)).astype(np.int64)


class DateParts(_Columns):
    """Turn moments into age, hour of day, day of week and day of year.

    Parameters
    ----------
    waves : bool
        Whether the periodic parts become sines and cosines (for models that are linear in their inputs).
    """

    def __init__(self, waves: bool = False) -> None:
        self.waves = waves

    def transform(self, X: Floats) -> Floats:
        """Return shape (n_rows, 4 * n_columns), or 7 * n_columns with waves.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_columns)
            Seconds since 1970 (UTC), NaN where missing.
        """
        days = X / 86_400.0
        hour, weekday, year_day = (days % 1.0) * 24.0, (np.floor(days) + 3.0) % 7.0, days % 365.2425
        if not self.waves:
            return np.hstack([days, hour, weekday, year_day])
        turns = (hour / 24.0, weekday / 7.0, year_day / 365.2425)
        return np.hstack([days, *(wave(2.0 * np.pi * turn) for turn in turns for wave in (np.sin, np.cos))])


class TreeReady(_Columns):
    """Keep numbers in the range that trees compute in, and columns without any known value out of their way.

    Missing values stay missing, but for columns where nothing else was seen in training: those become 0.
    """

    def fit(self, X: Floats, y: object = None) -> Self:
        """Find columns without a known value, shape (n_rows, n_columns)."""
        self.empty_ = np.flatnonzero(np.isnan(X).all(axis=0))
        return super().fit(X, y)

    def transform(self, X: Floats) -> Floats:
        """Return the same shape; the same array where nothing had to change."""
        if not self.empty_.size and np.fmax.reduce(np.abs(X), axis=None, initial=0.0) <= _LARGEST:
            return X
        tamed = np.clip(X, -_LARGEST, _LARGEST)
        tamed[:, self.empty_] = 0.0
        return tamed


class Bins(_Columns):
    """Cut each column at its quantiles; bin 0 is for missing values.

    Parameters
    ----------
    n_bins : int
        Bins of one column at the most, the one for missing values not counted.
    """

    def __init__(self, n_bins: int = 16) -> None:
        self.n_bins = n_bins

    def fit(self, X: Floats, y: object = None) -> Self:
        """Learn the cuts of columns, shape (n_rows, n_columns)."""
        inner = np.linspace(0.0, 100.0, self.n_bins + 1)[1:-1]
        self.cuts_ = [np.unique(np.percentile(known, inner)) if (known := _known(c)).size else known for c in X.T]
        return super().fit(X, y)

    def transform(self, X: Floats) -> NDArray[np.int64]:
        """Return bin numbers, shape (n_rows, n_columns)."""
        bins = np.zeros(X.shape, dtype=np.int64)
        for at, cuts in enumerate(self.cuts_):
            bins[:, at] = np.where(np.isnan(X[:, at]), 0, 1 + np.searchsorted(cuts, X[:, at], side="right"))
        return bins


def _known(column: Floats) -> Floats:
    """Return (a spread-out part of) a column's values that are not missing, shape (n_known,)."""
    step = -(-len(column) // _QUANTILE_ROWS)
    part: Any = column[::step]
    return np.asarray(part[~np.isnan(part)], dtype=np.float64)


def _center_and_spread(known: Floats) -> tuple[float, float]:
    """Return the median, and the standard deviation as the middle half of the values tells it."""
    if not known.size:
        return 0.0, 1.0
    known = np.clip(known, -_LARGEST, _LARGEST)
    low, center, high = np.percentile(known, [25.0, 50.0, 75.0])
    spread = (high - low) / 1.349
    # Mostly one value (a rare flag, an amount that is mostly zero): the middle half says nothing.
    if not spread > 0:
        largest = float(np.abs(known - center).max())
        spread = largest * float(np.std((known - center) / largest)) if largest > 0 else 1.0
    return float(center), float(spread) if spread > 0 else 1.0
