"""What happens to a study as a whole: it starts, is planned anew, says something, and ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scalewise.core.events.base import Event
from scalewise.core.machine import Machine
from scalewise.core.plan import Plan
from scalewise.core.spec import StudySpec

__all__ = [
    "Ending",
    "Level",
    "Noted",
    "PlanChanged",
    "SampleReady",
    "StudyFailed",
    "StudyFinished",
    "StudyStarted",
    "StudyStopped",
]

Level = Literal["info", "warning", "error"]
Ending = Literal["", "done", "decided", "budget"]


@dataclass(frozen=True, kw_only=True)
class StudyStarted(Event):
    """A study began, or was taken up again.

    Parameters
    ----------
    study : StudySpec
    plan : Plan
    machine : Machine or None
        Where it runs.
    """

    study: StudySpec
    plan: Plan
    machine: Machine | None = None


@dataclass(frozen=True, kw_only=True)
class PlanChanged(Event):
    """The slider, the models, the repeats or the margin changed."""

    plan: Plan


@dataclass(frozen=True, kw_only=True)
class SampleReady(Event):
    """Samples of up to `n_rows` training rows lie where workers can read them."""

    n_rows: int


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """A message for the person."""

    level: Level
    text: str


@dataclass(frozen=True, kw_only=True)
class StudyStopped(Event):
    """A person stopped the study; finished trials stay."""


@dataclass(frozen=True, kw_only=True)
class StudyFinished(Event):
    """The study came to its end by itself.

    Parameters
    ----------
    ending : {"done", "decided", "budget"}
        Every planned trial that can change the answer is done or has failed for good; or the answer was decided
        sooner; or the budget of time is spent.
    reason : str
        The same in words.
    """

    ending: Ending = "done"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class StudyFailed(Event):
    """The study itself cannot go on; finished trials stay."""

    reason: str
