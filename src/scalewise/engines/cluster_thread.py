"""The Dask engine's one thread: its event loop owns the client, the cluster and everything that is known of them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from distributed.versions import get_versions

from scalewise.core.events import EngineLost, Event, Noted
from scalewise.engines.base import Outbox, Report, Task
from scalewise.engines.cluster_status import ClusterStatus, worker_statuses
from scalewise.engines.clusters import Place
from scalewise.engines.flights import Flight, Flights
from scalewise.engines.opening import OpenCluster, busy_workers, kill_workers
from scalewise.engines.outcome import one_line
from scalewise.engines.remote import Parcel, warm_up_here
from scalewise.engines.roster import Roster
from scalewise.engines.shipping import Shipper, samples_of
from scalewise.engines.versions import COMPARED_PACKAGES, version_differences
from scalewise.errors import EngineError, ScalewiseError

__all__ = ["ClusterThread"]

_LOOK_SECONDS = 0.5
_ANSWER_SECONDS = 2.0
_LEAVE_SECONDS = 2.0
_END_SECONDS = 20.0
_RESTART_SECONDS = 60.0


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
        self._roster = Roster(place.n_coming)
        self._slots = place.n_coming
        self._told: set[str] = set()
        self._opened: OpenCluster | None = None
        self._flights: Flights | None = None
        self._shipper: Shipper | None = None
        self._waiting: list[Flight] = []
        self._status = ClusterStatus(place.name)
        self._loop = asyncio.new_event_loop()
        self._serving: asyncio.Task[None] | None = None
        self._aside: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="scalewise-cluster", daemon=True)

    def start(self) -> None:
        """Begin to start or join the cluster."""
        self._thread.start()

    @property
    def slots(self) -> int:
        """Trials that can run at the same time, now or soon."""
        return self._slots

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
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        """Serve until told to stop, or until something goes wrong; then undo all that was done."""
        async with AsyncExitStack() as undo:
            self._serving = asyncio.create_task(self._serve(undo))
            if self._stopping:
                self._serving.cancel()
            await asyncio.wait({self._serving})
            self._slots = 0
            if not self._serving.cancelled() and (error := self._serving.exception()):
                self._tell(EngineLost(where=self._place.name, reason=_reason(error)))
        self._status = ClusterStatus(self._place.name)

    async def _serve(self, undo: AsyncExitStack) -> None:
        opened = self._opened = await self._place.open(undo)
        shipper = self._shipper = Shipper(opened.client, self._token)
        undo.push_async_callback(self._leave, opened, shipper)
        where = self._place.name
        flights = self._flights = Flights(opened.client, self._roster, shipper, self._outbox, self._do, where)
        for topic, handler in self._topics(flights).items():
            opened.client.subscribe_topic(topic, handler)
        await self._meet()
        if not self._place.n_coming:
            self._tell(Noted(level="info", text=f"Joined {self._place.name}, {self._slots} trials at a time."))
        while self._waiting:
            flights.send(self._waiting.pop(0))
        while opened.client.status == "running":
            await asyncio.sleep(_LOOK_SECONDS)
        raise EngineError(
            f"The scheduler of {self._place.name} is gone: it was closed, killed, or cannot be reached any more. "
            "Finished trials are kept; go on with another engine."
        )

    def _topics(self, flights: Flights) -> dict[str, Callable[[Any], None]]:
        return {
            "all": self._hear_cluster,
            "worker-restart-memory": self._hear_memory,
            self._token: flights.hear,
        }

    async def _leave(self, opened: OpenCluster, shipper: Shipper) -> None:
        """Take back everything that is on the cluster of ours, as far as that is possible in a short time."""
        assert self._flights is not None
        self._flights.cancel()
        for topic in self._topics(self._flights):
            opened.client.unsubscribe_topic(topic)
        if opened.cluster is None:
            await asyncio.wait({asyncio.create_task(shipper.forget())}, timeout=_LEAVE_SECONDS)
        else:
            kill_workers(opened.cluster)

    def _submit(self, flight: Flight) -> None:
        if self._flights is None:
            self._waiting.append(flight)
        else:
            self._flights.send(flight)

    def _cancel(self, done: threading.Event) -> None:
        self._waiting.clear()
        self._end()
        done.set()

    def _end(self) -> None:
        """Drop all tasks, and end the processes of busy workers that are our own; others come in their places."""
        if self._flights is None or self._opened is None:
            return
        cluster = self._opened.cluster
        busy = busy_workers(cluster) | self._flights.cancel()
        if cluster is None:
            return
        killed = kill_workers(cluster, busy)
        others = {address for address in busy - killed if not address.startswith("inproc")}
        for address in killed | others:
            self._roster.dismiss(address)
        if others:
            self._do(self._opened.client.restart_workers([*others], timeout=_RESTART_SECONDS, raise_for_error=False))

    def _scale(self, n_workers: int) -> None:
        if self._opened is None:
            self._loop.call_later(_LOOK_SECONDS, self._scale, n_workers)
        elif self._opened.cluster is not None:
            self._opened.cluster.scale(n_workers)
            self._roster.want(n_workers)
            self._count()

    def _stop(self) -> None:
        self._slots = 0
        self._stopping = True
        if self._serving is not None:
            self._serving.cancel()

    def _hear_cluster(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Take what the scheduler tells of workers that come and go."""
        message = event[1]
        address = message.get("worker", "")
        if message.get("action") == "add-worker":
            self._roster.expect(address)
            self._do(self._meet())
        elif message.get("action") == "remove-worker":
            assert self._flights is not None
            n_threads = self._roster.threads(address)
            cause = self._roster.remove(address, expected=bool(message.get("expected")))
            self._flights.lose_worker(address, cause, message.get("processing-tasks", ()), n_threads)
            self._count()

    def _hear_memory(self, event: tuple[float, Mapping[str, Any]]) -> None:
        self._roster.note_memory(event[1]["worker"], int(event[1]["rss"]))

    async def _meet(self) -> None:
        """Make out who the workers are, compare versions with new ones, and warm them up."""
        assert self._opened is not None
        scheduler = self._opened.client.scheduler
        new = self._roster.meet((await scheduler.identity(n_workers=-1))["workers"])
        self._count()
        if new:
            question = {"op": "versions", "packages": COMPARED_PACKAGES}
            self._compare(await scheduler.broadcast(msg=question, workers=[*new], on_error="ignore"))
            warming = self._opened.client.run(warm_up_here, self._warm_up, workers=[*new], on_error="ignore")
            self._do(warming)

    def _compare(self, versions: Mapping[str, Any]) -> None:
        lines = version_differences(get_versions(packages=COMPARED_PACKAGES), versions)
        text = f"Workers differ from this process, so scores may too, or trials fail. {'; '.join(lines)}."
        if lines and text not in self._told:
            self._told.add(text)
            self._tell(Noted(level="warning", text=text))

    def _count(self) -> None:
        """Say it when the last worker has gone, and when one has come again."""
        before, self._slots = self._slots, self._roster.slots
        if self._slots == 0 < before:
            text = f"All workers of {self._place.name} are gone; waiting for a worker."
            self._tell(Noted(level="warning", text=text))
        elif before == 0 < self._slots:
            text = f"{self._place.name} has workers: {self._slots} trials can run at a time."
            self._tell(Noted(level="info", text=text))

    def _look(self) -> None:
        if self._opened is not None and not self._stopping:
            self._do(self._look_at(self._opened))

    async def _look_at(self, opened: OpenCluster) -> None:
        assert self._flights is not None
        assert self._shipper is not None
        identity = await opened.client.scheduler.identity(n_workers=-1)
        running = self._flights.running
        self._status = ClusterStatus(
            name=self._place.name,
            address=identity["address"],
            workers=worker_statuses(identity["workers"], running),
            n_running=running.total(),
            n_queued=len(self._flights) - running.total(),
            shipped_bytes=self._shipper.n_bytes,
            dashboard=opened.client.dashboard_link or "",
        )

    def _do(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something beside the rest that may fail, such as asking a scheduler that has just gone."""
        task = asyncio.ensure_future(asyncio.gather(work, return_exceptions=True))
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    def _tell(self, event: Event) -> None:
        self._outbox(Report("", event))


def _reason(error: BaseException) -> str:
    """Our own messages are written for people; those of others need the name of their kind."""
    return one_line(str(error) if isinstance(error, ScalewiseError) else f"{type(error).__name__}: {error}")
