"""Checks of other sampling units beside a study: where each stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from scalewise.core import events as ev
from scalewise.core.results import UnitResult
from scalewise.core.spec import SamplingUnit

__all__ = ["UnitCheck", "UnitEvent", "ended", "fold_check"]

UnitEvent = ev.UnitCheckStarted | ev.UnitChecked | ev.UnitCheckFailed | ev.UnitCheckStopped

_MOST_CHECKS = 8


@dataclass(frozen=True, slots=True)
class UnitCheck:
    """A few trials with another sampling unit.

    Parameters
    ----------
    unit : SamplingUnit
    phase : {"running", "done", "failed", "stopped"}
    result : UnitResult or None
        Once it is done.
    reason : str
        Why it failed.
    """

    unit: SamplingUnit
    phase: Literal["running", "done", "failed", "stopped"] = "running"
    result: UnitResult | None = None
    reason: str = ""


def fold_check(checks: tuple[UnitCheck, ...], event: UnitEvent) -> tuple[UnitCheck, ...]:
    """Give the checks after an event; the latest of each unit, and a bounded number of them."""
    match event:
        case ev.UnitCheckStarted(unit=unit):
            new = UnitCheck(unit)
        case ev.UnitChecked(result=result):
            new = UnitCheck(result.data.unit, "done", result)
        case ev.UnitCheckFailed(unit=unit, reason=reason):
            new = UnitCheck(unit, "failed", reason=reason)
        case ev.UnitCheckStopped(unit=unit):
            new = UnitCheck(unit, "stopped")
    others = tuple(check for check in checks if check.unit != new.unit)
    return (*others, new)[-_MOST_CHECKS:]


def ended(checks: tuple[UnitCheck, ...]) -> tuple[UnitCheck, ...]:
    """The checks when nothing runs any more."""
    return tuple(replace(check, phase="stopped") if check.phase == "running" else check for check in checks)
