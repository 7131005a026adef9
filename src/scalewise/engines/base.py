"""The contract between the runner and whatever runs trials.

An engine is given tasks and puts reports on an outbox; nothing else. It never touches a study's state. All methods are
called from the runner's thread; reports may be put from any thread of the engine.

A task knows its own work and its own words: an engine has a worker call `run`, and reports `started` when that begins,
`told` for each thing that it tells on the way, and in the end `finished` or `failed`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from scalewise.core import events as ev
from scalewise.core.events import Event
from scalewise.core.results import StreamResult, TrialRecord
from scalewise.core.spec import Trial
from scalewise.engines.outcome import measured

__all__ = [
    "CallFailed",
    "CallFinished",
    "CallStarted",
    "CallTask",
    "Engine",
    "Outbox",
    "Report",
    "StreamTask",
    "Task",
    "Tell",
    "TrialTask",
]

Tell = Callable[[Any], None]
"""How work that runs tells of its progress; what it tells must be small and picklable."""


@dataclass(frozen=True, slots=True)
class TrialTask:
    """One trial, with all that a worker needs to run it.

    Parameters
    ----------
    key : str
        Content id of the trial within its study.
    study_id : str
        Reports of other studies than the present one are dropped by this.
    trial : Trial
    call : callable
        Picklable, without arguments; runs the trial and returns its record. Raises on failure.
    attempt : int
        1 for the first try.
    """

    key: str
    study_id: str
    trial: Trial
    call: Callable[[], TrialRecord]
    attempt: int = 1

    def run(self, tell: Tell) -> TrialRecord:  # noqa: ARG002 - as of every task
        """Do it, on a worker."""
        return measured(self.call)

    def started(self, worker: str) -> Event:
        """What to report when a worker begins it."""
        return ev.TrialStarted(trial=self.trial, worker=worker)

    def finished(self, result: Any, where: str) -> Event:
        """What to report when it has ended."""
        return ev.TrialFinished(trial=self.trial, record=result, where=where)

    def failed(self, reason: str, *, retry: bool = False) -> Event:
        """What to report when it has failed."""
        return ev.TrialFailed(trial=self.trial, reason=reason, retry=retry)


@dataclass(frozen=True, slots=True)
class StreamTask:
    """A model that learns a whole table: one long task that tells its score after each block.

    Parameters
    ----------
    key : str
        Content id of the stream within its study.
    study_id : str
    model : str
    call : callable
        Picklable; takes a `Tell`, which it gives each `StreamPoint`, and returns a `StreamResult`.
    attempt : int
    """

    key: str
    study_id: str
    model: str
    call: Callable[[Tell], StreamResult]
    attempt: int = 1

    def run(self, tell: Tell) -> StreamResult:
        """Do it, on a worker."""
        return self.call(tell)

    def started(self, worker: str) -> Event:
        """What to report when a worker begins it."""
        return ev.StreamStarted(model=self.model, worker=worker)

    def told(self, point: Any, where: str) -> Event:
        """What to report when it tells its score."""
        return ev.StreamScored(model=self.model, point=point, where=where)

    def finished(self, result: Any, where: str) -> Event:
        """What to report when it has learned from every row."""
        point, peak_bytes, remarks = result.point, result.peak_bytes, result.remarks
        return ev.StreamFinished(model=self.model, point=point, where=where, peak_bytes=peak_bytes, remarks=remarks)

    def failed(self, reason: str, *, retry: bool = False) -> Event:
        """What to report when it has failed; with `retry`, it starts again from its first block."""
        return ev.StreamFailed(model=self.model, reason=reason, retry=retry)


@dataclass(frozen=True, kw_only=True)
class CallStarted(Event):
    """A worker began a call."""

    key: str
    worker: str = ""


@dataclass(frozen=True, kw_only=True)
class CallFinished(Event):
    """A call has returned; its report carries the result."""

    key: str


@dataclass(frozen=True, kw_only=True)
class CallFailed(Event):
    """A call could not return."""

    key: str
    reason: str
    retry: bool = False


@dataclass(frozen=True, slots=True)
class CallTask:
    """Any other work, such as fitting a model to keep, or predicting a part of a table.

    Parameters
    ----------
    key : str
        Names it in its reports.
    study_id : str
    call : callable
        Picklable, without arguments; what it returns travels back and should be small.
    attempt : int
    """

    key: str
    study_id: str
    call: Callable[[], object]
    attempt: int = 1

    def run(self, tell: Tell) -> object:  # noqa: ARG002 - as of every task
        """Do it, on a worker."""
        return self.call()

    def started(self, worker: str) -> Event:
        """What to report when a worker begins it."""
        return CallStarted(key=self.key, worker=worker)

    def finished(self, result: Any, where: str) -> Event:  # noqa: ARG002 - as of every task
        """What to report when it has returned."""
        return CallFinished(key=self.key)

    def failed(self, reason: str, *, retry: bool = False) -> Event:
        """What to report when it has failed."""
        return CallFailed(key=self.key, reason=reason, retry=retry)


Task = TrialTask | StreamTask | CallTask
"""What engines run."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an engine tells.

    Parameters
    ----------
    study_id : str
        The study that it belongs to; empty where it belongs to none.
    event : Event
    result : object
        What the task returned, where it has finished.
    sender : int
        Which of a runner's engines tells it; engines leave this to the runner.
    """

    study_id: str
    event: Event
    result: object = None
    sender: int = 0


Outbox = Callable[[Report], None]


class Engine(Protocol):
    """Where trials run.

    An engine reports, for each submitted task, at most one `started` an attempt, then whatever it tells, in order, and
    then exactly one of `finished` and `failed` (``retry=True`` where it tries again by itself), unless the task is
    cancelled.
    """

    name: str
    """What people call it; stands at each point."""

    @property
    def slots(self) -> int:
        """Trials that can run at the same time; workers on their way count, since tasks may be queued for them.

        0 before the start, after the close, and while no worker can be started.
        """

    def start(self, outbox: Outbox) -> None:
        """Begin starting workers, without waiting for them.

        Raises
        ------
        EngineError
            If it cannot start at all.
        """

    def submit(self, task: Task) -> None:
        """Queue a task; first in, first out."""

    def cancel(self) -> None:
        """Drop every queued task and end every running one within two seconds; no report of them follows."""

    def close(self) -> None:
        """Cancel, and leave no process, thread or file behind. Closing twice is fine."""
