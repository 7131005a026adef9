"""The Dask engine's one thread: its event loop owns the client, the cluster and everything that is known of them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from functools import partial

from scalewise.core.events import EngineLost
from scalewise.engines.base import Outbox, Report, Task
from scalewise.engines.cluster_status import ClusterStatus
from scalewise.engines.clusters import Place
from scalewise.engines.flights import Flight
from scalewise.engines.opening import quiet
from scalewise.engines.outcome import reason_of
from scalewise.engines.remote import Parcel
from scalewise.engines.session import Session
from scalewise.engines.shipping import samples_of
from scalewise.errors import EngineError

__all__ = ["ClusterThread"]

_RETRY_SECONDS = 0.5
_ANSWER_SECONDS = 2.0
_END_SECONDS = 20.0
_GATHER_SECONDS = 0.002
"""Tasks submitted within so long go to the cluster together."""

_LOOK_SECONDS = 0.25
"""A cluster is looked at no more often, however often its status is asked for."""


class ClusterThread:
    """Keeps a cluster busy. The public methods are for other threads, the rest runs in its own.

    Parameters
    ----------
    place : Place
        Where the cluster is, or will be.
    outbox : callable
        Takes the reports.
    warm_up : str
        The function, as ``module:function``, that each worker process calls before its first trial.
    """

    def __init__(self, place: Place, outbox: Outbox, warm_up: str) -> None:
        self._place = place
        self._outbox = outbox
        self._warm_up = warm_up
        self._token = f"scalewise-{uuid.uuid4().hex[:12]}"
        self._session: Session | None = None
        self._waiting: list[Flight] = []
        self._status = ClusterStatus(place.name)
        self._loop = asyncio.new_event_loop()
        self._serving: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looked = -_LOOK_SECONDS
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="scalewise-cluster", daemon=True)

    def start(self) -> None:
        """Begin to start or join the cluster."""
        self._thread.start()

    @property
    def slots(self) -> int:
        """Trials that can run at the same time, now or soon."""
        if self._ending:
            return 0
        return self._session.slots if self._session else self._place.n_coming

    @property
    def status(self) -> ClusterStatus:
        """What was known last; asking makes it look again."""
        with contextlib.suppress(EngineError):
            self._command(self._look)
        return self._status

    def submit(self, task: Task, payload: bytes) -> None:
        """Queue a task that was pickled.

        Raises
        ------
        EngineError
            If the thread has ended.
        """
        folder, files = samples_of(task)
        parcel = Parcel("", payload, self._token, self._warm_up, folder, files)
        self._command(partial(self._submit, Flight(task, parcel)))

    def cancel(self) -> None:
        """Drop all tasks, end those that run where that can be done, and return when no report of them can follow."""
        done = threading.Event()
        with contextlib.suppress(EngineError):
            self._command(partial(self._cancel, done))
            done.wait(_ANSWER_SECONDS)

    def scale(self, n_workers: int) -> None:
        """Have another number of workers.

        Raises
        ------
        EngineError
            If the thread has ended.
        """
        self._command(partial(self._scale, n_workers))

    def stop(self) -> None:
        """Leave or close the cluster and end the thread. Does nothing in a forked process."""
        with contextlib.suppress(EngineError):
            self._command(self._stop)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_END_SECONDS)

    def _command(self, work: Callable[[], None]) -> None:
        """Have the thread do something."""
        try:
            if not self._thread.is_alive():
                raise RuntimeError
            self._loop.call_soon_threadsafe(work)
        except RuntimeError as error:
            raise EngineError("The Dask engine is not running any more; open another one.") from error

    def _run(self) -> None:
        with ExitStack() as hushed, asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live(hushed))

    async def _live(self, hushed: ExitStack) -> None:
        """Serve until told to stop, or until something goes wrong; then undo all that was done."""
        async with AsyncExitStack() as undo:
            self._serving = asyncio.create_task(self._serve(undo))
            if self._ending:
                self._serving.cancel()
            await asyncio.wait({self._serving})
            self._ending = True
            hushed.enter_context(quiet())
            if not self._serving.cancelled() and (error := self._serving.exception()):
                self._outbox(Report("", EngineLost(where=self._place.name, reason=reason_of(error))))
        self._status = ClusterStatus(self._place.name)

    async def _serve(self, undo: AsyncExitStack) -> None:
        opened = await self._place.open(undo)
        session = Session(opened, self._place.name, self._place.n_coming, self._token, self._outbox)
        undo.push_async_callback(session.leave)
        await session.begin(self._warm_up)
        self._session = session
        self._send()
        await session.watch()

    def _submit(self, flight: Flight) -> None:
        self._waiting.append(flight)
        if len(self._waiting) == 1:
            self._loop.call_later(_GATHER_SECONDS, self._send)

    def _send(self) -> None:
        if self._session is not None and self._waiting:
            flights, self._waiting = self._waiting, []
            self._session.send(flights)

    def _cancel(self, done: threading.Event) -> None:
        self._waiting.clear()
        if self._session is not None:
            self._session.end_tasks()
        done.set()

    def _scale(self, n_workers: int) -> None:
        if self._session is not None:
            self._session.scale(n_workers)
        elif not self._ending:
            self._loop.call_later(_RETRY_SECONDS, self._scale, n_workers)

    def _stop(self) -> None:
        if not self._ending and self._serving is not None:
            self._serving.cancel()
        self._ending = True

    def _look(self) -> None:
        looking = self._looking is not None and not self._looking.done()
        early = self._loop.time() - self._looked < _LOOK_SECONDS
        if self._session is not None and not self._ending and not looking and not early:
            self._looked = self._loop.time()
            self._looking = asyncio.create_task(self._look_at(self._session))

    async def _look_at(self, session: Session) -> None:
        # A scheduler that is just going does not answer; what was seen before stays.
        with contextlib.suppress(OSError):
            self._status = await session.look()
