"""Which workers a cluster has, what is expected of them, and why one of them went."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from scalewise.engines.outcome import one_line

__all__ = ["Roster"]


class Roster:
    """The workers that the scheduler has told of.

    Parameters
    ----------
    coming : int
        Threads of workers that are on their way.
    """

    def __init__(self, coming: int) -> None:
        self.coming = coming
        self._most = sys.maxsize
        self._threads: dict[str, int] = {}
        self._limits: dict[str, int] = {}
        self._over_memory: dict[str, int] = {}
        self._dismissed: set[str] = set()
        self._gone: set[str] = set()

    @property
    def slots(self) -> int:
        """Trials that can run at the same time, now or soon."""
        return sum(self._threads.values()) + self.coming

    @property
    def addresses(self) -> tuple[str, ...]:
        """Workers that are there."""
        return tuple(self._threads)

    def threads(self, address: str) -> int:
        """How many trials a worker runs at the same time; 1 where that is not known yet."""
        return self._threads.get(address, 1)

    def expect(self, address: str) -> None:
        """A worker says that it is there; `meet` will tell what it is."""
        self._gone.discard(address)

    def meet(self, workers: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Take up what the scheduler tells of its workers, and give the addresses of new ones."""
        new = tuple(address for address in workers if address not in self._threads and address not in self._gone)
        for address in new:
            self._threads[address] = int(workers[address]["nthreads"])
            self._limits[address] = int(workers[address]["memory_limit"] or 0)
            self.coming = max(0, self.coming - self._threads[address])
        return new

    def want(self, n_workers: int) -> None:
        """Another number of workers was asked for: some will come, or some may go."""
        self.coming = max(0, n_workers - len(self._threads))
        self._most = n_workers

    def dismiss(self, address: str) -> None:
        """A worker is ended on purpose, and another one will take its place."""
        self._dismissed.add(address)
        self.coming += self._threads.pop(address, 0)

    def note_memory(self, address: str, rss_bytes: int) -> None:
        """A worker is being ended since it took so much memory."""
        self._over_memory[address] = rss_bytes

    def remove(self, address: str, *, expected: bool) -> str:
        """Strike a worker off, and give the reason for its end; empty where it was ended on purpose."""
        too_many = len(self._threads) > self._most
        self._threads.pop(address, None)
        self._gone.add(address)
        return "" if expected or too_many or address in self._dismissed else self.cause(address)

    def cause(self, address: str) -> str:
        """Why a worker that nobody ended is gone, as far as one can know."""
        limit = self._limits.get(address, 0)
        if address in self._over_memory:
            taken = self._over_memory[address]
            return one_line(f"it took {_gigabytes(taken)} of memory, and {_gigabytes(limit)} is its limit")
        known = f" (its memory limit is {_gigabytes(limit)})" if limit else ""
        return f"it died, or was killed{known}"

    def advice(self, address: str) -> str:
        """What to do where a trial has taken two workers with it."""
        limit = self._limits.get(address, 0)
        than = f" than {_gigabytes(limit)}" if limit else ""
        found = "It is too large for this worker: w" if address in self._over_memory else "W"
        return f"{found}orkers with more memory{than} each, fewer rows or a simpler model may fit."


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.2g} GB"
