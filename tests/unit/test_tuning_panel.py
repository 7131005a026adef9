"""The question about tuning below the verdict, driven as the front end would."""

from __future__ import annotations

from dataclasses import replace

import pytest
from studies import BOOSTING, DUMMY, LINEAR, data_spec, finished, started, study_spec

from scalewise.app.tuning_panel import TuningPanel
from scalewise.core import events as ev
from scalewise.core.curves import curves
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.results import Setting
from scalewise.core.spec import ModelSpec
from scalewise.core.summary import summarise
from scalewise.core.tuning_plan import plan_tuning

PLAN = Plan((DUMMY, replace(LINEAR, tunable=True), replace(BOOSTING, tunable=True)), 0.2, 3)
SCORES = {"dummy": (0.5, 0.0), "linear": (0.70, 0.0), "boosting": (0.80, 0.02)}


def studied():
    return finished(started(PLAN, study_spec(data_spec(100_000))), SCORES, noise=0.0003)


def asked_for(state, done, *, better=0.0, scatter=0.0):
    """The state once tuning was asked for and so many samples are done, each about that much better tuned."""
    plan = replace(state.plan, tuning=plan_tuning(curves(state), "boosting"))
    state = fold(state, ev.PlanChanged(plan=plan))
    for trial in plan.tuning.tuned[:done]:
        record = state.records[trial.plain()]
        if better:
            scores = tuple(s + better + scatter * (-1) ** k for k, s in enumerate(record.block_scores))
            chosen = (Setting("max_iter", 90.0), Setting("learning_rate", 0.05))
            record = replace(record, score=record.score + better, block_scores=scores, chosen=chosen)
        state = fold(state, ev.TrialFinished(trial=trial, record=record))
    return state


@pytest.fixture
def panel():
    clicks = []
    return TuningPanel(lambda: clicks.append("try"), clicks.append), clicks


def shown(panel, state):
    panel.render(summarise(state))
    return panel.widget.layout.display != "none"


def test_a_study_that_runs_is_not_disturbed(panel):
    assert not shown(panel[0], fold(studied(), ev.PlanChanged(plan=replace(PLAN, repeats=4))))


@pytest.mark.parametrize("end", [ev.StudyFinished(), ev.StudyStopped()])
def test_at_rest_it_asks_with_a_price_and_a_button(panel, end):
    made, clicks = panel
    assert shown(made, fold(studied(), end))
    assert (
        "Would other settings of Gradient boosting do better? 10 settings on 20,000 rows take about" in made.text.value
    )
    made.button.click()
    assert clicks == ["try"]


def test_it_tells_how_far_it_is_and_what_came_of_it(panel):
    made, _ = panel
    assert shown(made, asked_for(studied(), 1))
    assert "Trying 10 settings of Gradient boosting: 1 of 3 samples done" in made.text.value
    assert made.button.layout.display == "none"
    assert shown(made, fold(asked_for(studied(), 3), ev.StudyFinished()))
    assert "none beats the recipe&#x27;s own by more than chance" in made.text.value
    assert made.button.layout.display == "none"


def test_stopped_on_its_way_it_can_be_tried_again(panel):
    made, _ = panel
    assert shown(made, fold(asked_for(studied(), 1), ev.StudyStopped()))
    assert made.button.layout.display != "none"


def test_settings_that_do_better_can_be_gone_on_with(panel):
    made, clicks = panel
    state = fold(asked_for(studied(), 3, better=0.01), ev.StudyFinished())
    assert shown(made, state)
    assert "+0.010" in made.text.value
    assert "chance" not in made.text.value
    assert "studied as" not in made.text.value
    assert made.go_on.layout.display != "none"
    made.go_on.click()
    assert clicks == ["boosting(learning_rate=0.05, max_iter=90)"]
    own = ModelSpec(clicks[0], "Gradient boosting (2 settings)", 5)
    state = fold(state, ev.PlanChanged(plan=replace(state.plan, models=(*state.plan.models, own))))
    assert shown(made, fold(state, ev.StudyFinished()))
    assert made.go_on.layout.display == "none"
    assert "It is studied as Gradient boosting (2 settings): its curve has these settings" in made.text.value
    assert "the gain told here is of the settings that each sample chose for itself." in made.text.value


def test_a_gain_that_may_be_chance_is_called_so(panel):
    made, _ = panel
    assert shown(made, fold(asked_for(studied(), 3, better=0.001, scatter=0.01), ev.StudyFinished()))
    assert "So small a gain may be chance." in made.text.value
    assert made.go_on.layout.display != "none"


@pytest.mark.parametrize("better", [0.0, -0.01])
def test_settings_that_do_not_are_not_gone_on_with(panel, better):
    made, _ = panel
    assert shown(made, fold(asked_for(studied(), 3, better=better), ev.StudyFinished()))
    assert made.go_on.layout.display == "none"
