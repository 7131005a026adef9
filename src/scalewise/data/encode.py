"""From Arrow columns to the canonical ones that workers read: float64, NaN where missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scalewise.core.spec import Feature

__all__ = [
    "Floats",
    "as_text",
    "coded_values",
    "column_codes",
    "distinct_values",
    "encode",
    "is_moment",
    "is_number",
    "is_text",
    "is_usable",
    "plain_values",
    "text_hashes",
    "text_numbers",
    "text_seconds",
]

Floats = NDArray[np.float64]
Code = TypeVar("Code", bound=np.signedinteger[Any])

_UNITS_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY_SECONDS = 86_400


def is_number(kind: pa.DataType) -> bool:
    """Whether values of a type are used as numbers."""
    types = pa.types
    checks = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_duration)
    return any(check(kind) for check in checks)


def is_moment(kind: pa.DataType) -> bool:
    """Whether values of a type are dates or times."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_time(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether values of a type are used as text: strings, and dictionaries of anything usable."""
    if pa.types.is_dictionary(kind):
        return is_usable(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_usable(kind: pa.DataType) -> bool:
    """Whether models can use values of a type."""
    return is_number(kind) or is_moment(kind) or is_text(kind)


def plain_values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Undo dictionary encoding, and make NaN missing."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), None, column)
    return column


def encode(feature: Feature, column: pa.ChunkedArray) -> Floats:
    """Turn a column into canonical numbers.

    Parameters
    ----------
    feature : Feature
        What the column was settled to be.
    column : pyarrow.ChunkedArray

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Own memory. Infinities are NaN; values that are not among a category's have one code more.
    """
    if feature.kind == "number":
        return _numbers(column)
    if feature.kind == "date":
        return _seconds(column)
    values, places = _distinct_text(column)
    if feature.kind == "category":
        known = {category: code for code, category in enumerate(feature.categories)}
        codes = np.array([known.get(value, len(known)) for value in values], dtype=np.float64)
    else:
        codes = (text_hashes(values) >> np.uint64(11)).astype(np.float64)
    return np.append(codes, np.nan)[places]


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as the text that `encode` knows them by."""
    values, places = _distinct_text(column)
    return pa.chunked_array([pa.array([*values, None], pa.large_string()).take(pa.array(places))])


def text_hashes(values: Sequence[str]) -> NDArray[np.uint64]:
    """Hash each text to 64 bits, the same in every process; ndarray of shape (n_values,)."""
    digests = b"".join(hashlib.blake2b(value.encode(), digest_size=8).digest() for value in values)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def text_seconds(values: Sequence[str]) -> Floats:
    """Read dates and times as people and programs commonly write them (ISO 8601), in UTC where nothing else is said.

    Parameters
    ----------
    values : sequence of str

    Returns
    -------
    ndarray of float64, shape (n_values,)
        Seconds since 1970; NaN where a text is no date.
    """
    texts = pa.array(values, pa.string())
    for zone in (None, "UTC"):
        try:
            moments = texts.cast(pa.timestamp("us", zone))
        except pa.ArrowInvalid:
            continue
        return _seconds(pa.chunked_array([moments]))
    return np.array([_moment(value) for value in values], dtype=np.float64)


def text_numbers(values: Sequence[str]) -> Floats:
    """Read numbers; NaN where a text is none. ndarray of shape (n_values,)."""
    return np.array([_number(value) for value in values], dtype=np.float64)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return np.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def column_codes(
    batches: Iterable[pa.RecordBatch], most: int, dtype: type[Code]
) -> tuple[list[object], NDArray[Code]] | None:
    """Number the distinct values of a single column in the order in which they first appear.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
    most : int
        Distinct values to bear.
    dtype : type
        Signed integer type of the codes.

    Returns
    -------
    values : list
    codes : ndarray of `dtype`, shape (n_rows,)
        -1 where missing. None in place of both as soon as there are more than `most` values.
    """
    seen: dict[object, int] = {}
    parts = [np.empty(0, dtype=dtype)]
    for batch in batches:
        values, places = _distinct(pa.chunked_array([batch.column(0)]))
        codes = [seen.setdefault(value, len(seen)) for value in values.to_pylist()]
        if len(seen) > most:
            return None
        parts.append(np.array([*codes, -1], dtype=dtype)[places])
    return list(seen), np.concatenate(parts)


def _numbers(column: pa.ChunkedArray) -> Floats:
    numbers = _any_numbers(column)
    numbers[np.isinf(numbers)] = np.nan
    return numbers


def _any_numbers(column: pa.ChunkedArray) -> Floats:
    if is_text(column.type):
        values, places = _distinct_text(column)
        return np.append(text_numbers(values), np.nan)[places]
    if pa.types.is_duration(column.type):
        factor = _UNITS_A_SECOND[column.type.unit]
        return _floats(column.cast(pa.int64())) / factor
    return _floats(column)


def _seconds(column: pa.ChunkedArray) -> Floats:
    kind = column.type
    if is_text(kind):
        values, places = _distinct_text(column)
        return np.append(text_seconds(values), np.nan)[places]
    if pa.types.is_date32(kind):
        return _floats(column.cast(pa.int32())) * _DAY_SECONDS
    if pa.types.is_date64(kind):
        return _floats(column.cast(pa.int64())) / _UNITS_A_SECOND["ms"]
    whole = pa.int32() if pa.types.is_time32(kind) else pa.int64()
    return _floats(column.cast(whole)) / _UNITS_A_SECOND[kind.unit]


def _floats(column: pa.ChunkedArray) -> Floats:
    numbers = column.cast(pa.float64(), safe=False).to_numpy()
    return np.array(numbers, dtype=np.float64)


def distinct_values(column: pa.ChunkedArray) -> tuple[list[object], NDArray[np.int64]]:
    """Distinct values, and for each row the place of its value among them; the place after the last where missing."""
    values, places = _distinct(column)
    return values.to_pylist(), places


def coded_values(column: pa.ChunkedArray) -> tuple[list[object], NDArray[np.int64]]:
    """As `distinct_values`, but in any order, and quicker where a column is coded already."""
    kind = column.type
    if pa.types.is_boolean(kind):
        return [False, True], column.cast(pa.int64()).fill_null(2).to_numpy()
    if pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type) and column.num_chunks == 1:
        coded = column.chunk(0)
        if not coded.dictionary.null_count:
            return _used_of(coded)
    return distinct_values(column)


def _distinct(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """Distinct values, and for each row the place of its value among them; the place after the last where missing."""
    encoded = plain_values(column).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    places = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy()
    return encoded.dictionary, places


def _distinct_text(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    values, places = coded_values(column)
    return [str(value) for value in values], places


def _used_of(column: pa.DictionaryArray) -> tuple[list[object], NDArray[np.int64]]:
    """Those values of a dictionary that are in some row, and for each row the place of its value among them."""
    n_values = len(column.dictionary)
    places = column.indices.cast(pa.int64()).fill_null(n_values).to_numpy()
    is_used = np.bincount(places, minlength=n_values + 1)[:-1] > 0
    if is_used.all():
        return column.dictionary.to_pylist(), places
    own_places = np.append(np.cumsum(is_used) - 1, is_used.sum())
    return column.dictionary.filter(pa.array(is_used)).to_pylist(), own_places[places]
