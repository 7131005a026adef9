from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies import BOOSTING, DUMMY, LINEAR, data_spec, record, started, study_spec

from scalewise.core import events as ev
from scalewise.core.experimenting.asking import ask
from scalewise.core.folding import fold
from scalewise.core.machine import Machine
from scalewise.core.plan import Plan
from scalewise.core.spec import LeftOut, Trial
from scalewise.core.study import StudyState
from scalewise.core.summary import summarise
from scalewise.errors import InputError


def test_a_table_goes_from_opening_to_ready():
    state = fold(StudyState(), ev.TableOpening(name="t"))
    assert (state.phase, state.table) == ("opening", "t")
    state = fold(state, ev.TableOpened(name="t", columns=("a", "y")))
    assert (state.phase, state.columns) == ("opened", ("a", "y"))
    state = fold(fold(state, ev.TablePreparing()), ev.TablePrepared(data=data_spec(), left_out=(LeftOut("id", "x"),)))
    assert (state.phase, state.columns, state.left_out[0].name) == ("ready", ("a", "y"), "id")


def test_a_refused_table_says_why_and_keeps_its_columns():
    state = fold(StudyState(), ev.TableOpened(name="t", columns=("a",)))
    state = fold(state, ev.TableRefused(reason="one class"))
    assert (state.phase, state.notes[-1].text, state.columns) == ("refused", "one class", ("a",))


def test_why_a_table_was_refused_or_a_study_failed_is_known_whatever_is_said_later():
    later = ev.Noted(level="error", text="later")
    refused = fold(fold(StudyState(), ev.TableRefused(reason="one class")), later)
    assert summarise(refused).verdict.sentence == refused.failure == "one class"
    assert fold(refused, ev.TablePrepared(data=data_spec())).failure == ""
    failed = fold(fold(started(), ev.StudyFailed(reason="disk full")), later)
    assert failed.failure == "disk full"
    assert fold(failed, ev.StudyStarted(study=failed.study, plan=failed.plan)).failure == ""


def test_the_first_trials_are_the_cheapest():
    first = ask(started(), 3)
    assert {t.n_rows for t in first} == {min(t.n_rows for t in started().planned())}
    assert {t.repeat for t in first} == {0}


def test_nothing_is_asked_for_twice():
    state = started(Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.1, repeats=3, everything=True))
    everything = ask(state, 10_000)
    assert len(set(everything)) == len(everything) == len(state.planned())
    assert not set(ask(state, 10_000, taken=everything[:5])) & set(everything[:5])


def test_trials_wait_until_their_sample_is_ready():
    study = study_spec()
    plan = Plan((LINEAR,), max_fraction=1.0)
    state = fold(StudyState(), ev.StudyStarted(study=study, plan=plan))
    assert ask(state, 5) == ()
    state = fold(state, ev.SampleReady(n_rows=2_000))
    assert max(t.n_rows for t in ask(state, 10_000)) <= 2_000


def test_a_finished_study_asks_for_nothing_and_a_raised_slider_goes_on():
    state = started()
    for trial in state.planned():
        state = fold(state, ev.TrialFinished(trial=trial, record=record(0.7)))
    assert ask(state, 5) == ()
    state = fold(state, ev.StudyFinished())
    wider = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.2, repeats=3)
    state = fold(fold(state, ev.PlanChanged(plan=wider)), ev.SampleReady(n_rows=20_000))
    assert state.phase == "running"
    assert min(t.n_rows for t in ask(state, 10_000)) > 10_000


def test_a_stopped_study_stays_stopped_when_the_slider_moves():
    state = fold(started(), ev.StudyStopped())
    state = fold(state, ev.PlanChanged(plan=Plan((LINEAR,), max_fraction=0.5)))
    assert state.phase == "stopped"
    assert ask(state, 5) == ()


def test_a_retried_trial_is_asked_for_again_and_one_failed_for_good_is_not():
    trial = ask(started(), 1)[0]
    running = fold(started(), ev.TrialStarted(trial=trial, worker="1"))
    retried = fold(running, ev.TrialFailed(trial=trial, reason="worker died", retry=True))
    assert trial in ask(retried, 10_000)
    assert trial not in retried.running
    failed = fold(running, ev.TrialFailed(trial=trial, reason="too large"))
    assert trial not in ask(failed, 10_000)
    assert failed.failures == {trial: "too large"}


def test_starting_the_same_study_again_keeps_its_points_and_forgets_failures():
    done, failed = ask(started(), 2)
    state = fold(started(), ev.TrialFinished(trial=done, record=record(0.7)))
    state = fold(state, ev.TrialFailed(trial=failed, reason="x"))
    again = fold(state, ev.StudyStarted(study=study_spec(), plan=state.plan, machine=Machine(16, 8, 2)))
    assert again.machine.workers == 2
    assert done in again.records
    assert not again.failures
    other = fold(state, ev.StudyStarted(study=study_spec(data_spec(seed=1)), plan=state.plan))
    assert not other.records


def test_notes_are_bounded():
    state = StudyState()
    for number in range(200):
        state = fold(state, ev.Noted(level="info", text=str(number)))
    assert len(state.notes) == 50
    assert state.notes[-1].text == "199"


@given(st.lists(st.sampled_from(["start", "finish", "fail", "retry", "stop", "go"]), max_size=40))
def test_a_trial_is_never_finished_and_running_or_failed_at_once(steps):
    state, trial = started(), Trial("linear", 1_000, 0)
    events = {
        "start": ev.TrialStarted(trial=trial, worker="1"),
        "finish": ev.TrialFinished(trial=trial, record=record(0.7)),
        "fail": ev.TrialFailed(trial=trial, reason="x"),
        "retry": ev.TrialFailed(trial=trial, reason="x", retry=True),
        "stop": ev.StudyStopped(),
        "go": ev.StudyStarted(study=study_spec(), plan=state.plan),
    }
    for step in steps:
        state = fold(state, events[step])
        if step == "finish":
            assert trial not in state.running
            assert trial not in state.failures
        assert state.phase in ("running", "stopped")
        assert state.phase == "running" or not state.running or step == "start"


@pytest.mark.parametrize("wrong", [{"budget_minutes": 0}, {"budget_minutes": float("nan")}, {"price_per_hour": -0.1}])
def test_a_budget_or_price_that_is_none_is_refused(wrong):
    with pytest.raises(InputError, match=r"must be .* 0"):
        Plan((LINEAR,), **wrong)


def test_a_failure_costs_no_more_after_many_others(monkeypatch):
    state = started(Plan((DUMMY, LINEAR), max_fraction=1.0, repeats=20))
    *before, last = [ev.TrialFailed(trial=trial, reason="no such metric") for trial in state.planned()]
    for event in before:
        state = fold(state, event)
    hashed, plain = [], Trial.__hash__
    monkeypatch.setattr(Trial, "__hash__", lambda trial: hashed.append(trial.n_rows) or plain(trial))
    assert len(fold(state, last).failures) == len(before) + 1
    assert len(hashed) < 20 < len(before)
