"""Which features go together: association between columns of any kind, and groups of correlated ones.

Two numeric columns: Spearman's rank correlation. A numeric column and a category: the correlation ratio of the ranks.
Two categories: Cramer's V. Both are corrected for the number of values (Kelley 1935; Bergsma 2013, "A bias-correction
for Cramer's V and Tschuprow's T", Journal of the Korean Statistical Society 42), or columns with many values would
seem to go with everything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from scalewise.core.ranks import unit_ranks
from scalewise.core.spec import Feature

__all__ = ["GROUPED_ROWS", "MOST_GROUPED", "association", "correlated_groups", "summing_columns"]

GROUPED_ROWS = 2_000
"""Training rows that are looked at, at the most."""

MOST_GROUPED = 1_500
"""Tables with more features than this are not searched for groups: all pairs would take too much memory."""

_TOGETHER = 0.7
"""Features are put together where every two of them are associated at least this much."""

_MOST_LEVELS = 0.2
"""Categories with more values than this share of the rows are compared with nothing: chance alone would match them."""

_MOST_CODED = 60

_MOST_SUMMED = 5
_ROWS_A_SUMMED = 10
_LEFT_OVER = 1e-4
"""Share of a target's variance that a weighted sum of a few columns may leave where it is taken to make the target."""
_FEWEST_COMPLETE = 50

Floats = NDArray[np.float64]


def correlated_groups(X: Floats, features: Sequence[Feature]) -> tuple[tuple[str, ...], ...]:
    """Find groups of two and more correlated features.

    Parameters
    ----------
    X : ndarray of float64, shape (n_rows, n_features)
        Canonical columns of some training rows; NaN where missing.
    features : sequence of Feature
        What the columns are.

    Returns
    -------
    tuple of tuple of str
        Names, in the order of the table. Complete linkage: every two members of a group go together.
    """
    if not 2 <= len(features) <= MOST_GROUPED or len(X) < 3:
        return ()
    distance = 1.0 - association(X, features, X, features)
    np.fill_diagonal(distance, 0.0)
    # Both take long to import, and most processes group no columns.
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    labels = fcluster(linkage(squareform(distance, checks=False), "complete"), 1.0 - _TOGETHER, "distance")
    members: dict[int, list[str]] = {}
    for label, feature in zip(labels.tolist(), features, strict=True):
        members.setdefault(label, []).append(feature.name)
    return tuple(tuple(names) for names in members.values() if len(names) > 1)


def association(X: Floats, features: Sequence[Feature], Z: Floats, others: Sequence[Feature]) -> Floats:
    """Measure how much columns go together with others of the same rows, from 0 to 1.

    Parameters
    ----------
    X : ndarray of float64, shape (n_rows, n_features)
    features : sequence of Feature
    Z : ndarray of float64, shape (n_rows, n_others)
    others : sequence of Feature

    Returns
    -------
    ndarray of float64, shape (n_features, n_others)
        Categories beyond the first 60 of each side are not compared.
    """
    one = _Columns(X, features)
    other = one if Z is X else _Columns(Z, others)
    found = np.zeros((len(features), len(others)))
    found[np.ix_(one.measured, other.measured)] = np.abs(one.ranks.T @ other.ranks)
    for at, levels in one.levels.items():
        found[at, other.measured] = _correlation_ratios(levels, other.ranks)
        for to, theirs in other.levels.items():
            known = other is one and to < at
            found[at, to] = found[to, at] if known else _cramers_v(levels, theirs)
    for to, theirs in other.levels.items():
        found[one.measured, to] = _correlation_ratios(theirs, one.ranks)
    return np.clip(found, 0.0, 1.0)


def summing_columns(X: Floats, y: Floats) -> tuple[int, ...]:
    """Find a few columns of which a weighted sum, plus a constant, is nearly exactly the target.

    Parameters
    ----------
    X : ndarray of float64, shape (n_rows, n_columns)
        Columns of numbers; NaN where missing.
    y : ndarray of float64, shape (n_rows,)
        Targets.

    Returns
    -------
    tuple of int
        Two to five places, ascending; empty where there are none, or one column alone does.

    Notes
    -----
    Where the target is such a sum, least squares over all columns gives every other column a weight near 0.
    """
    known = np.isfinite(y)
    X, y = X[known], _unit_columns(y[known, None], np.ones((known.sum(), 1), dtype=bool))[:, 0]
    if len(y) < _FEWEST_COMPLETE or X.shape[1] < 2 or not y.any():
        return ()
    places, scaled = _strongest(X, y)
    # The normal equations are quicker, and exact enough to tell who has a weight.
    weights = np.linalg.lstsq(scaled.T @ scaled, scaled.T @ y, rcond=None)[0]
    order = places[np.argsort(-np.abs(weights))]
    enough = (k for k in range(1, min(_MOST_SUMMED, len(order)) + 1) if _left_over(X[:, order[:k]], y) < _LEFT_OVER)
    k = next(enough, 0)
    return tuple(sorted(order[:k].tolist())) if k > 1 else ()


def _strongest(X: Floats, y: Floats) -> tuple[NDArray[np.intp], Floats]:
    """As many columns as there are rows to weigh them by, the most correlated ones, and their standard scores."""
    present = np.isfinite(X)
    scaled = _unit_columns(np.where(present, X, 0.0), present)
    places = np.argsort(-np.abs(scaled.T @ y), kind="stable")[: max(2, len(y) // _ROWS_A_SUMMED)]
    return places, scaled[:, places]


def _unit_columns(columns: Floats, present: NDArray[np.bool_]) -> Floats:
    """Columns with mean 0 and length 1, and 0 where nothing is present."""
    # Largest first, as squares of huge numbers are infinite.
    largest = np.abs(columns).max(axis=0)
    shrunk = columns / np.where(largest > 0, largest, 1.0)
    means = shrunk.sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    centred = np.where(present, shrunk - means, 0.0)
    length = np.sqrt(np.square(centred).sum(axis=0))
    return np.asarray(centred / np.where(length > 0, length, 1.0))


def _left_over(columns: Floats, y: Floats) -> float:
    """Share of a target's variance that the best weighted sum of columns leaves, in rows that lack none of them."""
    complete = np.isfinite(columns).all(axis=1)
    if complete.sum() < _FEWEST_COMPLETE:
        return 1.0
    some = np.column_stack([columns, y])[complete]
    scaled = _unit_columns(some, np.ones(some.shape, dtype=bool))
    parts, target = scaled[:, :-1], scaled[:, -1]
    weights = np.linalg.lstsq(parts, target, rcond=None)[0]
    return float(np.square(target - parts @ weights).sum()) if target.any() else 1.0


class _Columns:
    """Columns made ready for comparison: ranks of the measured ones, members of the values of the others."""

    def __init__(self, X: Floats, features: Sequence[Feature]) -> None:
        named = np.array([feature.kind in ("category", "label") for feature in features], dtype=bool)
        self.measured = np.flatnonzero(~named)
        self.ranks = unit_ranks(X[:, self.measured])
        found = {at: _levels(X[:, at]) for at in np.flatnonzero(named)[:_MOST_CODED].tolist()}
        self.levels = {at: levels for at, levels in found.items() if levels is not None}


def _levels(column: Floats) -> csr_array | None:
    """Membership of rows in the values of a category, missing as one more; shape (n_levels, n_rows)."""
    values, codes = np.unique(column, return_inverse=True)
    if not 1 < len(values) <= max(2.0, _MOST_LEVELS * len(column)):
        return None
    ones = np.ones(len(column))
    return csr_array((ones, (codes, np.arange(len(column)))), shape=(len(values), len(column)))


def _correlation_ratios(levels: csr_array, ranks: Floats) -> Floats:
    """Correlation ratio of a category with every column of unit ranks; ndarray of shape (n_columns,)."""
    n_levels, n_rows = levels.shape
    counts = np.asarray(levels.sum(axis=1))
    between = (np.square(levels @ ranks) / counts[:, None]).sum(axis=0)
    corrected = 1.0 - (1.0 - between) * (n_rows - 1) / max(n_rows - n_levels, 1)
    varies = np.square(ranks).sum(axis=0) > 0.5
    return np.asarray(np.where(varies, np.sqrt(np.clip(corrected, 0.0, 1.0)), 0.0))


def _cramers_v(one: csr_array, other: csr_array) -> float:
    n_rows = one.shape[1]
    table = (one @ other.T).toarray()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n_rows
    phi2 = float((np.square(table - expected) / expected).sum()) / n_rows
    rows, columns = table.shape
    phi2 = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n_rows - 1))
    least = min(rows - (rows - 1) ** 2 / (n_rows - 1), columns - (columns - 1) ** 2 / (n_rows - 1)) - 1
    return float(np.sqrt(phi2 / least)) if least > 0 else 0.0
