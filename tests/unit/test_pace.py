from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest
from studies import DUMMY, LINEAR, record, started

from scalewise.core import events as ev
from scalewise.core.experimenting.asking import ask
from scalewise.core.folding import fold
from scalewise.core.plan import Plan, TuningPlan
from scalewise.running.pace import Pace, out_of_time, seconds_left


def pace(state, n_flying, slots=2):
    return Pace(state, set(ask(state, n_flying)), slots, math.inf)


def running(seconds):
    """A study that runs everything, and whose first trial took so long."""
    state = started(Plan((LINEAR,), max_fraction=0.1, repeats=20, everything=True))
    (first,) = ask(state, 1)
    return fold(state, ev.TrialFinished(trial=first, record=record(0.7, seconds=seconds)))


@pytest.mark.parametrize(("seconds", "n_trials"), [(0.001, 26), (0.03, 10), (0.2, 6), (0.4, 6)])
def test_an_engine_has_as_many_short_trials_as_keep_it_busy_for_a_while(seconds, n_trials):
    now = pace(running(seconds), 1)
    assert len(now.flying) + len(now.next_trials(None)) == n_trials


def test_an_engine_is_given_more_before_it_has_none_left_and_not_at_each_end():
    state = running(0.001)
    assert [n for n in range(27) if not pace(state, n).is_supplied] == list(range(9))
    state = running(0.2)
    assert [n for n in range(7) if not pace(state, n).is_supplied] == [0, 1, 2]


def test_a_study_that_runs_everything_ends_when_nothing_is_left():
    state = running(0.001)
    assert pace(state, 0).end(is_busy=False, is_shared=False) is None
    for trial in state.open_trials():
        state = fold(state, ev.TrialFinished(trial=trial, record=record(0.7)))
    end = pace(state, 0).end(is_busy=False, is_shared=False)
    assert end.ending == "done"


def with_budget(minutes):
    plan = Plan((LINEAR,), max_fraction=0.1, repeats=2, budget_minutes=minutes)
    return fold(started(plan), ev.StudyStarted(study=started().study, plan=plan, at=time.time() - 3_600))


def test_a_budget_counts_from_the_first_trial_on():
    state = with_budget(2)
    assert seconds_left(state) == 120
    first, second, *_ = state.left
    state = fold(state, ev.TrialStarted(trial=first, worker="w", at=time.time() - 30))
    state = fold(state, ev.TrialStarted(trial=second, worker="w", at=time.time()))
    assert seconds_left(state) == pytest.approx(90, abs=5)
    again = fold(state, ev.StudyStarted(study=state.study, plan=state.plan, at=time.time()))
    assert seconds_left(again) == 120


def test_the_time_that_a_study_was_finished_is_not_taken_from_its_budget():
    now, state = time.time(), with_budget(2)
    state = fold(state, ev.TrialStarted(trial=next(iter(state.left)), worker="w", at=now - 3_600))
    state = fold(state, ev.StudyFinished(ending="decided", reason="It is decided.", at=now - 3_570))
    state = fold(state, ev.PlanChanged(plan=replace(state.plan, max_fraction=0.2), at=now))
    assert seconds_left(state) == pytest.approx(90, abs=5)


def test_no_time_is_taken_from_a_budget_while_another_engine_is_checked_or_a_person_decides_about_it():
    now, state = time.time(), with_budget(2)
    (first, *_) = state.left
    state = fold(state, ev.TrialStarted(trial=first, worker="w", at=now - 3_600))
    state = fold(state, ev.TrialFinished(trial=first, record=record(0.7), at=now - 3_590))
    state = fold(state, ev.EngineMoved(where="dask", check=first, at=now - 3_570))
    assert seconds_left(state) == math.inf
    state = fold(state, ev.EngineChecked(difference="It differs.", at=now - 3_000))
    assert seconds_left(state) == math.inf
    taken = fold(state, ev.EngineChecked(at=now - 10))
    assert seconds_left(taken) == pytest.approx(80, abs=5)
    left = fold(state, ev.EngineMoved(where="", at=now - 10))
    assert seconds_left(left) == pytest.approx(80, abs=5)


def test_time_in_which_a_finished_study_is_checked_elsewhere_is_left_out_of_its_budget_once():
    now, state = time.time(), with_budget(2)
    (first, *_) = state.left
    state = fold(state, ev.TrialStarted(trial=first, worker="w", at=now - 1_000))
    state = fold(state, ev.TrialFinished(trial=first, record=record(0.7), at=now - 990))
    state = fold(state, ev.StudyFinished(ending="decided", reason="It is decided.", at=now - 970))
    state = fold(state, ev.EngineMoved(where="dask", check=first, at=now - 900))
    state = fold(state, ev.PlanChanged(plan=replace(state.plan, max_fraction=0.2), at=now - 800))
    assert seconds_left(state) == math.inf
    state = fold(state, ev.EngineChecked(at=now - 20))
    assert seconds_left(state) == pytest.approx(70, abs=5)


def out_of_budget():
    now, state = time.time(), with_budget(2)
    state = fold(state, ev.TrialStarted(trial=next(iter(state.left)), worker="w", at=now - 200))
    return fold(state, ev.StudyFinished(ending="budget", reason="The budget of time is spent.", at=now - 80))


MORE = [
    {"max_fraction": 0.2},
    {"everything": True},
    {"repeats": 3},
    {"models": (DUMMY, LINEAR)},
    {"pinned": ("linear",)},
]


@pytest.mark.parametrize("more", MORE)
def test_a_person_who_asks_for_more_than_the_budget_reached_for_has_it_anew(more):
    state = out_of_budget()
    state = fold(state, ev.PlanChanged(plan=replace(state.plan, **more), at=time.time()))
    assert (state.phase, seconds_left(state)) == ("running", 120)


@pytest.mark.parametrize(
    "same", [{"max_fraction": 0.05}, {"min_gain": 0.1}, {"tuning": TuningPlan("linear", 1_000, 10)}]
)
def test_a_spent_budget_stays_spent_where_nobody_asks_for_more_points(same):
    state = out_of_budget()
    state = fold(state, ev.PlanChanged(plan=replace(state.plan, **same), at=time.time()))
    assert seconds_left(state) <= 0


def test_a_larger_budget_goes_on_from_what_was_spent():
    state = out_of_budget()
    state = fold(state, ev.PlanChanged(plan=replace(state.plan, budget_minutes=3), at=time.time()))
    assert seconds_left(state) == pytest.approx(60, abs=5)


def test_what_is_left_of_a_budget_is_not_more_where_the_answer_was_decided():
    now, state = time.time(), with_budget(2)
    state = fold(state, ev.TrialStarted(trial=next(iter(state.left)), worker="w", at=now - 100))
    state = fold(state, ev.StudyFinished(ending="decided", reason="It is decided.", at=now - 70))
    state = fold(state, ev.PlanChanged(plan=replace(state.plan, everything=True), at=now))
    assert seconds_left(state) == pytest.approx(90, abs=5)


def test_a_study_that_begins_anew_amid_a_check_has_its_whole_budget():
    now, state = time.time(), with_budget(2)
    (first, second, *_) = state.left
    state = fold(state, ev.TrialStarted(trial=first, worker="w", at=now - 1_000))
    state = fold(state, ev.TrialFinished(trial=first, record=record(0.7), at=now - 990))
    state = fold(state, ev.EngineMoved(where="dask", check=first, at=now - 900))
    state = fold(fold(state, ev.StudyStopped(at=now - 800)), ev.StudyStarted(study=state.study, plan=state.plan))
    state = fold(state, ev.EngineChecked(at=now - 20))
    assert seconds_left(state) == 120
    state = fold(state, ev.TrialStarted(trial=second, worker="w", at=now - 10))
    assert seconds_left(state) == pytest.approx(110, abs=5)


def test_a_spent_budget_says_where_it_was_too_short_for_any_fit():
    state = with_budget(1)
    first = next(iter(state.left))
    state = fold(state, ev.TrialStarted(trial=first, worker="w", at=time.time() - 90))
    assert "before a single fit was finished. Start again with more minutes" in out_of_time(state).reason
    state = fold(state, ev.TrialFinished(trial=first, record=record(0.7)))
    assert out_of_time(state).reason == "The budget of time is spent."
