"""Which columns may be the true sampling unit, and why: looked for on the same sample of rows as the profile.

Two kinds of columns are told from mere categories. *Groups* name things that several rows belong to (a person, a
machine), of which there may be others than those in the table. *Times* say when a row happened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scalewise.core.spec import UnitCandidate
from scalewise.data.encode import distinct_values, is_text, is_usable, plain_values

__all__ = ["Sampled", "group_candidates", "name_words", "word_set"]

_LEAST_VALUES = 20
_LEAST_EVEN = 10.0
_LEAST_MATES, _LEAST_PAIRS = 1.0, 5
_OPEN = 0.005
"""Share of rows with a value of their own from which new values are said to keep appearing."""
_LEAST_SHARED = 2
_MOST_COMPARED = 60
_MOST_CANDIDATES = 3


def word_set(words: str) -> frozenset[str]:
    """The words of a text, each once."""
    return frozenset(words.split())


_THINGS = word_set(
    "id uid uuid guid group patient person people user customer client member subject participant respondent "
    "household family session visitor store shop site hospital clinic ward school device sensor machine engine "
    "vehicle car truck plane aircraft tail account donor animal mouse speaker author writer employee driver player "
    "borrower policyholder batch well"
)
_NO_IDS = word_set(
    "paid prepaid unpaid grid valid invalid humid liquid fluid solid acid covid hybrid rapid avoid void lipid thyroid "
    "steroid android centroid said laid amid"
)
_COUNTED = word_set("n num number count counts total mean sum avg per share rate size age")


@dataclass(frozen=True)
class Sampled:
    """Some rows of a table.

    Parameters
    ----------
    table : pyarrow.Table
        Without the target.
    rows : ndarray of int64, shape (n_sample,)
        Their ascending row numbers.
    n_total : int
        Rows of the whole table.
    target : str
    classes : ndarray of int, shape (n_sample,), or None
        Class codes of the target, -1 where it is missing; None for regression.
    """

    table: pa.Table
    rows: NDArray[np.int64]
    n_total: int
    target: str = ""
    classes: NDArray[np.integer] | None = None


@dataclass(frozen=True)
class _Column:
    """The values of one column as codes; those missing are left out."""

    name: str
    codes: NDArray[np.int64]
    n_values: int
    text: bool
    scale: float
    """By how much more rows the table has than the sample."""

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        return np.bincount(self.codes, minlength=self.n_values + 1)[: self.n_values]

    @property
    def n_present(self) -> int:
        return int(self.counts.sum())

    @property
    def pairs(self) -> float:
        """Pairs of rows with the same value."""
        return float((self.counts * (self.counts - 1)).sum()) / 2

    @property
    def mates(self) -> float:
        """Other rows of the table that have the value of a row, on the average over rows."""
        return 2 * self.pairs / max(1, self.n_present) * self.scale

    @property
    def singles(self) -> float:
        """Share of the rows whose value no other row has; nearly the chance that the next row brings a new one.

        References
        ----------
        Good: The population frequencies of species and the estimation of population parameters, Biometrika 1953.
        """
        return float((self.counts == 1).sum()) / max(1, self.n_present)

    @property
    def is_shaped_like_groups(self) -> bool:
        """Whether there are many values, none of them rules, and rows of the table share theirs with others."""
        even = self.n_present**2 / max(1.0, float((self.counts**2).sum()))
        many = self.n_values >= _LEAST_VALUES and even >= _LEAST_EVEN
        return many and self.pairs >= _LEAST_PAIRS and self.mates >= _LEAST_MATES

    def settles(self, other: NDArray[np.integer]) -> bool:
        """Whether all rows of one value have the same value of another column, where more than chance would do it."""
        again = np.append(self.counts, 0)[self.codes] > 1
        codes, others = self.codes[again], other[again]
        if len(codes) < _LEAST_PAIRS or len(np.unique(others)) < 2:
            return False
        first = np.full(self.n_values, -1, dtype=np.int64)
        first[codes[::-1]] = others[::-1]
        return bool((first[codes] == others).all())


def name_words(name: str) -> list[str]:
    """The words of a column's name in small letters: ``customerId`` and ``customer_id`` give customer and id."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word.lower() for word in re.findall(r"[A-Za-z]+", parted)]


def group_candidates(sampled: Sampled, taken: frozenset[str] = frozenset()) -> tuple[UnitCandidate, ...]:
    """Find columns that may name groups of rows.

    A column of many values which rows share must also give a reason: its name; new values that keep appearing; the
    target or other columns that never change within one of its values. Whole numbers need the name.

    Parameters
    ----------
    sampled : Sampled
    taken : frozenset of str
        Columns that are something else: times, or text that stands for dates or measured numbers.

    Returns
    -------
    tuple of UnitCandidate
        Likeliest first, three at the most.
    """
    found = []
    for name in sampled.table.column_names:
        if name in taken or not _may_name_things(name, sampled.table[name].type):
            continue
        column = _column(sampled, name)
        reasons = _reasons(column, sampled) if column.is_shaped_like_groups else []
        if reasons:
            weight, words = max(reasons)
            told = f"a row shares its {name} with about {max(1, round(column.mates)):,} others, and {words}"
            found.append((-weight, UnitCandidate(name, told)))
    return tuple(candidate for _, candidate in sorted(found, key=lambda item: item[0])[:_MOST_CANDIDATES])


def _may_name_things(name: str, kind: pa.DataType) -> bool:
    return is_text(kind) or (bool(pa.types.is_integer(kind)) and _names_a_thing(name))


def _column(sampled: Sampled, name: str) -> _Column:
    values = plain_values(sampled.table[name])
    distinct, codes = distinct_values(values)
    scale = max(1.0, (sampled.n_total - 1) / max(1, len(sampled.rows) - 1))
    return _Column(name, codes, len(distinct), is_text(values.type), scale)


def _reasons(column: _Column, sampled: Sampled) -> list[tuple[int, str]]:
    """Why a column may name groups, each with its weight."""
    named = _names_a_thing(column.name)
    reasons = [(2, "it is named like something that rows belong to")] if named else []
    if sampled.classes is not None and column.settles(sampled.classes):
        reasons.append((4, f"all of them have the same {sampled.target}"))
    if column.text and column.singles >= _OPEN:
        reasons.append((3 if named else 1, f"new ones keep appearing, in {100 * column.singles:.2g} % of the rows"))
    shared = list(_shared(column, sampled)) if column.text else []
    if len(shared) >= _LEAST_SHARED:
        reasons.append((3 if named else 1, f"they have the same {shared[0]} and {shared[1]}"))
    return reasons


def _names_a_thing(name: str) -> bool:
    words = name_words(name)
    if not words or words[0] in _COUNTED or words[-1] in _COUNTED:
        return False
    parts = {word.removesuffix("s") for word in words} | set(words)
    joined = any(word.endswith("id") and len(word) > 3 and word not in _NO_IDS for word in words)
    return joined or bool(parts & _THINGS)


def _shared(column: _Column, sampled: Sampled) -> Iterator[str]:
    """Names of columns with fewer values that never change within one value of this one."""
    for name in sampled.table.column_names[:_MOST_COMPARED]:
        if name == column.name or not is_usable(sampled.table[name].type):
            continue
        other = _column(sampled, name)
        if 1 < other.n_values < column.n_values and column.settles(other.codes):
            yield name
