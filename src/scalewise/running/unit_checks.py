"""Small studies with another sampling unit beside the one that is run, to see whether the answer changes with it.

Its samples lie in a folder of their own and its trials run as calls on the engine, so that nothing mixes with the
study's points. The journal knows its trials as those of a study by that unit: asked again, or when such a study is run,
they come back instead of being fitted again.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial

from scalewise.core import events as ev
from scalewise.core.results import TrialRecord, UnitResult
from scalewise.core.spec import ModelSpec, SamplingUnit, StudySpec, Trial
from scalewise.core.units import check_trials
from scalewise.data.prepare import Prepared, sampled_by
from scalewise.data.store import SampleStore
from scalewise.errors import InputError, ScalewiseError
from scalewise.models.fitting import run_trial
from scalewise.running.errands import Errand, Errands
from scalewise.running.ledger import Ledger

__all__ = ["UnitChecks"]


@dataclass
class _Check:
    """A check on its way."""

    unit: SamplingUnit
    study: StudySpec | None = None
    model: ModelSpec | None = None
    store: SampleStore | None = None
    open: dict[str, Trial] = field(default_factory=dict)
    records: dict[Trial, TrialRecord] = field(default_factory=dict)

    def close(self) -> None:
        if self.store is not None:
            self.store.close()


class UnitChecks:
    """Checks of other sampling units, one at a time. Belongs to the runner's thread.

    Parameters
    ----------
    errands : Errands
        Lay out the samples and run the trials.
    ledger : Ledger
    """

    def __init__(self, errands: Errands, ledger: Ledger) -> None:
        self._errands, self._ledger = errands, ledger
        self._check: _Check | None = None

    def begin(self, study: StudySpec, prepared: Prepared, unit: SamplingUnit) -> None:
        """Begin a check; one of the same unit that is running goes on.

        Raises
        ------
        InputError
            If the study draws by this unit itself, or another check is running.
        """
        if self._check is not None and self._check.unit == unit:
            return
        if unit == study.data.unit:
            raise InputError("The study draws by this sampling unit itself. Choose another one to compare it with.")
        if self._check is not None:
            raise InputError("Another sampling unit is being checked. Stop that, or let it end first.")
        check = self._check = _Check(unit)
        self._ledger.tell(ev.UnitCheckStarted(unit=unit))
        steps = self._lay_out(check, study, prepared)
        self._errands.add(Errand(steps, partial(self._fit, check), partial(self._refuse, check)))

    def drop(self) -> None:
        """Let go of the check on its way; what is still told of it is ignored."""
        check, self._check = self._check, None
        if check is not None:
            check.close()

    def _lay_out(self, check: _Check, study: StudySpec, prepared: Prepared) -> Iterator[None]:
        """Settle the trials, take those that the journal has, and lay out the samples of the others."""
        other = sampled_by(prepared, check.unit)
        yield
        check.study = replace(study, data=other.data)
        check.model, trials = check_trials(self._ledger.state, other.data)
        check.open = {trial.key(check.study.id): trial for trial in trials}
        for key, record in self._ledger.records(list(check.open)):
            check.records[check.open.pop(key)] = record
        if check.open:
            check.store = SampleStore(other)
            wanted: dict[int, int] = {}
            for trial in check.open.values():
                wanted[trial.repeat] = max(trial.n_rows, wanted.get(trial.repeat, 0))
            yield from check.store.fill(wanted)

    def _fit(self, check: _Check) -> None:
        if check is not self._check:
            return
        if not check.open:
            self._finish(check)
            return
        assert check.study is not None
        assert check.store is not None
        metric, seed = check.study.metric.name, check.study.data.seed
        for key, trial in list(check.open.items()):
            answer: Future[TrialRecord] = Future()
            answer.add_done_callback(partial(self._hear, check, key))
            self._errands.call(partial(run_trial, check.store.ref, trial, metric, seed), answer)

    def _hear(self, check: _Check, key: str, answer: Future[TrialRecord]) -> None:
        """Take up a record; the first failure ends the check."""
        if check is not self._check:
            return
        error = answer.exception()
        if isinstance(error, ScalewiseError):
            self._refuse(check, error)
            return
        assert check.study is not None
        trial, record = check.open.pop(key), answer.result()
        check.records[trial] = record
        self._ledger.keep(check.study.id, ev.TrialFinished(trial=trial, record=record), key)
        if not check.open:
            self._finish(check)

    def _finish(self, check: _Check) -> None:
        assert check.study is not None
        assert check.model is not None
        self.drop()
        trials = tuple(sorted(check.records))
        records = tuple(replace(check.records[trial], importances=()) for trial in trials)
        self._ledger.tell(ev.UnitChecked(result=UnitResult(check.study.data, check.model, trials, records)))

    def _refuse(self, check: _Check, error: ScalewiseError) -> None:
        if check is self._check:
            self.drop()
            self._ledger.tell(ev.UnitCheckFailed(unit=check.unit, reason=str(error)))
