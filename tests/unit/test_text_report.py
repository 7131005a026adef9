"""What a study found, as lines for a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from studies import LINEAR, finished, started

from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.spec import Alarm, LeftOut, SamplingUnit, UnitCandidate
from scalewise.core.summary import summarise
from scalewise.report import report
from scalewise.shell.text_report import text_report

FEW = {"k": 1, "score": 0.7, "low": 0.69, "high": 0.71, "loss": None, "fit_seconds": 0.1}


def lines_of(state, *, units=False, **features):
    summary = summarise(state)
    content = report(summary)
    content["features"].update(features)
    return text_report(content, summary.verdict, features=True, units=units).splitlines()


@pytest.fixture(scope="module")
def state():
    return finished(started(Plan((LINEAR,), max_fraction=0.02, repeats=1)), {"linear": (0.7, 0.05)})


@pytest.mark.parametrize(("kept", "words"), [(["b"], "keep 1 feature ("), (["b", "c"], "keep 2 features (")])
def test_one_feature_is_one(state, kept, words):
    found = lines_of(state, curve=[FEW], keep=kept, bytes_now=2_000, bytes_kept=1_000)
    assert any(line.startswith(words) for line in found)


def test_columns_stay_below_their_titles_however_long_a_name_is():
    own = replace(LINEAR, name="linear(C=0.123456789)", label="Linear (C=0.123456789)")
    both = finished(
        started(Plan((LINEAR, own), max_fraction=0.02, repeats=1)), {"linear": (0.7, 0.05), own.name: (0.7, 0.05)}
    )
    table = [line for line in lines_of(both) if line.startswith(("model", "linear"))]
    assert len(table) > 2
    assert len({len(line) for line in table}) == 1


def test_a_score_that_cannot_be_computed_on_the_training_rows_is_left_blank(state):
    content = report(summarise(state))
    content["curves"][0]["points"][0]["train_score"] = None
    lines = text_report(content, summarise(state).verdict, features=False).splitlines()
    table = [line for line in lines if line.startswith(("model", "linear"))]
    assert len({len(line) for line in table}) == 1


def test_large_scores_do_not_run_into_each_other(state):
    content = report(summarise(state))
    (curve,) = content["curves"]
    curve["points"] = [
        dict(curve["points"][0], score=-3881505.0, low=-4635194.0, high=-3127816.0, train_score=-1130421.0)
    ]
    line = next(
        line for line in text_report(content, summarise(state).verdict, features=False).splitlines() if "881" in line
    )
    assert "−3,881,505  −4,635,194 .. −3,127,816  −1,130,421" in line


def test_a_study_that_did_all_that_was_planned_says_so(state):
    ended = fold(state, ev.StudyFinished(ending="done", reason="Everything planned is done."))
    assert "Everything planned is done." in lines_of(ended)


@pytest.mark.parametrize(
    ("ending", "reason", "words"),
    [("budget", "The budget of time is spent.", "done"), ("decided", "The answer is decided.", "needed")],
)
def test_a_study_that_ended_sooner_says_why_and_what_it_did_not_run(ending, reason, words):
    begun = started(Plan((LINEAR,), max_fraction=0.02, repeats=1))
    ended = fold(begun, ev.StudyFinished(ending=ending, reason=reason))
    n_planned = len(begun.planned())
    assert n_planned > 1
    assert f"{reason} {n_planned} planned trials were not {words}." in lines_of(ended)


def test_a_stopped_study_says_so():
    begun = started(Plan((LINEAR,), max_fraction=0.02, repeats=1))
    assert "The study was stopped before its end." in lines_of(fold(begun, ev.StudyStopped()))


def test_that_no_sampling_unit_was_seen_is_told_where_a_check_was_asked_for(state):
    words = "No other sampling unit was checked: no column was seen that may name groups or tell a time."
    assert any(line.startswith(words) for line in lines_of(state, units=True))
    assert not any(line.startswith(words) for line in lines_of(state))
    seen = replace(state, group_candidates=(UnitCandidate("patient", "it repeats"),))
    assert not any(line.startswith(words) for line in lines_of(seen, units=True))


def test_a_sampling_unit_that_could_not_be_checked_is_told_with_the_reason(state):
    failed = fold(state, ev.UnitCheckFailed(unit=SamplingUnit("group", "patient"), reason="Too few groups."))
    words = "The sampling unit whole groups of patient could not be checked: Too few groups."
    assert words in lines_of(failed, units=True)
    assert words not in lines_of(failed)


def test_a_comparison_of_features_for_which_the_time_did_not_reach_is_told(state):
    words = "The comparison of features is not complete: 0 of 4 fits were done when the time was spent."
    assert words in lines_of(state, search_words=words)


def test_a_column_that_is_not_used_is_told_once(state):
    why = "is the same everywhere: 3"
    alarms = (Alarm("constant", "x", f"x {why}."), Alarm("identifier", "b", "b is an identifier."))
    found = lines_of(replace(state, left_out=(LeftOut("x", why),), alarms=alarms))
    assert [line for line in found if why in line] == [f"not used: x ({why})"]
    assert "alarm: b is an identifier." in found
