"""What belongs to the study that is being run and goes when another one starts: its samples and what is on its way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from scalewise.core.experimenting.experiment import Agenda
from scalewise.core.sizes import planned_trials
from scalewise.core.spec import StudySpec, Trial
from scalewise.core.study import StudyState
from scalewise.data.prepare import Prepared
from scalewise.data.store import SampleStore
from scalewise.engines.base import TrialTask
from scalewise.models.fitting import run_trial
from scalewise.running.whole_table import WholeTable

__all__ = ["Filling", "Work"]

_FIRST_ROWS = 20_000
"""Samples of this many rows are made first, so that the first points need not wait for the rest."""

_GROWTH = 4
"""Then they grow by this much at a time, as trials ask for them: most studies are decided before their last size."""

_PASS_SHARE, _AHEAD_BYTES = 30, 1 << 26
"""They grow by twice as many powers where that is little beside the table, all of which is read each time: by no more
than one row in so many, and so many bytes for each repeat."""


@dataclass(frozen=True)
class Filling:
    """Samples that are being laid out: the steps to take, and the training rows that can be read after the last."""

    steps: Iterator[None]
    n_rows: int


class Work:
    """A study that is being run.

    Parameters
    ----------
    study : StudySpec
    prepared : Prepared

    Attributes
    ----------
    store : SampleStore
    whole : WholeTable
    submitted : set of Trial
        Trials that the engine has and that have not ended.
    """

    def __init__(self, study: StudySpec, prepared: Prepared) -> None:
        self.study = study
        self.store = SampleStore(prepared)
        self.whole = WholeTable(study, prepared, self.store)
        self.submitted: set[Trial] = set()

    def task(self, trial: Trial) -> TrialTask:
        """A trial for the engine."""
        call = partial(run_trial, self.store.ref, trial, self.study.metric.name, self.study.data.seed)
        return TrialTask(trial.key(self.study.id), self.study.id, trial, call)

    def filling(self, state: StudyState, agenda: Agenda | None) -> Filling | None:
        """The samples to lay out next; None where all that the next trials need is there.

        Without an agenda everything that is planned will come.
        """
        assert state.plan is not None
        if state.ready_rows >= self.study.data.rows_at(state.plan.max_fraction):
            return None
        largest = max((trial.n_rows for trial in state.open_trials()), default=0)
        if largest <= state.ready_rows:
            return None
        if state.ready_rows < min(largest, _FIRST_ROWS):
            wanted, grown = _FIRST_ROWS, self._rows_ahead(_FIRST_ROWS)
        else:
            wanted = largest if agenda is None else max((trial.n_rows for trial in agenda.trials), default=0)
            grown = max(_GROWTH * state.ready_rows, self._rows_ahead(state.ready_rows))
        if wanted <= state.ready_rows:
            return None
        n_rows = min(largest, max(wanted, grown))
        return Filling(self.store.fill(_wanted_rows(state, n_rows)), n_rows)

    def _rows_ahead(self, n_rows: int) -> int:
        """Rows that cost little to lay out as well, while the table is read for so many."""
        data = self.study.data
        little = min(data.n_train_rows // _PASS_SHARE, _AHEAD_BYTES // data.row_bytes)
        return min(little, _GROWTH**2 * n_rows)

    def forget(self) -> None:
        """Let go of whatever was on its way."""
        self.submitted.clear()
        self.whole.streaming.clear()

    def close(self) -> None:
        """Remove the samples."""
        self.store.close()


def _wanted_rows(state: StudyState, most: int) -> Mapping[int, int]:
    """Training rows that each repeat needs, for sizes of at most `most` rows."""
    assert state.study is not None
    assert state.plan is not None
    wanted: dict[int, int] = {}
    for trial in planned_trials(state.study.data, state.plan):
        if trial.n_rows <= most:
            wanted[trial.repeat] = max(wanted.get(trial.repeat, 0), trial.n_rows)
    return wanted
