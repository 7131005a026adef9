"""Sparse matrices as tables: a SciPy matrix of features and a target, never made dense as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from scalewise.data.frames import content_hash, normal_table
from scalewise.errors import TableError

__all__ = ["SparseTable"]

_BATCH_BYTES = 1 << 25
_HASHED_AT_ONCE = 1 << 20


class SparseTable:
    """A table whose features are a sparse matrix and whose target is given beside it.

    It is a source like any other: give it to `scalewise.explore`, `scalewise.Study` or `scalewise.open_source`.

    Parameters
    ----------
    X : sparse matrix or array of SciPy, shape (n_rows, n_features)
        Numbers or booleans, in any format. What is not stored is 0, and NaN is missing. It is held column by column: a
        matrix in CSC format, without doubles and stored zeros, is not copied.
    y : array-like of shape (n_rows,)
        The target: numbers, booleans or text.
    names : sequence of str or None
        Names of the columns of X; by default ``x0``, ``x1``, ...
    target : str
        What to call the target.
    name : str
        What to call the table.

    Raises
    ------
    TableError
        If X is no sparse matrix of numbers, its length and that of `y` or `names` differ, or a name stands twice.

    Examples
    --------
    >>> table = scalewise.SparseTable(X, y, names=words)  # doctest: +SKIP
    >>> scalewise.explore(table, target="y")  # doctest: +SKIP
    """

    def __init__(
        self, X: Any, y: Any, names: Sequence[str] | None = None, *, target: str = "y", name: str = "table"
    ) -> None:
        self.name = name
        self._target = target
        self._X = _canonical(X)
        self._y = _target_table(y, target)
        if self._y.num_rows != self._X.shape[0]:
            raise TableError(
                f"X has {self._X.shape[0]:,} rows and y has {self._y.num_rows:,} values. Give one value for each row."
            )
        self._names = _checked_names(names, self._X.shape[1], target)
        self._place = {name: place for place, name in enumerate(self._names)}
        self._schema: pa.Schema | None = None
        self._fingerprint = ""

    def schema(self) -> pa.Schema:
        """Names and types of the columns; the target comes last."""
        if self._schema is None:
            kind = pa.float64()
            self._schema = pa.schema([*(pa.field(name, kind) for name in self._names), self._y.schema.field(0)])
        return self._schema

    def n_rows(self) -> int:
        """Rows of the whole table."""
        return int(self._X.shape[0])

    def n_bytes(self) -> int:
        """Bytes of memory that the table takes."""
        return int(self._X.data.nbytes + self._X.indices.nbytes + self._X.indptr.nbytes + self._y.nbytes)

    def fingerprint(self) -> str:
        """Text that changes when the content does, and is the same in every process, whatever the format of X was."""
        if not self._fingerprint:
            digest = hashlib.blake2b(digest_size=16)
            digest.update(repr((self._X.shape, content_hash(self._y))).encode())
            digest.update("\0".join(self._names).encode())
            for part, kind in ((self._X.data, "<f8"), (self._X.indices, "<i8"), (self._X.indptr, "<i8")):
                for start in range(0, len(part), _HASHED_AT_ONCE):
                    digest.update(part[start : start + _HASHED_AT_ONCE].astype(kind).data)
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    def scan(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of all rows, in row order, in batches of bounded size."""
        yield from self.take(np.arange(self.n_rows()), columns)

    def take(self, rows: NDArray[np.int64], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of some rows, given by ascending row numbers, in batches of bounded size."""
        inside = [name for name in columns if name != self._target]
        part = self._X[:, [self._place[name] for name in inside]][rows]
        step = max(1, _BATCH_BYTES // (8 * max(1, len(inside))))
        for start in range(0, len(rows), step):
            dense = part[start : start + step].astype(np.float64).toarray(order="F")
            found: dict[str, Any] = {name: dense[:, place] for place, name in enumerate(inside)}
            found[self._target] = self._y.column(0).take(pa.array(rows[start : start + step])).combine_chunks()
            yield pa.record_batch([_one_array(found[name]) for name in columns], names=list(columns))

    def entries(
        self, start: int, stop: int, row_places: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Read what is stored in some neighbouring columns.

        Parameters
        ----------
        start, stop : int
            The columns of X.
        row_places : ndarray of int64, shape (n_rows,)
            For each row of the table the number it is to have; -1 for rows that are not wanted.

        Returns
        -------
        columns, rows : ndarray of int64, shape (n_entries,)
            Columns are counted from `start`.
        values : ndarray of float64, shape (n_entries,)
        """
        first, last = int(self._X.indptr[start]), int(self._X.indptr[stop])
        rows = row_places[self._X.indices[first:last]]
        columns = np.repeat(np.arange(stop - start), np.diff(self._X.indptr[start : stop + 1]))
        wanted = rows >= 0
        return columns[wanted], rows[wanted], self._X.data[first:last][wanted].astype(np.float64)

    @property
    def n_features(self) -> int:
        """Columns of X."""
        return int(self._X.shape[1])

    def places(self, names: Sequence[str]) -> NDArray[np.int64]:
        """For each column of X where it stands among some names; -1 where it does not; shape (n_features,)."""
        found = np.full(self.n_features, -1, dtype=np.int64)
        found[[self._place[name] for name in names]] = np.arange(len(names))
        return found

    def column_starts(self) -> NDArray[np.int64]:
        """How many entries are stored before each column of X, and in all; shape (n_features + 1,)."""
        return np.asarray(self._X.indptr, dtype=np.int64)


def _canonical(X: object) -> Any:
    """X column by column, each entry once, in row order, and none of them 0; what was given stays as it is."""
    if not sp.issparse(X):
        raise TableError(
            f"X is a {type(X).__module__}.{type(X).__qualname__}. Valid: a sparse matrix or array of SciPy. "
            "Give a dense one as a pandas frame with its target in a column."
        )
    matrix: Any = X
    if matrix.dtype.kind not in "fiub":
        raise TableError(f"X holds values of type {matrix.dtype}. Valid: numbers or booleans.")
    held = matrix.tocsc()
    if not (held.has_canonical_format and np.all(held.data != 0)):
        held = held.copy() if held is matrix or np.shares_memory(held.data, matrix.data) else held
        held.sum_duplicates()
        held.eliminate_zeros()
    return held


def _target_table(y: Any, target: str) -> pa.Table:
    try:
        return normal_table(pa.table({target: pa.chunked_array([pa.array(y, from_pandas=True)])}))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TableError(
            f"y cannot be turned into a column: {error}. Valid: one number or text for each row."
        ) from error


def _checked_names(names: Sequence[str] | None, n_columns: int, target: str) -> list[str]:
    given = [f"x{place}" for place in range(n_columns)] if names is None else [str(name) for name in names]
    if len(given) != n_columns:
        raise TableError(f"X has {n_columns:,} columns and there are {len(given):,} names. Give one for each column.")
    seen = {target}
    for name in given:
        if name in seen:
            raise TableError(f"Several columns are named {name!r}. Rename them so that every name stands once.")
        seen.add(name)
    return given


def _one_array(values: Any) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    return values if isinstance(values, pa.Array) else pa.array(values)
