"""The control "Rows belong to" and the question below the verdict, driven as the front end would."""

from __future__ import annotations

from dataclasses import replace

import pytest
from studies import BOOSTING, DUMMY, LINEAR, data_spec, finished, power_score, record, started, study_spec

from scalewise.app.unit_control import UnitControl
from scalewise.app.unit_panel import UnitActions, UnitPanel
from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.results import UnitResult
from scalewise.core.spec import ROWS, SamplingUnit, UnitCandidate
from scalewise.core.study import StudyState
from scalewise.core.summary import summarise
from scalewise.core.units import check_trials

PATIENTS, TIME = SamplingUnit("group", "patient"), SamplingUnit("time", "seen")
GROUPS = (UnitCandidate("patient", "a row shares it"),)
TIMES = (UnitCandidate("seen", "it holds dates"),)


def prepared(unit=ROWS, groups=GROUPS, times=TIMES):
    data = data_spec(unit=unit)
    state = StudyState(phase="ready", columns=("a", "b", "patient", "seen", "y"), data=data)
    return replace(state, group_candidates=groups, time_candidates=times)


def studied(unit=ROWS, groups=GROUPS, times=()):
    plan = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.2, repeats=2)
    state = finished(
        started(plan, study_spec(data_spec(unit=unit))), dict.fromkeys(("dummy", "linear", "boosting"), (0.7, 0.1))
    )
    return replace(state, group_candidates=groups, time_candidates=times)


@pytest.fixture
def control():
    chosen = []
    made = UnitControl(chosen.append)
    made.render(prepared())
    return made, chosen


def columns(control):
    return [value for _, value in control.column.options]


def test_single_rows_need_no_column(control):
    made, chosen = control
    assert made.unit == ROWS
    assert made.column.layout.display == "none"
    assert made.kind.layout.display != "none"
    assert chosen == []


def test_the_likely_column_stands_first_and_is_taken_at_once(control):
    made, chosen = control
    made.kind.set_state({"index": 1})
    assert columns(made) == ["", "patient", "a", "b", "seen"]
    assert dict(made.column.options)["patient (likely)"] == "patient"
    assert chosen == [PATIENTS]
    made.column.value = "a"
    assert chosen[-1] == SamplingUnit("group", "a")


def test_thinning_keeps_the_column_of_the_time(control):
    made, chosen = control
    other = SamplingUnit("time", "b")
    made.render(prepared(other))
    assert made.unit == other
    made.kind.value = "thinned"
    assert chosen == [SamplingUnit("thinned", "b")]


def test_without_a_likely_column_nothing_is_taken_until_one_is_chosen(control):
    made, chosen = control
    made.render(prepared(groups=()))
    made.kind.value = "group"
    assert chosen == []
    assert made.unit == ROWS
    made.render(replace(prepared(groups=()), ready_rows=1))
    assert made.kind.value == "group"
    made.column.value = "b"
    assert chosen == [SamplingUnit("group", "b")]


def test_what_could_not_be_used_is_taken_back(control):
    made, chosen = control
    made.kind.value = "group"
    refused = fold(prepared(), ev.Noted(level="error", text="too few groups"))
    made.render(refused)
    assert (made.kind.value, made.unit) == ("row", ROWS)
    assert chosen == [PATIENTS]


def test_a_unit_of_several_columns_is_shown_though_no_column_is_called_so(control):
    made, chosen = control
    several = SamplingUnit("time", "a,b")
    made.render(prepared(several, times=()))
    assert made.unit == several
    assert chosen == []


@pytest.fixture
def panel():
    done = []
    actions = UnitActions(
        lambda u: done.append(("check", u)), lambda u: done.append(("use", u)), lambda: done.append("drop")
    )
    return UnitPanel(actions), done


def shown(widget):
    return widget.layout.display != "none"


def test_a_question_for_each_likely_unit_and_none_without(panel):
    made, _ = panel
    made.render(summarise(prepared()))
    first, second = made.lines
    assert "Are the rows to come of other patients?" in first.text.value
    assert "seen tells when a row happened (it holds dates)" in second.text.value
    assert first.check.disabled
    made.render(summarise(prepared(groups=(), times=())))
    assert not shown(made.widget)


def test_names_from_the_table_cannot_become_part_of_the_page(panel):
    made, _ = panel
    made.render(summarise(prepared(groups=(UnitCandidate("<b>", "<i>"),))))
    assert "<b>" not in made.lines[0].text.value
    assert "<i>" not in made.lines[0].text.value


def test_no_takes_the_question_off_the_page(panel):
    made, _ = panel
    made.render(summarise(prepared(times=())))
    made.lines[0].no.click()
    assert not shown(made.widget)


def test_a_check_can_be_asked_for_cancelled_and_read(panel):
    made, done = panel
    state = studied()
    made.render(summarise(state))
    line = made.lines[0]
    line.check.click()
    line.use.click()
    assert done == [("check", PATIENTS), ("use", PATIENTS)]
    state = fold(state, ev.UnitCheckStarted(unit=PATIENTS))
    made.render(summarise(state))
    assert (shown(line.check), shown(line.cancel)) == (False, True)
    assert "Checking" in line.text.value
    line.cancel.click()
    assert done[-1] == "drop"
    failed = fold(state, ev.UnitCheckFailed(unit=PATIENTS, reason="too few <groups>"))
    made.render(summarise(failed))
    assert "not possible: too few &lt;groups&gt;" in line.text.value
    other = data_spec(unit=PATIENTS)
    model, trials = check_trials(state, other)
    records = tuple(record(power_score(trial, end=0.6, gap=0.0, noise=0.0)) for trial in trials)
    made.render(summarise(fold(state, ev.UnitChecked(result=UnitResult(other, model, trials, records)))))
    assert "By whole groups of patient" in line.text.value
    assert "sw-unit-changes" in line.text.value
    assert not shown(line.check)


def test_where_groups_are_drawn_single_rows_can_be_compared(panel):
    made, done = panel
    made.render(summarise(prepared(PATIENTS)))
    assert not shown(made.widget)
    made.render(summarise(studied(PATIENTS)))
    line = made.lines[0]
    assert "by whole groups of patient" in line.text.value
    assert not shown(line.use)
    line.check.click()
    assert done == [("check", ROWS)]
