"""From a table and a target to all that a study needs to know before its first trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scalewise.core.spec import ROWS, DataSpec, LeftOut, SamplingUnit, Task, UnitCandidate
from scalewise.data.draws import check_unit, drawn
from scalewise.data.profile import PROFILE_ROWS, Profile, profile_table
from scalewise.data.sampling import Draw, sample_rows
from scalewise.data.sources import Source
from scalewise.data.target import Target, read_target
from scalewise.errors import InputError, TableError, unknown_name

__all__ = ["Prepared", "prepare", "sampled_by"]

_COLUMNS_AT_ONCE = 8
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
    profile : Profile
        What the columns were settled to be, whatever the sampling unit.
    """

    source: Source
    data: DataSpec
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    draw: Draw
    target: Target
    profile: Profile

    @property
    def group_candidates(self) -> tuple[UnitCandidate, ...]:
        """Columns that may name groups of rows, likeliest first."""
        return self.profile.group_candidates

    @property
    def time_candidates(self) -> tuple[UnitCandidate, ...]:
        """Columns that may say when a row happened, likeliest first."""
        return self.profile.time_candidates


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
    check_unit(source, unit, target)
    return _with_unit(source, read, _profile(source, read, seed, reasons), unit, seed)


def sampled_by(prepared: Prepared, unit: SamplingUnit) -> Prepared:
    """The same table with another sampling unit, without reading more of it than the column to sample by.

    Raises
    ------
    TableError
        If no column is left to learn from.
    TargetError
        If some class is only held out, or only trained on.
    InputError
        If the column to sample by does not exist or does not fit.
    """
    check_unit(prepared.source, unit, prepared.data.target)
    return _with_unit(prepared.source, prepared.target, prepared.profile, unit, prepared.data.seed)


def _with_unit(source: Source, read: Target, profile: Profile, unit: SamplingUnit, seed: int) -> Prepared:
    features, left_out = profile.features, profile.left_out
    if unit.kind == "group" and unit.column in {feature.name for feature in features}:
        features = tuple(feature for feature in features if feature.name != unit.column)
        left_out = (LeftOut(unit.column or "", _GROUP_REASON), *left_out)
    if not features:
        raise TableError(_nothing_left(read.name, left_out))
    draw, smallest, notes = drawn(source, read, unit, seed)
    data = DataSpec(
        name=source.name,
        fingerprint=source.fingerprint(),
        target=read.name,
        task=read.task,
        classes=read.classes,
        features=features,
        n_train_rows=draw.n_train_rows,
        n_holdout_rows=len(draw.holdout_rows),
        smallest_n_rows=smallest,
        unit=unit,
        seed=seed,
    )
    return Prepared(source, data, left_out, (*_missing_note(read), *notes, *profile.notes), draw, read, profile)


def _reasons(source: Source, target: str, exclude: Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    given = exclude if isinstance(exclude, Mapping) else dict.fromkeys(exclude, "was left out by you")
    for name in given:
        if name not in source.schema().names:
            raise InputError(unknown_name("column to leave out", name, source.schema().names))
    return {name: reason for name, reason in given.items() if name != target}


def _profile(source: Source, target: Target, seed: int, reasons: Mapping[str, str]) -> Profile:
    names = [name for name in source.schema().names if name != target.name]
    n_total = source.n_rows()
    rows = sample_rows(n_total, PROFILE_ROWS, seed)
    looked_at = [name for name in names if name not in reasons]
    classes = target.codes[rows] if target.classes else None
    profile = profile_table(_table(source, rows, looked_at), rows, n_total, target=target.name, classes=classes)
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
