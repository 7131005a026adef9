"""What every event is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Event"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a study.

    Parameters
    ----------
    at : float
        Seconds since 1970; stamped by the runner.
    """

    at: float = 0.0
