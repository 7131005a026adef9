"""Everything that can happen to a study, as frozen events that turn into plain dicts and back."""

from __future__ import annotations

import types
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from scalewise.core.machine import Machine
from scalewise.core.results import StreamPoint, TrialRecord, UnitResult
from scalewise.core.spec import (
    Alarm,
    DataSpec,
    LeftOut,
    ModelSpec,
    Plan,
    SamplingUnit,
    StudySpec,
    Trial,
    UnitCandidate,
)

__all__ = [
    "EngineChecked",
    "EngineLost",
    "EngineMoved",
    "Event",
    "Noted",
    "PlanChanged",
    "SampleReady",
    "StreamFailed",
    "StreamFinished",
    "StreamQueued",
    "StreamScored",
    "StreamStarted",
    "StudyFailed",
    "StudyFinished",
    "StudyStarted",
    "StudyStopped",
    "TableOpened",
    "TableOpening",
    "TablePrepared",
    "TablePreparing",
    "TableRefused",
    "TrialFailed",
    "TrialFinished",
    "TrialShared",
    "TrialStarted",
    "UnitCheckFailed",
    "UnitCheckStarted",
    "UnitCheckStopped",
    "UnitChecked",
    "WorkerLost",
    "event_from_dict",
    "event_to_dict",
]

Level = Literal["info", "warning", "error"]
Ending = Literal["", "done", "decided", "budget"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a study.

    Parameters
    ----------
    at : float
        Seconds since 1970; stamped by the runner.
    """

    at: float = 0.0


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


@dataclass(frozen=True, kw_only=True)
class StudyStarted(Event):
    """A study began, or was taken up again.

    Parameters
    ----------
    study : StudySpec
    plan : Plan
    machine : Machine or None
        Where it runs.
    """

    study: StudySpec
    plan: Plan
    machine: Machine | None = None


@dataclass(frozen=True, kw_only=True)
class PlanChanged(Event):
    """The slider, the models, the repeats or the margin changed."""

    plan: Plan


@dataclass(frozen=True, kw_only=True)
class SampleReady(Event):
    """Samples of up to `n_rows` training rows lie where workers can read them."""

    n_rows: int


@dataclass(frozen=True, kw_only=True)
class TrialStarted(Event):
    """A worker began a trial."""

    trial: Trial
    worker: str = ""


@dataclass(frozen=True, kw_only=True)
class TrialFinished(Event):
    """A trial was measured.

    Parameters
    ----------
    trial : Trial
    record : TrialRecord
    where : str
        The engine that ran it.
    resumed : bool
        Whether it came back from the journal instead of being fitted now.
    """

    trial: Trial
    record: TrialRecord
    where: str = ""
    resumed: bool = False


@dataclass(frozen=True, kw_only=True)
class TrialShared(Event):
    """A finished trial as other studies of the same table, which leave columns out, would have it.

    It stands in journals only, beside the `TrialFinished` of the study that ran it.

    Parameters
    ----------
    trial : Trial
    record : TrialRecord
    where : str
        The engine that ran it.
    """

    trial: Trial
    record: TrialRecord
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class TrialFailed(Event):
    """A trial could not be measured.

    Parameters
    ----------
    trial : Trial
    reason : str
    retry : bool
        Whether it will be tried again.
    """

    trial: Trial
    reason: str
    retry: bool = False


@dataclass(frozen=True, kw_only=True)
class StreamQueued(Event):
    """A model is to learn the whole table block by block; what an earlier stream of it measured is gone.

    Parameters
    ----------
    model : ModelSpec
    n_rows : int
        Rows that it will learn from, all passes together.
    passes : int
    """

    model: ModelSpec
    n_rows: int
    passes: int = 1


@dataclass(frozen=True, kw_only=True)
class StreamStarted(Event):
    """A worker began a stream, from its first block on."""

    model: str
    worker: str = ""


@dataclass(frozen=True, kw_only=True)
class StreamScored(Event):
    """A stream was scored after one more block.

    Parameters
    ----------
    model : str
    point : StreamPoint
    where : str
        The engine that runs it.
    """

    model: str
    point: StreamPoint
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class StreamFinished(Event):
    """A stream has learned from every row.

    Parameters
    ----------
    model : str
    point : StreamPoint
        The last score.
    where : str
        The engine that ran it.
    peak_bytes : int
        Memory that it took on top of what the worker held before; 0 where it cannot be measured.
    remarks : tuple of str
        Warnings raised meanwhile.
    """

    model: str
    point: StreamPoint
    where: str = ""
    peak_bytes: int = 0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StreamFailed(Event):
    """A stream ended before its last block.

    Parameters
    ----------
    model : str
    reason : str
    retry : bool
        Whether it starts again, from its first block on.
    """

    model: str
    reason: str
    retry: bool = False


@dataclass(frozen=True, kw_only=True)
class UnitCheckStarted(Event):
    """A few trials with another sampling unit are to show whether the answer changes with it."""

    unit: SamplingUnit


@dataclass(frozen=True, kw_only=True)
class UnitChecked(Event):
    """The trials with another sampling unit are done."""

    result: UnitResult


@dataclass(frozen=True, kw_only=True)
class UnitCheckFailed(Event):
    """The trials with another sampling unit could not be made."""

    unit: SamplingUnit
    reason: str


@dataclass(frozen=True, kw_only=True)
class UnitCheckStopped(Event):
    """A person ended the trials with another sampling unit."""

    unit: SamplingUnit


@dataclass(frozen=True, kw_only=True)
class WorkerLost(Event):
    """A worker died; the trial that it was running is reported on its own."""

    worker: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EngineMoved(Event):
    """The rest of the study goes to another engine, or comes back.

    Parameters
    ----------
    where : str
        The other engine; empty for the one that the study began on.
    check : Trial or None
        The finished trial that is run again there before anything else.
    """

    where: str
    check: Trial | None = None


@dataclass(frozen=True, kw_only=True)
class EngineChecked(Event):
    """A finished trial was run again on the other engine, or a person takes the difference.

    Parameters
    ----------
    difference : str
        How its scores differ, in words; empty where they do not, or where that does not matter.
    """

    difference: str = ""


@dataclass(frozen=True, kw_only=True)
class EngineLost(Event):
    """The engine could not begin, or came to an end by itself; nothing that it was given will be reported.

    Parameters
    ----------
    where : str
        The engine.
    reason : str
        Why, and what to do.
    """

    where: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """A message for the person."""

    level: Level
    text: str


@dataclass(frozen=True, kw_only=True)
class StudyStopped(Event):
    """A person stopped the study; finished trials stay."""


@dataclass(frozen=True, kw_only=True)
class StudyFinished(Event):
    """The study came to its end by itself.

    Parameters
    ----------
    ending : {"done", "decided", "budget"}
        Every planned trial that can change the answer is done or has failed for good; or the answer was decided
        sooner; or the budget of time is spent.
    reason : str
        The same in words.
    """

    ending: Ending = "done"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class StudyFailed(Event):
    """The study itself cannot go on; finished trials stay."""

    reason: str


_EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}


def event_to_dict(event: Event) -> dict[str, Any]:
    """Turn an event into plain numbers, text, lists and dicts."""
    return {"event": type(event).__name__, **asdict(event)}


def event_from_dict(content: dict[str, Any]) -> Event:
    """Turn what `event_to_dict` gave, also by way of JSON, back into the event.

    Raises
    ------
    ValueError
        If the content is no event that this version knows.
    """
    content = dict(content)
    kind = _EVENTS.get(str(content.pop("event", None)))
    if kind is None:
        raise ValueError(f"no event of this version: {content}")
    event: Event = _revive(kind, content)
    return event


def _revive(kind: Any, value: Any) -> Any:
    """Build a value of an annotated type from plain data."""
    origin = get_origin(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        known = {f.name for f in fields(kind)}
        if not isinstance(value, dict) or not set(value) <= known:
            raise ValueError(f"not a {kind.__name__}: {value!r}")
        return kind(**{name: _revive(hints[name], item) for name, item in value.items()})
    if origin is tuple:
        return tuple(_revive(get_args(kind)[0], item) for item in value)
    if origin in (Union, types.UnionType):
        inner = [k for k in get_args(kind) if k is not type(None)]
        return None if value is None else _revive(inner[0], value)
    if kind is float and value is None:
        return float("nan")
    return float(value) if kind is float else value
