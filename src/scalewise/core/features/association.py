"""How strongly single columns go with a target: statistics of contingency tables, many columns at a time.

A column is a few bins (its missing values are bin 0), so that one measure sees steps, humps and categories as well as
trends. What is compared are likelihood ratios, turned into a p-value: of any difference between the bins, and of a
trend over them, whichever is stronger.

References
----------
Fan, Lv (2008): Sure independence screening for ultrahigh dimensional feature space, JRSS B 70. Its iterated form (score
again what the columns chosen so far leave unexplained) is what `additive_residuals` and `products` are for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, gammaln, xlogy

__all__ = [
    "LEAST_APART",
    "MAX_OUTCOMES",
    "Codes",
    "Outcomes",
    "Tables",
    "additive_residuals",
    "apart_rows",
    "class_outcomes",
    "coded_tables",
    "products",
    "rank_outcomes",
    "relevance",
]

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]

MAX_OUTCOMES = 32
"""Columns of outcomes at the most; rarer classes share one."""

LEAST_APART = 5
"""Rows outside of a column's fullest bin that it takes to say anything."""

_RIDGE = 2.0
_LEAST_LEFT = 1e-9
_TINY = 1e-290


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What columns are held against, for the same rows.

    Parameters
    ----------
    values : ndarray of float32, shape (n_rows, n_outcomes)
        Membership of classes (0 or 1), or standardised ranks.
    are_classes : bool
    """

    values: NDArray[np.float32]
    are_classes: bool

    @property
    def with_ones(self) -> NDArray[np.float32]:
        """The values after a column of ones, by which one product with bins counts and sums at once."""
        return np.column_stack([np.ones(len(self.values), dtype=np.float32), self.values])


@dataclass(frozen=True, eq=False)
class Tables:
    """Contingency tables of some columns with the outcomes.

    Parameters
    ----------
    counts : ndarray of float64, shape (n_columns, n_bins)
        Rows in each bin; bin 0 is what is missing.
    sums : ndarray of float64, shape (n_columns, n_bins, n_outcomes)
        Sums of the outcomes' values in each bin.
    """

    counts: Floats
    sums: Floats

    @classmethod
    def of(cls, stacked: Floats) -> Tables:
        """Make them of sums of `Outcomes.with_ones`, shape (n_columns, n_bins, 1 + n_outcomes)."""
        return cls(stacked[:, :, 0], stacked[:, :, 1:])


def class_outcomes(codes: NDArray[np.integer], n_classes: int) -> Outcomes:
    """Turn class codes into outcomes: one for each class, or one for two classes.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows,)
    n_classes : int
        Of many, the rarest share outcomes.
    """
    if n_classes == 2:
        return Outcomes((codes == 1)[:, None].astype(np.float32), are_classes=True)
    by_size = np.argsort(np.argsort(-np.bincount(codes, minlength=n_classes), kind="stable"), kind="stable")
    places = np.minimum(by_size[codes], MAX_OUTCOMES - 1)
    members = places[:, None] == np.arange(min(n_classes, MAX_OUTCOMES))
    return Outcomes(members.astype(np.float32), are_classes=True)


def rank_outcomes(values: Floats) -> Outcomes:
    """Turn numbers into outcomes: their ranks, so that no single row carries the answer.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_outcomes)
    """
    from scipy.stats import rankdata  # not for whoever ranks nothing: it takes long to import

    ranks = rankdata(values, axis=0)
    ranks -= ranks.mean(axis=0)
    spread = ranks.std(axis=0)
    return Outcomes((ranks / np.where(spread > 0, spread, 1.0)).astype(np.float32), are_classes=False)


def coded_tables(codes: Codes, outcomes: Outcomes) -> Tables:
    """Count columns given by the bin of each row.

    Parameters
    ----------
    codes : ndarray of uint8, shape (n_columns, n_rows)
    outcomes : Outcomes
    """
    values = outcomes.with_ones
    bins = [(codes == code).astype(np.float32) @ values for code in range(int(codes.max(initial=0)) + 1)]
    return Tables.of(np.stack(bins, axis=1).astype(np.float64))


def relevance(tables: Tables, outcomes: Outcomes, ordered: NDArray[np.bool_]) -> Floats:
    """Say how unlikely each column's association with the outcomes is by chance.

    Parameters
    ----------
    tables : Tables
    outcomes : Outcomes
    ordered : ndarray of bool, shape (n_columns,)
        Whether the bins of a column stand in an order, so that a trend over them means something.

    Returns
    -------
    ndarray of float64, shape (n_columns,)
        -log10 of the p-value for the outcome that it goes with best; 0 for a column that is the same in
        all rows but a few.
    """
    filled = (tables.counts > 0).sum(axis=1)
    apart = _class_gain(tables, outcomes) if outcomes.are_classes else _rank_gain(tables)
    trend = np.where(ordered[:, None], np.minimum(_trend_gain(tables, outcomes), apart), 0.0)
    found = np.maximum(_surprise(apart, np.maximum(filled - 1, 1)[:, None]), _surprise(trend, np.ones((1, 1))))
    return np.where(apart_rows(tables) >= LEAST_APART, found.max(axis=1, initial=0.0), 0.0)


def apart_rows(tables: Tables) -> Floats:
    """Rows outside of the fullest bin of each column, shape (n_columns,)."""
    return np.asarray(tables.counts.sum(axis=1) - tables.counts.max(axis=1))


def _class_gain(tables: Tables, outcomes: Outcomes) -> Floats:
    """Likelihood ratio (G) of each column and class, shape (n_columns, n_outcomes); it bears bins of few rows."""
    share = outcomes.values.mean(axis=0, dtype=np.float64)
    rows, inside = tables.counts[:, :, None], tables.sums
    outside = np.maximum(rows - inside, 0.0)
    expected = np.maximum(rows * share, _TINY), np.maximum(rows * (1 - share), _TINY)
    gain = xlogy(inside, inside / expected[0]) + xlogy(outside, outside / expected[1])
    return np.asarray(2 * np.maximum(gain.sum(axis=1), 0.0))


def _rank_gain(tables: Tables) -> Floats:
    """Likelihood ratio of different means in the bins, shape (n_columns, n_outcomes)."""
    n_rows = tables.counts.sum(axis=1)[:, None]
    between = (np.square(tables.sums) / np.maximum(tables.counts, 1.0)[:, :, None]).sum(axis=1)
    return _ratio(between / np.maximum(n_rows, 1.0), n_rows)


def _trend_gain(tables: Tables, outcomes: Outcomes) -> Floats:
    """Likelihood ratio of a trend over the bins that are not missing, shape (n_columns, n_outcomes)."""
    counts, sums = tables.counts[:, 1:], tables.sums[:, 1:]
    n_rows = np.maximum(counts.sum(axis=1), 1.0)
    middle = (np.cumsum(counts, axis=1) - counts / 2) / n_rows[:, None] - 0.5
    spread = (counts * np.square(middle)).sum(axis=1) * n_rows
    slope = (middle[:, :, None] * sums).sum(axis=1)
    variance = outcomes.values.var(axis=0, dtype=np.float64)
    share = np.square(slope) / np.maximum(spread[:, None] * variance, _TINY)
    return _ratio(share, n_rows[:, None])


def _ratio(explained: Floats, n_rows: Floats) -> Floats:
    """Likelihood ratio of a share of the variance."""
    return np.asarray(-n_rows * np.log(np.clip(1.0 - explained, _LEAST_LEFT, 1.0)))


def _surprise(statistic: Floats, freedom: NDArray[np.number]) -> Floats:
    """-log10 of the upper tail of chi squared; beyond the smallest float by its leading term."""
    half, x = freedom / 2, statistic / 2
    tail = gammaincc(half, x)
    far = (half - 1) * np.log(np.maximum(x, 1.0)) - x - gammaln(half)
    logs = np.where(tail > _TINY, np.log(np.maximum(tail, _TINY)), far)
    return np.asarray(np.maximum(-logs / np.log(10), 0.0))


def additive_residuals(codes: Codes, outcomes: Outcomes) -> Floats:
    """Return what a sum of effects of single columns leaves unexplained in each row when that row is left out.

    It is a ridge regression on the bins, with the leave-one-out residuals in closed form (Allen 1974, "PRESS").

    Parameters
    ----------
    codes : ndarray of uint8, shape (n_columns, n_rows)
    outcomes : Outcomes

    Returns
    -------
    ndarray of float64, shape (n_rows, n_outcomes)
    """
    y = outcomes.values.astype(np.float64)
    y -= y.mean(axis=0)
    bins = [codes_of == code for codes_of in codes for code in np.unique(codes_of)[1:]]
    if not bins:
        return y
    design = np.stack(bins, axis=1).astype(np.float64)
    design -= design.mean(axis=0)
    inner = design.T @ design
    inner[np.diag_indices_from(inner)] += _RIDGE
    projected = np.linalg.solve(inner, design.T)
    leverage = np.einsum("ij,ji->i", design, projected)
    return np.asarray((y - design @ (projected @ y)) / np.maximum(1.0 - leverage, 0.05)[:, None])


def products(residuals: Floats, codes: Codes) -> Floats:
    """Multiply residuals by columns' centred ranks: what goes with a product interacts with that column.

    Parameters
    ----------
    residuals : ndarray of float64, shape (n_rows, n_outcomes)
    codes : ndarray of uint8, shape (n_columns, n_rows)

    Returns
    -------
    ndarray of float64, shape (n_rows, n_columns * n_outcomes)
    """
    from scipy.stats import rankdata

    centred = rankdata(codes, axis=1) - (codes.shape[1] + 1) / 2
    return np.asarray((residuals[:, None, :] * centred.T[:, :, None]).reshape(len(residuals), -1))
