"""The ledger: a study's state, the fold of its events, and the journal that keeps those worth keeping."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.results import TrialRecord
from scalewise.core.sharing import lookup_keys, shared_key
from scalewise.core.spec import ModelSpec, StudySpec, Trial
from scalewise.core.streams import stopped
from scalewise.core.study import StudyState
from scalewise.errors import JournalError
from scalewise.journal import Journal
from scalewise.running.whole_table import stream_key

__all__ = ["Ledger"]

_JOURNALED = (
    ev.StudyStarted,
    ev.PlanChanged,
    ev.TrialFinished,
    ev.TrialFailed,
    ev.StreamQueued,
    ev.StreamScored,
    ev.StreamFinished,
    ev.StudyStopped,
    ev.StudyFinished,
)


class Ledger:
    """Stamps, folds and journals events. Written to by one thread; `state` may be read from any.

    Parameters
    ----------
    journal : Journal
        Closed with the ledger. One that can no longer be written or read is given up with a message, and the study goes
        on.

    Attributes
    ----------
    state : StudyState
        After the latest event.
    """

    def __init__(self, journal: Journal) -> None:
        self.state = StudyState()
        self._journal = journal

    def tell(self, event: ev.Event, *, trial_key: str = "", keep: bool = True) -> None:
        """Take an event.

        Parameters
        ----------
        event : Event
        trial_key : str
            What the journal knows it by.
        keep : bool
            Whether it is worth journaling, if its kind is.
        """
        event = replace(event, at=time.time())
        self.state = fold(self.state, event)
        if keep and isinstance(event, _JOURNALED) and self.state.study is not None:
            self._write(self.state.study.id, event, trial_key)
            if isinstance(event, ev.TrialFinished):
                self._share(self.state.study, event)

    def _share(self, study: StudySpec, event: ev.TrialFinished) -> None:
        """Journal a trial for studies that leave columns out, where they would measure the same."""
        key = shared_key(study, event.trial, event.record, self._rung(event.trial))
        if key:
            trial, record = event.trial.plain(), replace(event.record, kept=())
            shared = ev.TrialShared(at=event.at, trial=trial, record=record, where=event.where)
            self._write(study.id, shared, key)

    def _rung(self, trial: Trial) -> int:
        models = self.state.plan.models if self.state.plan else ()
        return next((model.rung for model in models if model.name == trial.model), 1)

    def _write(self, study_id: str, event: ev.Event, trial_key: str) -> None:
        try:
            self._journal.append(study_id, event, trial_key=trial_key)
        except JournalError as error:
            self._give_up(error)

    def _give_up(self, error: JournalError) -> None:
        """Go on without the file."""
        text = f"{error} The study goes on, but what follows will not be there after a restart."
        self._journal.close()
        self._journal = Journal(None)
        self.tell(ev.Noted(level="error", text=text), keep=False)

    def resume(self, streamed: Iterable[ModelSpec]) -> None:
        """Take what the journal has of the plan's trials, and of the streams of some models."""
        assert self.state.study is not None
        try:
            self._resume_trials(self.state.study)
            for model in streamed:
                self._resume_stream(self.state.study.id, model.name)
        except JournalError as error:
            self._give_up(error)

    def _resume_trials(self, study: StudySpec) -> None:
        missing = {
            key: trial for trial in self.state.open_trials() for key in lookup_keys(study, trial, self._rung(trial))
        }
        found = {missing[key]: event for key, event in self._journal.finished(missing)}
        for trial, event in found.items():
            self.state = fold(
                self.state,
                ev.TrialFinished(at=event.at, trial=trial, record=event.record, where=event.where, resumed=True),
            )
        if found:
            self.tell(ev.Noted(level="info", text=f"{len(found)} trials came back from the journal."))

    def records(self, trial_keys: Collection[str]) -> Iterator[tuple[str, TrialRecord]]:
        """What the journal has of some trials, of whichever study.

        Raises
        ------
        JournalError
            If it cannot be read.
        """
        for key, event in self._journal.finished(trial_keys):
            yield key, event.record

    def keep(self, study_id: str, event: ev.TrialFinished, trial_key: str) -> None:
        """Journal a trial of another study than the one that is run."""
        self._write(study_id, replace(event, at=time.time()), trial_key)

    def _resume_stream(self, study_id: str, model: str) -> None:
        """Show again what an earlier stream measured; one that had not ended has stopped."""
        if model in self.state.streams:
            return
        for event in self._journal.stream(stream_key(study_id, model)):
            self.state = fold(self.state, event)
        if model in self.state.streams:
            self.state = replace(self.state, streams=stopped(self.state.streams))

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()
