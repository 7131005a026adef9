"""What Parquet files tell without being read: which there are, their columns, and where their rows stand."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
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

__all__ = ["BUFFER_BYTES", "File", "common_schema", "file_parts", "opened_files", "parquet_files", "telling"]

BUFFER_BYTES = 1 << 18
"""Bytes that are read of a column at a time, where row groups are large."""

_SMALL_BYTES = 1 << 24
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
class File:
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
        return bool(largest <= max(_SMALL_BYTES, 2 * BUFFER_BYTES * self.footer.num_columns))

    @property
    def is_wide(self) -> bool:
        """Whether it has so many columns that opening it takes long."""
        return bool(self.footer.num_columns >= _WIDE_COLUMNS)

    def inside(self, columns: Sequence[str]) -> list[str]:
        """Those of the columns that the file itself holds."""
        return [name for name in columns if name not in self.told]

    def is_small(self, n_rows: int, columns: Sequence[str]) -> bool:
        """Whether so many rows of one of its row groups can be read as a whole."""
        return self.has_small_parts and _VALUE_BYTES * n_rows * len(columns) <= _SMALL_BYTES

    def small_parts(self, row_group: int, columns: Sequence[str]) -> list[list[str]]:
        """Split columns so that each part of a row group can be read as a whole; nothing where that cannot be."""
        parts: list[list[str]] = []
        room = 0
        for name in [] if self.is_wide else self.inside(columns):
            taken = self._column_bytes(row_group, name)
            if taken > _SMALL_BYTES:
                return []
            if taken > room:
                parts.append([])
                room = _SMALL_BYTES
            parts[-1].append(name)
            room -= taken
        return parts

    def _column_bytes(self, row_group: int, name: str) -> int:
        group = self.footer.row_group(row_group)
        sizes = (int(group.column(leaf).total_uncompressed_size) for leaf in self._leaves.get(name, ()))
        return max(sum(sizes), _VALUE_BYTES * int(group.num_rows))

    @cached_property
    def _leaves(self) -> Mapping[str, Sequence[int]]:
        """Places in the footer of what each column holds: one, or several where its values are made of parts."""
        found: dict[str, list[int]] = {}
        for place in range(self.footer.num_columns):
            found.setdefault(self.footer.schema.column(place).path.split(".")[0], []).append(place)
        return found

    def row_group_starts(self) -> NDArray[np.int64]:
        """Row numbers where its row groups start, and where the last one ends."""
        sizes = [self.footer.row_group(i).num_rows for i in range(self.footer.num_row_groups)]
        return self.start + np.cumsum([0, *sizes], dtype=np.int64)


def opened_files(files: Sequence[Path], root: Path) -> tuple[File, ...]:
    """Read the footers of files, given in row order.

    Raises
    ------
    TableError
        If one cannot be read.
    """
    opened, start = [], 0
    for path in files:
        footer = _footer(path)
        told = _told_by_folders(path, root, footer.schema.to_arrow_schema().names)
        opened.append(File(path, footer, start, told))
        start += opened[-1].footer.num_rows
    return tuple(opened)


def _told_by_folders(path: Path, root: Path, inside: Sequence[str]) -> Mapping[str, str | None]:
    """Columns kept in folder names such as ``year=2026``, as Spark, Dask and pandas write them; not those inside."""
    folders = path.relative_to(root).parts[:-1] if path.is_relative_to(root) else ()
    pairs = [unquote(folder).split("=", 1) for folder in folders if "=" in folder]
    return {
        name: None if value == "__HIVE_DEFAULT_PARTITION__" else value for name, value in pairs if name not in inside
    }


def common_schema(files: Sequence[File], root: Path) -> pa.Schema:
    """Columns of the first file, with types wide enough for every file's values.

    Raises
    ------
    TableError
        If the files' columns differ, or their types cannot be brought together.
    """
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


def file_parts(file: File) -> Iterator[bytes]:
    """Bytes that change when a file does, without reading the whole of it."""
    state = file.path.stat()
    yield f"{state.st_size} {state.st_mtime_ns} {file.footer.num_rows} {file.footer.num_row_groups}".encode()
    with file.path.open("rb") as opened:
        yield opened.read(_HASHED_BYTES)
        opened.seek(-min(_HASHED_BYTES, state.st_size), os.SEEK_END)
        yield opened.read()


@contextmanager
def telling(file: File) -> Iterator[None]:
    """Say which file cannot be read.

    Raises
    ------
    TableError
        Instead of Arrow's errors and the system's.
    """
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{str(file.path)!r} cannot be read: {_one_line(error)}. Is it complete?") from error


def _one_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
