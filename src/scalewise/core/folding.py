"""How events change the state of a study: each makes a new state from the one before."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from scalewise.core import events as ev
from scalewise.core.plan import Plan
from scalewise.core.spec import Trial
from scalewise.core.streams import StreamEvent, fold_stream, stopped
from scalewise.core.study import Note, Phase, Running, StudyState, in_turn
from scalewise.core.unit_checks import UnitEvent, ended, fold_check

__all__ = ["fold"]

V = TypeVar("V")

_MOST_NOTES = 50


def fold(state: StudyState, event: ev.Event) -> StudyState:
    """Give the state after an event; the state before is left as it was."""
    return _timed(state, _folded(state, event), event.at)


def _timed(before: StudyState, after: StudyState, at: float) -> StudyState:
    """Take no time from the budget while the study is paused."""
    if before.is_paused == after.is_paused:
        return after
    if after.is_paused:
        return replace(after, paused_since=at)
    if not after.working_since:
        return after
    return replace(after, working_since=after.working_since + max(at - before.paused_since, 0.0))


def _folded(state: StudyState, event: ev.Event) -> StudyState:
    match event:
        case ev.TableOpening() | ev.TableOpened() | ev.TablePreparing() | ev.TablePrepared() | ev.TableRefused():
            return _fold_table(state, event)
        case ev.TrialStarted() | ev.TrialFinished() | ev.TrialFailed():
            return _fold_trial(state, event)
        case ev.StreamQueued() | ev.StreamStarted() | ev.StreamScored() | ev.StreamFinished() | ev.StreamFailed():
            return _fold_stream(state, event)
        case ev.UnitCheckStarted() | ev.UnitChecked() | ev.UnitCheckFailed() | ev.UnitCheckStopped():
            return _fold_check(state, event)
        case ev.WorkerLost() | ev.EngineMoved() | ev.EngineChecked() | ev.EngineLost():
            return _fold_engine(state, event)
        case ev.StudyStarted():
            return _start(state, event)
        case ev.PlanChanged(plan=plan):
            return _change(state, plan)
        case ev.SampleReady(n_rows=n_rows):
            return replace(state, ready_rows=max(n_rows, state.ready_rows))
        case ev.Noted(level=level, text=text):
            return _note(state, level, text, event.at)
        case ev.StudyStopped():
            ended: Phase = "stopped" if state.phase == "running" else state.phase
            return replace(_at_rest(state), phase=ended)
        case ev.StudyFinished(ending=ending, reason=reason):
            ended_by_itself = replace(state, phase="finished", running=MappingProxyType({}))
            return replace(ended_by_itself, ending=ending, ending_reason=reason)
        case ev.StudyFailed(reason=reason):
            return _note(replace(_at_rest(state), phase="failed", failure=reason), "error", reason, event.at)
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
            return _note(replace(known, phase="refused", failure=reason), "error", reason, event.at)
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
        working_since=0.0,
        ending="",
        ending_reason="",
        failure="",
        reach=_reach(state, event.plan) if same else 0.0,
    )
    return _replanned(started)


def _change(state: StudyState, plan: Plan) -> StudyState:
    phase: Phase = "running" if state.phase == "finished" else state.phase
    again = replace(state, plan=plan, phase=phase, ready_rows=0, ending="", ending_reason="")
    if state.ending == "budget" and state.plan is not None and plan.asks_beyond(state.plan):
        # Of a budget that is spent nothing would come of what a person asks for.
        again = replace(again, working_since=0.0)
    return _replanned(replace(again, reach=_reach(state, plan)))


def _reach(state: StudyState, plan: Plan) -> float:
    """How far a person asked to see, after the slider may have moved."""
    if state.plan is not None and plan.max_fraction > state.plan.max_fraction:
        return plan.max_fraction
    return min(state.reach, plan.max_fraction)


def _replanned(state: StudyState) -> StudyState:
    """Work out what is left of a plan that is new, or begun again."""
    done = (state.records, state.failures)
    left = {t: None for t in in_turn(state.planned()) if not any(t in trials for trials in done)}
    return replace(state, left=MappingProxyType(left))


def _fold_trial(state: StudyState, event: ev.Event) -> StudyState:
    match event:
        case ev.TrialStarted(trial=trial, worker=worker, at=at):
            since = state.working_since or at
            return replace(state, running=_with(state.running, trial, Running(worker, at)), working_since=since)
        case ev.TrialFinished(trial=trial, record=record, where=where, resumed=resumed):
            return replace(
                state,
                records=state.records.including(trial, record),
                places=state.places.including(trial, where),
                expected=state.expected.including(trial, record),
                left=_without(state.left, trial),
                resumed=state.resumed | {trial} if resumed else state.resumed,
                running=_without(state.running, trial),
                failures=_without(state.failures, trial),
            )
        case ev.TrialFailed(trial=trial, reason=reason, retry=retry):
            running = _without(state.running, trial)
            if retry:
                return _note(replace(state, running=running), "warning", f"{trial}: {reason} Trying again.", event.at)
            failures = _with(state.failures, trial, reason)
            failed = replace(state, running=running, failures=failures, left=_without(state.left, trial))
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


def _fold_engine(state: StudyState, event: ev.Event) -> StudyState:
    match event:
        case ev.WorkerLost(worker=worker, reason=reason):
            return _note(state, "warning", f"Worker {worker} was lost: {reason}", event.at)
        case ev.EngineMoved(where=where, check=check):
            return replace(_at_rest(state), away=where, check=check, difference="")
        case ev.EngineChecked(difference=difference):
            return replace(state, check=None, difference=difference)
        case ev.EngineLost(reason=reason):
            return _note(replace(state, running=MappingProxyType({})), "error", reason, event.at)
    return state


def _at_rest(state: StudyState) -> StudyState:
    """The state when nothing runs any more."""
    checks = ended(state.unit_checks)
    return replace(state, running=MappingProxyType({}), streams=stopped(state.streams), unit_checks=checks)


def _note(state: StudyState, level: ev.Level, text: str, at: float) -> StudyState:
    return replace(state, notes=(*state.notes, Note(level, text, at))[-_MOST_NOTES:])


def _with(mapping: MappingProxyType[Trial, V], trial: Trial, value: V) -> MappingProxyType[Trial, V]:
    """One more among what may be thousands of trials; `copy` does not hash them anew."""
    more = mapping.copy()
    more[trial] = value
    return MappingProxyType(more)


def _without(mapping: MappingProxyType[Trial, V], trial: Trial) -> MappingProxyType[Trial, V]:
    if trial not in mapping:
        return mapping
    fewer = mapping.copy()
    del fewer[trial]
    return MappingProxyType(fewer)
