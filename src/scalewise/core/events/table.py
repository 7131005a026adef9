"""What happens to the table before it is studied."""

from __future__ import annotations

from dataclasses import dataclass

from scalewise.core.events.base import Event
from scalewise.core.spec import Alarm, DataSpec, LeftOut, UnitCandidate

__all__ = ["TableOpened", "TableOpening", "TablePrepared", "TablePreparing", "TableRefused"]


@dataclass(frozen=True, kw_only=True)
class TableOpening(Event):
    """A table is being read; what was known of the one before is gone.

    Parameters
    ----------
    name : str
    """

    name: str


@dataclass(frozen=True, kw_only=True)
class TableOpened(Event):
    """A table can be read; its target is still to be chosen.

    Parameters
    ----------
    name : str
    columns : tuple of str
        Of a very wide table the first and the last ones.
    n_columns : int
        How many there are in all; 0 where `columns` has them all.
    """

    name: str
    columns: tuple[str, ...]
    n_columns: int = 0


@dataclass(frozen=True, kw_only=True)
class TablePreparing(Event):
    """The open table is being looked at with a target in mind.

    Parameters
    ----------
    n_looked_at, n_in_all : int
        How much of a very wide table has been looked at, and how much there is to look at.
    """

    n_looked_at: int = 0
    n_in_all: int = 0


@dataclass(frozen=True, kw_only=True)
class TablePrepared(Event):
    """A table and its target were looked at and can be studied.

    Parameters
    ----------
    data : DataSpec
    left_out : tuple of LeftOut
    remarks : tuple of str
        What a person should know of the table before running, in words.
    group_candidates, time_candidates : tuple of UnitCandidate
        Columns that may be the true sampling unit, likeliest first.
    groups : tuple of tuple of str
        Features that are correlated.
    alarms : tuple of Alarm
        What was seen on a look at some rows.
    """

    data: DataSpec
    left_out: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()
    group_candidates: tuple[UnitCandidate, ...] = ()
    time_candidates: tuple[UnitCandidate, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TableRefused(Event):
    """A table or its target cannot be studied as asked."""

    reason: str
