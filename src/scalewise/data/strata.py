"""Random keys of rows, and the rows of smallest keys within classes: what drawing samples rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ints", "Keys", "Strata", "code_counts", "mixed", "row_keys"]

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

_CHUNK = 1 << 16
_ALL_KEYS = np.uint64(2**64 - 1)


def mixed(values: Keys) -> Keys:
    """Scatter 64-bit numbers over all 64-bit numbers, one to one (the finisher of splitmix64).

    References
    ----------
    Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
    """
    x = values + np.uint64(0x9E3779B97F4A7C15)
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def row_keys(rows: NDArray[np.int64] | Keys, seed: int, stream: int) -> Keys:
    """Give each row number a key that looks random, the same in every process.

    Parameters
    ----------
    rows : ndarray of shape (n,)
        Row numbers (or any 64-bit numbers); equal ones get equal keys, different ones different keys.
    seed, stream : int
        Keys of different seeds or streams have nothing to do with each other.

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    salt = mixed(mixed(_word(seed)) ^ _word(stream))
    return mixed(rows.astype(np.uint64) ^ salt)


def code_counts(codes: NDArray[np.integer], n_codes: int) -> Ints:
    """Rows of each code, -1 left out; ndarray of shape (n_codes,)."""
    counts = np.zeros(n_codes, dtype=np.int64)
    for _, chunk in _chunks(codes):
        counts += np.bincount(chunk[chunk >= 0], minlength=n_codes)
    return counts


@dataclass
class Strata:
    """Rows in classes, from which the smallest positions are drawn.

    Parameters
    ----------
    codes : ndarray of int, shape (n_total,)
        Class of each row; -1 for rows that are never drawn.
    sizes : ndarray of int64, shape (n_classes,)
        Rows of each class, as `code_counts` counts them.
    """

    codes: NDArray[np.integer]
    sizes: Ints

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.sizes)

    def first(self, n_rows: int, seed: int, stream: int, at_least: Ints | None = None) -> Ints:
        """Row numbers of the `n_rows` smallest positions, in order; `at_least` rows of each class come before all."""
        at_least = np.zeros(self.n_classes, dtype=np.int64) if at_least is None else at_least
        wanted = self._most_per_class(n_rows, at_least)
        rows, keys = self._smallest(wanted, seed, stream)
        classes = self.codes[rows]
        by_key = np.lexsort((keys, classes))
        rows, keys, classes = rows[by_key], keys[by_key], classes[by_key]
        rank = np.arange(len(rows)) - np.searchsorted(classes, np.arange(self.n_classes))[classes]
        position = (rank + 0.5) / self.sizes[classes]
        position[rank < at_least[classes]] -= 1
        drawn: Ints = rows[np.lexsort((keys, position))[:n_rows]]
        return drawn

    def _most_per_class(self, n_rows: int, at_least: Ints) -> Ints:
        """Bound how many rows of each class can be among the `n_rows` smallest positions."""
        share = (n_rows + self.n_classes / 2) / max(1, self.sizes.sum())
        wanted = np.ceil(self.sizes * share).astype(np.int64) + 1
        most: Ints = np.minimum(self.sizes, np.maximum(wanted, at_least))
        return most

    def _smallest(self, wanted: Ints, seed: int, stream: int) -> tuple[Ints, Keys]:
        """Rows that hold, for each class, at least the `wanted` smallest keys, and their keys."""
        slack = 6.0
        while True:
            rows, keys = self._below(self._thresholds(wanted, slack), seed, stream)
            if np.all(np.bincount(self.codes[rows], minlength=self.n_classes) >= wanted):
                return rows, keys
            slack *= 4

    def _thresholds(self, wanted: Ints, slack: float) -> Keys:
        """Keys below which that many rows of each class lie, nearly certainly."""
        share = (wanted + slack * np.sqrt(wanted) + slack) / np.maximum(1, self.sizes)
        bounds = (np.minimum(share, 0.5) * 2.0**64).astype(np.uint64)
        return np.where(share > 0.5, _ALL_KEYS, bounds)

    def _below(self, thresholds: Keys, seed: int, stream: int) -> tuple[Ints, Keys]:
        kept_rows, kept_keys, most = [], [], thresholds.max()
        for start, codes in _chunks(self.codes):
            keys = row_keys(np.arange(start, start + len(codes)), seed, stream)
            # Few are below the highest threshold, so that only they need be held against that of their class.
            low = np.flatnonzero(keys <= most)
            kept = low[(keys[low] <= thresholds[codes[low]]) & (codes[low] >= 0)]
            kept_rows.append(kept + start)
            kept_keys.append(keys[kept])
        return np.concatenate(kept_rows), np.concatenate(kept_keys)


def _chunks(codes: NDArray[np.integer]) -> Iterator[tuple[int, NDArray[np.integer]]]:
    """Parts of the rows, small enough for arithmetic on them to stay small, and where each starts."""
    for start in range(0, max(1, len(codes)), _CHUNK):
        yield start, codes[start : start + _CHUNK]


def _word(number: int) -> Keys:
    return np.array([number % 2**64], dtype=np.uint64)
