"""The trials of the study that is run: which the engine is given next, what comes back, and when they are at an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from scalewise.core import events as ev
from scalewise.core.experimenting.experiment import Agenda
from scalewise.core.plan import Plan
from scalewise.core.scaleout import difference
from scalewise.core.spec import StudySpec
from scalewise.data.prepare import Prepared
from scalewise.running.errands import Errand, Errands
from scalewise.running.ledger import Ledger
from scalewise.running.moving import Engines
from scalewise.running.pace import End, Pace, out_of_time, seconds_left
from scalewise.running.whole_table import incremental_models
from scalewise.running.work import Filling, Work

__all__ = ["TrialEvent", "Trials"]

TrialEvent = ev.TrialStarted | ev.TrialFinished | ev.TrialFailed

_SUBMIT_SECONDS = 0.02
"""An engine that takes longer for what it is given, as one that runs it on the spot, does not keep messages waiting."""


class Trials:
    """Keeps the engine supplied with trials, and their samples laid out. Belongs to the runner's thread.

    Parameters
    ----------
    engines : Engines
    ledger : Ledger
    errands : Errands
        Lay out the samples.
    fail : callable
        Ends the study for the reason that it is given.
    is_wanted : callable
        Whether a command or a report waits.

    Attributes
    ----------
    work : Work or None
        The study that is run; None where none was started.
    """

    def __init__(
        self,
        engines: Engines,
        ledger: Ledger,
        errands: Errands,
        fail: Callable[[str], None],
        is_wanted: Callable[[], bool],
    ) -> None:
        self._engines, self._ledger, self._errands = engines, ledger, errands
        self._fail, self._is_wanted = fail, is_wanted
        self.work: Work | None = None

    def take_up(self, study: StudySpec, prepared: Prepared) -> None:
        """Make room for the samples of a study."""
        self.work = Work(study, prepared)

    def is_of(self, study: StudySpec) -> bool:
        """Whether it is this study that is run."""
        return self.work is not None and self.work.study.id == study.id

    def close(self) -> None:
        """Remove the samples."""
        if self.work is not None:
            self.work.close()
            self.work = None

    def resume(self) -> None:
        """Take what the journal has of the plan's trials instead of fitting them again."""
        assert self.work is not None
        self._ledger.resume(incremental_models(self.work.study.data.task))

    def forget(self) -> None:
        """Let go of whatever was on its way."""
        if self.work is not None:
            self.work.forget()

    def cancel(self) -> bool:
        """Give up what is on its way, unless that would end what else runs on the engine; whether that was done."""
        if self.work is None or not self.work.submitted or self._is_shared:
            return False
        self._engines.now.cancel()
        return True

    def hear(self, event: TrialEvent) -> None:
        """Take up what the engine tells of a trial."""
        work = self.work
        if work is None or event.trial not in work.submitted:
            return
        if isinstance(event, ev.TrialFinished) or (isinstance(event, ev.TrialFailed) and not event.retry):
            work.submitted.discard(event.trial)
        if event.trial == self._ledger.state.check:
            self._judge(event)
        else:
            self._ledger.tell(event, trial_key=event.trial.key(work.study.id))

    def check(self) -> None:
        """Run the finished trial again by which the other engine is checked, unless that is on its way or done."""
        check, work = self._ledger.state.check, self.work
        if check is not None and work is not None and check not in work.submitted:
            work.submitted.add(check)
            self._engines.now.submit(work.task(check))

    def _judge(self, event: TrialEvent) -> None:
        """Compare the trial that was run again with what it scored before, once it is done."""
        match event:
            case ev.TrialFinished(trial=trial, record=record):
                found = difference(self._ledger.state.records[trial], record)
                self._ledger.tell(ev.EngineChecked(difference=found))
            case ev.TrialFailed(trial=trial, reason=reason, retry=False):
                self._ledger.tell(ev.EngineChecked(difference=f"{trial} finished here, but failed there: {reason}"))

    def supply(self) -> End | None:
        """Give the engine work, and see to it that samples are there; tell why the study is at its end, if it is."""
        state, work, engine = self._ledger.state, self.work, self._engines.now
        if work is None or state.phase != "running" or state.difference:
            return None
        if state.check:
            self.check()
            return None
        pace = Pace(state, work.submitted, engine.slots, seconds_left(state))
        if pace.seconds_left <= 0:
            return out_of_time(state)
        if pace.is_supplied:
            return None
        agenda = pace.agenda()
        if not self._errands.is_busy:
            self._begin_filling(work, agenda)
        if self._submit(work, pace, agenda):
            return None
        return pace.end(is_busy=self._errands.is_busy, is_shared=self._is_shared)

    @property
    def _is_shared(self) -> bool:
        """Whether others, such as streams, run on the engine, or are about to."""
        state = self._ledger.state
        return bool(state.open_streams()) or state.open_check() is not None or self._errands.is_awaited

    def _submit(self, work: Work, pace: Pace, agenda: Agenda | None) -> bool:
        """Submit the next trials; whether there are any."""
        chosen, began = pace.next_trials(agenda), time.monotonic()
        for trial in chosen:
            work.submitted.add(trial)
            self._engines.now.submit(work.task(trial))
            if self._is_wanted() and time.monotonic() - began > _SUBMIT_SECONDS:
                break
        return bool(chosen)

    def _begin_filling(self, work: Work, agenda: Agenda | None) -> None:
        filling = work.filling(self._ledger.state, agenda)
        if filling is not None:
            then = partial(self._laid_out, filling, self._ledger.state.plan)
            self._errands.add(Errand(filling.steps, then, lambda error: self._fail(str(error))))

    def _laid_out(self, filling: Filling, plan: Plan | None) -> None:
        """Tell that samples can be read, unless the plan changed meanwhile: it may take more repeats than are there."""
        if plan == self._ledger.state.plan:
            self._ledger.tell(ev.SampleReady(n_rows=filling.n_rows))
