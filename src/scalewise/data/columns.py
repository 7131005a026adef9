"""Settling the columns that are studied: all that can be used, or of a very wide table those that carry most."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from scalewise.core.features.association import LEAST_APART
from scalewise.core.spec import Feature, LeftOut, UnitCandidate
from scalewise.data.column_blocks import some_rows
from scalewise.data.profile import PROFILE_ROWS, Profile, profile_table
from scalewise.data.sampling import Draw, sample_rows
from scalewise.data.screening import KEPT_COLUMNS, SCREENED_ROWS, WIDE_COLUMNS, Screening, screen
from scalewise.data.sources import Source
from scalewise.data.strata import Ints
from scalewise.data.target import Target
from scalewise.errors import InputError, TableError

__all__ = ["columns_to_look_at", "is_wide", "read_columns", "rows_to_look_at", "screened", "whole_profile"]

_COLUMNS_AT_ONCE = 8
_MOST_TOLD, _MOST_GIVEN = 20, 1000
_MOST_CANDIDATES = 3


def columns_to_look_at(source: Source, target: str, reasons: Mapping[str, str]) -> list[str]:
    """Columns that may be features: all but the target and those that are left out for a reason."""
    return [name for name in source.schema().names if name != target and name not in reasons]


def is_wide(names: Sequence[str], max_features: int | None) -> bool:
    """Whether there are so many columns that only the best of them are studied.

    Raises
    ------
    InputError
        If less than one is to be studied.
    """
    if max_features is not None and max_features < 1:
        raise InputError(f"The number of features to study is {max_features}; it must be 1 or more.")
    return len(names) > (max_features or WIDE_COLUMNS)


def rows_to_look_at(source: Source, seed: int) -> Ints:
    """Row numbers that settle what the columns are, ascending."""
    return sample_rows(source.n_rows(), PROFILE_ROWS, seed)


def whole_profile(source: Source, target: Target, rows: Ints, table: pa.Table, reasons: Mapping[str, str]) -> Profile:
    """Settle what each column is.

    Parameters
    ----------
    source : Source
    target : Target
    rows : ndarray of int64, shape (n_rows,)
        Those that are looked at.
    table : pyarrow.Table
        The columns to look at, of these rows.
    reasons : mapping of str to str
        Columns to leave out, and why.
    """
    return _with_given(_profile(source, target, rows, table), source, reasons)


def screened(
    source: Source, target: Target, draw: Draw, reasons: Mapping[str, str], max_features: int | None
) -> Generator[tuple[int, int], None, tuple[Profile, Screening]]:
    """Score the columns of a very wide table, and settle what the best of them are.

    Parameters
    ----------
    source : Source
    target : Target
    draw : Draw
        Decides the rows that may be looked at: training rows alone.
    reasons : mapping of str to str
        Columns to leave out, and why.
    max_features : int or None
        How many columns to study at the most.

    Yields
    ------
    tuple of int
        How much has been looked at, and how much there is to look at.

    Returns
    -------
    profile : Profile
    screening : Screening

    Raises
    ------
    TableError
        If no column is left.
    """
    keep = max_features or KEPT_COLUMNS
    rows = draw.training_rows(0, min(SCREENED_ROWS, draw.n_train_rows))
    rows.sort()
    screening = yield from screen(source, columns_to_look_at(source, target.name, reasons), target, rows, keep)
    profile = _survivors(source, target, screening, rows, keep)
    if not profile.features:
        raise TableError(
            f"None of the {len(screening.names):,} columns varies in the {screening.n_rows:,} training rows looked at, "
            f"so there is nothing to predict {target.name!r} from. Give another table, or more rows."
        )
    return _with_given(profile, source, reasons), screening


def _with_given(profile: Profile, source: Source, reasons: Mapping[str, str]) -> Profile:
    given = tuple(LeftOut(name, reasons[name]) for name in source.schema().names if name in reasons)
    if len(given) > _MOST_GIVEN:
        profile = replace(profile, notes=(*profile.notes, f"{len(given):,} columns are left out as asked."))
    return replace(profile, left_out=given[:_MOST_GIVEN] + profile.left_out)


def read_columns(source: Source, rows: Ints, names: Sequence[str]) -> pa.Table:
    """Read some columns of some rows, a few at a time, so that memory stays bounded."""
    found: dict[str, pa.ChunkedArray] = {}
    for start in range(0, len(names), _COLUMNS_AT_ONCE):
        group = names[start : start + _COLUMNS_AT_ONCE]
        found.update(zip(group, some_rows(source, rows, group).columns, strict=True))
    return pa.table(found)


def _profile(source: Source, target: Target, rows: Ints, table: pa.Table) -> Profile:
    """Settle what some columns are."""
    classes = target.codes[rows] if target.classes else None
    return profile_table(table, rows, source.n_rows(), target=target.name, classes=classes)


def _survivors(source: Source, target: Target, screening: Screening, rows: Ints, keep: int) -> Profile:
    """Settle the best columns, going down the ranking until there are enough that can be used.

    They are settled on the rows that screening looked at: what is held out decides nothing about them.
    """
    looked_at = [_profile(source, target, rows, read_columns(source, rows, screening.moments))]
    features: list[Feature] = []
    start = 0
    while len(features) < keep and start < len(screening.ranking):
        places = screening.ranking[start : start + keep - len(features)].tolist()
        start += len(places)
        names = [screening.names[place] for place in places]
        looked_at.append(_profile(source, target, rows, read_columns(source, rows, names)))
        features += looked_at[-1].features
    order = {name: place for place, name in enumerate(screening.names)}
    notes = [note for profile in looked_at[1:] for note in profile.notes]
    return Profile(
        tuple(sorted(features, key=lambda feature: order[feature.name])),
        tuple([column for profile in looked_at[1:] for column in profile.left_out][:_MOST_TOLD]),
        (*_words(screening, len(features)), *notes[:_MOST_TOLD]),
        _first([*screening.group_candidates, *(c for profile in looked_at for c in profile.group_candidates)]),
        _first([*(c for profile in looked_at for c in profile.time_candidates), *screening.time_candidates]),
    )


def _first(candidates: Sequence[UnitCandidate]) -> tuple[UnitCandidate, ...]:
    """The first few, each column once."""
    return tuple({candidate.column: candidate for candidate in reversed(candidates)}.values())[::-1][:_MOST_CANDIDATES]


def _words(screening: Screening, n_kept: int) -> tuple[str, ...]:
    n_columns, n_rows = len(screening.names), screening.n_rows
    n_same, n_unusable = int(screening.same.sum()), len(screening.reasons)
    aside = [f"{n_same:,} of them are the same in all but at most {LEAST_APART - 1} of these rows"] if n_same else []
    aside += [f"{n_unusable:,} hold nothing that models here can use"] if n_unusable else []
    told = f"{n_columns:,} columns: screened on {n_rows:,} training rows; the {n_kept:,} that carry most are studied"
    rest = f"the rest are left out: search the features to see why{' (' + '; '.join(aside) + ')' if aside else ''}"
    return (
        f"{told}; {rest}.",
        "Columns were scored by themselves and together with the strongest ones. One that matters only together with "
        "another, neither of which shows anything alone, may be among those left out.",
        f"The columns were chosen on {n_rows:,} training rows and never on those held out; a smaller sample that had "
        "to choose for itself would score lower than is shown for its size.",
    )
