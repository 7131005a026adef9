"""The target column: which task it makes, its classes, and every way in which it cannot be learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scalewise.core.spec import Feature, Task
from scalewise.core.wording import counted_text
from scalewise.data.encode import coded_values, column_codes, encode, is_number, is_text, plain_values
from scalewise.data.sources import Source
from scalewise.data.strata import code_counts
from scalewise.errors import TableError, TargetError, unknown_name

__all__ = [
    "LEAST_CLASS_ROWS",
    "LEAST_ROWS",
    "MAX_CLASSES",
    "Target",
    "encode_target",
    "far_note",
    "rare_note",
    "read_target",
]

MAX_CLASSES = 1000
"""Classes of a target at the most."""

LEAST_CLASS_ROWS = 10
"""Rows that each class needs, so that some can be held out and some trained on; rows of rarer ones are left out."""

MOST_RARE_ROWS = 0.05
"""The part of the rows that may be left out for their rare classes: without more of them it is another question."""

LEAST_ROWS = 20
"""Rows with a target that a table needs."""

_FAR, _FAR_SDS = 0.2, 5.0
"""Part of the variance of all numbers that one of them may make up (where it is held out, it then makes up most of
theirs), if it is so many standard deviations from their mean: of few numbers, each makes up a large part."""
_GUESSED_CLASSES = 20
_MOST_COUNTED = 100_000
"""In so many rows classes are counted, to say how many more there are than can be."""
# Trees of scikit-learn do not split where the variance is below 2e-16; boosting computes in single precision.
_LEAST_SPREAD, _MOST_SPREAD = 1e-6, 1e30
# Below this the squares of what is left may be nought.
_NO_SPREAD = 1e-150

_OTHER = "Choose another column."


@dataclass(frozen=True, eq=False)
class Target:
    """The target column of a whole table.

    Parameters
    ----------
    name : str
    task : {"binary", "multiclass", "regression"}
    classes : tuple of str
        In the order of their codes; empty for regression.
    codes : ndarray of int16, shape (n_rows,)
        Class of each row of the table, 0 for every row in regression; -1 where the target is missing or its class rare.
    rare : tuple of (str, int)
        Classes of too few rows, which are left out with their rows, and how many each has.
    sd : float
        Standard deviation of the numbers in regression; 0 of classes.
    farthest : float
        Part of their variance that is due to the one farthest from their mean; 0 of classes.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    codes: NDArray[np.int16]
    rare: tuple[tuple[str, int], ...] = ()
    sd: float = 0.0
    farthest: float = 0.0

    @cached_property
    def class_sizes(self) -> NDArray[np.int64]:
        """Rows of each code; ndarray of shape (n_classes,), of one for regression."""
        return code_counts(self.codes, max(1, len(self.classes)))

    @property
    def n_missing(self) -> int:
        """Rows without a target."""
        return len(self.codes) - self.n_usable - self.n_rare

    @property
    def n_rare(self) -> int:
        """Rows of rare classes."""
        return sum(count for _, count in self.rare)

    @property
    def n_usable(self) -> int:
        """Rows that can be learned from."""
        return int(self.class_sizes.sum())


def read_target(source: Source, name: str, task: Task | None = None) -> Target:
    """Read the target of every row, and check that it can be learned.

    Parameters
    ----------
    source : Source
    name : str
        The target column.
    task : {"binary", "multiclass", "regression"}, optional
        What to learn; guessed if not given: text, booleans and few whole numbers are classes.

    Raises
    ------
    TableError
        If the table is empty.
    TargetError
        If there is no such column, or it cannot be learned as asked.
    """
    schema = source.schema()
    if name not in schema.names:
        raise TargetError(unknown_name("column", name, schema.names))
    if not source.n_rows():
        raise TableError(
            f"The table {source.name!r} has columns but no rows. Give one with at least {LEAST_ROWS} rows."
        )
    kind = schema.field(name).type
    _check_kind(name, kind, task)
    target = _numbers(source, name) if task == "regression" else _classes_or_numbers(source, name, task)
    if target.n_usable < LEAST_ROWS:
        raise TargetError(f"Only {target.n_usable} rows have a value of {name!r}; at least {LEAST_ROWS} are needed.")
    return target


def encode_target(
    name: str, classes: Sequence[str], column: pa.ChunkedArray
) -> NDArray[np.int32] | NDArray[np.float64]:
    """Turn some rows of a target into what models learn.

    Parameters
    ----------
    name : str
    classes : sequence of str
        In the order of their codes; empty for regression.
    column : pyarrow.ChunkedArray

    Returns
    -------
    ndarray of shape (n_rows,)
        Class codes (int32), -1 where missing or no class of these; or numbers (float64), NaN where missing.
    """
    if not classes:
        return encode(Feature(name, "number"), column)
    known = {label: code for code, label in enumerate(classes)}
    values, places = coded_values(column)
    codes = [known.get(_label(value), -1) for value in values]
    return np.array([*codes, -1], dtype=np.int32)[places]


def _check_kind(name: str, kind: pa.DataType, task: Task | None) -> None:
    if pa.types.is_null(kind):
        raise TargetError(f"The target {name!r} has no value in any row. {_OTHER}")
    if pa.types.is_duration(kind) or not (is_number(kind) or is_text(kind)):
        raise TargetError(
            f"The target {name!r} holds values of type {kind}. Valid: numbers, booleans or text; "
            "turn the column into one of these, or choose another."
        )
    if task == "regression" and is_text(kind):
        raise TargetError(
            f"The target {name!r} holds text, and regression needs numbers. "
            "Choose classification, or turn the column into numbers."
        )


def _classes_or_numbers(source: Source, name: str, task: Task | None) -> Target:
    kind = source.schema().field(name).type
    may_be_number = task is None and is_number(kind) and not pa.types.is_boolean(kind)
    found = column_codes(source.scan([name]), _GUESSED_CLASSES if may_be_number else MAX_CLASSES, np.int16)
    if found is None and may_be_number:
        return _numbers(source, name)
    if found is None:
        raise TargetError(
            f"The target {name!r} has {_distinct(source, name)} classes; {MAX_CLASSES:,} is the most. "
            "Choose a column with fewer" + (", or regression." if is_number(kind) else ", or group its values.")
        )
    values, codes = found
    if may_be_number and not _like_classes(values, len(codes)):
        return _numbers(source, name)
    return _classes(name, values, codes, task)


def _distinct(source: Source, name: str) -> str:
    """How many values a column has, in words; a long one is not read to its end for that."""
    if source.n_rows() > _MOST_COUNTED:
        return f"more than {MAX_CLASSES:,}"
    found: set[object] = set()
    for batch in source.scan([name]):
        found.update(pc.unique(batch.column(0)).drop_null().to_pylist())
    return f"{len(found):,}"


def _like_classes(values: list[object], n_rows: int) -> bool:
    """Whether distinct numbers are rather names of classes: two of them, or a few whole ones that often repeat."""
    numbers = np.array([float(str(value)) for value in values if not isinstance(value, bool)])
    if not np.isfinite(numbers).all():
        return False
    return len(values) <= 2 or (bool((numbers == np.round(numbers)).all()) and n_rows >= 10 * len(values))


def _classes(name: str, values: list[object], codes: NDArray[np.int16], task: Task | None) -> Target:
    order = sorted(range(len(values)), key=lambda i: _sort_key(values[i]))
    place = np.full(len(values) + 1, -1, dtype=np.int16)
    place[order] = np.arange(len(values))
    labels = tuple(_label(values[i]) for i in order)
    target = Target(name, _task_of(labels), labels, place[codes])
    _check_classes(target)
    target = _without_rare(target)
    _check_task(target, task)
    return target


def _task_of(labels: Sequence[str]) -> Task:
    return "binary" if len(labels) == 2 else "multiclass"


def _check_classes(target: Target) -> None:
    name, labels = target.name, target.classes
    if not labels:
        raise TargetError(f"The target {name!r} has no value in any row. {_OTHER}")
    if len(labels) == 1:
        raise TargetError(f"The target {name!r} is {labels[0]!r} everywhere, so there is nothing to learn. {_OTHER}")


def _check_task(target: Target, task: Task | None) -> None:
    """Say so if the classes that are left make another task than the one asked for."""
    if task is not None and task != target.task:
        found = f"{len(target.classes)} classes" + (f" of {LEAST_CLASS_ROWS} rows or more" if target.rare else "")
        raise TargetError(f"The task is {task!r}, but the target {target.name!r} has {found}. Valid: {target.task!r}.")


def _without_rare(target: Target) -> Target:
    """Leave out the classes that are too rare to be both trained on and held out, with their rows."""
    sizes = target.class_sizes
    stays = sizes >= LEAST_CLASS_ROWS
    if stays.all():
        return target
    rare = tuple((target.classes[at], int(sizes[at])) for at in np.flatnonzero(~stays))
    if stays.sum() < 2 or sizes[~stays].sum() > MOST_RARE_ROWS * sizes.sum():
        raise TargetError(
            f"Classes of {target.name!r} with fewer than {LEAST_CLASS_ROWS} rows cannot be both trained on and held "
            f"out: {_counts_text(rare)}. Merge them into another class, or choose another column."
        )
    labels = tuple(target.classes[at] for at in np.flatnonzero(stays))
    place = np.append(np.where(stays, np.cumsum(stays) - 1, -1), -1).astype(np.int16)
    return Target(target.name, _task_of(labels), labels, place[target.codes], rare)


def rare_note(target: Target) -> tuple[str, ...]:
    """Say which classes are left out as they are too rare; nothing where none is."""
    if not target.rare:
        return ()
    of, each = ("a rare class", "") if len(target.rare) == 1 else ("rare classes", " each")
    rows, are = counted_text(target.n_rare, "row"), "is" if target.n_rare == 1 else "are"
    few = f"fewer than {LEAST_CLASS_ROWS} rows{each}"
    amount = f" If {target.name} is an amount, study it as regression." if _may_be_amount(target) else ""
    return (f"{rows} of {of} of {target.name} ({few}) {are} left out: {_counts_text(target.rare)}.{amount}",)


def far_note(target: Target) -> tuple[str, ...]:
    """Say so where one number lies so far out that squared errors tell of hardly any other; else nothing."""
    if target.farthest < max(_FAR, _FAR_SDS**2 / target.n_usable):
        return ()
    return (
        f"One row lies so far out in {target.name} that it makes up {100 * target.farthest:.0f} % of the variance of "
        "all: R² and squared errors hang on whether it is held out. Choose the median or the mean absolute error as "
        "the metric, or study the logarithm of an amount.",
    )


def _may_be_amount(target: Target) -> bool:
    """Whether classes may be counts, of which the rare ones are no oddities but the largest."""
    labels = [*target.classes, *(label for label, _ in target.rare)]
    return target.task == "multiclass" and all(label.lstrip("-").isdecimal() for label in labels)


def _counts_text(rare: Sequence[tuple[str, int]]) -> str:
    more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
    return ", ".join(f"{label!r} ({count})" for label, count in rare[:5]) + more


def _numbers(source: Source, name: str) -> Target:
    parts, moments, low, high, infinite = [], _Moments(), np.inf, -np.inf, 0
    for batch in source.scan([name]):
        numbers = plain_values(pa.chunked_array([batch.column(0)])).cast(pa.float64(), safe=False).to_numpy()
        infinite += int(np.isinf(numbers).sum())
        moments = moments.joined(numbers[np.isfinite(numbers)])
        parts.append(np.where(np.isnan(numbers), -1, 0).astype(np.int16))
        low, high = np.fmin.reduce(numbers, initial=low), np.fmax.reduce(numbers, initial=high)
    if infinite:
        raise TargetError(
            f"The target {name!r} is infinite in {counted_text(infinite, 'row')}. "
            f"Leave {'this row' if infinite == 1 else 'these rows'} out, or bound the values."
        )
    if low > high:
        raise TargetError(f"The target {name!r} has no value in any row. {_OTHER}")
    if low == high:
        raise TargetError(f"The target {name!r} is {low:g} everywhere, so there is nothing to learn. {_OTHER}")
    _check_spread(name, moments.sd, max(abs(low), abs(high)))
    farthest = max(high - moments.mean, moments.mean - low) ** 2 / moments.squares
    return Target(name, "regression", (), np.concatenate(parts), sd=moments.sd, farthest=farthest)


def _check_spread(name: str, sd: float, largest: float) -> None:
    """Refuse numbers that models would round away, or whose squares overflow."""
    if sd < _LEAST_SPREAD:
        raise TargetError(
            f"The target {name!r} varies by no more than {max(sd, _NO_SPREAD):.2g} (standard deviation): too little "
            "for trees, which take that for rounding. Give it in a smaller unit, so that its numbers are larger."
        )
    if not sd <= _MOST_SPREAD:
        raise TargetError(
            f"The target {name!r} has values as large as {largest:.2g}: too large to compute with. Give it in a larger "
            "unit, or take its logarithm."
        )


@dataclass(frozen=True, slots=True)
class _Moments:
    """Count, mean and sum of squared distances from the mean, of numbers that come in parts.

    References
    ----------
    Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing sample variances, 1979.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @property
    def sd(self) -> float:
        """Standard deviation; 0 without numbers."""
        return math.sqrt(self.squares / self.count) if self.count else 0.0

    def joined(self, numbers: NDArray[np.float64]) -> _Moments:
        """The same with more numbers."""
        if not len(numbers):
            return self
        # Numbers whose squares overflow have an infinite spread, or none that is a number.
        with np.errstate(over="ignore", invalid="ignore"):
            n, mean = self.count + len(numbers), float(numbers.mean())
            away = mean - self.mean
            squares = self.squares + float(((numbers - mean) ** 2).sum()) + away * away * self.count * len(numbers) / n
        return _Moments(n, self.mean + away * len(numbers) / n, squares)


def _sort_key(value: object) -> tuple[float, str]:
    """Numbers by size, then text by alphabet."""
    return (float(str(value)), "") if _is_numeric(value) else (np.inf, str(value))


def _is_numeric(value: object) -> bool:
    return not isinstance(value, (str, bool)) and hasattr(value, "__float__")


def _label(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
