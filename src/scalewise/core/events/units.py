"""What happens to the checks of other sampling units."""

from __future__ import annotations

from dataclasses import dataclass

from scalewise.core.events.base import Event
from scalewise.core.results import UnitResult
from scalewise.core.spec import SamplingUnit

__all__ = ["UnitCheckFailed", "UnitCheckStarted", "UnitCheckStopped", "UnitChecked"]


@dataclass(frozen=True, kw_only=True)
class UnitCheckStarted(Event):
    """A few trials with another sampling unit are to show whether the answer changes with it."""

    unit: SamplingUnit


@dataclass(frozen=True, kw_only=True)
class UnitChecked(Event):
    """The trials with another sampling unit are done."""

    result: UnitResult


@dataclass(frozen=True, kw_only=True)
class UnitCheckFailed(Event):
    """The trials with another sampling unit could not be made."""

    unit: SamplingUnit
    reason: str


@dataclass(frozen=True, kw_only=True)
class UnitCheckStopped(Event):
    """A person ended the trials with another sampling unit."""

    unit: SamplingUnit
