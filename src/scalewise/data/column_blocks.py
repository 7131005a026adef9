"""Reading a wide table some columns at a time, each block in bounded memory, as the bins that screening looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scalewise.core.spec import Feature, UnitCandidate
from scalewise.data.binned import Block, CodedBlock, NumberBlock, SparseBlock, category_codes, number_codes
from scalewise.data.encode import encode, is_moment, is_number, is_text
from scalewise.data.profile import profile_table
from scalewise.data.sources import Source
from scalewise.data.sparse import SparseTable

__all__ = ["Sighted", "column_blocks", "some_rows"]

_BLOCK_BYTES = 1 << 26
_SPARSE_COLUMNS, _SPARSE_ENTRIES = 1 << 13, 1 << 21
_TEXT_BYTES = 64
_MOST_CANDIDATES = 20

Ints = NDArray[np.int64]


@dataclass
class Sighted:
    """What was noticed about columns while they were read.

    Parameters
    ----------
    reasons : dict of int to str
        Why columns cannot be used, by their places.
    moments : list of str
        The first columns of dates and times.
    group_candidates, time_candidates : list of UnitCandidate
        Columns of text that may be the true sampling unit.
    """

    reasons: dict[int, str] = field(default_factory=dict)
    moments: list[str] = field(default_factory=list)
    group_candidates: list[UnitCandidate] = field(default_factory=list)
    time_candidates: list[UnitCandidate] = field(default_factory=list)


def column_blocks(source: Source, names: Sequence[str], rows: Ints, sighted: Sighted) -> Iterator[Block]:
    """Read some rows of all columns, block by block.

    Parameters
    ----------
    source : Source
    names : sequence of str
        The columns; blocks tell them by their places here.
    rows : ndarray of int64, shape (n_rows,)
        Ascending row numbers.
    sighted : Sighted
        Takes up what is noticed on the way.
    """
    if isinstance(source, SparseTable):
        yield from _sparse_blocks(source, names, rows)
        return
    schema = source.schema()
    kinds = [schema.field(name).type for name in names]
    numbers = [place for place, kind in enumerate(kinds) if is_number(kind) or is_moment(kind)]
    texts = [place for place, kind in enumerate(kinds) if is_text(kind)]
    for place in sorted(set(range(len(names))) - set(numbers) - set(texts)):
        sighted.reasons[place] = f"holds values of type {kinds[place]}, which models here cannot use"
    sighted.moments += [names[place] for place in numbers if is_moment(kinds[place])][:_MOST_CANDIDATES]
    for group in _groups(numbers, _BLOCK_BYTES // (4 * len(rows))):
        yield _number_block(source, group, [names[place] for place in group], rows)
    for group in _groups(texts, _BLOCK_BYTES // (_TEXT_BYTES * len(rows))):
        yield _text_block(source, group, [names[place] for place in group], rows, sighted)


def some_rows(source: Source, rows: Ints, columns: Sequence[str]) -> pa.Table:
    """Some columns of some rows, as one table."""
    schema = pa.schema([source.schema().field(name) for name in columns])
    return pa.Table.from_batches(source.take(rows, columns), schema=schema).combine_chunks()


def _groups(places: list[int], size: int) -> Iterator[list[int]]:
    step = max(1, size)
    for start in range(0, len(places), step):
        yield places[start : start + step]


def _number_block(source: Source, places: list[int], names: list[str], rows: Ints) -> NumberBlock:
    """Numbers and moments, each column counted from its first value on, so that single precision tells them apart."""
    schema = source.schema()
    features = [Feature(name, "date" if is_moment(schema.field(name).type) else "number") for name in names]
    values = np.empty((len(names), len(rows)), dtype=np.float32)
    zeros = np.full(len(names), np.nan)
    start = 0
    for batch in source.take(rows, names):
        stop = start + batch.num_rows
        _fill(values[:, start:stop], zeros, features, batch)
        start = stop
    values[np.isinf(values)] = np.nan
    return NumberBlock(np.array(places, dtype=np.int64), values)


def _fill(
    values: NDArray[np.float32], zeros: NDArray[np.float64], features: Sequence[Feature], batch: pa.RecordBatch
) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        for at, (feature, column) in enumerate(zip(features, batch.columns, strict=True)):
            numbers = _numbers(feature, column)
            if np.isnan(zeros[at]):
                zeros[at] = next(iter(numbers[np.isfinite(numbers)][:1]), np.nan)
            np.subtract(numbers, zeros[at], out=values[at], casting="same_kind")


def _numbers(feature: Feature, column: pa.Array) -> NDArray[np.number]:
    """What `encode` gives, but without a copy where Arrow's own memory will do; infinities may stay."""
    if pa.types.is_floating(column.type) or (pa.types.is_integer(column.type) and not column.null_count):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    return encode(feature, pa.chunked_array([column]))


def _text_block(source: Source, places: list[int], names: list[str], rows: Ints, sighted: Sighted) -> CodedBlock:
    """Text, each column settled to be what it would be in a narrow table; what is left out there is all one bin."""
    table = some_rows(source, rows, names)
    profile = profile_table(table, rows, source.n_rows())
    at = dict(zip(names, places, strict=True))
    sighted.reasons.update({at[column.name]: column.reason for column in profile.left_out})
    _extend(sighted.group_candidates, profile.group_candidates)
    _extend(sighted.time_candidates, profile.time_candidates)
    codes = np.ones((len(names), len(rows)), dtype=np.uint8)
    ordered = np.zeros(len(names), dtype=bool)
    for feature in profile.features:
        place = names.index(feature.name)
        numbers = encode(feature, table[feature.name])
        ordered[place] = feature.kind in ("number", "date")
        codes[place] = number_codes(numbers) if ordered[place] else category_codes(numbers)
    return CodedBlock(np.array(places, dtype=np.int64), ordered, codes)


def _extend(candidates: list[UnitCandidate], more: Sequence[UnitCandidate]) -> None:
    candidates += more[: max(0, _MOST_CANDIDATES - len(candidates))]


def _sparse_blocks(source: SparseTable, names: Sequence[str], rows: Ints) -> Iterator[SparseBlock]:
    """Neighbouring columns of a sparse matrix with few entries all together."""
    row_places = np.full(source.n_rows(), -1, dtype=np.int64)
    row_places[rows] = np.arange(len(rows))
    wanted = source.places(names)
    starts, start, n_columns = source.column_starts(), 0, source.n_features
    while start < n_columns:
        full = int(np.searchsorted(starts, starts[start] + _SPARSE_ENTRIES, side="right")) - 1
        stop = min(max(full, start + 1), start + _SPARSE_COLUMNS, n_columns)
        columns, at, values = source.entries(start, stop, row_places)
        places = wanted[start:stop]
        kept = places >= 0
        number = np.cumsum(kept) - 1
        inside = kept[columns]
        yield SparseBlock(places[kept], number[columns[inside]], at[inside], values[inside], len(rows))
        start = stop
