"""Run a study without an engine: one trial after another in this process, in the order that is asked for."""

from __future__ import annotations

from scalewise.core import events as ev
from scalewise.core.experimenting.asking import ask
from scalewise.core.folding import fold
from scalewise.core.spec import StudySpec
from scalewise.core.study import StudyState
from scalewise.data.prepare import prepare
from scalewise.data.sources import Source
from scalewise.data.store import SampleStore
from scalewise.models.fitting import run_trial
from scalewise.options import StudyOptions


def study_by_hand(source: Source, options: StudyOptions, *, most: int = 10_000) -> StudyState:
    """The state when nothing is asked for any more, or after `most` trials."""
    exclude = {column.name: column.reason for column in options.exclude}
    prepared = prepare(source, options.target, task=options.task, unit=options.unit, seed=options.seed, exclude=exclude)
    metric = options.metric_spec(prepared.data)
    begun = ev.StudyStarted(study=StudySpec(prepared.data, metric), plan=options.plan(prepared.data))
    state = fold(StudyState(), begun)
    state = fold(state, ev.SampleReady(n_rows=prepared.data.n_train_rows))
    store = SampleStore(prepared)
    try:
        for _ in range(most):
            wanted = ask(state, 1)
            if not wanted:
                break
            store.ensure({wanted[0].repeat: wanted[0].n_rows})
            record = run_trial(store.ref, wanted[0], metric.name, options.seed)
            state = fold(state, ev.TrialFinished(trial=wanted[0], record=record))
    finally:
        store.close()
    return state
