"""Parts of Parquet files that are small enough to be read as a whole, so that threads can read a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scalewise.data.frames import normal_table
from scalewise.data.parquet_footers import File, telling
from scalewise.data.threads import in_order

__all__ = ["Part", "Wanted", "read_parts", "small_parts"]

Wanted = tuple[File, int, NDArray[np.int64] | None]
"""A row group of a file, and the places in it of the rows that are wanted, ascending; None for all."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some columns of a row group.

    Parameters
    ----------
    file : File
    row_group : int
    columns : list of str
    text : list of str
        Those of them that hold text.
    places : ndarray of int64, shape (n_wanted,), or None
        The rows that are wanted.
    """

    file: File
    row_group: int
    columns: list[str]
    text: list[str]
    places: NDArray[np.int64] | None

    def read(self) -> pa.Table:
        """Read it.

        Raises
        ------
        TableError
            If the file cannot be read.
        """
        # Text that is hardly wanted stays coded until the rest has been dropped.
        coded = [] if self.places is None else self.text
        with telling(self.file), pq.ParquetFile(self.file.path, metadata=self.file.footer, read_dictionary=coded) as it:
            table = it.read_row_group(self.row_group, self.columns, use_threads=False)
        if self.places is not None:
            table = normal_table(table).take(pa.array(self.places))
        for name in coded:
            table = table.set_column(table.column_names.index(name), name, table.column(name).cast(pa.string()))
        return table


def read_parts(parts: Iterable[Part]) -> Iterator[pa.Table]:
    """Read parts in a few threads, in their order."""
    try:
        yield from in_order(Part.read, parts)
    finally:
        # What reading took stays with Arrow otherwise.
        pa.default_memory_pool().release_unused()


def small_parts(wanted: Iterable[Wanted], columns: Sequence[str], text: Sequence[str]) -> list[list[Part]]:
    """Split row groups by columns into parts that are small; one that cannot be split so has no parts.

    Parameters
    ----------
    wanted : iterable of Wanted
    columns : sequence of str
    text : sequence of str
        The table's columns of text.
    """
    spelt = set(text)
    return [
        [
            Part(file, row_group, names, [name for name in names if name in spelt], places)
            for names in file.small_parts(row_group, columns)
        ]
        for file, row_group, places in wanted
    ]
