"""What each column is, settled once on a seeded look at the table: features, what is left out and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scalewise.core.spec import Feature, LeftOut, UnitCandidate
from scalewise.data.candidates import Sampled, group_candidates
from scalewise.data.encode import (
    as_text,
    encode,
    is_number,
    is_text,
    is_usable,
    plain_values,
    text_numbers,
    text_seconds,
)
from scalewise.data.times import time_candidates

__all__ = ["MAX_CATEGORIES", "PROFILE_ROWS", "Profile", "profile_table"]

PROFILE_ROWS = 20_000
"""Rows looked at, at the most."""

MAX_CATEGORIES = 64
"""Distinct values of a ``category``; text with more is a ``label``."""

_LEAST_FOR_IDENTIFIER = 20
_LONG_TEXT = 40
_NEARLY_ALL = 0.9
_DATE_START = re.compile(r"\s*\d{4}-\d\d")


@dataclass(frozen=True)
class Profile:
    """What the columns of a table were settled to be.

    Parameters
    ----------
    features : tuple of Feature
    left_out : tuple of LeftOut
    notes : tuple of str
        What a person should know, a sentence each.
    group_candidates, time_candidates : tuple of UnitCandidate
        Columns that may be the true sampling unit, likeliest first.
    """

    features: tuple[Feature, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    group_candidates: tuple[UnitCandidate, ...]
    time_candidates: tuple[UnitCandidate, ...]


@dataclass(frozen=True)
class _Look:
    """One column of the sample."""

    name: str
    values: pa.ChunkedArray
    rows: NDArray[np.int64]
    n_total: int

    @property
    def n_present(self) -> int:
        return len(self.values) - int(self.values.null_count)

    @cached_property
    def n_distinct(self) -> int:
        return int(pc.count_distinct(self.values).as_py())

    @property
    def unique(self) -> bool:
        """Whether no value stands twice, in enough rows for that to mean something."""
        return _LEAST_FOR_IDENTIFIER <= self.n_present == self.n_distinct


def profile_table(
    sample: pa.Table,
    rows: NDArray[np.int64],
    n_total: int,
    leave_out: Mapping[str, str] | None = None,
    *,
    target: str = "",
    classes: NDArray[np.integer] | None = None,
) -> Profile:
    """Settle what each column is.

    Parameters
    ----------
    sample : pyarrow.Table
        Some rows of the table, without the target.
    rows : ndarray of int64, shape (n_sample,)
        Their ascending row numbers.
    n_total : int
        Rows of the whole table.
    leave_out : mapping of str to str, optional
        Columns to leave out, and why.
    target : str
    classes : ndarray of int, shape (n_sample,), or None
        Class codes of the target in these rows; None for regression.

    Returns
    -------
    Profile
    """
    reasons = dict(leave_out or {})
    features, left_out = [], []
    notes: list[str] = []
    for name in sample.column_names:
        settled = LeftOut(name, reasons[name]) if name in reasons else _settled(name, sample[name], rows, n_total)
        if isinstance(settled, LeftOut):
            left_out.append(settled)
            continue
        features.append(settled)
        look = _Look(name, plain_values(sample[name]), rows, n_total)
        notes.extend((*_infinities(look), *_numbers_as_text(settled, look)))
    seen = Sampled(sample.drop_columns(list(reasons)), rows, n_total, target, classes)
    times = time_candidates(seen, features)
    groups = group_candidates(seen, _named_else(sample, features, times))
    return Profile(tuple(features), tuple(left_out), tuple(notes), groups, times)


def _named_else(sample: pa.Table, features: list[Feature], times: tuple[UnitCandidate, ...]) -> frozenset[str]:
    """Columns that cannot name groups: times, and text that stands for dates or numbers."""
    told = {f.name for f in features if f.kind == "date" or (f.kind == "number" and is_text(sample[f.name].type))}
    return frozenset(told.union(*(time.column.split(",") for time in times)))


def _settled(name: str, column: pa.ChunkedArray, rows: NDArray[np.int64], n_total: int) -> Feature | LeftOut:
    kind = column.type
    if not (is_usable(kind) or pa.types.is_null(kind)):
        return LeftOut(name, f"holds values of type {kind}, which models here cannot use")
    if pa.types.is_dictionary(kind):
        column = as_text(column)
    look = _Look(name, plain_values(column), rows, n_total)
    if look.n_present == 0 or (is_number(kind) and np.isnan(encode(Feature(name, "number"), column)).all()):
        return LeftOut(name, "has no values")
    if look.n_distinct == 1 and look.n_present == len(look.values):
        return LeftOut(name, f"is the same everywhere: {_shown(look.values[0])}")
    if is_text(kind):
        return _settled_text(look)
    if is_number(kind):
        return _settled_number(look)
    return Feature(name, "date")


def _settled_text(look: _Look) -> Feature | LeftOut:
    if _all_dates(look.values):
        return Feature(look.name, "date")
    if look.n_distinct > MAX_CATEGORIES and _nearly_all_numbers(look.values):
        return Feature(look.name, "number")
    if look.unique:
        long = pc.mean(pc.utf8_length(look.values)).as_py() > _LONG_TEXT
        return LeftOut(look.name, "is free text" if long else "is an identifier: no value stands twice")
    if look.n_distinct <= MAX_CATEGORIES:
        return Feature(look.name, "category", _by_frequency(look.values))
    if 2 * look.n_distinct > look.n_present and pc.mean(pc.utf8_length(look.values)).as_py() > _LONG_TEXT:
        return LeftOut(look.name, "is free text")
    return Feature(look.name, "label")


def _all_dates(values: pa.ChunkedArray) -> bool:
    """Whether every text is a date; a short look saves the long one where the answer is no."""
    present = values.drop_null()
    for some in (present.slice(0, 10), present):
        texts = some.unique().to_pylist()
        if not all(_DATE_START.match(text) for text in texts) or np.isnan(text_seconds(texts)).any():
            return False
    return True


def _nearly_all_numbers(values: pa.ChunkedArray) -> bool:
    """Whether text is measured numbers with a little dirt; digits alone rather name things."""
    present = values.drop_null()
    for some in (present.slice(0, 10), present):
        texts = some.to_pylist()
        numbers = text_numbers(texts)
        if not any("." in text for text in texts) or np.isfinite(numbers).mean() < _NEARLY_ALL:
            return False
    return True


def _settled_number(look: _Look) -> Feature | LeftOut:
    if pa.types.is_integer(look.values.type) and look.unique and _like_row_numbers(look):
        return LeftOut(look.name, "is an identifier: it numbers the rows")
    return Feature(look.name, "number")


def _like_row_numbers(look: _Look) -> bool:
    """Whether whole numbers that never repeat rise with the row number, or fill a range as long as the table."""
    if look.values.null_count:
        return False
    numbers = look.values.cast(pa.float64(), safe=False).to_numpy()
    steps = np.diff(numbers)
    rising = bool((steps > 0).all() or (steps < 0).all())
    return rising or float(np.ptp(numbers)) < 1.1 * look.n_total


def _by_frequency(values: pa.ChunkedArray) -> tuple[str, ...]:
    counted = values.drop_null().value_counts()
    pairs = [(-item["counts"].as_py(), str(item["values"].as_py())) for item in counted]
    return tuple(text for _, text in sorted(pairs))


def _infinities(look: _Look) -> list[str]:
    if not pa.types.is_floating(look.values.type):
        return []
    count = int(pc.sum(pc.is_inf(look.values)).as_py() or 0)
    of = f"{count:,} of the {len(look.values):,} rows looked at"
    return [f"Infinite values of {look.name} count as missing ({of})."] if count else []


def _numbers_as_text(feature: Feature, look: _Look) -> list[str]:
    if feature.kind != "number" or not is_text(look.values.type):
        return []
    count = look.n_present - int(np.isfinite(encode(feature, look.values)).sum())
    dirt = f"; {count:,} of the {len(look.values):,} rows looked at hold something else, which counts as missing"
    return [f"{look.name} holds numbers as text and is used as numbers{dirt if count else ''}."]


def _shown(value: pa.Scalar) -> str:
    text = str(value.as_py())
    return text if len(text) <= _LONG_TEXT else f"{text[:_LONG_TEXT]} ..."
