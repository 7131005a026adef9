"""Blocks of columns as a few bins, counted against a target: what screening a wide table looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scalewise.core.features.association import Codes, Outcomes, Tables, coded_tables

__all__ = ["MAX_CODES", "Block", "CodedBlock", "NumberBlock", "SparseBlock", "category_codes", "number_codes"]

Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]

MAX_CODES = 32
"""Bins of a column of categories at the most."""

_MOST_EDGES, _ROWS_A_BIN = 7, 40
_EDGE_ROWS = 1024
_CACHED = 1 << 18
_ZERO, _POSITIVE = 3, 4
_SPARSE_BINS = 8
_POSITIVE_PARTS = 4


class Block(Protocol):
    """Some columns of the same rows.

    Attributes
    ----------
    places : ndarray of int64, shape (n_columns,)
        Where they stand among the columns that are screened.
    """

    @property
    def places(self) -> Ints:
        """Where the columns stand among those that are screened."""

    @property
    def ordered(self) -> NDArray[np.bool_]:
        """Whether the bins of each column stand in an order."""

    def tables(self, outcomes: Outcomes) -> Tables:
        """Count the bins against outcomes."""

    def codes(self, which: Ints) -> Codes:
        """Bins of some of the columns, by their place in the block; ndarray of shape (n_which, n_rows)."""


@dataclass(frozen=True, eq=False)
class CodedBlock:
    """Columns that are bins already."""

    places: Ints
    ordered: NDArray[np.bool_]
    values: Codes

    def tables(self, outcomes: Outcomes) -> Tables:
        """Count the bins against outcomes."""
        return coded_tables(self.values, outcomes)

    def codes(self, which: Ints) -> Codes:
        """Bins of some of the columns."""
        return self.values[which]


@dataclass(frozen=True, eq=False)
class NumberBlock:
    """Columns of numbers, cut at quantiles of some of their rows.

    Parameters
    ----------
    places : ndarray of int64, shape (n_columns,)
    values : ndarray of float32, shape (n_columns, n_rows)
        NaN where missing.
    """

    places: Ints
    values: Floats32

    @property
    def ordered(self) -> NDArray[np.bool_]:
        """All of them are."""
        return np.ones(len(self.places), dtype=bool)

    @cached_property
    def _edges(self) -> Floats32:
        """Quantiles of each column, shape (n_edges, n_columns, 1)."""
        return _quantiles(self.values)[:, :, None]

    def tables(self, outcomes: Outcomes) -> Tables:
        """Count the bins against outcomes, a few columns at a time, which the processor's cache holds."""
        y, step = outcomes.with_ones, max(1, _CACHED // self.values.shape[1])
        starts = range(0, len(self.places), step)
        parts = [_counted(self.values[at : at + step], self._edges[:, at : at + step], y) for at in starts]
        return Tables.of(np.concatenate(parts).astype(np.float64))

    def codes(self, which: Ints) -> Codes:
        """Bins of some of the columns."""
        return _cut(self.values[which], self._edges[:, which])


def _counted(values: Floats32, edges: Floats32, y: Floats32) -> Floats32:
    """Sums of y in each bin: what is above an edge but not above the next; shape (n_columns, n_bins, n_sums)."""
    above, reached = np.empty(values.shape, dtype=np.float32), []
    for compare, edge in _cuts(edges):
        compare(values, edge, out=above)
        reached.append(above @ y)
    np.isnan(values, out=above)
    missing = above @ y
    levels = [y.sum(axis=0, dtype=np.float64) - missing, *reached, np.zeros_like(missing)]
    return np.stack([missing, *(low - high for low, high in pairwise(levels))], axis=1)


def _cuts(edges: Floats32) -> list[tuple[np.ufunc, Floats32]]:
    """Comparisons by which rows go up one bin; the lowest edge has a bin of its own, for numbers that repeat."""
    return [(np.greater_equal, edges[0]), *((np.greater, edge) for edge in edges)]


def _cut(values: Floats32, edges: Floats32) -> Codes:
    codes = np.ones(values.shape, dtype=np.uint8)
    for compare, edge in _cuts(edges):
        codes += compare(values, edge)
    codes[np.isnan(values)] = 0
    return codes


def _quantiles(values: Floats32) -> Floats32:
    """Quantiles of each column on evenly spread rows, shape (n_edges, n_columns)."""
    n_rows = values.shape[1]
    looked_at = np.linspace(0, n_rows - 1, min(n_rows, _EDGE_ROWS)).astype(np.intp)
    ordered = np.sort(values[:, looked_at], axis=1)
    n_present = (~np.isnan(ordered)).sum(axis=1)
    n_edges = max(1, min(_MOST_EDGES, n_rows // _ROWS_A_BIN - 1))
    shares = np.arange(1, n_edges + 1) / (n_edges + 1)
    places = (shares[:, None] * np.maximum(n_present - 1, 0)).astype(np.intp)
    return np.take_along_axis(ordered, places.T, axis=1).T


def number_codes(values: NDArray[np.float64]) -> Codes:
    """Bins of one column of numbers, NaN where missing; ndarray of shape (n_rows,)."""
    column = _near_zero(values)[None]
    codes: Codes = _cut(column, _quantiles(column)[:, :, None])[0]
    return codes


def _near_zero(values: NDArray[np.float64]) -> Floats32:
    """Numbers from the first one on, so that few digits tell them apart however far from zero they lie."""
    present = values[~np.isnan(values)]
    with np.errstate(over="ignore"):
        column = (values - (present[0] if len(present) else 0.0)).astype(np.float32)
    column[np.isinf(column)] = np.nan
    return column


def category_codes(values: NDArray[np.float64]) -> Codes:
    """Bins of one column of categories, NaN where missing: the most frequent ones, and one for the rest."""
    found, places = np.unique(values, return_inverse=True)
    counts = np.where(np.isnan(found), 0, np.bincount(places, minlength=len(found)))
    rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    codes = np.minimum(rank, MAX_CODES - 2) + 1
    binned: Codes = np.where(np.isnan(found), 0, codes).astype(np.uint8)[places]
    return binned


@dataclass(frozen=True, eq=False)
class SparseBlock:
    """Columns that are zero in most rows: only what is not zero is looked at.

    Parameters
    ----------
    places : ndarray of int64, shape (n_columns,)
    columns, rows : ndarray of int64, shape (n_entries,)
        Of each entry that is not zero.
    values : ndarray of float64, shape (n_entries,)
        NaN where missing.
    n_rows : int
    """

    places: Ints
    columns: Ints
    rows: Ints
    values: NDArray[np.float64]
    n_rows: int

    @property
    def ordered(self) -> NDArray[np.bool_]:
        """All of them are."""
        return np.ones(len(self.places), dtype=bool)

    def tables(self, outcomes: Outcomes) -> Tables:
        """Count the bins against outcomes; what is not among the entries is zero."""
        y, n_columns = outcomes.with_ones, len(self.places)
        at = self.columns * _SPARSE_BINS + self._bins
        size = n_columns * _SPARSE_BINS
        sums = [np.bincount(at, y[self.rows, k], size).astype(np.float64) for k in range(y.shape[1])]
        stacked = np.stack(sums, axis=1).reshape(n_columns, _SPARSE_BINS, -1)
        stacked[:, _ZERO] = y.sum(axis=0, dtype=np.float64) - stacked.sum(axis=1)
        return Tables.of(stacked)

    @cached_property
    def _bins(self) -> Ints:
        """Bin of each entry: missing, two parts below zero, (zero,) and four above."""
        bins = np.zeros(len(self.values), dtype=np.int64)
        below, above = self.values < 0, self.values > 0
        bins[below] = 1 + self._parts(below, 2)
        bins[above] = _POSITIVE + self._parts(above, _POSITIVE_PARTS)
        return bins

    def _parts(self, which: NDArray[np.bool_], n_parts: int) -> Ints:
        """Cut some entries into parts of nearly equal number, column by column; equal values stay together."""
        columns, values = self.columns[which], self.values[which]
        order = np.lexsort((values, columns))
        starts = np.searchsorted(columns[order], np.arange(len(self.places) + 1))
        ordered = np.append(values[order], np.nan)
        parts = np.zeros(len(values), dtype=np.int64)
        for part in range(1, n_parts):
            at = starts[:-1] + np.diff(starts) * part // n_parts
            parts += (values >= ordered[at][columns]) & (values > ordered[starts[:-1]][columns])
        return parts

    def codes(self, which: Ints) -> Codes:
        """Bins of some of the columns."""
        found = np.full((len(which), self.n_rows), _ZERO, dtype=np.uint8)
        place = np.full(len(self.places), -1)
        place[which] = np.arange(len(which))
        entries = place[self.columns] >= 0
        found[place[self.columns[entries]], self.rows[entries]] = self._bins[entries]
        return found
