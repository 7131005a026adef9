"""Scores of cached predictions: predict a set of rows once, then score any part of it with any scikit-learn metric."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer

from scalewise.core.spec import Task

__all__ = ["Scoring", "predict"]

Floats = NDArray[np.float64]
Quick = Callable[[NDArray[Any], Floats], Floats]


class Scoring:
    """One metric on cached predictions.

    Predictions have shape (..., n_rows, n_classes) for classification, the probability of every class of the target,
    and (..., n_rows) for regression; leading axes are versions of the predictions for the same rows. Classifiers are
    always judged by their probabilities, also where scikit-learn's scorer would prefer a decision function.

    Parameters
    ----------
    metric : str
        A scikit-learn scorer name that fits the task.
    task : {"binary", "multiclass", "regression"}
    n_classes : int
        Classes of the target; 0 for regression.
    """

    def __init__(self, metric: str, task: Task, n_classes: int) -> None:
        self._classes = np.arange(n_classes)
        self._quick = _QUICK.get(metric)
        self._scorer = get_scorer(metric)
        self._trailing = 1 if task == "regression" else 2

    def one(self, y: NDArray[Any], predictions: Floats) -> float:
        """Score one version of the predictions; NaN where these rows cannot be scored.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
        predictions : ndarray of shape (n_rows, n_classes) or (n_rows,)
        """
        return float(self.many(y, predictions[None])[0])

    def many(self, y: NDArray[Any], predictions: Floats) -> Floats:
        """Score several versions of the predictions for the same rows.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
        predictions : ndarray of shape (n_versions, n_rows, n_classes) or (n_versions, n_rows)

        Returns
        -------
        ndarray of shape (n_versions,)
            NaN where these rows cannot be scored.
        """
        if self._quick is not None:
            with np.errstate(all="ignore"):
                return self._quick(y, predictions)
        return np.array([self.slow(y, version) for version in predictions])

    def with_blocks(
        self, y: NDArray[Any], predictions: Floats, blocks: NDArray[np.integer[Any]]
    ) -> tuple[float, tuple[float, ...]]:
        """Score all rows, and each block of them alone.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
        predictions : ndarray of shape (n_rows, n_classes) or (n_rows,)
        blocks : ndarray of int, shape (n_rows,)
            The block of each row, from 0 on.

        Returns
        -------
        float
            As from `one`.
        tuple of float
            The score of each block; NaN where one cannot be scored.
        """
        if self._quick is _roc_auc:
            return _roc_auc_with_blocks(y, predictions[:, 1], blocks)
        members = (np.flatnonzero(blocks == block) for block in range(int(blocks.max()) + 1))
        return self.one(y, predictions), tuple(self.one(y[rows], predictions[rows]) for rows in members)

    def slow(self, y: NDArray[Any], predictions: Floats) -> float:
        """Score with scikit-learn's own scorer; NaN where it refuses.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
        predictions : ndarray of shape (n_rows, n_classes) or (n_rows,)
        """
        cached = _CachedRegressor(predictions) if self._trailing == 1 else _CachedClassifier(predictions, self._classes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return float(self._scorer(cached, np.arange(len(y))[:, None], y))
            except ValueError:
                return float("nan")


def predict(estimator: Any, X: Floats, n_classes: int) -> Floats:
    """Predict rows once, in the shape that `Scoring` takes.

    Parameters
    ----------
    estimator : fitted scikit-learn estimator
    X : ndarray of shape (n_rows, n_features)
    n_classes : int
        Classes of the target; 0 for regression. Classes that the estimator never saw get probability 0.

    Returns
    -------
    ndarray of shape (n_rows, n_classes) or (n_rows,)
    """
    if n_classes == 0:
        return np.asarray(estimator.predict(X), dtype=np.float64)
    known = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    if known.shape[1] == n_classes:
        return known
    chances = np.zeros((len(X), n_classes))
    chances[:, np.asarray(estimator.classes_, dtype=np.intp)] = known
    return chances


class _CachedRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn is untyped
    """Answers row numbers with predictions made before, so that any scorer can use them."""

    def __init__(self, predictions: Floats) -> None:
        self.predictions = predictions

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: NDArray[np.intp]) -> Floats:
        return self.predictions[X[:, 0]]


class _CachedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn is untyped
    """Answers row numbers with probabilities predicted before, so that any scorer can use them."""

    def __init__(self, predictions: Floats, classes: NDArray[np.intp]) -> None:
        self.predictions = predictions
        self.classes = classes
        self.classes_ = classes

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: NDArray[np.intp]) -> Floats:
        return self.predictions[X[:, 0]]

    def predict(self, X: NDArray[np.intp]) -> NDArray[Any]:
        return np.asarray(self.classes_[self.predictions[X[:, 0]].argmax(axis=1)])


# The metrics that most studies use, for many versions of the predictions at once: scikit-learn's scorers take a
# millisecond or more a call, and permutation importance makes hundreds of calls.


def _roc_auc(y: NDArray[Any], predictions: Floats) -> Floats:
    positive = y == 1
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(predictions[..., 1], axis=-1)[..., positive].sum(axis=-1)
    return np.asarray((ranks - n_positive * (n_positive + 1) / 2) / np.float64(n_positive * n_negative))


def _roc_auc_with_blocks(
    y: NDArray[Any], chances: Floats, blocks: NDArray[np.integer[Any]]
) -> tuple[float, tuple[float, ...]]:
    """Rank all rows and those of each block with one sort: it is done after each block of a stream, and each trial."""
    order = np.argsort(chances)
    chances, positive, blocks = chances[order], (y == 1)[order], blocks[order]
    together = np.zeros(len(y), dtype=np.intp)
    whole = np.nan if np.isnan(chances[-1]) else _areas(chances, positive, together)[0]
    order = np.argsort(blocks.astype(np.int16), kind="stable")
    return float(whole), tuple(_areas(chances[order], positive[order], blocks[order]).tolist())


def _areas(chances: Floats, positive: NDArray[np.bool_], blocks: NDArray[np.integer[Any]]) -> Floats:
    """Areas under the curves of blocks, from rows in the order of their blocks, and of their chances in each."""
    begins = np.append(True, (chances[1:] != chances[:-1]) | (blocks[1:] != blocks[:-1]))
    first = np.flatnonzero(begins)
    # Equal predictions of a block share the mean of their ranks.
    n_equal = np.diff(first, append=len(chances))
    ranks = np.repeat(first + (n_equal + 1) / 2, n_equal)
    places = np.flatnonzero(positive)
    sizes, own = np.bincount(blocks), blocks[places]
    n_positive = np.bincount(own, minlength=len(sizes))
    # Ranks count from the first row of all, those of a block from its own first row.
    before = n_positive * (np.cumsum(sizes) - sizes)
    above = np.bincount(own, ranks[places], len(sizes)) - before - n_positive * (n_positive + 1) / 2
    with np.errstate(all="ignore"):
        return np.asarray(above / (n_positive * (sizes - n_positive)))


def _neg_log_loss(y: NDArray[Any], predictions: Floats) -> Floats:
    chances = np.take_along_axis(predictions, _own_class(y, predictions), axis=-1)[..., 0]
    tiny = np.finfo(np.float64).eps
    return np.asarray(np.log(np.clip(chances, tiny, 1 - tiny)).mean(axis=-1))


def _accuracy(y: NDArray[Any], predictions: Floats) -> Floats:
    return np.asarray((predictions.argmax(axis=-1) == y).mean(axis=-1))


def _r2(y: NDArray[Any], predictions: Floats) -> Floats:
    spread = np.float64(np.square(y - y.mean()).sum())
    missed = np.square(y - predictions).sum(axis=-1)
    return np.asarray(np.where(spread > 0, 1.0 - missed / spread, np.nan))


def _neg_mean_squared_error(y: NDArray[Any], predictions: Floats) -> Floats:
    return np.asarray(-np.square(y - predictions).mean(axis=-1))


def _neg_root_mean_squared_error(y: NDArray[Any], predictions: Floats) -> Floats:
    return np.asarray(-np.sqrt(np.square(y - predictions).mean(axis=-1)))


def _neg_mean_absolute_error(y: NDArray[Any], predictions: Floats) -> Floats:
    return np.asarray(-np.abs(y - predictions).mean(axis=-1))


def _own_class(y: NDArray[Any], predictions: Floats) -> NDArray[np.intp]:
    """Return each row's class as indices of shape (..., n_rows, 1)."""
    own = y.astype(np.intp)[:, None]
    return np.broadcast_to(own, (*predictions.shape[:-1], 1))


_QUICK: dict[str, Quick] = {
    "roc_auc": _roc_auc,
    "neg_log_loss": _neg_log_loss,
    "accuracy": _accuracy,
    "r2": _r2,
    "neg_mean_squared_error": _neg_mean_squared_error,
    "neg_root_mean_squared_error": _neg_root_mean_squared_error,
    "neg_mean_absolute_error": _neg_mean_absolute_error,
}
