"""From a table, its target and a sampling unit to the rows that are held out and trained on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalewise.core.spec import SamplingUnit
from scalewise.core.unit_words import columns_text, unit_text
from scalewise.core.wording import counted_text
from scalewise.data.encode import column_codes, is_usable, text_hashes
from scalewise.data.sampling import Draw, GroupDraw, RowDraw, ThinnedDraw, TimeDraw, holdout_size
from scalewise.data.sources import Source
from scalewise.data.target import Target
from scalewise.data.times import row_times, time_columns
from scalewise.errors import InputError, TargetError, unknown_name

__all__ = ["Drawn", "check_unit", "drawn", "missing_note"]

_SMALLEST_ROWS, _SMALLEST_PER_CLASS, _SMALLEST_RARE_ROWS = 50, 10, 5
_SMALLEST_RARE_FRACTION = 0.02
_LEAST_GROUPS = 5
_FIRST_GROUPS, _FIRST_GROUPS_PART, _FIRST_GROUPS_ROWS = 10, 1 / 4, 20_000
"""Groups that the smallest sample should hold: models that saw one or two know only these. But sizes up to the whole
table must be left to see a trend over, and where groups are huge so many rows have to do."""
_CHECKED_REPEATS = 5


def check_unit(source: Source, unit: SamplingUnit, target: str) -> None:
    """Find out early that a table cannot be sampled as asked.

    Raises
    ------
    InputError
        If a column to sample by does not exist or holds what cannot be used.
    """
    if unit.column is None:
        return
    known = source.schema().names
    if target in ([unit.column] if unit.column in known else [part.strip() for part in unit.column.split(",")]):
        raise InputError(f"{target!r} is the target, which rows to come do not have. Sample by another column.")
    names = [name for name in known if name != target]
    if unit.kind == "group" and unit.column not in names:
        raise InputError(unknown_name("column to sample by", unit.column, names))
    for column in time_columns(unit.column, names):
        kind = source.schema().field(column).type
        if not is_usable(kind):
            raise InputError(
                f"{column!r} holds values of type {kind}. Valid to sample by: text, numbers, dates or times."
            )


class Drawn(NamedTuple):
    """Which rows are held out and trained on, the smallest sensible training size, and what to know of it."""

    draw: Draw
    smallest_n_rows: int
    notes: tuple[str, ...]


def drawn(source: Source, target: Target, unit: SamplingUnit, seed: int) -> Drawn:
    """Decide which rows are held out and trained on.

    Parameters
    ----------
    source : Source
    target : Target
    unit : SamplingUnit
        One that `check_unit` lets pass.
    seed : int

    Returns
    -------
    Drawn

    Raises
    ------
    InputError
        If the column has too few groups or moments.
    TargetError
        If some class is only held out, or only trained on.
    """
    smallest = _smallest(target)
    if unit.column is None:
        n_holdout = holdout_size(target.n_usable)
        rows = RowDraw(target.codes, n_holdout, seed, smallest)
        return Drawn(rows, min(smallest, rows.n_train_rows), ())
    draw: Draw
    if unit.kind == "group":
        groups, notes = _group_draw(source, target, unit.column, seed)
        draw, smallest = groups, max(smallest, _several_groups(groups))
    else:
        draw, notes = _time_draw(source, target, unit, seed)
    return Drawn(draw, _until_all_classes(draw, target, unit, smallest), notes)


def _smallest(target: Target) -> int:
    """Rows that a training sample needs to say anything: some of each class, or nearly so."""
    if not target.classes:
        return _SMALLEST_ROWS
    counts = target.class_sizes
    usable = int(counts.sum())
    rare = min(_SMALLEST_RARE_ROWS * usable / int(counts.min()), _SMALLEST_RARE_FRACTION * usable)
    return max(_SMALLEST_ROWS, _SMALLEST_PER_CLASS * len(target.classes), int(np.ceil(rare)))


def _several_groups(draw: GroupDraw) -> int:
    """Rows that some groups have."""
    n_groups = min(_FIRST_GROUPS, _FIRST_GROUPS_PART * draw.n_train_groups)
    return min(round(n_groups * draw.n_train_rows / draw.n_train_groups), _FIRST_GROUPS_ROWS)


def _group_draw(source: Source, target: Target, column: str, seed: int) -> tuple[GroupDraw, tuple[str, ...]]:
    found = column_codes(source.scan([column]), source.n_rows(), np.int32)
    assert found is not None
    values, codes = found
    notes = _unusable_note(column, codes < 0, target)
    groups = np.where(target.codes >= 0, codes, -1)
    n_groups = len(np.unique(groups[groups >= 0]))
    if n_groups < _LEAST_GROUPS:
        values_text = "1 distinct value" if n_groups == 1 else f"{n_groups} distinct values"
        raise InputError(
            f"{column!r} has {values_text}; drawing whole groups needs at least {_LEAST_GROUPS}. "
            "Choose a column with more, or sample by rows."
        )
    n_holdout = holdout_size(int((groups >= 0).sum()))
    classes = target.codes if target.classes else None
    return GroupDraw(groups, text_hashes([str(value) for value in values]), n_holdout, seed, classes), notes


def _time_draw(source: Source, target: Target, unit: SamplingUnit, seed: int) -> tuple[Draw, tuple[str, ...]]:
    assert unit.column is not None
    times = row_times(source, time_columns(unit.column, source.schema().names))
    missing = np.isnan(times)
    usable = (target.codes >= 0) & ~missing
    if len(np.unique(times[usable])) < 2:
        raise InputError(
            f"{unit.column!r} has fewer than two distinct moments. Choose another column, or sample by rows."
        )
    notes = _unusable_note(columns_text(unit.column), missing, target)
    n_holdout = holdout_size(int(usable.sum()))
    if unit.kind == "thinned":
        return ThinnedDraw(times, usable, n_holdout, seed), notes
    return TimeDraw(times, usable, n_holdout), notes


def _unusable_note(column: str, missing: NDArray[np.bool_], target: Target) -> tuple[str, ...]:
    count = int((missing & (target.codes >= 0)).sum())
    return missing_note(count, column)


def missing_note(count: int, column: str) -> tuple[str, ...]:
    """Say how many rows are left out since they have no value of a column; nothing where none is."""
    are = "is" if count == 1 else "are"
    return (f"{counted_text(count, 'row')} without a value of {column} {are} left out.",) if count else ()


def _until_all_classes(draw: Draw, target: Target, unit: SamplingUnit, smallest: int) -> int:
    """Grow the smallest size until every class is in it; whole groups or stretches may lack some."""
    wanted = set(range(len(target.classes)))
    _check_all_classes(target, target.codes[draw.holdout_rows], "held out", unit)
    size = min(smallest, draw.n_train_rows)
    for repeat in range(_CHECKED_REPEATS):
        while not wanted <= set(np.unique(target.codes[draw.training_rows(repeat, size)]).tolist()):
            if size == draw.n_train_rows:
                _check_all_classes(target, target.codes[draw.training_rows(repeat, size)], "trained on", unit)
            size = min(2 * size, draw.n_train_rows)
    return size


def _check_all_classes(target: Target, codes: NDArray[np.int16], where: str, unit: SamplingUnit) -> None:
    lacking = [label for code, label in enumerate(target.classes) if code not in set(codes.tolist())]
    if lacking:
        others = f" (and of {len(lacking) - 1} more)" if len(lacking) > 1 else ""
        use = "no score would count it" if where == "held out" else "no model could learn it"
        raise TargetError(
            f"Sampled by {unit_text(unit)}, no row of class {lacking[0]!r}{others} of {target.name!r} is {where}, "
            f"so that {use}. Merge it into another class, take its rows out of the table, or sample by single rows."
        )
