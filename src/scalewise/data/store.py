"""Samples laid out where workers read them: a folder of column-major float64 files, memory-mapped.

A training sample is a prefix of its repeat's drawing order. The store writes that order piece by piece as samples
grow; a worker maps the pieces that it needs and copies nothing where one piece is enough.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil
import pyarrow as pa
from numpy.typing import NDArray

from scalewise.core.spec import Feature, Task
from scalewise.core.wording import byte_text
from scalewise.data.encode import encode
from scalewise.data.prepare import Prepared
from scalewise.data.scratch import make_scratch
from scalewise.data.threads import in_order
from scalewise.errors import InputError, StudyError

__all__ = ["DataRef", "Holdout", "SampleStore", "load_holdout", "load_sample", "sample_files"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GROUP_BYTES = 32_000_000
_FILL = 0.6
_HOLDOUT = "holdout"
_BYTES = 8


@dataclass(frozen=True, slots=True)
class DataRef:
    """Where a worker finds its samples, and what their columns mean; small and picklable.

    Parameters
    ----------
    folder : str
    features : tuple of Feature
        In the order of the columns of X.
    task : {"binary", "multiclass", "regression"}
    classes : tuple of str
        Labels in the order of the codes in y; empty for regression.
    groups : tuple of tuple of str
        Names of features that are correlated.
    """

    folder: str
    features: tuple[Feature, ...]
    task: Task
    classes: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Holdout:
    """The rows that every trial of a study is scored on.

    Parameters
    ----------
    X : ndarray of float64, shape (n_holdout, n_features)
    y : ndarray of shape (n_holdout,)
        Class codes (int32), or numbers (float64).
    blocks : ndarray of int64, shape (n_holdout,)
        Which of the disjoint blocks each row belongs to.
    """

    X: Floats
    y: NDArray[np.int32] | Floats
    blocks: Ints


class SampleStore:
    """A study's samples on disk.

    Parameters
    ----------
    prepared : Prepared
    folder : Path, optional
        Where to make the store's own folder; the system's place for temporary files if not given.

    Raises
    ------
    StudyError
        If no folder can be made.
    """

    def __init__(self, prepared: Prepared, folder: Path | None = None) -> None:
        self._prepared = prepared
        self._ready: dict[int, int] = {}
        try:
            self._folder = make_scratch(folder)
        except OSError as error:
            raise StudyError(
                f"No folder for samples can be made: {error}. Set TMPDIR to one that is writable."
            ) from error
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    @property
    def ref(self) -> DataRef:
        """What workers need to find and understand the samples."""
        data = self._prepared.data
        return DataRef(str(self._folder), data.features, data.task, data.classes, self._prepared.look.groups)

    @property
    def n_bytes(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self._folder.glob("*.npy"))

    def ready(self, repeat: int) -> int:
        """Training rows of a repeat that workers can read now."""
        return self._ready.get(repeat, 0)

    def ensure(self, wanted: Mapping[int, int]) -> None:
        """Lay out samples as `fill` does, without pausing."""
        for _ in self.fill(wanted):
            pass

    def fill(self, wanted: Mapping[int, int]) -> Iterator[None]:
        """Lay out samples of at least so many training rows, and the holdout, a bit at each step.

        The samples can be read when the last step is done; dropping the iterator before leaves no trace.

        Parameters
        ----------
        wanted : mapping of int to int
            Training rows, for each repeat. More than the table has means all.

        Raises
        ------
        InputError
            If the samples would not fit into the memory or onto the disk.
        StudyError
            If the store is closed, or the disk is full all the same.
        TableError
            If the source can no longer be read.
        """
        if not self._remove.alive:
            raise StudyError("The samples of this study are removed already. Start it again.")
        most = self._prepared.data.n_train_rows
        sizes = {repeat: min(n, most) for repeat, n in wanted.items() if min(n, most) > self.ready(repeat)}
        if not sizes and self._holdout_ready:
            return
        self._check_room(sizes)
        try:
            yield from self._write(sizes)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                hint = "Set TMPDIR to a folder that is writable."
                raise StudyError(f"Samples cannot be written to {self._folder}: {error}. {hint}") from error
            raise StudyError(
                f"The disk of {self._folder} is full. Free some space, or set TMPDIR elsewhere."
            ) from error
        self._ready.update(sizes)

    def close(self) -> None:
        """Remove the samples; closing twice is fine."""
        self._remove()

    def _check_room(self, sizes: Mapping[int, int]) -> None:
        row_bytes = self._prepared.data.row_bytes
        largest = row_bytes * max(sizes.values(), default=0)
        new = row_bytes * sum(n_rows - self.ready(repeat) for repeat, n_rows in sizes.items())
        _check_fits(largest, psutil.virtual_memory().available, "of memory")
        _check_fits(new, shutil.disk_usage(self._folder).free, f"of space in {self._folder.parent}")

    @property
    def _holdout_ready(self) -> bool:
        return (self._folder / f"{_HOLDOUT}.x.npy").exists()

    def _pieces(self, sizes: Mapping[int, int]) -> Iterator[tuple[str, Ints]]:
        """Names of the files to be written, and the row numbers of each in its order."""
        draw = self._prepared.draw
        if not self._holdout_ready:
            np.save(self._folder / f"{_HOLDOUT}.blocks.npy", draw.holdout_blocks)
            yield _HOLDOUT, draw.holdout_rows
        # Each takes a pass over the keys of all rows.
        drawn = in_order(lambda item: draw.training_rows(*item), sizes.items())
        for (repeat, n_rows), rows in zip(sizes.items(), drawn, strict=True):
            start = self.ready(repeat)
            yield _piece_name(repeat, start, n_rows), rows[start:]

    def _write(self, sizes: Mapping[int, int]) -> Iterator[None]:
        """Write all pieces, column by column; they get their names when they are whole."""
        pieces = {}
        for name, rows in self._pieces(sizes):
            pieces[name] = rows
            yield
        rows = _union(pieces.values())
        places = {name: np.searchsorted(rows, piece) for name, piece in pieces.items()}
        features = self._prepared.data.features
        with ExitStack() as stack:
            parts = {name: stack.enter_context(self._part(name, (len(features), len(pieces[name])))) for name in pieces}
            for columns in self._columns(rows, features):
                for values in columns:
                    for name, part in parts.items():
                        part.write(values[places[name]].data)
                yield
            yield from self._write_target(rows, places)
            for name, part in parts.items():
                part.close()
                Path(part.name).rename(self._folder / f"{name}.x.npy")

    @contextmanager
    def _part(self, name: str, shape: tuple[int, int]) -> Iterator[BinaryIO]:
        """Begin a file that is removed again unless it is renamed."""
        path = self._folder / f"{name}.part"
        try:
            with path.open("wb") as file:
                np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
                yield file
        finally:
            path.unlink(missing_ok=True)

    def _write_target(self, rows: Ints, places: Mapping[str, Ints]) -> Iterator[None]:
        target = self._prepared.target
        y = target.codes[rows].astype(np.int32)
        if not target.classes:
            for columns in self._columns(rows, (Feature(target.name, "number"),)):
                y = columns[0] if len(columns) else y
                yield
        for name, place in places.items():
            np.save(self._folder / f"{name}.y.npy", y[place])

    def _columns(self, rows: Ints, features: Sequence[Feature]) -> Iterator[Floats]:
        """Canonical columns of some rows, some columns at a time so that memory stays bounded.

        Yields
        ------
        ndarray of float64, shape (n_columns, n_rows)
            The next columns; of shape (0, n_rows) as long as they are still being read.
        """
        step = max(1, _GROUP_BYTES // (_BYTES * len(rows)))
        for first in range(0, len(features), step):
            group = features[first : first + step]
            columns = np.empty((len(group), len(rows)))
            start = 0
            for batch in self._prepared.source.take(rows, [feature.name for feature in group]):
                stop = start + batch.num_rows
                for values, feature, column in zip(columns, group, batch.columns, strict=True):
                    values[start:stop] = encode(feature, pa.chunked_array([column]))
                start = stop
                yield columns[:0]
            yield columns


def load_sample(ref: DataRef, repeat: int, n_rows: int) -> tuple[Floats, NDArray[np.int32] | Floats]:
    """Read a training sample.

    Parameters
    ----------
    ref : DataRef
    repeat, n_rows : int

    Returns
    -------
    X : ndarray of float64, shape (n_rows, n_features)
        NaN where missing; each column lies in one piece. Read-only: it may be memory shared with other workers.
    y : ndarray of shape (n_rows,)
        Class codes (int32), or numbers (float64).

    Raises
    ------
    StudyError
        If so many rows are not laid out.
    """
    needed = _pieces_of(ref, repeat, n_rows)
    columns = [_mapped(ref, f"{name}.x") for name in needed]
    if sum(part.shape[1] for part in columns) < n_rows:
        raise StudyError(f"The sample of {n_rows:,} rows (repeat {repeat + 1}) does not lie in {ref.folder}.")
    targets = [_mapped(ref, f"{name}.y") for name in needed]
    spare = sum(part.shape[1] for part in columns) - n_rows
    stop = columns[-1].shape[1] - spare
    columns[-1], targets[-1] = columns[-1][:, :stop], targets[-1][:stop]
    X = columns[0] if len(columns) == 1 else np.concatenate(columns, axis=1)
    y = targets[0] if len(targets) == 1 else np.concatenate(targets)
    return _frozen(X.T), _frozen(y)


def load_holdout(ref: DataRef) -> Holdout:
    """Read the rows that every trial is scored on.

    Raises
    ------
    StudyError
        If they are not laid out.
    """
    try:
        X, y, blocks = (_frozen(_mapped(ref, f"{_HOLDOUT}.{part}")) for part in ("x", "y", "blocks"))
    except OSError as error:
        raise StudyError(f"The holdout does not lie in {ref.folder}: {error}.") from error
    return Holdout(X.T, y, blocks)


def sample_files(ref: DataRef, repeat: int, n_rows: int) -> tuple[str, ...]:
    """Names of the files in the folder that `load_sample` and `load_holdout` read."""
    holdout = (f"{_HOLDOUT}.{part}.npy" for part in ("x", "y", "blocks"))
    return (*holdout, *(f"{name}.{part}.npy" for name in _pieces_of(ref, repeat, n_rows) for part in "xy"))


def _pieces_of(ref: DataRef, repeat: int, n_rows: int) -> list[str]:
    """Names of the pieces that hold a training sample, in its order."""
    first, last = f"train-{repeat}-", ".x.npy"
    names: list[str] = []
    # Asked for each trial; Path.glob takes ten times as long.
    with contextlib.suppress(FileNotFoundError), os.scandir(ref.folder) as files:
        there = (file.name for file in files if file.name.startswith(first) and file.name.endswith(last))
        names = sorted(name.removesuffix(last) for name in there)
    return [name for name in names if int(name.split("-")[2]) < n_rows]


def _mapped(ref: DataRef, name: str) -> NDArray[Any]:
    """Map a file into memory, as a plain array."""
    return np.asarray(np.load(Path(ref.folder) / f"{name}.npy", mmap_mode="r"))


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _piece_name(repeat: int, start: int, stop: int) -> str:
    return f"train-{repeat}-{start:012d}-{stop:012d}"


def _union(pieces: Iterable[Ints]) -> Ints:
    """Row numbers of all pieces, ascending, each once; sorting beats the hashing of numpy.unique here."""
    rows = np.sort(np.concatenate(list(pieces)))
    return rows[np.diff(rows, prepend=-1) > 0]


def _check_fits(needed: int, there: int, of_what: str) -> None:
    if needed > _FILL * there:
        raise InputError(
            f"The samples would take {byte_text(needed)} {of_what}, and {byte_text(there)} are free. "
            "Choose a smaller largest sample or fewer repeats, or leave columns out."
        )
