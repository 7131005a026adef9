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
Influence = Callable[[NDArray[Any], Floats], tuple[float, Floats]]


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
        self._quick, self._influence = _QUICK.get(metric), _INFLUENCES.get(metric)
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
        """Score all rows, and tell what each block of them makes of it.

        Blocks tell how sure a score is. Scored alone, one may be too small, too quiet or of one class only, and then
        the mean of its like is another number than the score. So a block is told as the score that all rows would have
        if they were like its own, in a straight line from the score that they have (by its influence function): the
        mean of those is the score, and their spread that of a jackknife that leaves out one block at a time. Where a
        metric's influence function is not known here, a block is scored alone.

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

        References
        ----------
        Hampel, F. R. (1974), "The influence curve and its role in robust estimation", JASA 69(346). For ROC AUC:
        DeLong, E. R. et al. (1988), Biometrics 44(3), and Obuchowski, N. A. (1997), Biometrics 53(2) for groups.
        """
        if self._influence is None:
            members = (np.flatnonzero(blocks == block) for block in range(int(blocks.max()) + 1))
            return self.one(y, predictions), tuple(self.one(y[rows], predictions[rows]) for rows in members)
        with np.errstate(all="ignore"):
            score, moved = self._influence(y, predictions)
            by_block = np.bincount(blocks, moved)
            return score, tuple((score + by_block * (len(by_block) / len(y))).tolist())

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


def _log_chances(y: NDArray[Any], predictions: Floats) -> Floats:
    chances = np.take_along_axis(predictions, _own_class(y, predictions), axis=-1)[..., 0]
    tiny = np.finfo(np.float64).eps
    return np.asarray(np.log(np.clip(chances, tiny, 1 - tiny)))


def _hits(y: NDArray[Any], predictions: Floats) -> Floats:
    return np.asarray(predictions.argmax(axis=-1) == y, dtype=np.float64)


def _squared(y: NDArray[Any], predictions: Floats) -> Floats:
    return np.asarray(-np.square(y - predictions))


def _absolute(y: NDArray[Any], predictions: Floats) -> Floats:
    return np.asarray(-np.abs(y - predictions))


def _r2(y: NDArray[Any], predictions: Floats) -> Floats:
    spread = np.float64(np.square(y - y.mean()).sum())
    missed = np.square(y - predictions).sum(axis=-1)
    return np.asarray(np.where(spread > 0, 1.0 - missed / spread, np.nan))


def _neg_root_mean_squared_error(y: NDArray[Any], predictions: Floats) -> Floats:
    return np.asarray(-np.sqrt(np.square(y - predictions).mean(axis=-1)))


def _own_class(y: NDArray[Any], predictions: Floats) -> NDArray[np.intp]:
    """Return each row's class as indices of shape (..., n_rows, 1)."""
    own = y.astype(np.intp)[:, None]
    return np.broadcast_to(own, (*predictions.shape[:-1], 1))


def _mean_of_rows(scores: Quick) -> Quick:
    def mean(y: NDArray[Any], predictions: Floats) -> Floats:
        return np.asarray(scores(y, predictions).mean(axis=-1))

    return mean


_OF_ROWS: dict[str, Quick] = {
    "neg_log_loss": _log_chances,
    "accuracy": _hits,
    "neg_mean_squared_error": _squared,
    "neg_mean_absolute_error": _absolute,
}
"""Metrics that are a mean over rows, by what each row scores: of shape (..., n_rows)."""

_QUICK: dict[str, Quick] = {
    **{metric: _mean_of_rows(scores) for metric, scores in _OF_ROWS.items()},
    "roc_auc": _roc_auc,
    "r2": _r2,
    "neg_root_mean_squared_error": _neg_root_mean_squared_error,
}


# What each row adds to a metric, in a straight line: of shape (n_rows,), with mean 0.


def _roc_auc_influence(y: NDArray[Any], predictions: Floats) -> tuple[float, Floats]:
    """How each row's chance compares with those of the rows of the other class, ties counting half."""
    chances, positive = predictions[:, 1], y == 1
    order = np.argsort(chances)
    in_order, is_positive = chances[order], positive[order]
    if not len(y) or np.isnan(in_order[-1]):
        return float("nan"), np.full(len(y), np.nan)
    first = np.flatnonzero(np.append(True, in_order[1:] != in_order[:-1]))
    n_equal = np.diff(first, append=len(y))
    positives = np.add.reduceat(is_positive.astype(np.int64), first)
    n_positive, n_negative = np.int64(is_positive.sum()), np.int64(len(y) - is_positive.sum())
    positives_above = n_positive - np.cumsum(positives) + positives / 2
    negatives_below = np.cumsum(n_equal - positives) - (n_equal - positives) / 2
    score = np.float64((positives * negatives_below).sum()) / (n_positive * n_negative)
    of_positives, of_negatives = negatives_below / n_negative - score, positives_above / n_positive - score
    moved = np.empty(len(y))
    moved[order] = np.where(
        is_positive,
        np.repeat(of_positives, n_equal) * (len(y) / n_positive),
        np.repeat(of_negatives, n_equal) * (len(y) / n_negative),
    )
    return float(score), moved


def _r2_influence(y: NDArray[Any], predictions: Floats) -> tuple[float, Floats]:
    missed, spread = np.square(y - predictions), np.square(y - y.mean())
    share = np.float64(missed.sum()) / spread.sum() if spread.any() else np.float64("nan")
    return float(1.0 - share), (share * spread - missed) / spread.mean()


def _neg_root_mean_squared_error_influence(y: NDArray[Any], predictions: Floats) -> tuple[float, Floats]:
    missed = np.square(y - predictions)
    error = np.sqrt(missed.mean())
    return float(-error), (missed.mean() - missed) / (2 * error) if error > 0 else np.zeros(len(y))


def _of_rows(scores: Quick) -> Influence:
    """That of a mean over the scores of the rows."""

    def influence(y: NDArray[Any], predictions: Floats) -> tuple[float, Floats]:
        found = scores(y, predictions)
        mean = found.mean()
        return float(mean), found - mean

    return influence


_INFLUENCES: dict[str, Influence] = {
    **{metric: _of_rows(scores) for metric, scores in _OF_ROWS.items()},
    "roc_auc": _roc_auc_influence,
    "r2": _r2_influence,
    "neg_root_mean_squared_error": _neg_root_mean_squared_error_influence,
}
