"""A regressor that is trained on a standardised target, for solvers whose steps depend on the target's scale."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone

__all__ = ["ScaledTarget"]

Floats = NDArray[np.float64]


class ScaledTarget(RegressorMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn is untyped
    """Train a regressor on ``(y - mean) / sd`` and undo it in predictions.

    Parameters
    ----------
    regressor : scikit-learn regressor
    """

    def __init__(self, regressor: Any) -> None:
        self.regressor = regressor

    def fit(self, X: Any, y: Floats) -> Self:
        """Fit a clone of the regressor.

        Parameters
        ----------
        X : matrix of shape (n_rows, n_columns)
        y : ndarray of shape (n_rows,)
        """
        self.mean_ = float(np.mean(y))
        self.sd_ = float(np.std(y)) or 1.0
        self.regressor_ = clone(self.regressor).fit(X, (y - self.mean_) / self.sd_)
        return self

    def partial_fit(self, X: Any, y: Floats) -> Self:
        """Go on fitting with further rows; the target's mean and spread are those of the first.

        Parameters
        ----------
        X : matrix of shape (n_rows, n_columns)
        y : ndarray of shape (n_rows,)
        """
        if not hasattr(self, "regressor_"):
            self.mean_ = float(np.mean(y))
            self.sd_ = float(np.std(y)) or 1.0
            self.regressor_ = clone(self.regressor)
        self.regressor_.partial_fit(X, (y - self.mean_) / self.sd_)
        return self

    def predict(self, X: Any) -> Floats:
        """Return predictions in the target's own units, shape (n_rows,)."""
        return np.asarray(self.regressor_.predict(X) * self.sd_ + self.mean_, dtype=np.float64)
