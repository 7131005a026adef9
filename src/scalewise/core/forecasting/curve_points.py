"""Measured points of one learning curve, checked and put in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.errors import InputError

Floats = NDArray[np.float64]

# Standard deviations of few repeats are poor: this many degrees of freedom are lent from the other sizes, most from
# those within so many octaves. Between sizes standard deviations are taken to fall by this power of the rows: slower
# than samples alone would have it, to err on the side of more noise.
_LENT_FREEDOM = 2.0
_LENDING_OCTAVES, _LENDING_POWER = 1.5, 0.25
# Squares of larger scores are beyond what floats can hold.
_LARGEST = 1e150

__all__ = ["CurvePoints", "curve_points", "positive_numbers", "sizes"]


@dataclass(frozen=True, eq=False)
class CurvePoints:
    """One learning curve, sizes ascending and distinct, every point with at least one score.

    Attributes
    ----------
    n : ndarray of shape (n_points,)
        Training rows, as floats.
    scores : ndarray of shape (n_points, n_repeats)
        Score of every repeat, NaN where missing.
    score : ndarray of shape (n_points,)
        Mean over the repeats, in the metric's units.
    spread : ndarray of shape (n_points,)
        Standard error of `score`; NaN where no size was repeated.
    train : ndarray of shape (n_points,)
        Mean training score, NaN where unknown.
    """

    n: Floats
    scores: Floats
    score: Floats
    spread: Floats
    train: Floats

    @property
    def size(self) -> int:
        """Number of distinct sizes."""
        return len(self.n)


def curve_points(n_rows: ArrayLike, test_scores: ArrayLike, train_scores: ArrayLike | None = None) -> CurvePoints:
    """Check, merge and sort the points of a learning curve.

    Parameters
    ----------
    n_rows : array-like of int, shape (n_points,)
        Training rows, in any order; equal sizes are merged.
    test_scores : array-like of float, shape (n_points, n_repeats) or (n_points,)
        Test scores, greater is better, NaN or masked where missing.
    train_scores : array-like of float, shape (n_points, n_repeats) or (n_points,), optional
        Training scores of the same fits.

    Returns
    -------
    CurvePoints
        The points that have at least one score.

    Raises
    ------
    InputError
        If shapes disagree, a size is below one, a score is infinite or beyond 1e150, or no score is left.
    """
    n = sizes(n_rows, "n_rows")
    test = _matrix(test_scores, len(n), "test_scores")
    train = np.full((len(n), 1), np.nan) if train_scores is None else _matrix(train_scores, len(n), "train_scores")
    distinct, place = np.unique(n, return_inverse=True)
    test, train = _merge(test, place, len(distinct)), _merge(train, place, len(distinct))
    seen = np.isfinite(test).any(axis=1)
    if not seen.any():
        raise InputError("test_scores has no finite score. Give at least one measured point of the curve.")
    n, test, train = distinct[seen], test[seen], train[seen]
    return CurvePoints(n, test, np.nanmean(test, axis=1), _standard_errors(n, test), _row_means(train))


def sizes(values: ArrayLike, name: str) -> Floats:
    """Return row counts as floats of shape (n,), or say what is wrong with them.

    Parameters
    ----------
    values : array-like of int, shape (n,)
        Row counts.
    name : str
        What to call them in the message.

    Raises
    ------
    InputError
        If they are not one-dimensional whole numbers of at least one.
    """
    rows = positive_numbers(values, name)
    if not (rows == np.round(rows)).all():
        raise InputError(f"{name} must hold whole numbers of rows, got {rows.tolist()}.")
    return rows


def positive_numbers(values: ArrayLike, name: str) -> Floats:
    """The same for sizes on the way from one row count to another, which need not be whole."""
    rows = np.atleast_1d(_numbers(values, name))
    if rows.ndim != 1 or rows.size == 0:
        raise InputError(f"{name} has shape {rows.shape}; it must be a list of at least one number of rows.")
    if not (np.isfinite(rows).all() and (rows >= 1).all()):
        raise InputError(f"{name} must hold numbers of rows of at least 1, got {rows.tolist()}.")
    return rows


def _numbers(values: Any, name: str) -> Floats:
    try:
        if np.iscomplexobj(values):
            raise TypeError("complex numbers have no order")
        if isinstance(values, np.ma.MaskedArray):
            return np.asarray(np.ma.filled(values.astype(np.float64), np.nan), dtype=np.float64)
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numbers (NaN where missing): {error}.") from error


def _matrix(values: ArrayLike, n_points: int, name: str) -> Floats:
    scores = _numbers(values, name)
    scores = scores[:, None] if scores.ndim == 1 else scores
    if scores.ndim != 2 or scores.shape[0] != n_points or scores.shape[1] == 0:
        raise InputError(
            f"{name} has shape {scores.shape}; n_rows has {n_points} sizes, so it must be ({n_points}, n_repeats)."
        )
    if np.isinf(scores).any():
        raise InputError(f"{name} holds an infinite score. Put NaN where a fit gave no usable score.")
    if (np.abs(scores) > _LARGEST).any():
        largest = scores.flat[np.nanargmax(np.abs(scores))]
        raise InputError(
            f"{name} holds a score of {largest:g}. Give scores within {_LARGEST:g}: divide them all alike."
        )
    return scores


def _merge(scores: Floats, place: NDArray[np.intp], n_distinct: int) -> Floats:
    """Lay the repeats of equal sizes side by side."""
    if len(scores) == n_distinct:
        merged = np.empty_like(scores)
        merged[place] = scores
        return merged
    rows = [scores[place == at].ravel() for at in range(n_distinct)]
    merged = np.full((n_distinct, max(map(len, rows))), np.nan)
    for at, row in enumerate(rows):
        merged[at, : len(row)] = row
    return merged


def _row_means(scores: Floats) -> Floats:
    known = np.isfinite(scores)
    total = np.where(known, scores, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)


def _standard_errors(n: Floats, scores: Floats) -> Floats:
    """Return standard errors of the row means, each variance drawn towards what the whole curve tells of its size."""
    known = np.isfinite(scores)
    count = known.sum(axis=1)
    squares = np.where(known, (scores - _row_means(scores)[:, None]) ** 2, 0.0).sum(axis=1)
    freedom = count - 1
    if freedom.sum() == 0:
        return np.full(len(scores), np.nan)
    away = np.log2(n[:, None] / n[None, :])
    near = np.exp(-0.5 * (away / _LENDING_OCTAVES) ** 2) + 1e-30
    falling = n ** (2 * _LENDING_POWER)
    pooled = near @ (squares * falling) / (near @ freedom) / falling
    variance = (squares + _LENT_FREEDOM * pooled) / (freedom + _LENT_FREEDOM)
    return np.asarray(np.sqrt(variance / count), dtype=np.float64)
