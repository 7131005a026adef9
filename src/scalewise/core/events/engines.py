"""What happens to the engine and its workers."""

from __future__ import annotations

from dataclasses import dataclass

from scalewise.core.events.base import Event
from scalewise.core.spec import Trial

__all__ = ["EngineChecked", "EngineLost", "EngineMoved", "WorkerLost"]


@dataclass(frozen=True, kw_only=True)
class WorkerLost(Event):
    """A worker died; the trial that it was running is reported on its own."""

    worker: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EngineMoved(Event):
    """The rest of the study goes to another engine, or comes back.

    Parameters
    ----------
    where : str
        The other engine; empty for the one that the study began on.
    check : Trial or None
        The finished trial that is run again there before anything else.
    """

    where: str
    check: Trial | None = None


@dataclass(frozen=True, kw_only=True)
class EngineChecked(Event):
    """A finished trial was run again on the other engine, or a person takes the difference.

    Parameters
    ----------
    difference : str
        How its scores differ, in words; empty where they do not, or where that does not matter.
    """

    difference: str = ""


@dataclass(frozen=True, kw_only=True)
class EngineLost(Event):
    """The engine could not begin, or came to an end by itself; nothing that it was given will be reported.

    Parameters
    ----------
    where : str
        The engine.
    reason : str
        Why, and what to do.
    """

    where: str
    reason: str
