"""The engine that runs trials on a Dask cluster: one of its own on this machine, or any other."""

from __future__ import annotations

import atexit
import pickle
import weakref
from multiprocessing import process

from distributed.protocol.pickle import dumps

from scalewise.engines.base import Outbox, Report, Task
from scalewise.engines.cluster_status import ClusterStatus, WorkerStatus
from scalewise.engines.cluster_thread import ClusterThread
from scalewise.engines.clusters import AddressPlace, ClassPlace, ClientPlace, LocalPlace, Place, Tls
from scalewise.engines.outcome import one_line
from scalewise.errors import EngineError, InputError

__all__ = [
    "AddressPlace",
    "ClassPlace",
    "ClientPlace",
    "ClusterStatus",
    "DaskEngine",
    "LocalPlace",
    "Tls",
    "WorkerStatus",
    "join_cluster",
    "new_processes",
    "new_threads",
]

_WARM_UP = "scalewise.models.warmup:warm_up"


class DaskEngine:
    """Runs trials as tasks of a Dask cluster.

    A trial whose worker dies is tried once more, a worker that leaves in good order does not count. Where all workers
    are gone, trials wait for the next one. Where the scheduler goes, `EngineLost` is reported instead of the trials.

    A cluster that this engine starts is closed with everything that belongs to it; one that it joins is only left, and
    nothing of ours stays there. `cancel` ends running trials by ending the worker processes of a cluster that was
    started here. What runs in threads, or on a cluster that was joined, cannot be ended: its result is dropped, and its
    worker is busy until then.

    Parameters
    ----------
    place : Place
        Where: `LocalPlace`, `AddressPlace`, `ClassPlace` or `ClientPlace`.
    warm_up : str
        The function, as ``module:function``, that each worker process calls before its first trial.
    """

    def __init__(self, place: Place | None = None, *, warm_up: str = _WARM_UP) -> None:
        self._place: Place = place or LocalPlace()
        self.name = self._place.name
        self._warm_up = warm_up
        self._outbox: Outbox | None = None
        self._thread: ClusterThread | None = None

    @property
    def slots(self) -> int:
        """Threads of all workers, and of those that are on their way; 0 while all workers are gone."""
        return self._thread.slots if self._thread else 0

    @property
    def status(self) -> ClusterStatus:
        """The cluster as it was seen last, without waiting; asking makes the engine look again."""
        return self._thread.status if self._thread else ClusterStatus(self.name)

    def start(self, outbox: Outbox) -> None:
        """Begin to start or to join the cluster, without waiting for it.

        Raises
        ------
        EngineError
            If it was started before, or this process is itself a worker that is being started.
        """
        if self._thread is not None:
            raise EngineError(
                f"This engine has been started already; open another one with open_engine({self.name!r})."
            )
        if getattr(process.current_process(), "_inheriting", False):
            raise EngineError(
                "Worker processes of a Dask cluster run the main program again as they start, and it begins this study "
                "again. Put what it does under: if __name__ == '__main__':"
            )
        self._outbox = outbox
        thread = self._thread = ClusterThread(self._place, outbox, self._warm_up)
        weakref.finalize(self, thread.stop).atexit = False
        thread.start()
        # Dask closes what is left of its clusters at the exit, in a way that does not work for asynchronous ones.
        atexit.register(thread.stop)

    def submit(self, task: Task) -> None:
        """Queue a task. A call that cannot be pickled is reported as a failure at once.

        Raises
        ------
        EngineError
            If the engine is not started, closed, or lost.
        """
        if self._thread is None or self._outbox is None:
            raise EngineError("The Dask engine is not running; call start() before submit().")
        try:
            payload = dumps(task)
        except (pickle.PicklingError, AttributeError, TypeError, ValueError) as error:
            reason = one_line(f"It cannot be sent to a cluster: {error}")
            self._outbox(Report(task.study_id, task.failed(reason)))
        else:
            self._thread.submit(task, payload)

    def cancel(self) -> None:
        """Drop all trials; those that run are ended where that can be done."""
        if self._thread:
            self._thread.cancel()

    def scale(self, n_workers: int) -> None:
        """Have another number of workers, of a cluster that was started here.

        Raises
        ------
        InputError
            If that is no number from 1 on.
        EngineError
            If the cluster was joined, or the engine is not running.
        """
        if not isinstance(n_workers, int) or n_workers < 1:
            raise InputError(f"Workers are {n_workers!r}; give a whole number from 1 on.")
        if isinstance(self._place, AddressPlace | ClientPlace):
            raise EngineError(f"{self.name} was joined, not started here; scale it where it was started.")
        if self._thread is None:
            raise EngineError("The Dask engine is not running; call start() before scale().")
        self._thread.scale(n_workers)

    def close(self) -> None:
        """Close the cluster, or leave it as it was found, and end the engine's thread."""
        if self._thread:
            self._thread.stop()
            atexit.unregister(self._thread.stop)


def new_processes(*, workers: int | None = None) -> DaskEngine:
    """A cluster of worker processes on this machine, or of threads where it has little memory.

    Raises
    ------
    InputError
        If the number of workers is no number from 1 on.
    """
    return DaskEngine(LocalPlace("dask", _checked(workers)))


def new_threads(*, workers: int | None = None) -> DaskEngine:
    """A cluster of threads in this process.

    Raises
    ------
    InputError
        If the number of workers is no number from 1 on.
    """
    return DaskEngine(LocalPlace("dask-threads", _checked(workers), threads=True))


def join_cluster(address: str, *, workers: int | None = None) -> DaskEngine:
    """The cluster at an address, with the certificates that Dask's own configuration names where it asks for some.

    Raises
    ------
    InputError
        If a number of workers is given: it has those that it has.
    """
    if workers is not None:
        raise InputError(f"The cluster at {address} has the workers that it has; leave workers={workers} out.")
    return DaskEngine(AddressPlace(address))


def _checked(workers: int | None) -> int | None:
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise InputError(f"A Dask cluster got workers={workers!r}; give a whole number from 1 on, or None.")
    return workers
