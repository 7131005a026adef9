"""The contract between the runner and whatever runs trials.

An engine is given tasks and puts reports on an outbox; nothing else. It never touches a study's state. All methods are
called from the runner's thread; reports may be put from any thread of the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from scalewise.core.events import Event
from scalewise.core.results import TrialRecord
from scalewise.core.spec import Trial

__all__ = ["Engine", "Outbox", "Report", "TrialTask"]


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


@dataclass(frozen=True, slots=True)
class Report:
    """What an engine tells: an event, and the study that it belongs to ("" where it belongs to none)."""

    study_id: str
    event: Event


Outbox = Callable[[Report], None]


class Engine(Protocol):
    """Where trials run.

    An engine reports, for each submitted task, at most one `TrialStarted` an attempt and then exactly one of
    `TrialFinished` and `TrialFailed` (``retry=True`` where it tries again by itself), unless the task is cancelled.
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

    def submit(self, task: TrialTask) -> None:
        """Queue a task; first in, first out."""

    def cancel(self) -> None:
        """Drop every queued task and end every running one within two seconds; no report of them follows."""

    def close(self) -> None:
        """Cancel, and leave no process, thread or file behind. Closing twice is fine."""
