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
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import csr_array
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from scalewise.core.spec import Feature

__all__ = ["GROUPED_ROWS", "MOST_GROUPED", "association", "correlated_groups"]

GROUPED_ROWS = 2_000
"""Training rows that are looked at, at the most."""

MOST_GROUPED = 1_500
"""Tables with more features than this are not searched for groups: all pairs would take too much memory."""

_TOGETHER = 0.7
"""Features are put together where every two of them are associated at least this much."""

_MOST_LEVELS = 0.2
"""Categories with more values than this share of the rows are compared with nothing: chance alone would match them."""

_MOST_CODED = 60

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


class _Columns:
    """Columns made ready for comparison: ranks of the measured ones, members of the values of the others."""

    def __init__(self, X: Floats, features: Sequence[Feature]) -> None:
        named = np.array([feature.kind in ("category", "label") for feature in features], dtype=bool)
        self.measured = np.flatnonzero(~named)
        self.ranks = _unit_ranks(X[:, self.measured])
        found = {at: _levels(X[:, at]) for at in np.flatnonzero(named)[:_MOST_CODED].tolist()}
        self.levels = {at: levels for at, levels in found.items() if levels is not None}


def _unit_ranks(columns: Floats) -> Floats:
    """Return ranks in each column with mean 0 and length 1; 0 where missing, and throughout where nothing varies."""
    gaps = np.isnan(columns)
    ranks = rankdata(np.where(gaps, np.inf, columns), axis=0)
    present = (~gaps).sum(axis=0)
    centred = np.where(gaps, 0.0, ranks - (1 + present) / 2)
    return np.asarray(centred / np.maximum(np.sqrt(np.square(centred).sum(axis=0)), 1e-12))


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
