"""The engine that runs trials in worker processes of this machine, which can be ended at any moment."""

from __future__ import annotations

import pickle
import sys
import weakref
from functools import partial

from scalewise.engines.base import Outbox, Report, Task
from scalewise.engines.dispatch import Dispatcher
from scalewise.engines.outcome import one_line
from scalewise.engines.process import Job, WorkerProcess
from scalewise.engines.resources import default_workers, workers_in_memory
from scalewise.engines.staff import Staff
from scalewise.errors import EngineError, InputError

__all__ = ["LocalEngine"]

_WARM_UP = "scalewise.models.warmup:warm_up"


class LocalEngine:
    """Runs one trial in each of its worker processes, which stay warm from trial to trial.

    A worker that dies is reported and replaced, and its trial tried once more. Workers never outlive this process.

    Parameters
    ----------
    workers : int or None
        How many; by default as many as there are processors and room in memory, at most 8.
    warm_up : str
        The function, as ``module:function``, that each worker calls before its first trial.
    spares : int
        Further workers that wait, warm, to take the places of others, so that a trial submitted after `cancel` need not
        wait for a new worker. There are fewer where memory has no room.

    Raises
    ------
    InputError
        If the number of workers is no number from 1 on.
    """

    name = "local"

    def __init__(self, workers: int | None = None, *, warm_up: str = _WARM_UP, spares: int = 1) -> None:
        if workers is not None and (not isinstance(workers, int) or workers < 1):
            raise InputError(f"The local engine got workers={workers!r}; give a whole number from 1 on, or None.")
        self._n_workers = default_workers() if workers is None else workers
        self._n_spares = max(0, min(spares, workers_in_memory() - self._n_workers))
        self._warm_up = warm_up
        self._outbox: Outbox | None = None
        self._dispatcher: Dispatcher | None = None

    @property
    def slots(self) -> int:
        """Workers that run or are on their way: tasks may be queued for both."""
        return self._dispatcher.slots if self._dispatcher else 0

    def start(self, outbox: Outbox) -> None:
        """Begin starting workers, without waiting for them.

        Raises
        ------
        EngineError
            If it was started before, or this Python has no executable to start workers with.
        """
        if self._dispatcher is not None:
            raise EngineError("This engine has been started already; open another one with open_engine('local').")
        if not sys.executable:
            raise EngineError("This Python cannot start others (sys.executable is empty); choose the engine 'inline'.")
        self._outbox = outbox
        staff = Staff(self._n_workers, self._n_spares, partial(WorkerProcess, warm_up=self._warm_up))
        self._dispatcher = Dispatcher(staff, outbox, self.name)
        weakref.finalize(self, self._dispatcher.stop)
        self._dispatcher.start()

    def submit(self, task: Task) -> None:
        """Queue a task. A call that cannot be pickled is reported as a failure at once.

        Raises
        ------
        EngineError
            If the engine is not started, or closed.
        """
        dispatcher, outbox = self._running()
        try:
            payload = pickle.dumps(task.run)
        except (pickle.PicklingError, AttributeError, TypeError, ValueError) as error:
            reason = one_line(f"It cannot be sent to a worker process: {error}")
            outbox(Report(task.study_id, task.failed(reason)))
        else:
            dispatcher.submit(Job(task, payload))

    def cancel(self) -> None:
        """Drop queued tasks and kill the workers that run one; others take their places.

        Where workers could not be started, that is tried again.
        """
        if self._dispatcher:
            self._dispatcher.cancel()

    def close(self) -> None:
        """End all workers and the engine's thread."""
        if self._dispatcher:
            self._dispatcher.stop()

    def _running(self) -> tuple[Dispatcher, Outbox]:
        if self._dispatcher is None or self._outbox is None:
            raise EngineError("The local engine is not running; call start() before submit().")
        return self._dispatcher, self._outbox
