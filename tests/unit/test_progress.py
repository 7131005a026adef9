"""How far a study has come, in words."""

from __future__ import annotations

import time
from dataclasses import replace

from studies import DUMMY, started

from scalewise.app.progress import progress_html
from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.spec import ModelSpec, Trial
from scalewise.core.summary import summarise


def test_what_runs_now_is_told_by_its_label_and_not_by_a_name_full_of_settings():
    name = "boosting(learning_rate=0.0553, max_iter=160, min_samples_leaf=2)"
    state = started(Plan((DUMMY, ModelSpec(name, "Gradient boosting (3 settings)", 5)), max_fraction=0.1, repeats=3))
    state = fold(state, ev.TrialStarted(trial=Trial(name, 2048, 1)))
    assert "now: Gradient boosting (3 settings) on 2,048 rows (repeat 2)" in progress_html(summarise(state))


def test_no_more_time_is_said_to_be_left_than_the_budget_has():
    plan = Plan((DUMMY, ModelSpec("forest", "Random forest", 4)), max_fraction=1.0, repeats=5, budget_minutes=0.5)
    state = fold(started(plan), ev.TrialStarted(trial=Trial("forest", 2048, 1)))
    state = replace(state, working_since=time.time())
    assert state.expected.seconds(Trial("forest", 100_000, 0)) > 0
    unlimited = replace(state, plan=replace(plan, budget_minutes=None))
    assert "at most about 30 s left" in progress_html(summarise(state))
    assert "30 s" not in progress_html(summarise(unlimited))
    everything = replace(state, plan=replace(plan, everything=True))
    assert "at most about 30 s left" in progress_html(summarise(everything))
