"""The machine that a study runs on, as far as a decision needs to know it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Machine"]


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to work with, told by whoever starts a study: the core does not look for itself.

    Parameters
    ----------
    memory_bytes : int
        All of its memory, or of the container's.
    free_bytes : int
        What of it could be taken when the study started.
    workers : int
        Trials that run side by side.
    """

    memory_bytes: int
    free_bytes: int
    workers: int = 1
