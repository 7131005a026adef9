"""From a table and a target to all that a study needs to know before its first trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scalewise.core.spec import ROWS, DataSpec, Feature, LeftOut, SamplingUnit, Task
from scalewise.data.encode import column_codes, encode, is_number, is_usable, text_hashes
from scalewise.data.profile import PROFILE_ROWS, Profile, profile_table
from scalewise.data.sampling import Draw, GroupDraw, RowDraw, TimeDraw, holdout_size, sample_rows
from scalewise.data.sources import Source
from scalewise.data.strata import code_counts
from scalewise.data.target import Target, read_target
from scalewise.errors import InputError, TableError, TargetError, unknown_name

__all__ = ["Prepared", "prepare"]

_SMALLEST_ROWS, _SMALLEST_PER_CLASS, _SMALLEST_RARE_ROWS = 50, 10, 5
_SMALLEST_RARE_FRACTION = 0.02
_LEAST_GROUPS = 5
_COLUMNS_AT_ONCE = 8
_CHECKED_REPEATS = 5
_GROUP_REASON = "is the sampling unit: rows to come belong to others"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A table made ready for a study.

    Parameters
    ----------
    source : Source
    data : DataSpec
        The table as the study sees it.
    left_out : tuple of LeftOut
        Columns that models do not see, and why.
    notes : tuple of str
        What a person should know about the table, a sentence each.
    draw : Draw
        Which rows are held out and trained on.
    target : Target
        Class codes of all rows.
    group_candidates, time_candidates : tuple of str
        Columns that may be the true sampling unit, likeliest first.
    """

    source: Source
    data: DataSpec
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    draw: Draw
    target: Target
    group_candidates: tuple[str, ...] = ()
    time_candidates: tuple[str, ...] = ()


def prepare(
    source: Source,
    target: str,
    *,
    task: Task | None = None,
    unit: SamplingUnit = ROWS,
    seed: int = 0,
    exclude: Iterable[str] | Mapping[str, str] = (),
) -> Prepared:
    """Read the target, settle the columns, and decide the holdout.

    Parameters
    ----------
    source : Source
    target : str
        The column to predict.
    task : {"binary", "multiclass", "regression"}, optional
        Guessed from the target if not given.
    unit : SamplingUnit
        What is drawn: rows, groups or a stretch of time.
    seed : int
        Decides the holdout and every sample.
    exclude : iterable of str, or mapping of str to str
        Columns that models must not see; a mapping also says why.

    Returns
    -------
    Prepared

    Raises
    ------
    TableError
        If the table is empty, or no column is left to learn from.
    TargetError
        If the target cannot be learned as asked.
    InputError
        If a column to exclude or to sample by does not exist or does not fit.
    """
    read = read_target(source, target, task)
    reasons = _reasons(source, target, exclude)
    if unit.column is not None:
        _check_unit(source, unit.column, target)
        reasons |= {unit.column: _GROUP_REASON} if unit.kind == "group" else {}
    profile = _profile(source, target, seed, reasons)
    if not profile.features:
        raise TableError(_nothing_left(target, profile.left_out))
    draw, smallest, notes = _drawn(source, read, unit, seed)
    data = DataSpec(
        name=source.name,
        fingerprint=source.fingerprint(),
        target=target,
        task=read.task,
        classes=read.classes,
        features=profile.features,
        n_train_rows=draw.n_train_rows,
        n_holdout_rows=len(draw.holdout_rows),
        smallest_n_rows=smallest,
        unit=unit,
        seed=seed,
    )
    notes = (*_missing_note(read), *notes, *profile.notes)
    candidates = profile.group_candidates, profile.time_candidates
    return Prepared(source, data, profile.left_out, notes, draw, read, *candidates)


def _reasons(source: Source, target: str, exclude: Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    given = exclude if isinstance(exclude, Mapping) else dict.fromkeys(exclude, "was left out by you")
    for name in given:
        if name not in source.schema().names:
            raise InputError(unknown_name("column to leave out", name, source.schema().names))
    return {name: reason for name, reason in given.items() if name != target}


def _check_unit(source: Source, column: str, target: str) -> None:
    names = [name for name in source.schema().names if name != target]
    if column not in names:
        raise InputError(unknown_name("column to sample by", column, names))
    kind = source.schema().field(column).type
    if not is_usable(kind):
        raise InputError(f"{column!r} holds values of type {kind}. Valid to sample by: text, numbers, dates or times.")


def _profile(source: Source, target: str, seed: int, reasons: Mapping[str, str]) -> Profile:
    names = [name for name in source.schema().names if name != target]
    n_total = source.n_rows()
    rows = sample_rows(n_total, PROFILE_ROWS, seed)
    looked_at = [name for name in names if name not in reasons]
    profile = profile_table(_table(source, rows, looked_at), rows, n_total)
    given = tuple(LeftOut(name, reasons[name]) for name in names if name in reasons)
    return replace(profile, left_out=given + profile.left_out)


def _table(source: Source, rows: NDArray[np.int64], columns: list[str]) -> pa.Table:
    """Some rows of the table; wide tables are read a few columns at a time, so that memory stays bounded."""
    found: dict[str, pa.ChunkedArray] = {}
    for start in range(0, len(columns), _COLUMNS_AT_ONCE):
        group = columns[start : start + _COLUMNS_AT_ONCE]
        schema = pa.schema([source.schema().field(name) for name in group])
        part = pa.Table.from_batches(source.take(rows, group), schema=schema).combine_chunks()
        found.update(zip(group, part.columns, strict=True))
    return pa.table(found)


def _nothing_left(target: str, left_out: tuple[LeftOut, ...]) -> str:
    if not left_out:
        return f"The table holds nothing but the target {target!r}. Give one with at least one more column."
    told = "; ".join(f"{item.name} {item.reason}" for item in left_out[:5])
    return f"No column is left to predict {target!r} from: {told}. Give a table with more columns, or exclude fewer."


def _missing_note(target: Target) -> tuple[str, ...]:
    count = target.n_missing
    return (f"{count:,} rows without a value of {target.name} are left out.",) if count else ()


def _drawn(source: Source, target: Target, unit: SamplingUnit, seed: int) -> tuple[Draw, int, tuple[str, ...]]:
    """Make the draw, the smallest sensible training size, and notes on it."""
    smallest = _smallest(target)
    if unit.column is None:
        n_holdout = holdout_size(len(target.codes) - target.n_missing)
        rows = RowDraw(target.codes, n_holdout, seed, smallest)
        return rows, min(smallest, rows.n_train_rows), ()
    draw: Draw
    if unit.kind == "group":
        draw, notes = _group_draw(source, target, unit.column, seed)
    else:
        draw, notes = _time_draw(source, target, unit.column)
    return draw, _until_all_classes(draw, target, unit, smallest), notes


def _smallest(target: Target) -> int:
    """Rows that a training sample needs to say anything: some of each class, or nearly so."""
    if not target.classes:
        return _SMALLEST_ROWS
    counts = code_counts(target.codes, len(target.classes))
    usable = int(counts.sum())
    rare = min(_SMALLEST_RARE_ROWS * usable / int(counts.min()), _SMALLEST_RARE_FRACTION * usable)
    return max(_SMALLEST_ROWS, _SMALLEST_PER_CLASS * len(target.classes), int(np.ceil(rare)))


def _group_draw(source: Source, target: Target, column: str, seed: int) -> tuple[Draw, tuple[str, ...]]:
    found = column_codes(source.scan([column]), source.n_rows(), np.int32)
    assert found is not None
    values, codes = found
    notes = _unusable_note(column, codes < 0, target)
    groups = np.where(target.codes >= 0, codes, -1)
    n_groups = len(np.unique(groups[groups >= 0]))
    if n_groups < _LEAST_GROUPS:
        raise InputError(
            f"{column!r} has {n_groups} distinct values; drawing whole groups needs at least {_LEAST_GROUPS}. "
            "Choose a column with more, or sample by rows."
        )
    n_holdout = holdout_size(int((groups >= 0).sum()))
    return GroupDraw(groups, text_hashes([str(value) for value in values]), n_holdout, seed), notes


def _time_draw(source: Source, target: Target, column: str) -> tuple[Draw, tuple[str, ...]]:
    times = _times(source, column)
    missing = np.isnan(times)
    usable = (target.codes >= 0) & ~missing
    if len(np.unique(times[usable])) < 2:
        raise InputError(f"{column!r} has fewer than two distinct moments. Choose another column, or sample by rows.")
    notes = _unusable_note(column, missing, target)
    return TimeDraw(times, usable, holdout_size(int(usable.sum()))), notes


def _times(source: Source, column: str) -> NDArray[np.float64]:
    kind = source.schema().field(column).type
    feature = Feature(column, "number" if is_number(kind) else "date")
    times = np.concatenate([encode(feature, pa.chunked_array([b.column(0)])) for b in source.scan([column])])
    if np.isnan(times).all():
        raise InputError(f"{column!r} holds no dates that can be read. Valid: dates as 2026-01-31, times or numbers.")
    return times


def _unusable_note(column: str, missing: NDArray[np.bool_], target: Target) -> tuple[str, ...]:
    count = int((missing & (target.codes >= 0)).sum())
    return (f"{count:,} rows without a value of {column} are left out.",) if count else ()


def _until_all_classes(draw: Draw, target: Target, unit: SamplingUnit, smallest: int) -> int:
    """Grow the smallest size until every class is in it; whole groups or stretches may lack some.

    Raises
    ------
    TargetError
        If some class is only held out, or only trained on.
    """
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
        raise TargetError(
            f"Sampled by {unit.kind} of {unit.column!r}, no row of class {lacking[0]!r} of {target.name!r} is {where}. "
            "Sample by rows, or leave that class out."
        )
