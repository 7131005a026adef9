"""Parquet files: read by column, and only the rows that are asked for are kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scalewise.data.frames import normal_table
from scalewise.errors import TableError

__all__ = ["ParquetSource", "Stretch", "parquet_files"]

_BATCH_ROWS = 1 << 15
_BUFFER_BYTES = 1 << 18
_SMALL_GROUP_BYTES = 1 << 24
_VALUE_BYTES = 8
_WIDE_COLUMNS = 1000
_HASHED_BYTES = 1 << 16


def parquet_files(path: Path) -> tuple[Path, ...]:
    """List the Parquet files of a folder (hidden ones and those that start with an underscore left out) or a file.

    Raises
    ------
    TableError
        If a folder holds none.
    """
    if not path.is_dir():
        return (path,)
    inside = sorted(p for ending in ("parquet", "pq", "parq") for p in path.rglob(f"*.{ending}"))
    files = tuple(p for p in inside if p.is_file() and not any(_hidden(part) for part in p.relative_to(path).parts))
    if not files:
        raise TableError(
            f"The folder {str(path)!r} holds no Parquet file. Give a folder with files ending in .parquet."
        )
    return files


def _hidden(part: str) -> bool:
    return part.startswith((".", "_"))


@dataclass(frozen=True)
class _File:
    """One file: its footer, where its rows stand in the whole table, and columns that only its folders' names tell."""

    path: Path
    footer: pq.FileMetaData
    start: int
    told: Mapping[str, str | None]

    def schema(self) -> pa.Schema:
        """Names and types of the file's columns, then of those that its folders' names tell."""
        inside = normal_table(self.footer.schema.to_arrow_schema().empty_table()).schema
        return pa.schema([*inside, *((name, pa.string()) for name in self.told)])

    @cached_property
    def has_small_parts(self) -> bool:
        """Whether all of its row groups, or their columns, are small."""
        groups = range(self.footer.num_row_groups)
        largest = max((self.footer.row_group(group).total_byte_size for group in groups), default=0)
        return bool(largest <= max(_SMALL_GROUP_BYTES, 2 * _BUFFER_BYTES * self.footer.num_columns))

    def row_group_starts(self) -> NDArray[np.int64]:
        """Row numbers where its row groups start, and where the last one ends."""
        sizes = [self.footer.row_group(i).num_rows for i in range(self.footer.num_row_groups)]
        return self.start + np.cumsum([0, *sizes], dtype=np.int64)


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
        self._files = _opened(files, root)
        self._kept_open: tuple[_File, pq.ParquetFile] | None = None
        self._schema = _common_schema(self._files, root)

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
                for part in _file_parts(file):
                    digest.update(part)
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    def scan(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of all rows, in row order, in batches of bounded size."""
        for file in self._files:
            with self._opened(file) as opened:
                for batch in _batches(file, opened, range(file.footer.num_row_groups), columns):
                    yield from self._fitted(batch)

    def take(self, rows: NDArray[np.int64], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of some rows, given by ascending row numbers; the rest of a batch is dropped at once."""
        for file in self._files:
            groups = _wanted_groups(file, rows)
            if groups:
                with self._opened(file) as opened:
                    for batch in _taken(file, opened, groups, columns):
                        yield from self._fitted(batch)

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
        is_small = file.has_small_parts and _VALUE_BYTES * stretch.n_rows * len(columns) <= _SMALL_GROUP_BYTES
        for batch in (self._at_once if is_small else self._bit_by_bit)(file, stretch.row_group, columns):
            yield from self._fitted(batch)

    def _at_once(self, file: _File, row_group: int, columns: Sequence[str]) -> Iterable[pa.RecordBatch]:
        """Faster for a small row group; the file is closed at once, since it holds what it has read until then."""
        with self._opened(file, columns) as opened:
            table = opened.read_row_group(row_group, [name for name in columns if name not in file.told])
        # What decoding took stays with Arrow's threads otherwise, a varying amount.
        pa.default_memory_pool().release_unused()
        return [_with_told(batch, file, columns) for batch in table.to_batches(_BATCH_ROWS)]

    def _bit_by_bit(self, file: _File, row_group: int, columns: Sequence[str]) -> Iterable[pa.RecordBatch]:
        with self._opened(file, columns) as opened:
            yield from _batches(file, opened, [row_group], columns)

    @contextmanager
    def _opened(self, file: _File, coded: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
        """Open a file, text among `coded` as dictionaries; the last one of many columns stays open: it takes long."""
        if self._kept_open is not None and self._kept_open[0] is file:
            with _telling(file):
                yield self._kept_open[1]
            return
        with _telling(file):
            text = [name for name in coded if name not in file.told and self._schema.field(name).type == pa.string()]
            opened = _open_file(file, text)
            if file.footer.num_columns < _WIDE_COLUMNS:
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


def _opened(files: Sequence[Path], root: Path) -> tuple[_File, ...]:
    opened, start = [], 0
    for path in files:
        footer = _footer(path)
        told = _told_by_folders(path, root, footer.schema.to_arrow_schema().names)
        opened.append(_File(path, footer, start, told))
        start += opened[-1].footer.num_rows
    return tuple(opened)


def _told_by_folders(path: Path, root: Path, inside: Sequence[str]) -> Mapping[str, str | None]:
    """Columns kept in folder names such as ``year=2026``, as Spark, Dask and pandas write them; not those inside."""
    folders = path.relative_to(root).parts[:-1] if path.is_relative_to(root) else ()
    pairs = [unquote(folder).split("=", 1) for folder in folders if "=" in folder]
    return {
        name: None if value == "__HIVE_DEFAULT_PARTITION__" else value for name, value in pairs if name not in inside
    }


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values are of a type, or text held as a dictionary of it."""
    return bool(found == wanted or (pa.types.is_dictionary(found) and found.value_type == wanted))


def _common_schema(files: Sequence[_File], root: Path) -> pa.Schema:
    """Columns of the first file, with types wide enough for every file's values."""
    first = files[0].schema()
    for file in files[1:]:
        differing = sorted(set(file.schema().names) ^ set(first.names))
        if differing:
            raise TableError(
                f"The files in {str(root)!r} hold different columns: {', '.join(differing[:5])} are not in all of them "
                f"({file.path.name} differs from the first file). Give a folder whose files share their columns."
            )
    try:
        return pa.unify_schemas([file.schema() for file in files], promote_options="permissive")
    except pa.ArrowException as error:
        raise TableError(
            f"The files in {str(root)!r} hold different types: {_one_line(error)}. "
            "Give a folder whose files have the same types."
        ) from error


def _footer(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{str(path)!r} cannot be read as Parquet: {_one_line(error)}. Is it complete?") from error


def _file_parts(file: _File) -> Iterator[bytes]:
    state = file.path.stat()
    yield f"{state.st_size} {state.st_mtime_ns} {file.footer.num_rows} {file.footer.num_row_groups}".encode()
    with file.path.open("rb") as opened:
        yield opened.read(_HASHED_BYTES)
        opened.seek(-min(_HASHED_BYTES, state.st_size), os.SEEK_END)
        yield opened.read()


@contextmanager
def _telling(file: _File) -> Iterator[None]:
    """Say which file cannot be read."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{str(file.path)!r} cannot be read: {_one_line(error)}. Is it complete?") from error


def _open_file(file: _File, coded: list[str]) -> pq.ParquetFile:
    # Without a buffer each column of a row group is held in memory as a whole, which is faster for small ones.
    n_bytes = 0 if file.has_small_parts else _BUFFER_BYTES
    return pq.ParquetFile(file.path, metadata=file.footer, buffer_size=n_bytes, read_dictionary=coded)


def _batches(
    file: _File, opened: pq.ParquetFile, row_groups: Sequence[int], columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    try:
        inside = [name for name in columns if name not in file.told]
        for batch in opened.iter_batches(_BATCH_ROWS, row_groups=list(row_groups), columns=inside):
            yield _with_told(batch, file, columns)
    finally:
        if not file.has_small_parts:
            pa.default_memory_pool().release_unused()


def _with_told(batch: pa.RecordBatch, file: _File, columns: Sequence[str]) -> pa.RecordBatch:
    """Columns in the order asked for, with those that the names of folders tell."""
    told = {name: pa.repeat(pa.scalar(value, pa.string()), batch.num_rows) for name, value in file.told.items()}
    found = {**told, **dict(zip(batch.schema.names, batch.columns, strict=True))}
    return pa.record_batch([found[name] for name in columns], names=list(columns))


def _wanted_groups(file: _File, rows: NDArray[np.int64]) -> list[tuple[int, int, NDArray[np.int64]]]:
    """Row groups with wanted rows: which one, its first row, and the wanted rows in it."""
    starts = file.row_group_starts()
    cuts = np.searchsorted(rows, starts)
    groups = np.flatnonzero(np.diff(cuts)).tolist()
    return [(group, int(starts[group]), rows[cuts[group] : cuts[group + 1]]) for group in groups]


def _taken(
    file: _File,
    opened: pq.ParquetFile,
    groups: Sequence[tuple[int, int, NDArray[np.int64]]],
    columns: Sequence[str],
) -> Iterator[pa.RecordBatch]:
    """Batches of the wanted rows of one file."""
    for group, first, wanted in groups:
        start = first
        for batch in _batches(file, opened, [group], columns):
            low, high = np.searchsorted(wanted, (start, start + batch.num_rows))
            if low < high:
                yield batch.take(pa.array(wanted[low:high] - start))
            start += batch.num_rows


def _one_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
