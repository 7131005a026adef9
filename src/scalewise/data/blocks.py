"""Whole tables read block by block where they lie, by whoever trains on all of their rows.

A source of Parquet files is read in place. Any other is first written, batch by batch, as one Parquet file beside the
study's samples.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scalewise.core.spec import DataSpec, Feature
from scalewise.core.wording import byte_text
from scalewise.data.encode import encode
from scalewise.data.parquet_files import ParquetSource, Stretch
from scalewise.data.prepare import Prepared
from scalewise.data.sources import Source
from scalewise.data.sparse import SparseTable
from scalewise.data.target import encode_target
from scalewise.errors import InputError, StudyError, TableError

__all__ = [
    "BLOCK_PARTS",
    "Block",
    "TableRef",
    "block_rows",
    "first_block_rows",
    "lay_out_table",
    "opened_files",
    "read_blocks",
    "write_parquet",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FIRST_BLOCK_ROWS, _FIRST_BLOCK_BYTES = 20_000, 64_000_000
_LEAST_BLOCK_ROWS, _BLOCK_ROWS, _BLOCK_BYTES = 1_000, 100_000, 24_000_000
_OPEN_STRETCHES = 4
BLOCK_PARTS = 4
"""Parts that a block may be read in."""

_VALUE_BYTES = 8
_FILL = 0.6
_SKIPPED, _TABLE = "table.skipped.npy", "table.parquet"


@dataclass(frozen=True, slots=True)
class TableRef:
    """Where workers find a whole table, and how its columns are to be read; small and picklable.

    Parameters
    ----------
    paths : tuple of str
        Parquet files, in row order; none where the table lies beside the samples.
    root : str
        The folder that was given, whose subfolders' names may tell further columns.
    n_rows : int
        Rows of the table, by which one that has changed meanwhile is known.
    fingerprint : str
    features : tuple of Feature
        In the order of the columns of X.
    target : str
    classes : tuple of str
        Labels in the order of the codes in y; empty for regression.
    beside : tuple of str
        Names of files in the folder of the samples: numbers of the rows that are not among the blocks (held out, not
        usable, or in the sample that is trained on first), and the table where that is not at `paths` and there are
        more rows than those of that sample.
    """

    paths: tuple[str, ...]
    root: str
    n_rows: int
    fingerprint: str
    features: tuple[Feature, ...]
    target: str
    classes: tuple[str, ...]
    beside: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some rows of a table in canonical form.

    Parameters
    ----------
    X : ndarray of float64, shape (n_rows, n_features)
        NaN where missing; each column lies in one piece.
    y : ndarray of shape (n_rows,)
        Class codes (int32), or numbers (float64).
    rows : ndarray of int64, shape (n_rows,)
        Their numbers in the table.
    """

    X: Floats
    y: NDArray[np.int32] | Floats
    rows: Ints


def first_block_rows(data: DataSpec) -> int:
    """Rows of the seeded sample that a stream begins with and settles its preprocessing on: bounded in memory."""
    bounded = min(_FIRST_BLOCK_ROWS, _FIRST_BLOCK_BYTES // (_VALUE_BYTES * len(data.features)))
    return min(data.n_train_rows, max(bounded, data.smallest_n_rows))


def block_rows(n_features: int) -> int:
    """Rows of one block: the same for every table of so many features, however long; a multiple of `BLOCK_PARTS`."""
    fitting = _BLOCK_BYTES // (_VALUE_BYTES * max(1, n_features))
    return max(_LEAST_BLOCK_ROWS, min(_BLOCK_ROWS, fitting)) // BLOCK_PARTS * BLOCK_PARTS


def lay_out_table(prepared: Prepared, folder: Path) -> Iterator[TableRef | None]:
    """Make a study's whole table readable by workers, a bit at each step.

    Parameters
    ----------
    prepared : Prepared
    folder : Path
        Where its samples lie.

    Yields
    ------
    TableRef or None
        None until the last step.

    Raises
    ------
    InputError, StudyError
        If a table that has to be written would not fit onto the disk.
    TableError
        If the source can no longer be read.
    """
    data, source = prepared.data, prepared.source
    first = first_block_rows(data)
    sample = prepared.draw.training_rows(0, first)
    yield None
    np.save(folder / _SKIPPED, np.union1d(prepared.draw.untrained_rows(), sample))
    yield None
    files = source if isinstance(source, ParquetSource) else None
    written = files is None and first < data.n_train_rows
    if written:
        for _ in write_parquet(source, [*(feature.name for feature in data.features), data.target], folder / _TABLE):
            yield None
    yield TableRef(
        paths=tuple(str(path.absolute()) for path in files.paths) if files else (),
        root=str(files.root.absolute()) if files else "",
        n_rows=source.n_rows(),
        fingerprint=data.fingerprint,
        features=data.features,
        target=data.target,
        classes=data.classes,
        beside=(_SKIPPED, _TABLE) if written else (_SKIPPED,),
    )


def write_parquet(source: Source, columns: Sequence[str], path: Path) -> Iterator[None]:
    """Write some columns of a source as a Parquet file, a batch at each step; the file has its name once it is whole.

    Raises
    ------
    InputError, StudyError
        If it would not fit onto the disk.
    """
    free, needed = shutil.disk_usage(path.parent).free, _written_bytes(source, columns)
    if needed > _FILL * free:
        raise InputError(
            f"The table would take {byte_text(needed)} of space in {path.parent}, and {byte_text(free)} are free. "
            "Save it as Parquet where workers can read it, and give that path instead."
        )
    if path.exists():
        return
    part = path.with_suffix(".part")
    schema = pa.schema([source.schema().field(name) for name in columns])
    try:
        with pq.ParquetWriter(part, schema, compression="lz4") as writer:
            for batch in source.scan(columns):
                writer.write_batch(batch)
                yield
        part.rename(path)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "Free some space, or set TMPDIR elsewhere." if full else "Set TMPDIR to a folder that is writable."
        raise StudyError(f"The table cannot be written to {path.parent}: {error}. {hint}") from error
    finally:
        part.unlink(missing_ok=True)


def _written_bytes(source: Source, columns: Sequence[str]) -> int:
    """Bytes that some columns take when they are written, at the most."""
    if isinstance(source, SparseTable):
        return _VALUE_BYTES * source.n_rows() * len(columns)
    return source.n_bytes() * len(columns) // max(1, len(source.schema()))


@lru_cache(maxsize=4)
def opened_files(paths: tuple[str, ...], root: str, fingerprint: str) -> ParquetSource:  # noqa: ARG001 - part of the key
    """Open Parquet files in this process, once for each fingerprint of theirs."""
    return ParquetSource([Path(path) for path in paths], "table", root=Path(root))


def read_blocks(ref: TableRef, folder: str, seed: int, *, n_rows: int | None = None) -> Iterator[Block]:
    """Read all rows that are to be trained on but the first block's, in blocks of bounded size.

    Each block comes from a few stretches of the table (row groups) at once, and the stretches follow in a seeded
    random order, so that a table that lies sorted is not learned in that order. No more than one block and a batch of
    each of these stretches is in memory.

    Parameters
    ----------
    ref : TableRef
    folder : str
        Where the samples lie.
    seed : int
        Decides the order.
    n_rows : int, optional
        Rows of a block, but for the last one; by default what a few tens of megabytes hold.

    Raises
    ------
    TableError
        If the table cannot be read, or has changed.
    """
    if not ref.paths and _TABLE not in ref.beside:
        return
    table = str(Path(folder) / _TABLE)
    source = opened_files(ref.paths or (table,), ref.root or table, ref.fingerprint)
    if source.n_rows() != ref.n_rows:
        raise TableError(
            f"The table at {source.root} has {source.n_rows():,} rows, not {ref.n_rows:,} as when it was opened. "
            "Open it again."
        )
    skipped = np.load(Path(folder) / _SKIPPED, mmap_mode="r")
    filling = _Filling(ref, n_rows or block_rows(len(ref.features)))
    for start, batch in _mixed(source, [*(feature.name for feature in ref.features), ref.target], seed):
        first, last = np.searchsorted(skipped, (start, start + batch.num_rows))
        yield from filling.add(batch, start, skipped[first:last] - start)
    yield from filling.rest()


def _mixed(source: ParquetSource, columns: Sequence[str], seed: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches of all stretches, some stretches side by side, each with the number of its first row."""
    stretches = source.stretches()
    order = iter(np.random.default_rng(seed).permutation(len(stretches)).tolist())
    opened: list[Iterator[tuple[int, pa.RecordBatch]]] = []
    while True:
        while len(opened) < _OPEN_STRETCHES and (following := next(order, None)) is not None:
            opened.append(_numbered(source, stretches[following], columns))
        if not opened:
            return
        for stretch in list(opened):
            if (item := next(stretch, None)) is None:
                opened.remove(stretch)
            else:
                yield item


def _numbered(source: ParquetSource, stretch: Stretch, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    start = stretch.start
    for batch in source.read(stretch, columns):
        yield start, batch
        start += batch.num_rows


class _Filling:
    """A block that is being filled from batches."""

    def __init__(self, ref: TableRef, n_rows: int) -> None:
        self._ref, self._n_rows = ref, n_rows
        self._begin()

    def _begin(self) -> None:
        self._columns = np.empty((len(self._ref.features), self._n_rows))
        self._y: NDArray[np.int32] | Floats = np.empty(self._n_rows)
        if self._ref.classes:
            self._y = np.empty(self._n_rows, dtype=np.int32)
        self._rows = np.empty(self._n_rows, dtype=np.int64)
        self._filled = 0

    def add(self, batch: pa.RecordBatch, start: int, skipped: Ints) -> Iterator[Block]:
        """Put the rows of a batch that are not skipped into the block, and give the block whenever it is full.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
        start : int
            Number of its first row in the table.
        skipped : ndarray of int64
            Places in the batch of the rows to leave out.
        """
        kept = np.delete(np.arange(batch.num_rows), skipped)
        columns, y = self._encoded(batch)
        while len(kept):
            now, kept = np.split(kept, [self._n_rows - self._filled])
            place = slice(self._filled, self._filled + len(now))
            for values, column in zip((*self._columns, self._y), (*columns, y), strict=True):
                # All places are inside, and "clip" alone writes them without a copy between.
                np.take(column, now, out=values[place], mode="clip")
            self._rows[place] = now + start
            self._filled += len(now)
            if self._filled == self._n_rows:
                yield from self.rest()

    def rest(self) -> Iterator[Block]:
        """Give what there is, if anything, and begin another block."""
        if self._filled:
            yield self._taken_out()

    def _taken_out(self) -> Block:
        """What there is; nothing here holds it any longer, so that its memory is free once it is learned."""
        done = slice(0, self._filled)
        block = Block(self._columns[:, done].T, self._y[done], self._rows[done])
        self._begin()
        return block

    def _encoded(self, batch: pa.RecordBatch) -> tuple[list[Floats], NDArray[np.int32] | Floats]:
        ref, columns = self._ref, [pa.chunked_array([column]) for column in batch.columns]
        encoded = [encode(feature, column) for feature, column in zip(ref.features, columns[:-1], strict=True)]
        return encoded, encode_target(ref.target, ref.classes, columns[-1])
