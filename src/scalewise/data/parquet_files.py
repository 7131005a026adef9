"""Parquet files: read by column, and only the rows that are asked for are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scalewise.data.frames import normal_table
from scalewise.data.parquet_footers import (
    BUFFER_BYTES,
    File,
    common_schema,
    file_parts,
    opened_files,
    parquet_files,
    telling,
)
from scalewise.data.parquet_parts import Wanted, read_parts, small_parts

__all__ = ["ParquetSource", "Stretch", "parquet_files"]

_BATCH_ROWS = 1 << 15


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows that lie together in one file, as one row group.

    Parameters
    ----------
    file, row_group : int
    start : int
        Row number of its first row in the whole table.
    n_rows : int
    """

    file: int
    row_group: int
    start: int
    n_rows: int


class ParquetSource:
    """One table in one or more Parquet files of the same columns.

    Parameters
    ----------
    files : sequence of Path
        In row order.
    name : str
    root : Path
        What was given, for messages.
    fingerprint : str, optional
        What the table is known by where the files themselves do not tell.

    Raises
    ------
    TableError
        If a file cannot be read, or the files' columns differ.
    """

    def __init__(self, files: Sequence[Path], name: str, *, root: Path, fingerprint: str | None = None) -> None:
        self.name = name
        self._fingerprint = fingerprint
        self._root = root
        self._files = opened_files(files, root)
        self._kept_open: tuple[File, pq.ParquetFile] | None = None
        self._schema = common_schema(self._files, root)
        self._text = [field.name for field in self._schema if field.type == pa.string()]

    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._schema

    def n_rows(self) -> int:
        """Rows of all files together."""
        last = self._files[-1]
        return int(last.start + last.footer.num_rows)

    def n_bytes(self) -> int:
        """Bytes of the files."""
        return sum(file.path.stat().st_size for file in self._files)

    def fingerprint(self) -> str:
        """Hash of the files' sizes, times of change, footers, and first and last bytes, not of where they lie."""
        if self._fingerprint is None:
            digest = hashlib.blake2b(digest_size=16)
            for file in self._files:
                for part in file_parts(file):
                    digest.update(part)
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    def scan(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of all rows, in row order, in batches of bounded size."""
        wanted: list[Wanted] = [(file, at, None) for file in self._files for at in range(file.footer.num_row_groups)]
        parts = small_parts(wanted, columns, self._text)
        if any(len(split) != 1 for split in parts):
            yield from self._scanned_in_turn(columns)
            return
        for table, (file, _, _) in zip(read_parts(chain(*parts)), wanted, strict=True):
            for batch in table.to_batches(_BATCH_ROWS):
                yield from self._fitted(_with_told(batch, file, columns))

    def take(self, rows: NDArray[np.int64], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of some rows, given by ascending row numbers; the rest is dropped at once."""
        wanted = [found for file in self._files for found in _wanted_groups(file, rows)]
        parts = small_parts(wanted, columns, self._text)
        if not all(parts):
            yield from self._taken_in_turn(wanted, columns)
            return
        read = read_parts(chain(*parts))
        for split in parts:
            yield from self._fitted(_with_told(_side_by_side(islice(read, len(split))), split[0].file, columns))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in row order."""
        return tuple(file.path for file in self._files)

    @property
    def root(self) -> Path:
        """The folder or file that was given."""
        return self._root

    def stretches(self) -> tuple[Stretch, ...]:
        """The parts that can be read on their own, in row order; empty ones are left out."""
        return tuple(
            Stretch(number, group, int(start), int(n_rows))
            for number, file in enumerate(self._files)
            for starts in [file.row_group_starts()]
            for group, (start, n_rows) in enumerate(zip(starts[:-1], np.diff(starts), strict=True))
            if n_rows
        )

    def read(self, stretch: Stretch, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of one stretch, in row order, in batches of bounded size; text may come as dictionaries."""
        file = self._files[stretch.file]
        is_small = file.is_small(stretch.n_rows, columns)
        for batch in (self._at_once if is_small else self._bit_by_bit)(file, stretch.row_group, columns):
            yield from self._fitted(batch)

    def _at_once(self, file: File, row_group: int, columns: Sequence[str]) -> Iterable[pa.RecordBatch]:
        """Faster for a small row group; the file is closed at once, since it holds what it has read until then."""
        with self._opened(file, columns) as opened:
            table = opened.read_row_group(row_group, file.inside(columns))
        # What decoding took stays with Arrow's threads otherwise, a varying amount.
        pa.default_memory_pool().release_unused()
        return [_with_told(batch, file, columns) for batch in table.to_batches(_BATCH_ROWS)]

    def _bit_by_bit(self, file: File, row_group: int, columns: Sequence[str]) -> Iterable[pa.RecordBatch]:
        with self._opened(file, columns) as opened:
            yield from _batches(file, opened, [row_group], columns)

    def _scanned_in_turn(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for file in self._files:
            with self._opened(file) as opened:
                for batch in _batches(file, opened, range(file.footer.num_row_groups), columns):
                    yield from self._fitted(batch)

    def _taken_in_turn(self, wanted: Sequence[_Taken], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for file, groups in groupby(wanted, key=itemgetter(0)):
            with self._opened(file) as opened:
                for _, row_group, places in groups:
                    for batch in _picked(file, opened, row_group, places, columns):
                        yield from self._fitted(batch)

    @contextmanager
    def _opened(self, file: File, coded: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
        """Open a file, text among `coded` as dictionaries; the last one of many columns stays open: it takes long."""
        if self._kept_open is not None and self._kept_open[0] is file:
            with telling(file):
                yield self._kept_open[1]
            return
        with telling(file):
            opened = _open_file(file, [name for name in file.inside(coded) if name in self._text])
            if not file.is_wide:
                with opened:
                    yield opened
                return
            self._kept_open = file, opened
            yield opened

    def _fitted(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Bring a batch of one file to the types that all files share."""
        types = pa.schema([self._schema.field(name) for name in batch.schema.names])
        if all(_fits(found, wanted) for found, wanted in zip(batch.schema.types, types.types, strict=True)):
            yield batch
            return
        yield from normal_table(pa.Table.from_batches([batch])).cast(types).to_batches()


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values are of a type, or text held as a dictionary of it."""
    return bool(found == wanted or (pa.types.is_dictionary(found) and found.value_type == wanted))


def _open_file(file: File, coded: list[str]) -> pq.ParquetFile:
    # Without a buffer each column of a row group is held in memory as a whole, which is faster for small ones.
    n_bytes = 0 if file.has_small_parts else BUFFER_BYTES
    return pq.ParquetFile(file.path, metadata=file.footer, buffer_size=n_bytes, read_dictionary=coded)


def _batches(
    file: File, opened: pq.ParquetFile, row_groups: Sequence[int], columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in opened.iter_batches(_BATCH_ROWS, row_groups=list(row_groups), columns=file.inside(columns)):
            yield _with_told(batch, file, columns)
    finally:
        if not file.has_small_parts:
            pa.default_memory_pool().release_unused()


def _with_told(batch: pa.RecordBatch, file: File, columns: Sequence[str]) -> pa.RecordBatch:
    """Columns in the order asked for, with those that the names of folders tell."""
    told = {name: pa.repeat(pa.scalar(value, pa.string()), batch.num_rows) for name, value in file.told.items()}
    found = {**told, **dict(zip(batch.schema.names, batch.columns, strict=True))}
    return pa.record_batch([found[name] for name in columns], names=list(columns))


_Taken = tuple[File, int, NDArray[np.int64]]
"""A row group of a file, and the places in it of the rows that are wanted, ascending."""


def _wanted_groups(file: File, rows: NDArray[np.int64]) -> list[_Taken]:
    """Row groups of a file with wanted rows."""
    starts = file.row_group_starts()
    cuts = np.searchsorted(rows, starts)
    groups = np.flatnonzero(np.diff(cuts)).tolist()
    return [(file, group, rows[cuts[group] : cuts[group + 1]] - starts[group]) for group in groups]


def _picked(
    file: File, opened: pq.ParquetFile, row_group: int, places: NDArray[np.int64], columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Batches of the wanted rows of a row group that is too large to be read as a whole."""
    start = 0
    for batch in _batches(file, opened, [row_group], columns):
        low, high = np.searchsorted(places, (start, start + batch.num_rows))
        if low < high:
            some = normal_table(pa.Table.from_batches([batch]))
            yield from some.take(pa.array(places[low:high] - start)).to_batches()
        start += batch.num_rows


def _side_by_side(parts: Iterable[pa.Table]) -> pa.RecordBatch:
    """Put columns of the same rows together."""
    columns = {name: table.column(name) for table in parts for name in table.column_names}
    (batch,) = pa.table(columns).combine_chunks().to_batches()
    return batch
