"""How a piece of work ends: with its result, or with one line that says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from scalewise.core.results import TrialRecord
from scalewise.errors import ScalewiseError

__all__ = ["Done", "Failure", "Told", "attempt", "measured", "one_line", "reason_of"]

T = TypeVar("T")

_LONGEST_REASON = 400


@dataclass(frozen=True, slots=True)
class Failure:
    """Work that ended without a result, and why, in one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """Work that ended, and its result."""

    result: object


@dataclass(frozen=True, slots=True)
class Told:
    """What work that goes on tells of its progress."""

    content: object


def attempt(work: Callable[[], T]) -> T | Failure:
    """Do work that may fail in any way, such as a model's fit, and never raise for it.

    Parameters
    ----------
    work : callable
        Takes no arguments.
    """
    try:
        return work()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the boundary behind which other people's code runs
        return Failure(reason_of(error))


def measured(call: Callable[[], TrialRecord]) -> TrialRecord:
    """Run a trial's call and make sure that it measured something.

    Raises
    ------
    TypeError
        If it returned anything but a `TrialRecord`.
    """
    record = call()
    if not isinstance(record, TrialRecord):
        raise TypeError(f"a trial returns a TrialRecord, and this one returned a {type(record).__name__}")
    return record


def one_line(text: str) -> str:
    """Put text on one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 4] + " ..."


def reason_of(error: BaseException) -> str:
    """What went wrong, in one line: our own messages are written for people, those of others need their kind's name."""
    if isinstance(error, ScalewiseError):
        return one_line(str(error))
    return one_line(f"{type(error).__name__}: {error}".removesuffix(": "))
