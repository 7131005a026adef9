"""What a look at some training rows tells of the columns together: which are correlated, and which raise an alarm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scalewise.core.spec import Alarm, Feature, LeftOut
from scalewise.data.encode import encode, plain_values
from scalewise.data.relations import MOST_GROUPED, association, correlated_groups, summing_columns

__all__ = ["Look", "look_at"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_COPY = 0.995
_NEARLY_ALWAYS = 0.999
_MOSTLY_ONCE = 0.5
_FEWEST_ROWS = 100
_ID_NAME = re.compile(r"(^|_)(id|key|uuid|guid|nr|no|number|ref)$|[a-z](Id|ID|Key)$", re.IGNORECASE)
_CONSTANT = "is the same everywhere"


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    Parameters
    ----------
    groups : tuple of tuple of str
        Names of correlated features.
    alarms : tuple of Alarm
    """

    groups: tuple[tuple[str, ...], ...] = ()
    alarms: tuple[Alarm, ...] = ()


def look_at(
    table: pa.Table, places: Ints, y: Floats, target: Feature, features: Sequence[Feature], dropped: Sequence[LeftOut]
) -> Look:
    """Look at some rows.

    Parameters
    ----------
    table : pyarrow.Table
        Some rows of the table, without the target.
    places : ndarray of int64, shape (n_places,)
        Those of them that may be trained on and are looked at together with the target.
    y : ndarray of float64, shape (n_places,)
        Their targets: numbers, or codes of classes.
    target : Feature
        What the target is.
    features : sequence of Feature
    dropped : sequence of LeftOut
        Columns that were left out.
    """
    dull = [column for column in dropped if column.reason.startswith(_CONSTANT)]
    constant = tuple(Alarm("constant", column.name, f"{column.name} {column.reason}.") for column in dull)
    if not 1 <= len(features) <= MOST_GROUPED or len(places) < _FEWEST_ROWS:
        return Look(alarms=constant)
    some = table.take(places)
    X = np.column_stack([encode(feature, some[feature.name]) for feature in features])
    with_target = association(X, features, np.column_stack([y]), [target])[:, 0]
    copies = [_copy(feature, target, share) for feature, share in zip(features, with_target, strict=True)]
    always = [_always(feature, column) for feature, column in zip(features, X.T, strict=True)]
    once = [_once(feature, plain_values(table[feature.name])) for feature in features]
    alarms = (*(alarm for alarm in (*copies, _sum(X, y, target, features), *once, *always) if alarm), *constant)
    return Look(correlated_groups(X, features), alarms)


def _copy(feature: Feature, target: Feature, strength: float) -> Alarm | None:
    if strength < _COPY:
        return None
    how = "rank correlation" if feature.kind == target.kind == "number" else "association"
    return Alarm(
        "target_copy",
        feature.name,
        f"{feature.name} is nearly a copy of {target.name} ({how} {strength:.3f}). If it is only known when "
        f"{target.name} is, the scores mean nothing: exclude it.",
    )


def _sum(X: Floats, y: Floats, target: Feature, features: Sequence[Feature]) -> Alarm | None:
    """Whether a few columns of numbers add up to a target of numbers."""
    numbers = [at for at, feature in enumerate(features) if feature.kind == "number"]
    if target.kind != "number" or not (found := summing_columns(X[:, numbers], y)):
        return None
    names = [features[numbers[at]].name for at in found]
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    return Alarm(
        "target_sum",
        names[0],
        f"{listed} add up to {target.name}: a weighted sum of them explains more than 99.99 % of it. If they are only "
        f"known when {target.name} is, the scores mean nothing: exclude them.",
        tuple(names[1:]),
    )


def _always(feature: Feature, column: Floats) -> Alarm | None:
    """Whether a column nearly always has the same value."""
    counts = np.unique(column[~np.isnan(column)], return_counts=True)[1]
    most = int(counts.max(initial=0))
    if most < _NEARLY_ALWAYS * len(column):
        return None
    words = f"{feature.name} is the same in {most:,} of the {len(column):,} rows looked at."
    return Alarm("constant", feature.name, words)


def _once(feature: Feature, values: pa.ChunkedArray) -> Alarm | None:
    """Whether most values of a column stand only once, and it does not measure anything."""
    integer_id = pa.types.is_integer(values.type) and _ID_NAME.search(feature.name)
    present = len(values) - values.null_count
    if present < _FEWEST_ROWS or not (integer_id or feature.kind == "label"):
        return None
    distinct = pc.count_distinct(values).as_py()
    if distinct < _MOSTLY_ONCE * present:
        return None
    words = f"{feature.name} looks like an identifier: {distinct:,} distinct values in {present:,} rows."
    return Alarm("identifier", feature.name, f"{words} What a model learns from it, it will not meet again.")
