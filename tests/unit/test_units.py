"""Which trials show whether the answer changes with the sampling unit, and what they say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from studies import BOOSTING, DUMMY, LINEAR, data_spec, finished, power_score, record, started, study_spec

from scalewise.core import events as ev
from scalewise.core.events.codec import event_from_dict, event_to_dict
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.results import UnitResult
from scalewise.core.spec import ROWS, SamplingUnit, UnitCandidate
from scalewise.core.summary import summarise
from scalewise.core.unit_words import collecting_text, more_text, others_text, unit_question, unit_text
from scalewise.core.units import (
    cheap_check,
    check_trials,
    compare_units,
    proposed_units,
)
from scalewise.errors import InputError
from scalewise.options import StudyOptions

PATIENTS, TIME = SamplingUnit("group", "patient"), SamplingUnit("time", "seen")
FLAT = {"dummy": (0.5, 0.0), "linear": (0.7, 0.01), "boosting": (0.758, 0.02)}


def studied(unit=ROWS, scores=FLAT, n_train_rows=100_000, **candidates):
    plan = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.2, repeats=3)
    state = finished(started(plan, study_spec(data_spec(n_train_rows, unit=unit))), scores)
    return replace(state, **candidates)


def checked(state, end, gap, unit=PATIENTS, noise=0.0):
    """The state after a check in which the model stands on another power law."""
    other = data_spec(state.data.n_train_rows - 37, unit=unit)
    model, trials = check_trials(state, other)
    records = tuple(record(power_score(t, end=end, gap=gap, noise=0.0005), noise=noise, seed=2) for t in trials)
    state = fold(state, ev.UnitCheckStarted(unit=unit))
    return fold(state, ev.UnitChecked(result=UnitResult(other, model, trials, records)))


def test_samples_of_the_only_past_are_not_repeated():
    data = data_spec(99_963, unit=TIME)
    _, trials = check_trials(studied(), data)
    assert {trial.repeat for trial in trials} == {0}
    assert StudyOptions("y", repeats=5).plan(data).repeats == 1
    assert StudyOptions("y", repeats=5).plan(data_spec(unit=SamplingUnit("thinned", "seen"))).repeats == 5


def test_the_best_quick_model_is_fitted_on_two_of_its_finished_sizes():
    state = studied()
    model, trials = check_trials(state, data_spec(99_963, unit=PATIENTS))
    assert model == BOOSTING
    small, large = sorted({trial.n_rows for trial in trials})
    assert large == pytest.approx(20_000, rel=0.15)
    assert small <= 0.4 * large
    assert {trial.repeat for trial in trials if trial.n_rows == small} == {0, 1, 2}
    assert len(trials) <= 6


def test_a_check_never_takes_more_rows_than_are_cheap():
    _, trials = check_trials(studied(n_train_rows=10_000_000), data_spec(10_000_000, unit=PATIENTS))
    assert max(trial.n_rows for trial in trials) <= 60_000


def test_without_two_sizes_to_compare_the_person_is_told_to_wait():
    state = studied()
    early = replace(state, records={t: r for t, r in state.records.items() if t.n_rows == 100})
    with pytest.raises(InputError, match="Two finished sizes"):
        check_trials(early, data_spec(unit=PATIENTS))
    with pytest.raises(InputError, match="at least 90,000 rows"):
        check_trials(state, data_spec(unit=PATIENTS, smallest_n_rows=90_000))


def test_groups_that_turn_the_answer_are_said_so():
    (found,) = compare_units(checked(studied(), 0.66, 1.2))
    assert found.changes
    assert found.sentence.startswith(
        "By whole groups of patient the ROC AUC of Gradient boosting on 20,000 rows (20 %) is 0.57"
    )
    assert "instead of 0.75" in found.sentence
    assert "and still rises: if rows to come belong to other patients, collect more groups." in found.sentence
    assert found.sentence.endswith("The verdict is about single rows, and does not hold then.")
    assert found.own_gain.mean < 0.005 < found.other_gain.mean


def test_the_verdict_is_shown_with_what_speaks_against_it():
    against = summarise(checked(studied(), 0.66, 1.2))
    assert against.verdict.evidence[-1] == against.unit_checks[0].sentence
    alike = summarise(checked(studied(), 0.758, 0.02))
    assert alike.unit_checks[0].sentence not in alike.verdict.evidence


def test_the_unit_stands_first_among_what_would_overturn_the_verdict():
    turned = summarise(checked(studied(), 0.66, 1.2)).verdict.would_change
    holds = "the answer does not hold for them; study the table by"
    assert turned[0] == f"Rows to come that belong to other patients: {holds} whole groups of patient."
    warned = summarise(checked(studied(), 0.60, 0.02, noise=0.9, unit=TIME)).verdict.would_change
    assert warned[0].startswith("Rows to come that are later than these: the answer may not hold for them; ")
    back = summarise(checked(studied(PATIENTS), 0.9, 0.0, unit=ROWS)).verdict.would_change
    assert back[0] == f"Rows to come that are of the same groups: {holds} single rows."
    alike = summarise(checked(studied(), 0.758, 0.02)).verdict.would_change
    assert not any(line.startswith("Rows to come") for line in alike)
    assert max(map(len, (turned, warned, back))) <= 4


def test_a_unit_that_changes_nothing_is_said_so():
    (found,) = compare_units(checked(studied(), 0.758, 0.02))
    assert not found.changes
    assert found.sentence.endswith("by single rows: the sampling unit does not change the answer.")


def test_a_check_stays_known_where_its_model_is_called_otherwise_beside_another():
    state = checked(studied(), 0.758, 0.02)
    renamed = tuple(replace(model, label=f"{model.label} (depth=3, ...)") for model in state.plan.models)
    assert compare_units(replace(state, plan=replace(state.plan, models=renamed)))


def test_a_difference_within_the_noise_of_the_holdouts_may_be_chance():
    (found,) = compare_units(checked(studied(), 0.75, 0.02, noise=0.05))
    assert (found.changes, found.warns) == (False, False)
    assert "may be chance (the difference is −0." in found.sentence


@pytest.mark.parametrize("end", [0.75, 0.758])
@pytest.mark.parametrize(("unit", "few"), [(PATIENTS, "groups"), (TIME, "stretches of time")])
def test_an_interval_that_is_too_wide_to_judge_by_is_not_taken_for_no_difference(end, unit, few):
    (found,) = compare_units(checked(studied(), end, 0.02, noise=0.3, unit=unit))
    assert (found.changes, found.warns) == (False, False)
    assert f"there are too few {few} to tell whether that makes a difference (it is −0." in found.sentence
    assert "chance" not in found.sentence


@pytest.mark.parametrize(
    ("fraction", "why"),
    [
        (0.2, "scores on so small a part of the rows are too noisy to tell whether that makes a difference"),
        (1.0, "there are too few rows to tell whether that makes a difference"),
    ],
)
def test_a_small_part_of_many_rows_is_not_told_to_be_too_few_rows(fraction, why):
    plan = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=fraction, repeats=3)
    state = finished(started(plan, study_spec(data_spec(20_000, unit=TIME))), FLAT)
    (found,) = compare_units(checked(state, 0.758, 0.02, noise=0.3, unit=ROWS))
    assert why in found.sentence


def test_a_score_that_was_far_worse_is_a_warning_however_wide_its_interval():
    (found,) = compare_units(checked(studied(), 0.60, 0.02, noise=0.9, unit=TIME))
    assert (found.changes, found.warns) == (False, True)
    assert "the score may be far worse if rows to come are later than these" in found.sentence
    assert "and there are too few stretches of time to tell (the difference is −" in found.sentence


def test_a_probable_loss_is_a_warning_though_there_are_too_few_groups_to_tell():
    summary = summarise(checked(studied(), 0.60, 0.02, noise=0.3))
    (found,) = summary.unit_checks
    assert (found.changes, found.warns) == (False, True)
    assert "the score may be far worse if rows to come belong to other patients" in found.sentence
    assert "and there are too few groups to tell (the difference is −0." in found.sentence
    assert found.sentence.endswith("The verdict is about single rows, and may not hold then.")
    assert summary.verdict.evidence[-1] == found.sentence


def test_time_that_turns_the_answer_is_worded_as_time():
    (found,) = compare_units(checked(studied(), 0.5, 0.0, unit=TIME))
    assert "By time (seen)" in found.sentence
    assert "and no longer rises: if rows to come are later than these, trust this score." in found.sentence
    assert found.sentence.endswith("The verdict is about single rows, and does not hold then.")


def test_single_rows_are_compared_with_the_groups_that_a_study_draws():
    (found,) = compare_units(checked(studied(PATIENTS), 0.9, 0.0, unit=ROWS))
    assert found.changes
    assert (
        "By single rows the ROC AUC of Gradient boosting on 20,000 rows (20 %) is 0.8996 instead of 0.75"
        in found.sentence
    )
    assert "if rows to come belong to other patients, stay with whole groups" in found.sentence


def test_the_likeliest_groups_and_time_are_proposed_where_rows_are_drawn():
    groups, times = (UnitCandidate("patient", "r"), UnitCandidate("ward", "r")), (UnitCandidate("seen", "r"),)
    state = studied(group_candidates=groups, time_candidates=times)
    assert proposed_units(state) == (PATIENTS, TIME)
    assert proposed_units(studied()) == ()
    assert proposed_units(studied(PATIENTS, group_candidates=groups)) == (ROWS,)


def test_cheap_checks_are_made_unasked_one_after_another_and_dear_ones_are_not():
    candidates = {
        "group_candidates": (UnitCandidate("patient", "r"),),
        "time_candidates": (UnitCandidate("seen", "r"),),
    }
    state = studied(**candidates)
    assert cheap_check(state) == PATIENTS
    assert cheap_check(fold(state, ev.UnitCheckStarted(unit=PATIENTS))) is None
    assert cheap_check(checked(state, 0.7, 0.0)) == TIME
    assert cheap_check(fold(state, ev.UnitCheckFailed(unit=PATIENTS, reason="no"))) == TIME
    slow = {t: replace(r, fit_seconds=15.0 if t.n_rows > 5_000 else 0.01) for t, r in state.records.items()}
    assert cheap_check(replace(state, records=slow)) is None
    large = replace(state.data, n_train_rows=10_000_000)
    assert cheap_check(replace(state, data=large)) is None


def test_a_check_is_told_as_running_stopped_failed_and_done():
    state = fold(studied(), ev.UnitCheckStarted(unit=PATIENTS))
    assert state.open_check().unit == PATIENTS
    assert fold(state, ev.StudyStopped()).unit_checks[0].phase == "stopped"
    assert fold(state, ev.UnitCheckStopped(unit=PATIENTS)).open_check() is None
    failed = fold(state, ev.UnitCheckFailed(unit=PATIENTS, reason="too few groups"))
    assert failed.unit_checks[0].phase == "failed"
    assert "too few groups" in failed.notes[-1].text
    assert [check.phase for check in checked(failed, 0.7, 0.0).unit_checks] == ["done"]


def test_checks_are_bounded_and_belong_to_one_study():
    state = studied()
    for number in range(20):
        state = fold(state, ev.UnitCheckStarted(unit=SamplingUnit("group", f"c{number}")))
    assert len(state.unit_checks) == 8
    other = study_spec(data_spec(unit=PATIENTS))
    assert not fold(state, ev.StudyStarted(study=other, plan=state.plan)).unit_checks


def test_what_a_check_measured_survives_as_plain_data():
    result = checked(studied(), 0.7, 0.1).unit_checks[0].result
    event = ev.UnitChecked(result=result)
    assert event_from_dict(event_to_dict(event)) == event


def test_words_for_units_and_questions():
    assert unit_text(ROWS) == "single rows"
    assert unit_text(SamplingUnit("thinned", "t")) == "thinned time (t)"
    assert others_text("patient") == "other patients"
    assert others_text("customer_id") == "other values of customer_id"
    question = unit_question(UnitCandidate("tailnum", "because"), "group")
    assert question == "tailnum may name groups (because). Are the rows to come of other tailnums?"
    assert unit_question(UnitCandidate("year,month,day", "because"), "time").startswith("year, month and day tell when")


def test_columns_that_tell_a_time_together_are_listed_as_people_do():
    parts = SamplingUnit("time", "mnth,day, hr")
    assert unit_text(parts) == "time (mnth, day and hr)"
    assert more_text(parts) == "rows from further back in mnth, day and hr, or newer ones"
    assert collecting_text(parts) == "going further back in mnth, day and hr"


def test_another_kind_of_unit_leaves_the_ids_of_studies_as_they_were():
    # Pinned: studies in journals are known by these.
    ids = [study_spec(data_spec(unit=unit)).id for unit in (ROWS, TIME)]
    assert ids == ["62a928954ac35d1e9d13", "95aaec351183775e0eaf"]
    numbers = data_spec(unit=PATIENTS, task="regression", classes=())
    assert study_spec(numbers).id == "9c92fd1a4be159d0880d"
