"""What comes next, what is dropped, and when a study stops by itself."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import BOOSTING, DUMMY, LINEAR, data_spec, power_score, record, started, study_spec

from scalewise.core import events as ev
from scalewise.core.cost import Expectation
from scalewise.core.events.codec import event_from_dict, event_to_dict
from scalewise.core.experimenting.asking import ask, current_agenda
from scalewise.core.experimenting.experiment import Agenda
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.spec import ModelSpec, Trial
from scalewise.core.study import StudyState
from scalewise.core.summary import summarise

FLAT = {"dummy": (0.5, 0), "linear": (0.70, 0.0), "boosting": (0.80, 0.02)}
RISING = {"dummy": (0.5, 0), "linear": (0.70, 0.05), "boosting": (0.95, 1.2)}
PLAN = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=1.0, repeats=5)


def measured(trial: Trial, scores, *, noise=0.0005):
    end, gap = scores[trial.model]
    value = power_score(trial, end=end, gap=gap, noise=noise)
    return ev.TrialFinished(trial=trial, record=record(value, noise=0.004, seed=1, seconds=1e-5 * trial.n_rows))


def run(scores, *, plan=PLAN, n_train_rows=100_000, state=None, at_once=1) -> StudyState:
    """Run a study as the runner does, until nothing is asked for any more."""
    state = state or started(plan, study_spec(data_spec(n_train_rows)))
    while wanted := ask(state, at_once):
        for trial in wanted:
            state = fold(state, measured(trial, scores))
    return state


def test_a_flat_curve_is_decided_long_before_everything_is_done():
    state = run(FLAT)
    agenda = current_agenda(state)
    assert agenda.ending == "decided"
    assert summarise(state).verdict.action == "stop"
    spent = sum(r.fit_seconds for r in state.records.values())
    everything = sum(1e-5 * t.n_rows for t in state.planned())
    assert spent < 0.25 * everything


def test_an_answer_rests_on_two_looks_and_a_wide_range():
    curve = summarise(run(FLAT)).model("boosting").curve
    assert curve.last.repeats >= 2
    assert curve.last.n_rows >= 8 * curve.points[0].n_rows


def test_a_large_margin_is_decided_on_a_wide_range_too():
    """Nothing that could be measured would change the answer, but its sizes are still close together."""
    plan = Plan((DUMMY, LINEAR), max_fraction=1.0, repeats=5, min_gain=0.05)
    state = run({"dummy": (0.5, 0), "linear": (0.82, 0.0)}, plan=plan, n_train_rows=4_800)
    curve = summarise(state).model("linear").curve
    assert current_agenda(state).ending == "decided"
    assert curve.last.n_rows >= 8 * curve.points[0].n_rows
    assert len(state.records) < 40


def test_a_sure_gain_that_is_too_small_is_not_called_none_at_the_end():
    plan = Plan((DUMMY, BOOSTING), max_fraction=0.5, repeats=5, min_gain=0.1)
    state = run({"dummy": (0.5, 0), "boosting": (0.85, 0.4)}, plan=plan, n_train_rows=20_000)
    agenda, verdict = current_agenda(state), summarise(state).verdict
    assert verdict.sentence.startswith("More data no longer helps enough: +")
    assert agenda.reason == "The answer is decided: more data no longer helps enough."


def test_a_simpler_model_as_good_is_looked_at_beside_the_answer_s_before_the_end():
    scores = {"dummy": (0.5, 0), "linear": (0.80, 0.0), "boosting": (0.8005, 0.02)}
    state = run(scores, plan=replace(PLAN, repeats=2))
    found = summarise(state)
    assert current_agenda(state).ending
    assert found.verdict.model == "Linear"
    reached = {name: found.model(name).curve.last.n_rows for name in ("linear", "boosting")}
    assert reached["linear"] >= reached["boosting"] / 2
    beside = shown({"dummy": 40_000, "linear": 4_000, "boosting": 40_000}, scores)
    largest = summarise(beside).model("boosting").curve.last.n_rows
    assert summarise(beside).verdict.model == "Gradient boosting"
    assert current_agenda(beside).trials[0] == Trial("linear", largest)


def shown(sizes_of, scores=FLAT, plan=PLAN, *, noise=0.0005) -> StudyState:
    """The state after the first two looks at every model's sizes, as far as `sizes_of` says by name."""
    state = started(plan, study_spec(data_spec(100_000)))
    for trial in state.planned():
        if trial.n_rows <= sizes_of[trial.model] and trial.repeat < 2:
            state = fold(state, measured(trial, scores, noise=noise))
    return state


def test_a_model_that_probably_wins_is_looked_at_before_an_answer_about_another_one():
    scores = {"dummy": (0.5, 0), "linear": (0.70, 0.6), "boosting": (0.95, 0.8)}
    state = shown({"dummy": 20_000, "linear": 20_000, "boosting": 1_000}, scores)
    agenda = current_agenda(state)
    assert not agenda.ending
    assert agenda.trials[0].model == "boosting"
    assert 1_000 < agenda.trials[0].n_rows <= 4_000


def test_no_larger_look_is_begun_while_an_answer_waits_for_its_second_one():
    state = shown({"dummy": 50_000, "linear": 50_000, "boosting": 50_000})
    larger = next(t for t in state.planned() if t.model == "boosting" and t.n_rows > 50_000)
    state = fold(state, measured(larger, FLAT))
    assert summarise(state).verdict.action == "stop"
    wanted = [t for t in current_agenda(state).trials if t.model == "boosting" and t.n_rows >= larger.n_rows]
    assert {t.n_rows for t in wanted} == {larger.n_rows}


@pytest.mark.parametrize(("gap", "ending"), [(1.2, "decided"), (0.25, "")])
def test_a_second_look_at_the_largest_sample_is_spared_where_it_could_not_deny_that_more_data_helps(gap, ending):
    scores, noise = RISING | {"boosting": (0.95, gap)}, 0.006
    plan = replace(PLAN, max_fraction=0.1)
    state = shown({"dummy": 10_000, "linear": 9_000, "boosting": 9_000}, scores, plan, noise=noise)
    state = fold(state, measured(Trial("boosting", 10_000), scores, noise=noise))
    assert summarise(state).verdict.action == "use_more_rows"
    agenda = current_agenda(state)
    assert agenda.ending == ending
    assert ending or Trial("boosting", 10_000, 1) in agenda.trials


def test_a_rising_curve_is_followed_up_to_all_rows():
    state = run(RISING, n_train_rows=20_000)
    assert summarise(state).model("boosting").curve.last.n_rows == 20_000
    assert current_agenda(state).ending in ("decided", "done")


def well_measured(plan=PLAN) -> StudyState:
    """The state after every trial of up to half of a small table."""
    state = started(plan, study_spec(data_spec(5_000)))
    for trial in state.planned():
        state = fold(state, measured(trial, RISING)) if trial.n_rows <= 2_500 else state
    return state


def test_what_cannot_win_is_dropped_with_the_reason_and_gets_no_more_trials():
    agenda = current_agenda(well_measured())
    assert set(agenda.dropped) == {"linear"}
    assert "cannot win any more" in agenda.dropped["linear"]
    assert re.search(r"expected to end 0\.\d+ behind Gradient boosting\.$", agenda.dropped["linear"])
    assert "linear" not in {t.model for t in (*agenda.left, *agenda.trials)}
    assert {t.model for t in agenda.trials} == {"boosting"}


def test_a_pinned_model_is_never_dropped():
    assert not current_agenda(well_measured(replace(PLAN, pinned=("linear",)))).dropped


def test_what_was_looked_at_too_little_is_not_dropped():
    state = started(PLAN, study_spec(data_spec(5_000)))
    for trial in [t for t in state.planned() if t.model == "boosting" or (t.n_rows < 300 and t.repeat == 0)]:
        state = fold(state, measured(trial, {**RISING, "linear": (0.9, 0.5)}))
    assert not current_agenda(state).dropped


def test_everything_means_everything():
    state = run(FLAT, plan=replace(PLAN, everything=True))
    assert set(state.records) == set(state.planned())
    assert current_agenda(state).ending == "done"
    assert not current_agenda(state).dropped


def test_moving_the_slider_up_goes_on_to_there_although_all_is_decided():
    state = run(FLAT, plan=replace(PLAN, max_fraction=0.2))
    state = fold(state, ev.StudyFinished(ending="decided", reason="The answer is decided."))
    assert (state.phase, state.ending) == ("finished", "decided")
    state = fold(state, ev.PlanChanged(plan=replace(PLAN, max_fraction=0.5)))
    assert (state.phase, state.ending) == ("running", "")
    state = run(FLAT, state=fold(state, ev.SampleReady(n_rows=100_000)))
    assert summarise(state).model("boosting").curve.last.n_rows == 50_000
    assert current_agenda(state).ending == "decided"


def test_a_smaller_margin_takes_a_decided_study_up_again():
    state = fold(run(FLAT, plan=replace(PLAN, min_gain=0.05)), ev.StudyFinished(ending="decided"))
    fewer = len(state.records)
    state = fold(state, ev.PlanChanged(plan=replace(PLAN, min_gain=0.001)))
    assert len(run(FLAT, state=fold(state, ev.SampleReady(n_rows=100_000))).records) > fewer


def test_first_looks_at_small_sizes_come_first():
    first = ask(started(PLAN), 100)
    looks = [t for t in first if t.repeat == 0]
    assert {t.model for t in looks[:3]} == {"dummy", "linear", "boosting"}
    assert [t.n_rows for t in looks] == sorted(t.n_rows for t in looks)


def test_repeats_go_where_noise_hides_the_answer():
    def looks(noise):
        state = started(PLAN)
        while wanted := ask(state, 1):
            state = fold(state, measured(wanted[0], FLAT, noise=noise))
        return sum(p.repeats for p in summarise(state).model("boosting").curve.points if p.n_rows > 1_000)

    assert looks(0.01) > looks(0.0002)


def test_dear_trials_are_not_queued_ahead():
    slow = ModelSpec("slow", "Slow", 4)
    state = started(Plan((slow,), max_fraction=1.0, repeats=5))
    for trial in ask(state, 2):
        state = fold(state, ev.TrialFinished(trial=trial, record=record(0.7, seconds=100.0)))
    assert len(ask(state, 6, free=1)) == 1
    assert len(ask(state, 6, free=2)) == 2


def test_cheap_trials_are_not_queued_before_a_dear_one_of_more_worth():
    slow = ModelSpec("slow", "Slow", 4)
    state = started(Plan((DUMMY, slow), max_fraction=1.0, repeats=5))
    for trial in ask(state, 2):
        seconds = 100.0 if trial.model == "slow" else 0.01
        state = fold(state, ev.TrialFinished(trial=trial, record=record(0.7, seconds=seconds)))
    cheap, dear = Trial("dummy", 2_000, 0), Trial("slow", 2_000, 0)
    assert ask(state, 6, agenda=Agenda((dear, cheap)), free=0) == ()
    assert ask(state, 6, agenda=Agenda((dear, cheap)), free=1) == (dear, cheap)
    assert ask(state, 6, agenda=Agenda((cheap, dear)), free=0) == (cheap,)


def test_a_dear_look_farther_up_waits_for_the_one_before_it():
    state = shown({"dummy": 8_000, "linear": 8_000, "boosting": 8_000})
    last = summarise(state).model("boosting").curve.last.n_rows
    slow = Expectation({Trial(model.name, last): record(0.8, seconds=100.0) for model in PLAN.models})
    state = replace(state, expected=slow)
    larger = [t.n_rows for t in state.planned() if t.model == "boosting" and t.repeat == 0 and t.n_rows > last]
    near, far, beside = Trial("boosting", larger[0]), Trial("boosting", larger[1]), Trial("linear", larger[1])
    wanted = Agenda((near, far, beside))
    assert ask(state, 6, agenda=wanted, free=3) == (near, beside)
    assert ask(state, 6, agenda=wanted, free=3, taken=(near,)) == (beside,)
    assert ask(state, 6, agenda=wanted, free=3, taken=(beside,)) == (near,)
    # A further look where it is measured already does not wait, and neither does what a person asked for.
    again = Trial("boosting", last, 2)
    assert ask(state, 6, agenda=Agenda((near, again)), free=3) == (near, again)
    assert ask(replace(state, reach=1.0), 6, agenda=wanted, free=3) == (near, far, beside)


def test_what_does_not_fit_into_the_time_left_is_not_begun():
    state = started(PLAN)
    for trial in ask(state, 3):
        state = fold(state, ev.TrialFinished(trial=trial, record=record(0.7, seconds=100.0)))
    assert ask(state, 3)
    assert not ask(state, 3, seconds_left=5.0)


def test_a_study_replayed_from_its_events_decides_the_same():
    state = run(RISING, n_train_rows=20_000)
    again = started(PLAN, study_spec(data_spec(20_000)))
    for trial in reversed(list(state.records)):
        again = fold(again, ev.TrialFinished(trial=trial, record=state.records[trial], resumed=True))
    assert current_agenda(again) == current_agenda(state)


@settings(max_examples=15, deadline=None)
@given(
    end=st.floats(0.5, 0.99),
    gap=st.floats(0, 1.5),
    other=st.floats(0.5, 0.99),
    n_train_rows=st.sampled_from([300, 5_000, 60_000]),
    at_once=st.sampled_from([1, 6]),
)
def test_every_study_comes_to_an_end_and_says_why(end, gap, other, n_train_rows, at_once):
    scores = {"dummy": (0.5, 0), "linear": (other, 0.1), "boosting": (end, gap)}
    state = run(scores, n_train_rows=n_train_rows, at_once=at_once)
    agenda = current_agenda(state)
    assert agenda.ending in ("decided", "done")
    assert agenda.reason
    assert set(state.records) <= set(state.planned())
    assert not set(agenda.left) & set(state.records)


@pytest.mark.parametrize("ending", ["done", "decided", "budget"])
def test_why_a_study_ended_survives_the_journal(ending):
    event = ev.StudyFinished(ending=ending, reason="words")
    assert event_from_dict(event_to_dict(event)) == event


def test_an_old_journal_without_a_reason_still_loads():
    assert event_from_dict({"event": "StudyFinished", "at": 1.0}) == ev.StudyFinished(at=1.0)


def test_a_richer_model_no_slower_is_looked_at_beside_the_answer_s_before_the_end():
    scores = {"dummy": (0.5, 0), "linear": (0.80, 0.9), "boosting": (0.82, 1.2)}
    state = shown({"dummy": 10_000, "linear": 10_000, "boosting": 1_000}, scores, replace(PLAN, max_fraction=0.1))
    assert summarise(state).verdict.model == "Linear"
    agenda = current_agenda(state)
    assert not agenda.ending
    assert agenda.trials[0] == Trial("boosting", 10_000)
