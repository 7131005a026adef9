"""The state of a study, as the fold of its events, and which trials to run next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby
from types import MappingProxyType
from typing import Literal, TypeVar

from scalewise.core import events as ev
from scalewise.core.cost import Expectation
from scalewise.core.growing import GrowingMap
from scalewise.core.machine import Machine
from scalewise.core.results import TrialRecord
from scalewise.core.sizes import planned_trials
from scalewise.core.spec import Alarm, DataSpec, LeftOut, Plan, StudySpec, Trial, UnitCandidate
from scalewise.core.streams import Stream, StreamEvent, fold_stream, stopped
from scalewise.core.unit_checks import UnitCheck, UnitEvent, ended, fold_check

__all__ = ["Note", "Phase", "Running", "StudyState", "fold", "in_order"]

Phase = Literal[
    "empty", "opening", "opened", "preparing", "refused", "ready", "running", "stopped", "finished", "failed"
]

V = TypeVar("V")

_MOST_NOTES = 50


@dataclass(frozen=True, slots=True)
class Note:
    """A message for the person, and when it was said (seconds since 1970)."""

    level: Literal["info", "warning", "error"]
    text: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Running:
    """Where a trial is running, and since when (seconds since 1970)."""

    worker: str
    since: float


@dataclass(frozen=True, slots=True)
class StudyState:
    """All that is known of a study at one moment. Never changed, only replaced.

    Parameters
    ----------
    phase : str
        ``empty``; ``opening``, ``opened``, ``preparing`` or ``refused`` while a table is taken up; ``ready`` (prepared,
        not started); ``running``, ``stopped``, ``finished`` or ``failed``.
    table : str
        What the table is called, as soon as that is known.
    columns : tuple of str
        The table's columns; of a very wide table the first and the last ones.
    n_columns : int
        How many there are in all, where that is more.
    looked_at : float
        How much of a very wide table has been looked at, from 0 to 1, while it is being prepared.
    data : DataSpec or None
        The table as studies see it, once prepared.
    left_out : tuple of LeftOut
    remarks : tuple of str
        What to know of the table.
    group_candidates, time_candidates : tuple of UnitCandidate
        Columns that may be the true sampling unit, likeliest first.
    groups : tuple of tuple of str
        Features that are correlated.
    alarms : tuple of Alarm
        What was seen on a look at some rows.
    study, plan : StudySpec or None, Plan or None
        Set when a study has started.
    records : mapping of Trial to TrialRecord
    places : mapping of Trial to str
        The engine that ran each finished trial.
    resumed : frozenset of Trial
        Finished trials that came back from the journal.
    running : mapping of Trial to Running
    failures : mapping of Trial to str
        Reasons of trials that failed for good.
    streams : mapping of str to Stream
        By model: the whole table learned block by block.
    unit_checks : tuple of UnitCheck
        What a few trials with other sampling units say; one for each unit.
    ready_rows : int
        Training rows that workers can read already.
    notes : tuple of Note
        The latest messages, oldest first.
    started_at : float
        When the study was started (seconds since 1970).
    away : str
        The engine that the rest goes to; empty for the one that the study began on.
    check : Trial or None
        The finished trial that is run again there, before anything else is.
    difference : str
        How its scores differ, in words; nothing goes on until a person takes that.
    left : mapping of Trial to None
        Planned trials that are neither finished nor failed for good, in the order in which they are to run.
    expected : Expectation
        How long trials will take.
    machine : Machine or None
        Where the study began.
    ending : {"", "done", "decided", "budget"}
        Why the study has finished; empty while it has not.
    ending_reason : str
        The same in words.
    reach : float
        Fraction of the training rows up to which points were asked for by moving the slider up: the study does not end
        before they are there, whatever is decided. 0 where nobody did.
    """

    phase: Phase = "empty"
    table: str = ""
    columns: tuple[str, ...] = ()
    n_columns: int = 0
    looked_at: float = 0.0
    data: DataSpec | None = None
    left_out: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()
    group_candidates: tuple[UnitCandidate, ...] = ()
    time_candidates: tuple[UnitCandidate, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    alarms: tuple[Alarm, ...] = ()
    study: StudySpec | None = None
    plan: Plan | None = None
    records: GrowingMap[Trial, TrialRecord] = field(default_factory=GrowingMap)
    places: GrowingMap[Trial, str] = field(default_factory=GrowingMap)
    resumed: frozenset[Trial] = frozenset()
    running: Mapping[Trial, Running] = field(default_factory=lambda: MappingProxyType({}))
    failures: Mapping[Trial, str] = field(default_factory=lambda: MappingProxyType({}))
    streams: Mapping[str, Stream] = field(default_factory=lambda: MappingProxyType({}))
    unit_checks: tuple[UnitCheck, ...] = ()
    ready_rows: int = 0
    notes: tuple[Note, ...] = ()
    started_at: float = 0.0
    away: str = ""
    check: Trial | None = None
    difference: str = ""
    left: MappingProxyType[Trial, None] = field(default_factory=lambda: MappingProxyType({}))
    expected: Expectation = field(default_factory=Expectation, compare=False)
    machine: Machine | None = None
    ending: ev.Ending = ""
    ending_reason: str = ""
    reach: float = 0.0

    def planned(self) -> tuple[Trial, ...]:
        """Every trial that the present plan asks for; empty before a start."""
        if self.study is None or self.plan is None:
            return ()
        return planned_trials(self.study.data, self.plan)

    def open_trials(self) -> tuple[Trial, ...]:
        """Planned trials that are neither finished nor failed for good."""
        return tuple(self.left)

    def open_streams(self) -> tuple[str, ...]:
        """Models whose streams wait or run."""
        return tuple(name for name, stream in self.streams.items() if stream.is_open)

    def open_check(self) -> UnitCheck | None:
        """The check of another sampling unit that is running."""
        return next((check for check in self.unit_checks if check.phase == "running"), None)

    def seconds_left(self) -> float:
        """Expected seconds of fitting and scoring still to do, on one worker."""
        return sum(map(self.expected.seconds, self.left))


def in_order(state: StudyState) -> Iterator[Trial]:
    """Open trials, small sizes first, later repeats of a size after first looks at larger ones.

    All models grow together, so that they can be compared at any moment; of the same size the cheapest comes first.
    Trials on few features and tuned ones were asked for by a person, so they go before all others.
    """
    for _, alike in groupby(state.left, key=_turn):
        yield from sorted(alike, key=lambda t: (state.expected.seconds(t), t))


def _turn(trial: Trial) -> tuple[int, int]:
    """When a trial runs; those with the same turn run from cheap to dear."""
    if not trial.is_plain:
        return -1, 1_000_000 * trial.repeat + trial.keep
    return 0, trial.n_rows * (1 + trial.repeat)


@lru_cache(maxsize=8)
def _in_turn(planned: tuple[Trial, ...]) -> tuple[Trial, ...]:
    return tuple(sorted(planned, key=_turn))


def _replanned(state: StudyState) -> StudyState:
    """Work out what is left of a plan that is new, or begun again."""
    done = (state.records, state.failures)
    left = {t: None for t in _in_turn(state.planned()) if not any(t in trials for trials in done)}
    return replace(state, left=MappingProxyType(left))


def fold(state: StudyState, event: ev.Event) -> StudyState:
    """Give the state after an event; the state before is left as it was."""
    match event:
        case ev.TableOpening() | ev.TableOpened() | ev.TablePreparing() | ev.TablePrepared() | ev.TableRefused():
            return _fold_table(state, event)
        case ev.TrialStarted() | ev.TrialFinished() | ev.TrialFailed():
            return _fold_trial(state, event)
        case ev.StreamQueued() | ev.StreamStarted() | ev.StreamScored() | ev.StreamFinished() | ev.StreamFailed():
            return _fold_stream(state, event)
        case ev.UnitCheckStarted() | ev.UnitChecked() | ev.UnitCheckFailed() | ev.UnitCheckStopped():
            return _fold_check(state, event)
        case ev.StudyStarted():
            return _start(state, event)
        case ev.PlanChanged(plan=plan):
            phase: Phase = "running" if state.phase == "finished" else state.phase
            again = replace(state, plan=plan, phase=phase, ready_rows=0, ending="", ending_reason="")
            return _replanned(replace(again, reach=_reach(state, plan)))
        case ev.SampleReady(n_rows=n_rows):
            return replace(state, ready_rows=max(n_rows, state.ready_rows))
        case ev.WorkerLost(worker=worker, reason=reason):
            return _note(state, "warning", f"Worker {worker} was lost: {reason}", event.at)
        case ev.EngineMoved(where=where, check=check):
            return replace(_at_rest(state), away=where, check=check, difference="")
        case ev.EngineChecked(difference=difference):
            return replace(state, check=None, difference=difference)
        case ev.EngineLost(reason=reason):
            return _note(replace(state, running=MappingProxyType({})), "error", reason, event.at)
        case ev.Noted(level=level, text=text):
            return _note(state, level, text, event.at)
        case ev.StudyStopped():
            ended: Phase = "stopped" if state.phase == "running" else state.phase
            return replace(_at_rest(state), phase=ended)
        case ev.StudyFinished(ending=ending, reason=reason):
            ended_by_itself = replace(state, phase="finished", running=MappingProxyType({}))
            return replace(ended_by_itself, ending=ending, ending_reason=reason)
        case ev.StudyFailed(reason=reason):
            return _note(replace(_at_rest(state), phase="failed"), "error", reason, event.at)
        case _:
            return state


def _fold_table(state: StudyState, event: ev.Event) -> StudyState:
    known = StudyState(
        table=state.table, columns=state.columns, n_columns=state.n_columns, notes=state.notes, away=state.away
    )
    match event:
        case ev.TableOpening(name=name):
            return StudyState(phase="opening", table=name, away=state.away)
        case ev.TableOpened(name=name, columns=columns, n_columns=n_columns):
            return StudyState(phase="opened", table=name, columns=columns, n_columns=n_columns, away=state.away)
        case ev.TablePreparing(n_looked_at=n_looked_at, n_in_all=n_in_all):
            return replace(known, phase="preparing", looked_at=n_looked_at / max(1, n_in_all))
        case ev.TablePrepared(data=data, left_out=left_out, remarks=remarks):
            seen = replace(known, group_candidates=event.group_candidates, time_candidates=event.time_candidates)
            seen = replace(seen, groups=event.groups, alarms=event.alarms)
            return replace(seen, phase="ready", table=data.name, data=data, left_out=left_out, remarks=remarks)
        case ev.TableRefused(reason=reason):
            return _note(replace(known, phase="refused"), "error", reason, event.at)
    return state


def _start(state: StudyState, event: ev.StudyStarted) -> StudyState:
    study = event.study
    same = state.study is not None and state.study.id == study.id
    fresh = StudyState(
        columns=state.columns,
        n_columns=state.n_columns,
        left_out=state.left_out,
        remarks=state.remarks,
        group_candidates=state.group_candidates,
        time_candidates=state.time_candidates,
        groups=state.groups,
        alarms=state.alarms,
        notes=state.notes,
        away=state.away,
    )
    started = replace(
        state if same else fresh,
        phase="running",
        table=study.data.name,
        data=study.data,
        study=study,
        plan=event.plan,
        machine=event.machine,
        running=MappingProxyType({}),
        failures=MappingProxyType({}),
        ready_rows=0,
        started_at=event.at,
        ending="",
        ending_reason="",
        reach=_reach(state, event.plan) if same else 0.0,
    )
    return _replanned(started)


def _reach(state: StudyState, plan: Plan) -> float:
    """How far a person asked to see, after the slider may have moved."""
    if state.plan is not None and plan.max_fraction > state.plan.max_fraction:
        return plan.max_fraction
    return min(state.reach, plan.max_fraction)


def _fold_trial(state: StudyState, event: ev.Event) -> StudyState:
    match event:
        case ev.TrialStarted(trial=trial, worker=worker, at=at):
            return replace(state, running=_with(state.running, trial, Running(worker, at)))
        case ev.TrialFinished(trial=trial, record=record, where=where, resumed=resumed):
            return replace(
                state,
                records=state.records.including(trial, record),
                places=state.places.including(trial, where),
                expected=state.expected.including(trial, record),
                left=_struck(state.left, trial),
                resumed=state.resumed | {trial} if resumed else state.resumed,
                running=_without(state.running, trial),
                failures=_without(state.failures, trial),
            )
        case ev.TrialFailed(trial=trial, reason=reason, retry=retry):
            running = _without(state.running, trial)
            if retry:
                return _note(replace(state, running=running), "warning", f"{trial}: {reason} Trying again.", event.at)
            failures = _with(state.failures, trial, reason)
            failed = replace(state, running=running, failures=failures, left=_struck(state.left, trial))
            return _note(failed, "warning", f"{trial} failed: {reason}", event.at)
    return state


def _fold_stream(state: StudyState, event: StreamEvent) -> StudyState:
    after = replace(state, streams=fold_stream(state.streams, event))
    if not isinstance(event, ev.StreamFailed) or event.model not in state.streams:
        return after
    what = f"{state.streams[event.model].model.label}, incremental: {event.reason}"
    again = " It starts again from its first block." if event.retry else ""
    return _note(after, "warning", what + again, event.at)


def _fold_check(state: StudyState, event: UnitEvent) -> StudyState:
    after = replace(state, unit_checks=fold_check(state.unit_checks, event))
    if not isinstance(event, ev.UnitCheckFailed):
        return after
    return _note(after, "warning", f"The sampling unit could not be checked: {event.reason}", event.at)


def _at_rest(state: StudyState) -> StudyState:
    """The state when nothing runs any more."""
    checks = ended(state.unit_checks)
    return replace(state, running=MappingProxyType({}), streams=stopped(state.streams), unit_checks=checks)


def _note(state: StudyState, level: Literal["info", "warning", "error"], text: str, at: float) -> StudyState:
    return replace(state, notes=(*state.notes, Note(level, text, at))[-_MOST_NOTES:])


def _with(mapping: Mapping[Trial, V], trial: Trial, value: V) -> Mapping[Trial, V]:
    return MappingProxyType({**mapping, trial: value})


def _without(mapping: Mapping[Trial, V], trial: Trial) -> Mapping[Trial, V]:
    if trial not in mapping:
        return mapping
    return MappingProxyType({t: v for t, v in mapping.items() if t != trial})


def _struck(left: MappingProxyType[Trial, None], trial: Trial) -> MappingProxyType[Trial, None]:
    """Leave one of thousands of trials out; `copy` does not hash them anew."""
    if trial not in left:
        return left
    fewer = left.copy()
    del fewer[trial]
    return MappingProxyType(fewer)
