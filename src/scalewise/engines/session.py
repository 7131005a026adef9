"""One engine's dealings with a cluster it is connected to: its workers, its tasks, and leaving it as it was found.

All of it runs on the event loop of the engine's own thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from distributed import LocalCluster
from distributed.utils import format_dashboard_link
from distributed.versions import get_versions

from scalewise.core.events import Event, Noted
from scalewise.core.wording import duration_text
from scalewise.engines.base import Outbox, Report
from scalewise.engines.cluster_status import ClusterStatus, worker_statuses
from scalewise.engines.dashboard_link import DashboardLink
from scalewise.engines.flights import Flight, Flights
from scalewise.engines.opening import OpenCluster, busy_workers, kill_workers, scale
from scalewise.engines.outcome import one_line
from scalewise.engines.remote import warm_up_here
from scalewise.engines.roster import Roster
from scalewise.engines.shipping import Shipper
from scalewise.engines.versions import COMPARED_PACKAGES, version_differences
from scalewise.errors import EngineError

__all__ = ["Session"]

_LOOK_SECONDS = 0.5
_LEAVE_SECONDS = 2.0
_RESTART_SECONDS = 60.0
_IMPORTING = "__import__('scalewise.engines.remote') and None"


class Session:
    """What goes on between one engine and a cluster.

    Parameters
    ----------
    opened : OpenCluster
    name : str
        The engine's.
    n_coming : int
        Threads that will be there soon; 0 where that is not ours to say.
    token : str
        Tells what is this engine's on the cluster.
    outbox : callable
        Takes the reports.

    Attributes
    ----------
    slots : int
        Trials that can run at the same time, now or soon.
    """

    def __init__(self, opened: OpenCluster, name: str, n_coming: int, token: str, outbox: Outbox) -> None:
        self._opened = opened
        self._name = name
        self._token = token
        self._outbox = outbox
        self._roster = Roster(n_coming)
        self._shipper = Shipper(opened.client, token)
        self._flights = Flights(opened.client, self._roster, self._shipper, outbox, self._do, name)
        self._dashboard = DashboardLink()
        self._idle_since = time.monotonic()
        self._aside: set[asyncio.Future[Any]] = set()
        self._told: set[str] = set()
        self._warm_up = self._unfit = ""
        self._leaving = False
        self.slots = n_coming

    async def begin(self, warm_up: str) -> None:
        """Get to know the workers, and listen to what is told of them from now on.

        Parameters
        ----------
        warm_up : str
            The function, as ``module:function``, that workers are to call as soon as they are known.

        Raises
        ------
        EngineError
            If there are workers that cannot import what they would run.
        """
        self._warm_up = warm_up
        for topic, handler in self._topics().items():
            self._opened.client.subscribe_topic(topic, handler)
        await self._meet()
        self._refuse_unfit()
        if self._opened.cluster is None:
            self._tell(Noted(level="info", text=f"Joined {self._name}, {self.slots} trials at a time."))

    def send(self, flights: Sequence[Flight]) -> None:
        """Put tasks on the cluster's queue."""
        self._flights.send(flights)

    async def watch(self) -> None:
        """Stay until the scheduler is gone, or a cluster of our own has had nothing to do for long.

        Raises
        ------
        EngineError
            When that has happened.
        """
        while self._opened.client.status == "running":
            self._refuse_unfit()
            self._end_if_idle()
            await asyncio.sleep(_LOOK_SECONDS)
        raise EngineError(
            f"The scheduler of {self._name} is gone: it was closed, killed, or cannot be reached any more. "
            "Finished trials are kept; go on with another engine."
        )

    def _refuse_unfit(self) -> None:
        if self._unfit:
            raise EngineError(self._unfit)

    def _end_if_idle(self) -> None:
        if len(self._flights) or self._opened.cluster is None:
            self._idle_since = time.monotonic()
        elif time.monotonic() - self._idle_since >= self._opened.idle_seconds:
            raise EngineError(
                f"{self._name} had nothing to do for {duration_text(self._opened.idle_seconds)} and was closed. "
                "Finished trials are kept; start another one to go on."
            )

    async def leave(self) -> None:
        """Take back everything that is on the cluster of ours, as far as that is possible in a short time."""
        self._leaving = True
        self._flights.cancel()
        connected = self._opened.client.status == "running"
        if connected:
            for topic in self._topics():
                self._opened.client.unsubscribe_topic(topic)
        if self._opened.cluster is not None:
            kill_workers(self._opened.cluster)
        elif connected:
            forgetting = asyncio.gather(self._shipper.forget(), return_exceptions=True)
            await asyncio.wait({forgetting}, timeout=_LEAVE_SECONDS)

    def end_tasks(self) -> None:
        """Drop all tasks, and end the processes of busy workers that are our own; others come in their places."""
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

    def scale(self, n_workers: int) -> None:
        """Have another number of workers, where the cluster is our own."""
        if self._opened.cluster is not None:
            self._do(self._rescale(n_workers))
            self._roster.want(n_workers)
            self._count()

    async def _rescale(self, n_workers: int) -> None:
        (answer,) = await asyncio.gather(scale(self._opened.cluster, n_workers), return_exceptions=True)
        if isinstance(answer, BaseException):
            text = one_line(f"{self._name} cannot have {n_workers} workers: {type(answer).__name__}: {answer}")
            self._tell(Noted(level="warning", text=text))

    async def look(self) -> ClusterStatus:
        """See how the cluster is now."""
        identity = await self._opened.client.scheduler.identity(n_workers=-1)
        self._do(self._dashboard.look(self._dashboard_address(identity)))
        running = self._flights.running
        return ClusterStatus(
            name=self._name,
            address=identity["address"],
            workers=worker_statuses(identity["workers"], running),
            n_running=running.total(),
            n_queued=len(self._flights) - running.total(),
            shipped_bytes=self._shipper.n_bytes,
            dashboard=self._dashboard.text,
        )

    def _dashboard_address(self, identity: Mapping[str, Any]) -> str:
        """Where the dashboard should be, as seen from here."""
        port = identity["services"].get("dashboard")
        if isinstance(self._opened.cluster, LocalCluster):
            return f"http://127.0.0.1:{port}/status" if port else ""
        told = getattr(self._opened.cluster, "dashboard_link", None)
        if told or not port:
            return str(told or "")
        scheme, _, rest = str(self._opened.client.scheduler.address).partition("://")
        return str(format_dashboard_link("localhost" if scheme == "inproc" else rest.rpartition(":")[0], port))

    def _topics(self) -> dict[str, Callable[[Any], None]]:
        return {
            "all": self._hear_cluster,
            "worker-restart-memory": self._hear_memory,
            self._token: self._flights.hear,
        }

    def _hear_cluster(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Take what the scheduler tells of workers that come and go."""
        message = event[1]
        if self._leaving:
            return
        if message.get("action") == "add-worker":
            self._roster.expect(message["worker"])
            self._do(self._meet())
        elif message.get("action") == "remove-worker":
            self._lose(message["worker"], message)

    def _lose(self, address: str, message: Mapping[str, Any]) -> None:
        n_threads = self._roster.threads(address)
        cause = self._roster.remove(address, expected=bool(message.get("expected")))
        self._flights.lose_worker(address, cause, message.get("processing-tasks", ()), n_threads)
        self._count()

    def _hear_memory(self, event: tuple[float, Mapping[str, Any]]) -> None:
        self._roster.note_memory(event[1]["worker"], int(event[1]["rss"]))

    async def _meet(self) -> None:
        """Make out who the workers are, compare versions with new ones, and warm them up."""
        scheduler = self._opened.client.scheduler
        new = self._roster.meet((await scheduler.identity(n_workers=-1))["workers"])
        self._count()
        if new and not isinstance(self._opened.cluster, LocalCluster):
            await self._try_import(new)
        if new:
            question = {"op": "versions", "packages": COMPARED_PACKAGES}
            self._compare(await scheduler.broadcast(msg=question, workers=[*new], on_error="ignore"))
            self._do(self._opened.client.run(warm_up_here, self._warm_up, workers=[*new], on_error="ignore"))

    async def _try_import(self, workers: tuple[str, ...]) -> None:
        """Find workers without this package before any task does: Dask ends those that cannot read one."""
        run = self._opened.client.run
        answers = await run(eval, _IMPORTING, workers=[*workers], on_error="return")
        failed = [error for error in answers.values() if isinstance(error, ImportError)]
        if failed:
            self._unfit = one_line(
                f"{len(failed)} of {len(answers)} workers of {self._name} cannot run trials: {failed[0]}. Install "
                "scalewise there, with the versions of this process, and restart them."
            )

    def _compare(self, versions: Mapping[str, Any]) -> None:
        lines = version_differences(get_versions(packages=COMPARED_PACKAGES), versions)
        text = f"Workers differ from this process, so scores may too, or trials fail. {'; '.join(lines)}."
        if lines and text not in self._told:
            self._told.add(text)
            self._tell(Noted(level="warning", text=text))

    def _count(self) -> None:
        """Say it when the last worker has gone, and when one has come again."""
        before, self.slots = self.slots, self._roster.slots
        if self.slots == 0 < before:
            self._tell(Noted(level="warning", text=f"All workers of {self._name} are gone; waiting for a worker."))
        elif before == 0 < self.slots:
            text = f"{self._name} has workers: {self.slots} trials can run at a time."
            self._tell(Noted(level="info", text=text))

    def _do(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something beside the rest that may fail, such as asking a scheduler that has just gone."""
        task = asyncio.gather(work, return_exceptions=True)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    def _tell(self, event: Event) -> None:
        self._outbox(Report("", event))
