"""When rows happened: columns that tell it, alone or as the parts of a calendar, and the order that they give."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scalewise.core.spec import Feature, UnitCandidate
from scalewise.data.candidates import Sampled, name_words, word_set
from scalewise.data.encode import as_text, encode, is_number, is_text
from scalewise.data.sources import Source
from scalewise.errors import InputError, unknown_name

__all__ = ["row_times", "time_candidates", "time_columns"]

Floats = NDArray[np.float64]

_LEAST_MOMENTS = 20
_MOST_CANDIDATES = 3
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ANOTHER_TIME = word_set(
    "birth birthday dob born since founded built opened hired joined registered registration due expiry expires "
    "expiration maturity until valid"
)
_CLOCK = word_set("time timestamp ts datetime date epoch unix step tick seconds elapsed year yr")
_PARTS: dict[str, tuple[frozenset[str], float, float]] = {
    "year": (frozenset(("year", "yr", "yyyy")), 0, 9999),
    "month": (frozenset(("month", "mnth", "mon")), 1, 12),
    "day": (frozenset(("day", "dd", "mday", "dayofmonth", "dayofyear", "yday")), 1, 366),
    "hour": (frozenset(("hour", "hr", "hh")), 0, 24),
    "minute": (frozenset(("minute",)), 0, 60),
}
"""Parts of a calendar, the coarsest first: what columns are called, and the range of their values."""


def time_candidates(sampled: Sampled, features: Sequence[Feature]) -> tuple[UnitCandidate, ...]:
    """Find columns that may say when a row happened.

    Dates count unless their name tells of something else, such as a birthday. Numbers count where they are named like
    a clock and the rows stand in their order. Without either, the parts of a calendar together make a time.

    Parameters
    ----------
    sampled : Sampled
    features : sequence of Feature
        What the columns were settled to be.

    Returns
    -------
    tuple of UnitCandidate
        Likeliest first, three at the most.
    """
    found = [item for feature in features if (item := _dated(sampled, feature)) is not None]
    found = found or _calendar(sampled)
    return tuple(candidate for _, candidate in sorted(found, key=lambda item: item[0])[:_MOST_CANDIDATES])


def time_columns(column: str, names: Sequence[str]) -> tuple[str, ...]:
    """The columns that a time is made of: one, or several named with commas between them, the coarsest first.

    Raises
    ------
    InputError
        If one of them is not there.
    """
    parts = (column,) if column in names else tuple(part.strip() for part in column.split(","))
    for part in parts:
        if part not in names:
            raise InputError(unknown_name("column to sample by", part, list(names)))
    return parts


def row_times(source: Source, columns: Sequence[str]) -> Floats:
    """When each row happened, in any unit; NaN where that is not known. ndarray of shape (n_total,).

    Raises
    ------
    InputError
        If a column holds no times.
    """
    kinds = [source.schema().field(name).type for name in columns]
    parts: list[list[Floats]] = [[] for _ in columns]
    for batch in source.scan(list(columns)):
        for part, column, kind in zip(parts, batch.columns, kinds, strict=True):
            part.append(_numbers(pa.chunked_array([column]), kind, alone=len(columns) == 1))
    times = [np.concatenate(part) for part in parts]
    for name, values in zip(columns, times, strict=True):
        if np.isnan(values).all():
            raise InputError(f"{name!r} holds no dates that can be read. Valid: dates as 2026-01-31, times or numbers.")
    return times[0] if len(times) == 1 else _together(times)


def _numbers(column: pa.ChunkedArray, kind: pa.DataType, *, alone: bool) -> Floats:
    if is_number(kind):
        return encode(Feature("", "number"), column)
    times = encode(Feature("", "date"), column)
    return _month_numbers(column) if is_text(kind) and not alone and np.isnan(times).all() else times


def _month_numbers(column: pa.ChunkedArray) -> Floats:
    """Months by their English names, 1 to 12; NaN for any other text."""
    numbers = {name: float(number) for number, name in enumerate(_MONTHS, start=1)}
    texts = as_text(column).to_pylist()
    return np.array([numbers.get((text or "")[:3].lower(), np.nan) for text in texts], dtype=np.float64)


def _together(parts: Sequence[Floats]) -> Floats:
    """Number the moments that several parts make, the first part being the coarsest."""
    order = np.lexsort(tuple(parts[::-1]))
    steps = np.zeros(len(order), dtype=bool)
    for part in parts:
        steps[1:] |= np.diff(part[order]) != 0
    moments = np.empty(len(order))
    moments[order] = np.cumsum(steps)
    moments[np.isnan(parts).any(axis=0)] = np.nan
    return moments


Ranked = tuple[tuple[bool, int], UnitCandidate]


def _dated(sampled: Sampled, feature: Feature) -> Ranked | None:
    """A single column as a candidate; those by which the rows are ordered come first."""
    column = sampled.table[feature.name]
    words = set(name_words(feature.name))
    if words & _ANOTHER_TIME or pa.types.is_time(column.type):
        return None
    clock = feature.kind == "number" and bool(words & _CLOCK)
    if feature.kind != "date" and not clock:
        return None
    times = encode(feature, column)
    ordered = _in_order(times)
    if len(np.unique(times[~np.isnan(times)])) < _LEAST_MOMENTS or (clock and not ordered):
        return None
    told = f"it holds dates from {_days(times, column.type)}" if feature.kind == "date" else "it counts up"
    told += ", and the rows stand in its order" if ordered else ""
    return (not ordered, int(clock)), UnitCandidate(feature.name, told)


def _calendar(sampled: Sampled) -> list[Ranked]:
    """The parts of a calendar together, where they make days at least."""
    parts = {part: name for part in _PARTS if (name := _part(sampled, part)) is not None}
    if "day" in parts and _largest(sampled, parts["day"]) > 31:
        parts.pop("month", None)
    elif not {"month", "day"} <= parts.keys() and not {"year", "month"} <= parts.keys():
        return []
    chain = _unbroken(parts)
    times = _together([_numbers(sampled.table[name], sampled.table[name].type, alone=False) for name in chain])
    ordered = _in_order(times)
    if len(np.unique(times[~np.isnan(times)])) < _LEAST_MOMENTS or not ("year" in parts or ordered):
        return []
    told = "they are parts of a calendar"
    told += ", and the rows stand in their order" if ordered else ""
    return [((not ordered, 0), UnitCandidate(",".join(chain), told))]


def _unbroken(parts: dict[str, str]) -> list[str]:
    """Names from the coarsest part on, up to the first that is missing below the day."""
    chain = [parts[part] for part in ("year", "month", "day") if part in parts]
    for part in ("hour", "minute"):
        if part not in parts or "day" not in parts:
            break
        chain.append(parts[part])
    return chain


def _part(sampled: Sampled, part: str) -> str | None:
    """The column that holds a part of a calendar, if there is one."""
    called, least, most = _PARTS[part]
    for name in sampled.table.column_names:
        if "".join(name_words(name)) not in called:
            continue
        values = _numbers(sampled.table[name], sampled.table[name].type, alone=False)
        values = values[~np.isnan(values)]
        if len(values) and least <= values.min() and values.max() <= most and (values == np.rint(values)).all():
            return str(name)
    return None


def _largest(sampled: Sampled, name: str) -> float:
    return float(np.nanmax(_numbers(sampled.table[name], sampled.table[name].type, alone=False)))


def _in_order(times: Floats) -> bool:
    """Whether rows follow one another in time, forwards or backwards."""
    steps = np.diff(times[~np.isnan(times)])
    return bool(len(steps)) and bool((steps >= 0).all() or (steps <= 0).all())


def _days(times: Floats, kind: pa.DataType) -> str:
    return f"{_day(np.nanmin(times), kind)} to {_day(np.nanmax(times), kind)}"


def _day(seconds: float, kind: pa.DataType) -> str:
    """The day of a moment, in the zone of a column where it has one that is known here; else in UTC."""
    zone = kind.tz if pa.types.is_timestamp(kind) else None
    if zone:
        with contextlib.suppress(pa.ArrowInvalid):
            seconds = pc.local_timestamp(pa.scalar(int(seconds), pa.timestamp("s", zone))).value
    return str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))
