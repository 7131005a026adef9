"""What the scale-out panel says before anything is moved."""

from studies import BOOSTING, LINEAR, started

from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.results import TrialRecord
from scalewise.core.scaleout import preview
from scalewise.core.sizes import planned_trials
from scalewise.core.summary import summarise

BARE, EACH = 230_000_000, 400


def measured():
    """A running study of which all but the largest sizes are measured, on workers that hold much by themselves."""
    state = started(Plan((LINEAR, BOOSTING), max_fraction=0.5, repeats=1))
    trials = planned_trials(state.study.data, state.plan)
    for trial in trials:
        if trial.n_rows < 20_000:
            peak = EACH * trial.n_rows
            record = TrialRecord(0.7, (0.7, 0.7), 0.7, 0.1, 0.1, peak_bytes=peak, worker_bytes=BARE + peak)
            state = fold(state, ev.TrialFinished(trial=trial, record=record, where="inline"))
    return state


def test_a_worker_needs_what_the_verdict_says_of_it():
    state = measured()
    seen = preview(state, workers_here=1, workers_there=2)
    models = {model.curve.model.name: model for model in summarise(state).models}
    assert seen.bytes_each == max(models[t.model].worker_bytes(t.n_rows) for t in state.open_trials())
    assert seen.bytes_each > BARE


def test_a_worker_is_a_whole_process_also_where_nothing_was_measured():
    seen = preview(started(), workers_here=1, workers_there=2)
    assert seen.bytes_each > 200_000_000
