"""Opening tables: what a source is, and which one a given object or path becomes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import shorten
from typing import Protocol, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scalewise.data.csv_files import open_csv
from scalewise.data.frames import ArrowSource, arrow_table
from scalewise.data.parquet_files import ParquetSource, parquet_files
from scalewise.errors import TableError

__all__ = ["ENTRY_POINTS", "Source", "open_source"]

ENTRY_POINTS = "scalewise.sources"
"""Group of entry points by which other packages add sources: callables that take what a person gave and a name or
None, and return a `Source`, or None where it is not theirs."""

_CSV_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".csv.bz2", ".tsv.bz2", ".tsv.zst")
_PARQUET_ENDINGS = (".parquet", ".pq", ".parq")
_VALID = (
    "a pandas frame, a Polars frame, a pyarrow Table or anything else with __arrow_c_stream__, "
    "or a path to a Parquet file, a folder of Parquet files, or a CSV or TSV file (also .gz)"
)


class Source(Protocol):
    """Where a table lives; it can describe itself and hand over some of its rows as Arrow."""

    name: str
    """What people call it."""

    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    def n_rows(self) -> int:
        """Rows of the whole table."""

    def n_bytes(self) -> int:
        """Bytes that the table takes where it lives."""

    def fingerprint(self) -> str:
        """Text that changes when the content does, and is the same in every process."""

    def scan(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of all rows, in row order, in batches of bounded size."""

    def take(self, rows: NDArray[np.int64], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of some rows, in batches of bounded size.

        Parameters
        ----------
        rows : ndarray of int64, shape (n_rows,)
            Ascending row numbers without doubles.
        columns : sequence of str

        Yields
        ------
        pyarrow.RecordBatch
            All together one row for each of `rows`, in their order. Whoever reads may pause between two.
        """


def open_source(table: object, *, name: str | None = None) -> Source:
    """Open whatever holds a table.

    Parameters
    ----------
    table : object
        A pandas or Polars frame, a pyarrow Table, any other object with ``__arrow_c_stream__``, a path to a Parquet
        file, a folder of Parquet files or a CSV file, or a `Source` such as `scalewise.SparseTable`.
    name : str, optional
        What to call the table; by default the file's name, or "table".

    Returns
    -------
    Source

    Raises
    ------
    TableError
        If it is missing, unreadable, has no columns, or is nothing that can be opened.
    """
    if _is_source(table):
        return cast(Source, table)
    source = _from_other_packages(table, name)
    if source is not None:
        return source
    if type(table).__module__.startswith("scipy.sparse"):
        raise TableError("A sparse matrix has no target. Give scalewise.SparseTable(X, y), y being the target.")
    if isinstance(table, (str, os.PathLike)):
        return _open_path(Path(os.fspath(table)).expanduser(), name)
    return ArrowSource(arrow_table(table, valid=_VALID), name or "table")


def _is_source(table: object) -> bool:
    """Look at the class alone: some frames compute something, or warn, when an attribute is looked at."""
    methods = ("schema", "n_rows", "n_bytes", "fingerprint", "scan", "take")
    return all(callable(getattr(type(table), method, None)) for method in methods)


def _from_other_packages(table: object, name: str | None) -> Source | None:
    for entry in entry_points(group=ENTRY_POINTS):
        opener: Callable[[object, str | None], Source | None] = entry.load()
        source = opener(table, name)
        if source is not None:
            return source
    return None


def _open_path(path: Path, name: str | None) -> Source:
    if not _exists(path):
        raise TableError(f"There is no file {str(path)!r}.{_nearby(path)} Give the path of a Parquet or CSV file.")
    lowered = path.name.lower()
    if path.is_dir() or lowered.endswith(_PARQUET_ENDINGS):
        return ParquetSource(parquet_files(path), name or _stem(path), root=path)
    if lowered.endswith(_CSV_ENDINGS):
        return open_csv(path, name or _stem(path))
    raise TableError(
        f"{path.name!r} is of no kind that can be opened. Valid: files ending in "
        f"{', '.join((*_PARQUET_ENDINGS, *_CSV_ENDINGS[:4]))}, or a folder of Parquet files. "
        "Read other kinds with pandas or Polars and give the frame."
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        # Such as a table's own text in place of a path, which is longer than any name.
        raise TableError(
            f"{shorten(str(path), 80)!r} cannot be looked up: {error.strerror}. Give the path of a Parquet or CSV file."
        ) from error


def _stem(path: Path) -> str:
    """Name of a file without any of its endings."""
    return path.name.split(".")[0] or path.name


def _nearby(path: Path) -> str:
    if not path.parent.is_dir():
        return f" There is no folder {str(path.parent)!r} either."
    close = get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    return f" Did you mean {str(path.with_name(close[0]))!r}?" if close else ""
