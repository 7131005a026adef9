"""The workers of a local engine: how many there should be, starting them, and what to do if they cannot be started."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from scalewise.core.events import Noted
from scalewise.engines.process import WorkerProcess

__all__ = ["Staff"]

_MOST_FAILED_STARTS = 3


class Staff:
    """Worker processes, of which some are ready and some on their way. Belongs to one thread.

    Parameters
    ----------
    n_workers : int
        How many may work at the same time.
    n_spares : int
        Warm workers beyond those, started when there is nothing else to do, to take the places of any that end.
    hire : callable
        Starts a worker, given its number; raises OSError if the system cannot.
    """

    def __init__(self, n_workers: int, n_spares: int, hire: Callable[[int], WorkerProcess]) -> None:
        self.wanted = n_workers
        self.workers: list[WorkerProcess] = []
        self.nobody = ""
        self._n_workers = n_workers
        self._n_spares = n_spares
        self._hire = hire
        self._n_hired = 0
        self._failed_starts: list[str] = []

    @property
    def busy(self) -> list[WorkerProcess]:
        """Those that run a job."""
        return [worker for worker in self.workers if worker.job]

    @property
    def idle(self) -> list[WorkerProcess]:
        """Those that could run a job now, spares included."""
        return [worker for worker in self.workers if worker.ready and not worker.job]

    @property
    def free(self) -> list[WorkerProcess]:
        """Those that should be given a job, if there is one."""
        return self.idle[: self.wanted - len(self.busy)]

    def fill(self, *, at_rest: bool) -> Noted | None:
        """Start workers until there are enough, or starting them has failed too often.

        Parameters
        ----------
        at_rest : bool
            Whether there is nothing to do, and so time to start spares.

        Returns
        -------
        Noted or None
            What to tell the person when it goes on with fewer workers than were wanted.
        """
        spares = self._n_spares if at_rest and len(self.idle) >= self.wanted > 0 else 0
        while len(self.workers) < self.wanted + spares and len(self._failed_starts) < _MOST_FAILED_STARTS:
            self._start_one()
        if len(self.workers) < self.wanted and all(worker.ready for worker in self.workers):
            return self._make_do()
        return None

    def welcome(self, worker: WorkerProcess) -> None:
        """Count a worker that has warmed up as one that can be given jobs."""
        worker.ready = True
        self._failed_starts.clear()

    def bury(self, worker: WorkerProcess) -> str:
        """Let go of a worker that died by itself; return what it died of."""
        self.workers.remove(worker)
        cause = worker.bury()
        if not worker.ready:
            self._failed_starts.append(cause)
        return cause

    def end(self, workers: Iterable[WorkerProcess]) -> None:
        """Kill some workers: all first, then wait for each."""
        ending = list(workers)
        for worker in ending:
            worker.kill()
        for worker in ending:
            worker.close()
            self.workers.remove(worker)

    def retry(self) -> None:
        """Want as many as at first again, where some could not be started."""
        self.wanted = self._n_workers
        self._failed_starts.clear()

    def _start_one(self) -> None:
        self._n_hired += 1
        try:
            self.workers.append(self._hire(self._n_hired))
        except OSError as error:
            self._failed_starts.append(f"{type(error).__name__}: {error}")

    def _make_do(self) -> Noted:
        """Want no more workers than there are."""
        n_workers, wanted, cause = len(self.workers), self.wanted, self._failed_starts[-1]
        self.wanted = n_workers
        if n_workers:
            self._failed_starts.clear()
            few = f"Only {n_workers} of {wanted} worker processes can be started: {cause}."
            return Noted(level="warning", text=few)
        self.nobody = f"No worker process can be started: {cause}. Choose the engine 'inline' to run without one."
        return Noted(level="error", text=self.nobody)
