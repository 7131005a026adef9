"""From a table and a target to all that a study needs to know before its first trial."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from scalewise.core.sizes import too_small
from scalewise.core.spec import ROWS, DataSpec, Feature, LeftOut, SamplingUnit, Task, UnitCandidate
from scalewise.data.columns import columns_to_look_at, is_wide, read_columns, rows_to_look_at, screened, whole_profile
from scalewise.data.draws import Drawn, check_unit, drawn, missing_note
from scalewise.data.encode import encode
from scalewise.data.look import Look, look_at
from scalewise.data.profile import Profile
from scalewise.data.relations import GROUPED_ROWS
from scalewise.data.sampling import Draw
from scalewise.data.screening import Screening
from scalewise.data.sources import Source
from scalewise.data.strata import Ints
from scalewise.data.target import Target, far_note, rare_note, read_target
from scalewise.errors import InputError, TableError, unknown_name

__all__ = ["Prepared", "prepare", "preparing", "sampled_by"]

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
    screening : Screening or None
        What was found out about every column of a very wide table, of which only the best are studied.
    look : Look
        Which features are correlated, and which raise an alarm.
    """

    source: Source
    data: DataSpec
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    draw: Draw
    target: Target
    profile: Profile
    screening: Screening | None = None
    look: Look = field(default_factory=Look)

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
    max_features: int | None = None,
) -> Prepared:
    """Read the target, settle the columns, and decide the holdout: `preparing` without pausing."""
    steps = preparing(source, target, task=task, unit=unit, seed=seed, exclude=exclude, max_features=max_features)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            prepared: Prepared = done.value
            return prepared


def preparing(
    source: Source,
    target: str,
    *,
    task: Task | None = None,
    unit: SamplingUnit = ROWS,
    seed: int = 0,
    exclude: Iterable[str] | Mapping[str, str] = (),
    max_features: int | None = None,
) -> Generator[tuple[int, int], None, Prepared]:
    """Read the target, settle the columns, and decide the holdout; a bit at each step where there are many columns.

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
    max_features : int, optional
        How many columns to study at the most; by default a few hundred of a table that has more than a thousand.

    Yields
    ------
    tuple of int
        How much of a very wide table has been looked at, and how much there is to look at.

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
        If a column to exclude or to sample by does not exist or does not fit, or `max_features` is less than 1.
    """
    read = read_target(source, target, task)
    reasons = _reasons(source, target, exclude)
    check_unit(source, unit, target)
    names = columns_to_look_at(source, target, reasons)
    if not is_wide(names, max_features):
        rows = rows_to_look_at(source, seed)
        table = read_columns(source, rows, names)
        prepared = _with_unit(source, read, whole_profile(source, read, rows, table, reasons), unit, seed)
        return replace(prepared, look=_look(prepared, table, rows))
    if unit.kind == "group" and unit.column not in reasons:
        reasons |= {unit.column or "": _GROUP_REASON}
    # Which rows are held out comes first here, because those decide nothing about the columns.
    made = drawn(source, read, unit, seed)
    profile, screening = yield from screened(source, read, made.draw, reasons, max_features)
    prepared = replace(_with_unit(source, read, profile, unit, seed, made), screening=screening)
    rows = np.sort(made.draw.training_rows(0, GROUPED_ROWS))
    table = read_columns(source, rows, [feature.name for feature in prepared.data.features])
    return replace(prepared, look=_look(prepared, table, rows))


def sampled_by(prepared: Prepared, unit: SamplingUnit) -> Prepared:
    """The same table with another sampling unit, without reading more of it than the column to sample by.

    Raises
    ------
    TableError
        If no column is left to learn from.
    TargetError
        If some class is only held out, or only trained on.
    InputError
        If the column to sample by does not exist or does not fit, or the columns were chosen on rows to hold out then.
    """
    if prepared.screening is not None:
        raise InputError(
            f"The {len(prepared.data.features):,} columns studied were chosen on training rows, some of which would be "
            "held out by another sampling unit. Open the table anew with that sampling unit."
        )
    check_unit(prepared.source, unit, prepared.data.target)
    other = _with_unit(prepared.source, prepared.target, prepared.profile, unit, prepared.data.seed)
    return replace(other, look=prepared.look)


def _with_unit(
    source: Source, read: Target, profile: Profile, unit: SamplingUnit, seed: int, made: Drawn | None = None
) -> Prepared:
    features, left_out = profile.features, profile.left_out
    if unit.kind == "group" and unit.column in {feature.name for feature in features}:
        features = tuple(feature for feature in features if feature.name != unit.column)
        left_out = (LeftOut(unit.column or "", _GROUP_REASON), *left_out)
    if not features:
        raise TableError(_nothing_left(read.name, left_out))
    draw, smallest, notes = made or drawn(source, read, unit, seed)
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
        target_sd=read.sd,
    )
    small = (words,) if (words := too_small(data)) else ()
    notes = (
        *small,
        *missing_note(read.n_missing, read.name),
        *rare_note(read),
        *far_note(read),
        *notes,
        *profile.notes,
    )
    return Prepared(source, data, left_out, notes, draw, read, profile)


def _reasons(source: Source, target: str, exclude: Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    given = exclude if isinstance(exclude, Mapping) else dict.fromkeys(exclude, "was left out by you")
    known = set(source.schema().names)
    for name in given:
        if name not in known:
            raise InputError(unknown_name("column to leave out", name, source.schema().names))
    return {name: reason for name, reason in given.items() if name != target}


def _look(prepared: Prepared, table: pa.Table, rows: Ints) -> Look:
    """Look at features and target together, on rows that are not held out."""
    source, target, draw = prepared.source, prepared.target, prepared.draw
    seen = target.codes[rows] >= 0
    seen[np.isin(rows, draw.holdout_rows, assume_unique=True)] = False
    places = np.flatnonzero(seen)
    # An even spread: rows may lie in an order that means something.
    places = places[np.linspace(0, len(places) - 1, min(len(places), GROUPED_ROWS)).astype(np.intp)]
    if target.classes:
        y, kind = target.codes[rows[places]].astype(np.float64), Feature(target.name, "category")
    else:
        kind = Feature(target.name, "number")
        y = encode(kind, read_columns(source, rows[places], [target.name])[target.name])
    return look_at(table, places, y, kind, prepared.data.features, prepared.left_out)


def _nothing_left(target: str, left_out: tuple[LeftOut, ...]) -> str:
    if not left_out:
        return f"The table holds nothing but the target {target!r}. Give one with at least one more column."
    told = "; ".join(f"{item.name} {item.reason}" for item in left_out[:5])
    return f"No column is left to predict {target!r} from: {told}. Give a table with more columns, or exclude fewer."
