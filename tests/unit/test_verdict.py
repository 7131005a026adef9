from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from studies import BOOSTING, DUMMY, LINEAR, data_spec, finished, power_score, record, started, study_spec

from scalewise.core import events as ev
from scalewise.core.deciding.answer import answer, scene_of
from scalewise.core.deciding.answer_words import evidence
from scalewise.core.experimenting.asking import ask
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.spec import Alarm, MetricSpec
from scalewise.core.study import StudyState
from scalewise.core.summary import summarise
from scalewise.core.wording import gain_text

PLAN = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.2, repeats=5)


def verdict_of(scores, *, plan=PLAN, noise=0.0003, n_train_rows=100_000):
    state = started(plan, study_spec(data_spec(n_train_rows)))
    return summarise(finished(state, scores, noise=noise)).verdict


def test_a_rising_curve_gets_more_rows():
    verdict = verdict_of({"dummy": (0.5, 0), "linear": (0.70, 0.05), "boosting": (0.95, 1.2)}, n_train_rows=20_000)
    assert verdict.action == "use_more_rows"
    assert verdict.model == "Gradient boosting"
    assert "More data still helps" in verdict.sentence
    assert "for a fit and its scoring here" in verdict.sentence
    assert "One fit and its scoring take about" in verdict.next_doubling
    assert verdict.margin == 0.005


@pytest.mark.parametrize(("rows", "held_out"), [(24, 6), (79, 20), (200, 19)])
def test_a_table_too_small_to_judge_by_is_called_so_and_gets_no_answer(rows, held_out):
    study = study_spec(data_spec(rows, n_holdout_rows=held_out, smallest_n_rows=5))
    plan = Plan((DUMMY, LINEAR), max_fraction=1.0, repeats=2)
    state = finished(started(plan, study), {"dummy": (0.5, 0), "linear": (0.70, 0.0)})
    verdict = summarise(state).verdict
    assert (verdict.action, verdict.ways, verdict.experiment) == ("cannot_tell", (), None)
    assert verdict.sentence.startswith("Cannot tell: this table is too small to judge by.")
    assert f"{rows + held_out} rows, of which {held_out} are held out" in verdict.sentence
    ready = fold(StudyState(), ev.TablePrepared(data=study.data))
    assert "too small to judge by" in summarise(ready).verdict.sentence


def test_a_table_just_large_enough_gets_an_answer():
    study = study_spec(data_spec(80, n_holdout_rows=20, smallest_n_rows=5))
    state = finished(started(Plan((LINEAR,), max_fraction=1.0), study), {"linear": (0.70, 0.0)}, noise=0.0)
    assert "too small" not in summarise(state).verdict.sentence


def test_a_flat_curve_stops():
    verdict = verdict_of({"dummy": (0.5, 0), "linear": (0.70, 0.0), "boosting": (0.80, 0.02)})
    assert verdict.action == "stop"
    assert "no longer helps" in verdict.sentence


def test_a_small_but_certain_gain_is_not_called_none():
    plan = Plan((DUMMY, BOOSTING), max_fraction=0.2, repeats=5, min_gain=0.2)
    rising = verdict_of({"dummy": (0.5, 0), "boosting": (0.95, 1.2)}, plan=plan, n_train_rows=20_000)
    flat = verdict_of({"dummy": (0.5, 0), "boosting": (0.80, 0.0)}, plan=plan, noise=0.003)
    assert rising.action == flat.action == "stop"
    assert rising.sentence.startswith("More data no longer helps enough: +")
    assert "probably less than the 0.2 that counts" in rising.sentence
    assert flat.sentence.startswith("More data no longer helps: ")


def test_a_gain_beyond_the_best_score_is_called_out_of_reach():
    plan = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.2, repeats=5, min_gain=0.4)
    state = finished(started(plan), {"dummy": (0.5, 0), "linear": (0.70, 0.05), "boosting": (0.80, 0.1)})
    verdict = summarise(state).verdict
    assert verdict.action == "stop"
    assert verdict.sentence.startswith("No model can gain the 0.4 that counts: Linear reaches 0.696")
    assert "already, and the best that there can be is 1." in verdict.sentence
    assert not any("richer model" in line for line in verdict.would_change)
    assert all(model.outlook.p_gain == 0 for model in summarise(state).models if model.curve.last.score > 0.6)


def test_the_same_flat_curve_at_all_rows_stops_too():
    plan = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=1.0, repeats=3)
    verdict = verdict_of({"dummy": (0.5, 0), "linear": (0.70, 0.0), "boosting": (0.80, 0.02)}, plan=plan)
    assert verdict.action == "stop"


def test_a_curve_still_rising_at_all_rows_asks_for_more_to_be_collected():
    plan = Plan((DUMMY, BOOSTING), max_fraction=1.0, repeats=5)
    verdict = verdict_of({"dummy": (0.5, 0), "boosting": (0.95, 1.0)}, plan=plan, n_train_rows=5_000)
    assert verdict.action == "collect_rows"


def test_noise_wider_than_the_margin_cannot_be_told():
    verdict = verdict_of({"dummy": (0.5, 0), "linear": (0.7, 0.05), "boosting": (0.7, 0.1)}, noise=0.03)
    assert verdict.action == "cannot_tell"


def test_a_simpler_model_within_the_margin_is_named():
    verdict = verdict_of({"dummy": (0.5, 0), "linear": (0.799, 0.02), "boosting": (0.80, 0.02)})
    assert any("simpler Linear is within the margin" in line for line in verdict.evidence)


def test_what_is_unusual_about_the_curve_is_among_the_evidence():
    equal = verdict_of({"dummy": (0.5, 0), "linear": (0.7, 0.0)}, plan=Plan((DUMMY, LINEAR)), noise=0.0)
    assert "The curve of Linear stands still, and is continued so." in equal.evidence
    usual = verdict_of({"dummy": (0.5, 0), "linear": (0.70, 0.05)}, plan=Plan((DUMMY, LINEAR)))
    assert not any("The curve of" in line for line in usual.evidence)


def test_models_no_better_than_guessing_are_called_so():
    verdict = verdict_of({"dummy": (0.5, 0), "linear": (0.5, 0.0), "boosting": (0.5, 0.0)}, noise=0.003)
    assert any("better than guessing" in line for line in verdict.evidence)


def test_a_no_about_models_that_guess_is_told_to_be_about_those():
    verdict = verdict_of({"dummy": (0.5, 0), "linear": (0.499, 0.0), "boosting": (0.498, 0.0)})
    assert verdict.action == "stop"
    assert verdict.sentence.startswith("No model is credibly better than guessing, and more data does not help: ")
    behind = next(line for line in verdict.evidence if "guessing" in line)
    assert re.search(r"\(the best is 0\.00\d+ behind\)", behind)


def test_models_hardly_better_than_guessing_are_called_so():
    hardly = verdict_of({"dummy": (0.5, 0), "linear": (0.511, 0.0), "boosting": (0.51, 0.0)})
    assert "The models are hardly better than guessing: +0.011 of +0.500 that can be." in hardly.evidence
    clearly = verdict_of({"dummy": (0.5, 0), "linear": (0.56, 0.0), "boosting": (0.51, 0.0)})
    assert not any("guessing" in line for line in clearly.evidence)


def test_a_rise_of_models_no_better_than_guessing_that_may_be_chance_is_no_yes():
    plan = Plan((DUMMY, BOOSTING), max_fraction=1.0, repeats=2)
    state = started(plan, study_spec(data_spec(1_500, n_holdout_rows=300)))
    rng = np.random.default_rng(4)
    for trial in state.planned():
        score = 0.5 if trial.model == "dummy" else 0.47 + 0.04 * trial.n_rows / 1_500
        got = replace(record(score), block_scores=tuple(score + 0.12 * rng.standard_normal(10)))
        state = fold(state, ev.TrialFinished(trial=trial, record=got))
    found = answer(scene_of(state, [summarise(state).models[1]]))
    verdict = summarise(state).verdict
    assert found.action == "collect_rows"
    assert verdict.action == "cannot_tell"
    assert "guessing" in verdict.sentence


@pytest.mark.parametrize(("end", "gap", "action"), [(0.2, 0.8, "cannot_tell"), (2.94, 3.0, "collect_rows")])
def test_a_rise_towards_guessing_is_no_gain_until_it_surely_gets_past_it(end, gap, action):
    plan = Plan((DUMMY, BOOSTING), max_fraction=1.0, repeats=2)
    state = started(plan, study_spec(data_spec(1_500, n_holdout_rows=300)))
    blocks = 0.4 * np.random.default_rng(4).standard_normal(10)
    for trial in state.planned():
        guesses = trial.model == "dummy"
        score = 0.0 if guesses else end - gap * (1_500 / trial.n_rows) ** 0.5
        scores = score + (0.0 if guesses else 1.0) * blocks
        got = replace(record(score), block_scores=tuple(scores.tolist()))
        state = fold(state, ev.TrialFinished(trial=trial, record=got))
    verdict = summarise(state).verdict
    assert any(line.startswith("No model is credibly better than guessing yet") for line in verdict.evidence)
    assert verdict.action == action
    if action == "cannot_tell":
        doubt = "it is not sure that Gradient boosting would be with twice as many rows"
        assert verdict.sentence.startswith(f"Cannot tell yet: no model is credibly better than guessing, and {doubt}.")


@pytest.mark.parametrize(("ends_at", "guesses"), [(0.47, True), (0.70, False)])
def test_where_no_model_beats_guessing_that_is_told_before_a_curve_is_refused(ends_at, guesses):
    verdict = verdict_of({"dummy": (0.5, 0), "linear": (ends_at, -0.2)}, plan=Plan((DUMMY, LINEAR), repeats=3))
    assert verdict.action == "cannot_tell"
    fallen = "Cannot tell yet for Linear: the curve has fallen below its best by more than noise"
    chance = "no model is credibly better than guessing, and what the curve of Linear did may be chance."
    assert (fallen in verdict.sentence, chance in verdict.sentence) == (not guesses, guesses)


def test_where_every_trial_failed_the_reason_stands_in_the_verdict():
    state = started(Plan((LINEAR,), repeats=1))
    for trial in state.planned():
        state = fold(state, ev.TrialFailed(trial=trial, reason="this metric cannot be computed."))
    sentence = summarise(state).verdict.sentence
    assert "no verdict" in sentence
    assert "this metric cannot be computed" in sentence


def test_a_study_that_has_ended_without_a_model_does_not_promise_one():
    spent = fold(started(), ev.StudyFinished(ending="budget", reason="The budget of time is spent."))
    assert "ended before a model was fitted" in summarise(spent).verdict.sentence
    alone = finished(started(Plan((DUMMY,), repeats=1)), {"dummy": (0.5, 0)})
    assert "looks at no feature" in summarise(alone).verdict.sentence


@pytest.mark.parametrize("state", [StudyState(), started()])
def test_a_failure_before_any_model_is_the_verdict_and_not_what_to_press(state):
    failed = fold(state, ev.StudyFailed(reason="There is no licence for it."))
    assert summarise(failed).verdict.sentence.endswith("There is no licence for it.")


def test_while_columns_are_looked_at_nobody_is_asked_for_a_table():
    state = fold(fold(StudyState(), ev.TableOpened(name="t", columns=("a", "y"))), ev.TablePreparing())
    assert summarise(state).verdict.sentence == "Looking at the columns ..."


@pytest.mark.parametrize(("fraction", "words"), [(0.01, "A larger sample"), (1.0, "New rows")])
def test_new_rows_are_asked_for_only_where_all_are_used(fraction, words):
    plan = Plan((LINEAR,), max_fraction=fraction, repeats=1)
    verdict = verdict_of({"linear": (0.7, 0.05)}, plan=plan, n_train_rows=5_000 if fraction < 1 else 100)
    assert verdict.action == "cannot_tell"
    assert (verdict.experiment is None) == (fraction == 1)
    assert verdict.would_change[-1].startswith(words)


def test_where_time_was_spent_more_of_it_is_asked_for_and_not_a_larger_part_of_the_rows():
    scores = {"dummy": (0.5, 0), "linear": (0.70, 0.05), "boosting": (0.95, 1.2)}

    def last_line(ending):
        rows = dict.fromkeys(scores, 8_000)
        verdict = summarise(fold(stopped_short(scores, rows), ending)).verdict
        assert verdict.action == "use_more_rows"
        return verdict.would_change[-1]

    spent = ev.StudyFinished(ending="budget", reason="The budget of time is spent.")
    bends = "A curve that bends at the next size"
    assert last_line(spent) == f"{bends}: give the study more time to see."
    assert last_line(ev.StudyFinished()) == f"{bends}: allow a larger part of the rows to see."


@pytest.mark.parametrize(("seen", "words"), [(1, "181, 256 and 362"), (2, "256 and 362"), (3, "362")])
def test_a_model_of_too_few_sizes_for_a_trend_is_asked_for_those_that_it_lacks(seen, words):
    largest = (128, 181, 256)[seen - 1]
    state = stopped_short({"linear": (0.7, 0.05)}, {"linear": largest}, plan=replace(PLAN, models=(LINEAR,)))
    verdict = summarise(state).verdict
    often = "once each" if seen < 3 else "once"
    assert verdict.action == "cannot_tell"
    assert f"Linear has {seen} of the 4 sizes that a trend takes." in verdict.sentence
    assert f"Cheapest way to tell: Linear on {words} rows, {often}, about " in verdict.sentence
    assert (verdict.experiment.n_rows, verdict.experiment.repeats) == (362, 1)
    assert "chance" not in verdict.experiment.words


@pytest.mark.parametrize(("n_train_rows", "seen"), [(100, (64, 100)), (200, (64, 100)), (200, (64, 128, 200))])
def test_nothing_is_answered_on_fewer_sizes_than_a_trend_takes_also_where_the_next_doubling_is_foreseen(
    n_train_rows, seen
):
    state = started(Plan((LINEAR,), max_fraction=1.0), study_spec(data_spec(n_train_rows)))
    for trial in state.planned():
        if trial.n_rows in seen:
            state = fold(state, ev.TrialFinished(trial=trial, record=record(0.7)))
    verdict = summarise(fold(state, ev.StudyFinished())).verdict
    assert verdict.action == "cannot_tell"
    assert f"Linear has {len(seen)} of the 4 sizes that a trend takes." in verdict.sentence
    assert ("New rows may tell." in verdict.sentence) == (verdict.experiment is None) == (n_train_rows == 100)
    assert verdict.doubling.is_known


def test_sizes_left_out_below_the_largest_give_a_trend_where_none_are_left_above():
    state = started(Plan((LINEAR,), max_fraction=1.0), study_spec(data_spec(200)))
    for trial in state.planned():
        if trial.n_rows in (64, 128, 200) and trial.repeat == 0:
            state = fold(state, ev.TrialFinished(trial=trial, record=record(0.7)))
    assert summarise(fold(state, ev.StudyFinished())).verdict.experiment.n_rows == 100


def test_a_model_that_cannot_be_compared_for_want_of_sizes_is_asked_for_those():
    scores = {"dummy": (0.5, 0.0), "linear": (0.80, 0.0), "boosting": (0.85, 0.05)}
    state = stopped_short(scores, {"dummy": 20_000, "linear": 20_000, "boosting": 256})
    verdict = summarise(state).verdict
    assert verdict.sentence.startswith("Cannot tell yet: Gradient boosting has 3 of the 4 sizes that a trend takes.")
    assert "Cheapest way to tell: Gradient boosting on 362 rows, once, about " in verdict.sentence


def test_a_larger_margin_turns_the_answer():
    scores = {"dummy": (0.5, 0), "linear": (0.70, 0.05), "boosting": (0.95, 1.2)}
    generous = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.2, repeats=5, min_gain=0.2)
    assert verdict_of(scores, n_train_rows=20_000).action == "use_more_rows"
    assert verdict_of(scores, plan=generous, n_train_rows=20_000).action == "stop"


def test_before_and_at_the_start_it_says_what_is_going_on():
    assert summarise(StudyState()).verdict.action == "none"
    assert "Run" in summarise(fold(StudyState(), ev.TablePrepared(data=data_spec()))).verdict.sentence
    refused = fold(StudyState(), ev.TableRefused(reason="The target has one class."))
    assert summarise(refused).verdict.sentence == "The target has one class."
    assert "first models" in summarise(started()).verdict.sentence


@pytest.mark.parametrize("done", [1, 5, 17, 40, 90])
def test_a_study_in_any_state_of_progress_has_a_verdict(done):
    state = started()
    for trial in ask(state, done):
        state = fold(state, ev.TrialFinished(trial=trial, record=record(0.6 + 1e-6 * trial.n_rows, noise=0.01)))
    assert summarise(state).verdict.sentence


def stopped_short(scores, rows, *, noise=0.0003, plan=PLAN):
    """A study in which each model was fitted up to so many rows alone."""
    state = started(plan)
    for trial in state.planned():
        if trial.n_rows <= rows[trial.model]:
            end, gap = scores[trial.model]
            got = record(power_score(trial, end=end, gap=gap, noise=noise), noise=0.004, seed=1)
            state = fold(state, ev.TrialFinished(trial=trial, record=got))
    return state


def test_a_model_whose_gain_cannot_be_told_does_not_hide_the_ways_of_the_pick():
    scores = {"dummy": (0.5, 0.0), "linear": (0.80, 0.0), "boosting": (0.87, 0.6)}
    state = stopped_short(scores, {"dummy": 0, "linear": 20_000, "boosting": 6_000})
    verdict = summarise(state).verdict
    assert {way.action for way in verdict.ways} >= {"stop", "use_more_rows", "collect_rows"}
    assert verdict.doubling.model == "Linear"


def test_one_model_that_is_better_than_guessing_is_enough():
    scores = {"dummy": (0.5, 0.0), "linear": (0.4995, 0.0), "boosting": (0.80, 0.1)}
    state = stopped_short(scores, {"dummy": 1_000, "linear": 20_000, "boosting": 1_000})
    verdict = summarise(state).verdict
    assert verdict.model == "Gradient boosting"
    assert not any("better than guessing" in line for line in (verdict.sentence, *verdict.evidence))


def test_a_model_that_beat_guessing_on_few_rows_alone_is_no_better_than_guessing():
    scores = {"dummy": (0.5, 0.0), "linear": (0.47, -0.2), "boosting": (0.47, -0.2)}
    state = stopped_short(scores, {"dummy": 1_000, "linear": 20_000, "boosting": 20_000})
    verdict = summarise(state).verdict
    assert any(line.startswith("No model is credibly better than guessing yet") for line in verdict.evidence)


def test_no_answer_of_enough_while_a_model_seen_on_few_rows_may_be_better():
    scores = {"dummy": (0.5, 0.0), "linear": (0.80, 0.0), "boosting": (0.92, 0.6)}
    state = stopped_short(scores, {"dummy": 20_000, "linear": 20_000, "boosting": 2_100})
    verdict = summarise(state).verdict
    assert verdict.action == "cannot_tell"
    seen = "Gradient boosting was fitted on 2,000 rows at the most, too few to compare with Linear, and may be better"
    assert verdict.sentence.startswith(f"Cannot tell yet: {seen} (chance ")
    assert verdict.experiment.model == "Gradient boosting"
    assert 10_000 <= verdict.experiment.n_rows <= 20_000
    # Looked at as far as Linear, the answer is about it.
    farther = stopped_short(scores, {"dummy": 20_000, "linear": 20_000, "boosting": 20_000})
    assert summarise(farther).verdict.model == "Gradient boosting"


def test_no_rows_are_to_be_collected_for_a_model_while_another_may_do_better_with_those_there_are():
    plan = replace(PLAN, max_fraction=1.0)

    def verdict_with(boosting):
        state = started(plan, study_spec(data_spec(10_000)))
        rows = {"dummy": 10_000, "linear": 10_000, "boosting": 1_000}
        scores = {"dummy": (0.5, 0.0), "linear": (0.80, 1.5), "boosting": boosting}
        for trial in state.planned():
            if trial.n_rows <= rows[trial.model]:
                end, gap = scores[trial.model]
                got = record(power_score(trial, end=end, gap=gap, noise=0.0003), noise=0.004, seed=1)
                state = fold(state, ev.TrialFinished(trial=trial, record=got))
        return summarise(state).verdict

    assert verdict_with((0.60, 0.5)).action == "collect_rows"
    verdict = verdict_with((0.90, 1.8))
    assert verdict.action == "cannot_tell"
    assert verdict.sentence.startswith("Cannot tell yet: Gradient boosting was fitted on 1,000 rows at the most")
    assert verdict.experiment.model == "Gradient boosting"
    assert 5_000 <= verdict.experiment.n_rows <= 6_000


def test_what_cannot_be_told_is_not_about_a_model_that_will_hardly_be_used():
    scores = {"dummy": (0.5, 0.0), "linear": (0.80, 0.12), "boosting": (0.95, 0.6)}
    state = stopped_short(scores, {"dummy": 20_000, "linear": 20_000, "boosting": 1_000}, noise=0.001)
    verdict = summarise(state).verdict
    assert verdict.action == "cannot_tell"
    assert verdict.sentence.startswith("Cannot tell yet: Gradient boosting was fitted on 1,000 rows at the most")
    assert verdict.experiment.model == "Gradient boosting"


def test_what_twice_the_table_may_bring_is_told_where_its_own_rows_are_enough():
    scores = {"dummy": (0.5, 0.0), "linear": (0.80, 0.13), "boosting": (0.7, 0.0)}
    plan = replace(PLAN, max_fraction=1.0)
    state = started(plan, study_spec(data_spec(20_000)))
    for trial in state.planned():
        if trial.n_rows <= 14_200:
            end, gap = scores[trial.model]
            got = record(power_score(trial, end=end, gap=gap, noise=0.0001), noise=0.004, seed=1)
            state = fold(state, ev.TrialFinished(trial=trial, record=got))
    verdict = summarise(state).verdict
    assert verdict.action == "stop"
    told = [line for line in verdict.would_change if line.startswith("New rows, as many as the table has: ")]
    assert len(told) == 1
    assert re.search(r"with them the chance of gaining 0\.005 is \d\d %\.$", told[0])
    flat = verdict_of({"dummy": (0.5, 0), "linear": (0.70, 0.0), "boosting": (0.80, 0.0)})
    assert not any("as many as the table has" in line for line in flat.would_change)


@pytest.mark.parametrize(("rows", "told"), [(20_000, True), (100_000, False)])
def test_a_crossing_beyond_the_table_is_told_to_be_there(rows, told):
    scores = {"dummy": (0.5, 0.0), "linear": (0.80, 0.0), "boosting": (0.90, 1.45)}
    plan = replace(PLAN, max_fraction=20_000 / rows)
    verdict = verdict_of(scores, plan=plan, noise=0.0001, n_train_rows=rows)
    (line,) = (line for line in verdict.evidence if "probably overtakes" in line)
    assert line.startswith("Gradient boosting probably overtakes Linear near 2")
    assert (" rows, more than the table has (a chance of " in line) == told


def all_rows_of_linear(boosting):
    """A study of all rows in which the simpler model saw them all and stands for the richer one, which saw fewer."""
    state = started(replace(PLAN, max_fraction=1.0, models=(LINEAR, BOOSTING)), study_spec(data_spec(8_000)))
    for trial in state.planned():
        if trial.model == "linear" or trial.n_rows <= 6_000:
            end, gap = {"linear": (0.80, 0.0), "boosting": boosting}[trial.model]
            got = record(power_score(trial, end=end, gap=gap, noise=0.0003), noise=0.004, seed=1)
            state = fold(state, ev.TrialFinished(trial=trial, record=got))
    return summarise(fold(state, ev.StudyFinished())).verdict


def test_where_the_pick_was_fitted_on_all_rows_the_answer_looks_beyond_the_table():
    enough = all_rows_of_linear((0.803, 0.0))
    assert (enough.action, enough.model) == ("stop", "Linear")
    assert "expected from all rows to twice as many with Linear" in enough.sentence
    assert any("with twice as many rows" in line for line in enough.evidence)


def test_the_answer_is_about_a_model_that_is_better_already_on_far_fewer_rows():
    scores = {"dummy": (0.5, 0.0), "linear": (0.70, 1.0), "boosting": (0.95, 0.8)}
    state = stopped_short(scores, {"dummy": 20_000, "linear": 4_100, "boosting": 1_000})
    verdict = summarise(state).verdict
    assert verdict.action == "use_more_rows"
    assert verdict.model == "Gradient boosting"
    assert "Gradient boosting as it is, on 1,000 rows" in verdict.ways[0].words


def test_a_leader_on_few_rows_is_looked_at_farther_up_although_its_forecast_is_behind():
    scores = {"dummy": (0.5, 0.0), "linear": (0.90, 0.9), "boosting": (0.87, 0.3)}
    state = stopped_short(scores, {"dummy": 20_000, "linear": 20_000, "boosting": 1_000})
    unseen = [line for line in summarise(state).verdict.evidence if "was ahead of it on as few" in line]
    assert len(unseen) == 1
    assert {t.model for t in summarise(state).agenda.trials[:1]} == {"boosting"}


def test_a_model_seen_on_few_rows_that_cannot_win_or_cannot_be_fitted_leaves_the_answer():
    low = {"dummy": (0.5, 0.0), "linear": (0.80, 0.0), "boosting": (0.70, 0.1)}
    rows = {"dummy": 20_000, "linear": 20_000, "boosting": 2_100}
    assert summarise(stopped_short(low, rows)).verdict.action == "stop"
    state = stopped_short({**low, "boosting": (0.92, 0.6)}, rows)
    larger = next(t for t in state.open_trials() if t.model == "boosting")
    failed = fold(state, ev.TrialFailed(trial=larger, reason="It takes too much memory."))
    assert summarise(failed).verdict.action == "stop"


def test_a_gain_over_another_model_says_so():
    scores = {"dummy": (0.5, 0.0), "linear": (0.80, 0.0), "boosting": (0.90, 0.75)}
    verdict = verdict_of(scores, noise=0.0001, n_train_rows=20_000)
    assert verdict.model == "Gradient boosting"
    assert "expected over Linear on 20 % of the rows, with Gradient boosting on all rows" in verdict.sentence
    assert "over Linear as it is" in verdict.next_doubling


def test_a_rise_that_was_measured_and_counts_too_little_is_not_said_to_be_none():
    rising = verdict_of({"dummy": (0.5, 0.0), "linear": (0.80, 0.04), "boosting": (0.7, 0.0)}, noise=0.00001)
    assert rising.action == "stop"
    assert rising.sentence.startswith("More data no longer helps enough")
    flat = verdict_of({"dummy": (0.5, 0.0), "linear": (0.80, 0.0), "boosting": (0.7, 0.0)})
    assert flat.sentence.startswith("More data no longer helps:")


def test_a_feature_that_gives_the_target_away_is_part_of_the_sentence_while_models_see_it():
    state = finished(started(PLAN), {"dummy": (0.5, 0), "linear": (0.8, 0), "boosting": (0.8, 0)})
    leaking = replace(state, alarms=(Alarm("target_sum", "a", "a and b add up to y.", ("b",)),))
    assert summarise(leaking).verdict.sentence.endswith("Unless a and b are known before y is, no score here counts.")
    gone = replace(state, alarms=(Alarm("target_copy", "c", "c is nearly a copy of y."),))
    assert summarise(gone).verdict.sentence == summarise(state).verdict.sentence


@pytest.mark.parametrize(("margin", "words"), [(0.005, "next to nothing"), (50.0, ""), (900.0, "much")])
def test_a_margin_that_cannot_be_meant_is_asked_for_in_a_metric_of_the_target_s_units(margin, words):
    metric = MetricSpec("neg_mean_absolute_error", "mean absolute error (negated)", 0.0, None)
    plan = replace(PLAN, min_gain=margin)
    study = replace(study_spec(), metric=metric)
    errors = {"dummy": (-3_000.0, 0), "linear": (-900.0, 0), "boosting": (-800.0, 0)}
    evidence = summarise(finished(started(plan, study), errors, noise=0.1)).verdict.evidence
    asked = [line for line in evidence if "set it to what matters to you" in line]
    assert bool(asked) == bool(words)
    assert all(f"is {words} beside the −3,000 mean absolute error (negated) of guessing" in line for line in asked)


def test_a_better_model_is_not_said_to_be_ahead_by_more_than_is_left_to_the_best_score():
    state = started(PLAN, study_spec(data_spec(100_000)))
    state = finished(state, {"dummy": (0.5, 0), "linear": (0.9955, 0.0), "boosting": (0.9965, 0.0)})
    scene = scene_of(state, [m for m in summarise(state).models if m.curve.model.rung])
    far = replace(scene.contest.behind, low=-0.002, high=0.9)
    told = evidence(answer(replace(scene, contest=replace(scene.contest, behind=far))), "ROC AUC", None)
    (line,) = (line for line in told if line.startswith("The simpler Linear is within"))
    assert line.endswith(f"(−0.0020 to {gain_text(1 - scene.here.curve.last.score)}) ahead.")
