"""Tables in memory: anything that speaks Arrow, held as one Arrow table."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scalewise.data.sampling import sample_rows
from scalewise.errors import TableError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ArrowSource", "arrow_table", "content_hash", "normal_table"]

_BATCH_ROWS = 1 << 16
_HASH_BYTES = 200_000_000
_HASH_ROWS = 50_000


class ArrowSource:
    """A table in memory.

    Parameters
    ----------
    table : pyarrow.Table
    name : str
    fingerprint : str, optional
        What it is known by where something cheaper than its content tells, such as the file it came from.
    """

    def __init__(self, table: pa.Table, name: str, *, fingerprint: str | None = None) -> None:
        self.name = name
        self._table = normal_table(table)
        self._fingerprint = fingerprint

    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._table.schema

    def n_rows(self) -> int:
        """Rows of the whole table."""
        return int(self._table.num_rows)

    def n_bytes(self) -> int:
        """Bytes of memory that the table takes."""
        return int(self._table.nbytes)

    def fingerprint(self) -> str:
        """Text that changes when the content does, and is the same in every process."""
        if self._fingerprint is None:
            self._fingerprint = content_hash(self._table)
        return self._fingerprint

    def scan(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of all rows, in row order, in batches of bounded size."""
        yield from self._table.select(list(columns)).to_batches(max_chunksize=_BATCH_ROWS)

    def take(self, rows: NDArray[np.int64], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of some rows, given by ascending row numbers, in batches of bounded size."""
        table = self._table.select(list(columns))
        for start in range(0, len(rows), _BATCH_ROWS):
            yield from table.take(pa.array(rows[start : start + _BATCH_ROWS])).to_batches()


def arrow_table(table: object, *, valid: str) -> pa.Table:
    """Turn a frame into an Arrow table, without copying where that is possible.

    Parameters
    ----------
    table : object
    valid : str
        What could have been given, for the message.

    Raises
    ------
    TableError
        If it is no frame, or holds what Arrow cannot hold.
    """
    kind = f"{type(table).__module__}.{type(table).__qualname__}"
    try:
        if isinstance(table, pa.Table):
            return table
        if kind.startswith("pandas.") and hasattr(table, "columns"):
            return _from_pandas(cast("pd.DataFrame", table))
        if hasattr(table, "__arrow_c_stream__"):
            return pa.table(table)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TableError(f"The {kind} cannot be turned into an Arrow table: {error}") from error
    lazy = " Call .collect() on it first." if hasattr(table, "collect") else ""
    raise TableError(f"Got a {kind}, which is no table that can be opened.{lazy} Valid: {valid}.")


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    """Convert column by column: a column that Arrow cannot hold becomes text instead of spoiling the rest."""
    columns = [_pandas_column(frame.iloc[:, i]) for i in range(frame.shape[1])]
    return pa.table(columns, names=[str(name) for name in frame.columns])


def _pandas_column(series: pd.Series[Any]) -> pa.Array:
    try:
        column = pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeEncodeError):
        return pa.array([None if gone else _text(value) for value, gone in zip(series, series.isna(), strict=True)])
    if pa.types.is_dictionary(column.type) and isinstance(column.type.value_type, pa.BaseExtensionType):
        # Such as the intervals that pandas.cut makes: they are names here.
        return pa.array(series.cat.rename_categories(str), from_pandas=True)
    return column


def _text(value: object) -> str:
    """A value as text that UTF-8 can hold."""
    return str(value).encode(errors="replace").decode()


def normal_table(table: pa.Table) -> pa.Table:
    """Check a table's names, and turn types that few Arrow functions know into ones that all do.

    Raises
    ------
    TableError
        If there is no column, or two share a name.
    """
    if not table.num_columns:
        raise TableError("The table has no columns. Give one with a target and at least one feature.")
    doubled = [name for name, count in Counter(table.column_names).items() if count > 1]
    if doubled:
        raise TableError(f"Several columns are named {doubled[0]!r}. Rename them so that every name stands once.")
    columns = [_normal_column(column) for column in table.columns]
    return pa.table(columns, names=table.column_names)


def _normal_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _normal_column(pa.chunked_array([c.storage for c in column.chunks], type=kind.storage_type))
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    if pa.types.is_binary_view(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_dictionary(kind) and pa.types.is_string_view(kind.value_type):
        plain = pa.dictionary(kind.index_type, pa.large_string())
        return pa.chunked_array([_plain_dictionary(c) for c in column.chunks], type=plain)
    if pa.types.is_dictionary(kind) and _has_no_cast(kind.value_type):
        parts = [chunk.dictionary.take(chunk.indices) for chunk in column.chunks]
        return _normal_column(pa.chunked_array(parts, type=kind.value_type))
    if pa.types.is_run_end_encoded(kind):
        return pc.run_end_decode(column)
    return column


def _has_no_cast(kind: pa.DataType) -> bool:
    """Whether Arrow cannot cast a dictionary of such values to the values themselves."""
    return isinstance(kind, pa.BaseExtensionType) or bool(pa.types.is_nested(kind))


def _plain_dictionary(chunk: pa.DictionaryArray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.large_string()))


def content_hash(table: pa.Table) -> str:
    """Hash a table's names, types, length and content; of a very large one, a fixed sample of its rows."""
    digest = hashlib.sha256()
    digest.update(repr([(f.name, str(f.type)) for f in table.schema]).encode())
    digest.update(str(table.num_rows).encode())
    if table.nbytes > _HASH_BYTES:
        table = table.take(pa.array(sample_rows(table.num_rows, _HASH_ROWS, seed=0)))
    for column in table.columns:
        for part in _byte_parts(column):
            digest.update(part)
    return digest.hexdigest()[:32]


def _byte_parts(column: pa.ChunkedArray) -> Iterator[Any]:
    """Bytes that follow from a column's values alone, not from how its memory is laid out or cut."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    yield np.flatnonzero(column.is_null().to_numpy()).tobytes()
    kind, chunks = column.type, column.drop_null().chunks
    if any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)):
        pieces = [_text_pieces(chunk.cast(pa.large_binary())) for chunk in chunks if len(chunk)]
        yield from (lengths for lengths, _ in pieces)
        yield from (content for _, content in pieces)
    elif pa.types.is_boolean(kind):
        yield from (chunk.cast(pa.uint8()).to_numpy().tobytes() for chunk in chunks)
    elif pa.types.is_primitive(kind) or pa.types.is_decimal(kind):
        width = kind.bit_width // 8
        yield from (c.buffers()[1][c.offset * width : (c.offset + len(c)) * width] for c in chunks)
    else:
        yield from (repr(value).encode() for chunk in chunks for value in chunk.to_pylist())


def _text_pieces(chunk: pa.LargeBinaryArray) -> tuple[bytes, Any]:
    """Lengths of the texts, and the texts one after another."""
    offsets = np.frombuffer(chunk.buffers()[1], dtype=np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    content = chunk.buffers()[2]
    return np.diff(offsets).tobytes(), b"" if content is None else content[int(offsets[0]) : int(offsets[-1])]
