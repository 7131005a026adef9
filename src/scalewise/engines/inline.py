"""The engine that runs each trial at once, in the thread that submits it: for tests and for tiny machines."""

from __future__ import annotations

from functools import partial

from scalewise.core.events import Event, TrialFailed, TrialFinished, TrialStarted
from scalewise.engines.base import Outbox, Report, TrialTask
from scalewise.engines.outcome import Failure, attempt, measured
from scalewise.errors import EngineError, InputError

__all__ = ["InlineEngine"]


class InlineEngine:
    """Runs a trial inside `submit`, so there is never one queued or running when another method is called.

    Parameters
    ----------
    workers : int or None
        1 or None; it has no other number.

    Raises
    ------
    InputError
        If more workers are asked for.
    """

    name = "inline"

    def __init__(self, workers: int | None = None) -> None:
        if workers not in (None, 1):
            raise InputError(f"The inline engine runs one trial at a time, not {workers}. Choose 'local' for more.")
        self._outbox: Outbox | None = None

    @property
    def slots(self) -> int:
        """1 between start and close, else 0."""
        return 0 if self._outbox is None else 1

    def start(self, outbox: Outbox) -> None:
        """Take the outbox."""
        if self._outbox is not None:
            raise EngineError("This engine has been started already; open another one with open_engine('inline').")
        self._outbox = outbox

    def submit(self, task: TrialTask) -> None:
        """Run a task to its end.

        Raises
        ------
        EngineError
            If the engine is not started, or closed.
        """
        self._report(task, TrialStarted(trial=task.trial, worker=self.name))
        result = attempt(partial(measured, task.call))
        if isinstance(result, Failure):
            self._report(task, TrialFailed(trial=task.trial, reason=result.reason))
        else:
            self._report(task, TrialFinished(trial=task.trial, record=result, where=self.name))

    def cancel(self) -> None:
        """Do nothing: no task outlives its `submit`."""

    def close(self) -> None:
        """Let go of the outbox."""
        self._outbox = None

    def _report(self, task: TrialTask, event: Event) -> None:
        if self._outbox is None:
            raise EngineError("The inline engine is not running; call start() before submit().")
        self._outbox(Report(task.study_id, event))
