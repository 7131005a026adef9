"""Columns of very many values, encoded by the mean target of each value."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

__all__ = ["TargetMeans"]

Floats = NDArray[np.float64]

_N_FOLDS = 5
_LEAST_ROWS, _MOST_ROWS = 1.0, 1e6
"""Rows that the overall mean may count for in the mean of one value."""
_DECIMALS = 2
"""Means are told to a hundredth of a standard deviation. Trees see ranks only: they would learn from any trace, however
small, that shrinkage leaves of values seen once or twice. On a few thousand flights that cost 0.03 of ROC AUC."""


class TargetMeans(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn is untyped
    """Replace each value by its mean target, drawn towards the overall mean as far as its rows leave it uncertain.

    Training rows are encoded without the targets of their own fold, as in scikit-learn's ``TargetEncoder``. Unlike
    there, folds share the overall mean, so that values that occur once carry no trace of their own target, and one
    amount of shrinkage is estimated for a whole column (Efron and Morris, 1975, JASA 70), which is kinder to rare
    values.

    Parameters
    ----------
    classes : bool
        Whether the target holds class codes; for more than two, each class gets a column of its own.
    seed : int
        Decides the folds.
    """

    def __init__(self, classes: bool, seed: int = 0) -> None:
        self.classes = classes
        self.seed = seed

    def fit(self, X: Floats, y: NDArray[Any]) -> Self:
        """Learn the means of all values.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_columns)
            Values as numbers, NaN where missing, which counts as a value.
        y : ndarray of shape (n_rows,)
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Floats, y: NDArray[Any]) -> Floats:
        """Learn the means, and encode the training rows without their own targets, as `transform` does new rows."""
        targets = self._targets(y)
        fold = np.random.default_rng(self.seed).permutation(len(y)) % _N_FOLDS
        self.n_features_in_ = X.shape[1]
        self.values_, self.means_, encoded = [], [], []
        for column in X.T:
            values, codes = np.unique(_filled(column), return_inverse=True)
            counts, sums = _folded(codes, fold, targets, len(values))
            all_counts, all_sums = counts.sum(axis=1), sums.sum(axis=1)
            weight = _shrinkage(codes, all_counts, all_sums, targets)
            self.values_.append(values)
            self.means_.append(all_sums / (all_counts + weight))
            others = (all_sums[:, None] - sums) / (all_counts[:, None] - counts + weight)
            encoded.append(others[codes, fold])
        return np.round(np.hstack(encoded), _DECIMALS)

    def transform(self, X: Floats) -> Floats:
        """Return target means in standard deviations from the overall mean; 0 for values that are new.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), or n_columns * n_classes for more than two classes
        """
        columns = zip(X.T, self.values_, self.means_, strict=True)
        means: Floats = np.hstack([_looked_up(_filled(column), v, m) for column, v, m in columns])
        return np.round(means, _DECIMALS)

    def _targets(self, y: NDArray[Any]) -> Floats:
        """Return standardised targets, one column a class where there are more than two, shape (n_rows, n_targets)."""
        columns = y[:, None].astype(np.float64)
        if self.classes:
            present = np.unique(y)
            columns = (y[:, None] == (present if len(present) > 2 else present[-1:])).astype(np.float64)
        spread = columns.std(axis=0)
        return np.asarray((columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _filled(column: Floats) -> Floats:
    """Put one value that no other can have where values are missing."""
    return np.where(np.isnan(column), np.inf, column)


def _folded(codes: NDArray[np.intp], fold: NDArray[np.intp], targets: Floats, n_values: int) -> tuple[Floats, Floats]:
    """Count rows, shape (n_values, n_folds, 1), and add up targets, shape (n_values, n_folds, n_targets)."""
    cell, n_cells = codes * _N_FOLDS + fold, n_values * _N_FOLDS
    counts = np.bincount(cell, minlength=n_cells).astype(np.float64)
    added = [np.bincount(cell, weights=target, minlength=n_cells) for target in targets.T]
    sums = np.stack(added, axis=-1).astype(np.float64)
    return counts.reshape(n_values, _N_FOLDS, 1), sums.reshape(n_values, _N_FOLDS, -1)


def _shrinkage(codes: NDArray[np.intp], counts: Floats, sums: Floats, targets: Floats) -> Floats:
    """Estimate how many rows the overall mean counts for: the variance within values over that between them.

    Returns
    -------
    ndarray of shape (n_targets,)
    """
    n_rows, n_values = len(codes), len(counts)
    if not 1 < n_values < n_rows:
        return np.full(targets.shape[1], _MOST_ROWS)
    means = sums / counts
    within = np.square(targets - means[codes]).sum(axis=0) / (n_rows - n_values)
    spare = (counts * means**2).sum(axis=0) - (n_values - 1) * within
    between = spare / (n_rows - np.square(counts).sum() / n_rows)
    return np.asarray(np.clip(within / np.maximum(between, 1e-12), _LEAST_ROWS, _MOST_ROWS))


def _looked_up(column: Floats, values: Floats, means: Floats) -> Floats:
    place = np.minimum(np.searchsorted(values, column), len(values) - 1)
    return np.where((values[place] == column)[:, None], means[place], 0.0)
