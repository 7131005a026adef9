"""How much memory a piece of work takes at its peak, where the operating system can tell."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Self

import pyarrow as pa

__all__ = ["PeakMemory", "give_back"]

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class PeakMemory:
    """Measures from its making how far this process's memory rises; Linux only, 0 elsewhere.

    Examples
    --------
    >>> peak = PeakMemory.start()
    >>> block = bytes(50_000_000)
    >>> peak.bytes() >= 0
    True
    """

    def __init__(self, before_bytes: int | None) -> None:
        self._before_bytes = before_bytes

    @classmethod
    def start(cls) -> Self:
        """Forget earlier peaks and begin."""
        try:
            _CLEAR.write_text("5")
            return cls(_status_bytes("VmRSS"))
        except OSError:
            return cls(None)

    def bytes(self) -> int:
        """Return the peak so far on top of what was held at the start; 0 where it cannot be measured."""
        if self._before_bytes is None:
            return 0
        return max(0, self.process_bytes() - self._before_bytes)

    def process_bytes(self) -> int:
        """Return the most that the whole process held since the start; 0 where it cannot be measured."""
        return 0 if self._before_bytes is None else _status_bytes("VmHWM")


def give_back() -> None:
    """Return memory that is free in this process to the system, as far as Arrow and the C library can.

    What earlier work left free would otherwise hide a part of what the next work takes.
    """
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "malloc_trim"):  # glibc has it, musl has not
            library.malloc_trim(0)


def _status_bytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_STATUS} has no line {field}.")
