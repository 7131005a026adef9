"""Tasks on their way through a cluster: each is sent, followed until it ends, and sent again where its worker dies.

All of it runs on the event loop of the engine's own thread.
"""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from distributed.scheduler import KilledWorker

from scalewise.core.events import WorkerLost
from scalewise.engines.base import Outbox, Report, StreamTask, Task
from scalewise.engines.outcome import Done, Failure, one_line
from scalewise.engines.remote import Lacking, Parcel, run
from scalewise.engines.roster import Roster
from scalewise.engines.shipping import Shipper

__all__ = ["Flight", "Flights"]

_MOST_LOSSES = 2
_MOST_FETCHES, _FETCH_SECONDS = 5, 1.0

Aside = Callable[[Coroutine[Any, Any, Any]], None]


@dataclass(slots=True, eq=False)
class Flight:
    """A task that was submitted and has not ended.

    Parameters
    ----------
    task : Task
    parcel : Parcel
        How it travels.
    future : distributed.Future or None
    follower : asyncio.Task or None
        Waits for its end.
    worker : str
        Where it runs; empty while it waits.
    announced : bool
        Whether it was reported that it runs there.
    n_losses : int
        Workers that died while they ran it.
    is_struck, is_given_up : bool
        Whether a worker that had it was removed, and whether Dask will not run it any more; both since it was sent.
    """

    task: Task
    parcel: Parcel
    future: Any = None
    follower: asyncio.Task[None] | None = None
    worker: str = ""
    announced: bool = False
    n_losses: int = 0
    is_struck: bool = False
    is_given_up: bool = False


class Flights:
    """The tasks of one engine that are on a cluster.

    Parameters
    ----------
    client : distributed.Client
        An asynchronous one.
    roster : Roster
    shipper : Shipper
    outbox : callable
        Takes the reports.
    aside : callable
        Does what may fail, and need not be waited for.
    where : str
        The engine's name, which stands at each finished task.
    """

    def __init__(self, client: Any, roster: Roster, shipper: Shipper, outbox: Outbox, aside: Aside, where: str) -> None:
        self._client = client
        self._roster = roster
        self._shipper = shipper
        self._outbox = outbox
        self._aside = aside
        self._where = where
        self._flights: dict[str, Flight] = {}
        self._numbers = count(1)

    @property
    def running(self) -> Counter[str]:
        """How many run on each worker."""
        return Counter(flight.worker for flight in self._flights.values() if flight.announced)

    def __len__(self) -> int:
        return len(self._flights)

    def send(self, flights: Sequence[Flight], *, to: str = "", first: bool = False) -> None:
        """Put tasks on the cluster's queue, all at once: it takes a graph of several for hardly more than one of one.

        Parameters
        ----------
        flights : sequence of Flight
        to : str
            The worker that should run them, if that is still there.
        first : bool
            Whether they go ahead of all others.
        """
        for flight in flights:
            self._label(flight)
        futures = self._client.map(
            run,
            [pickle.dumps(flight.parcel) for flight in flights],
            key=[flight.parcel.key for flight in flights],
            pure=False,
            priority=int(first),
            fifo_timeout="0ms",
            **({"workers": [to], "allow_other_workers": True} if to else {}),
        )
        for flight, future in zip(flights, futures, strict=True):
            flight.future = future
            self._flights[flight.parcel.key] = flight
            flight.follower = asyncio.create_task(self._follow(flight))

    def _label(self, flight: Flight) -> None:
        """Give a task that is about to be sent a key that none had before, and no worker."""
        task = flight.task
        attempt = task.attempt + flight.n_losses
        key = f"scalewise-{task.study_id}-{task.key}-{attempt}-{flight.parcel.token[-6:]}.{next(self._numbers)}"
        flight.parcel = replace(flight.parcel, key=key)
        flight.worker, flight.announced, flight.is_struck, flight.is_given_up = "", False, False, False

    def hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Take the word of a worker that it begins a task, what the task tells, or its result."""
        message = event[1]
        flight = self._flights.get(message["key"])
        if flight is None:
            return
        task = flight.task
        if "answer" in message:
            self._land(flight, pickle.loads(message["answer"]))
        elif "told" not in message:
            flight.worker = message["worker"]
            self._announce(flight.worker)
        elif isinstance(task, StreamTask):
            self._outbox(Report(task.study_id, task.told(pickle.loads(message["told"]), self._where)))

    def _announce(self, worker: str) -> None:
        """Report what has begun on a worker, but no more than can run there: results come a little after such news."""
        begun = [flight for flight in self._flights.values() if flight.worker == worker]
        n_free = self._roster.threads(worker) - sum(flight.announced for flight in begun)
        for flight in [flight for flight in begun if not flight.announced][: max(0, n_free)]:
            self._report_start(flight)

    def _report_start(self, flight: Flight) -> None:
        flight.announced = True
        self._outbox(Report(flight.task.study_id, flight.task.started(flight.worker)))

    def lose_worker(self, address: str, cause: str, had: Collection[str], n_threads: int) -> None:
        """See to the tasks of a worker that is gone.

        Parameters
        ----------
        address : str
        cause : str
            Why it died; empty where it left in good order, or was ended on purpose.
        had : collection of str
            Keys of the tasks that it ran, or that waited there.
        n_threads : int
            How many it ran at the same time.
        """
        if cause:
            self._outbox(Report("", WorkerLost(worker=address, reason=cause)))
        there = [flight for key, flight in self._flights.items() if key in had or flight.worker == address]
        for flight in self._begun(there, address, n_threads if cause else 0):
            self._lose(flight, address, cause)
        for flight in there:
            flight.is_struck = True
            if flight.is_given_up:
                self._resend(flight)

    def _begun(self, there: list[Flight], address: str, n_threads: int) -> list[Flight]:
        """Which tasks a worker had begun. If its last words were not heard, it was at those that came first."""
        begun = [flight for flight in there if flight.worker == address]
        silent = [flight for flight in there if flight.worker != address]
        return begun + silent[: max(0, n_threads - len(begun))]

    def cancel(self) -> set[str]:
        """Drop all tasks, and give the workers that were running some."""
        busy = {flight.worker for flight in self._flights.values() if flight.worker}
        for flight in list(self._flights.values()):
            self._drop(flight)
        return busy

    def _lose(self, flight: Flight, address: str, cause: str) -> None:
        """A task has lost its worker. Dask will run it once more, or give it up with `KilledWorker`."""
        if cause and not flight.announced:
            # The word that it had begun died with the worker.
            flight.worker = address
            self._report_start(flight)
        flight.worker, flight.announced = "", False
        flight.n_losses += bool(cause)
        again = flight.n_losses < _MOST_LOSSES
        words = f"Its worker is gone: {cause}." if cause else "Its worker left the cluster."
        if not again:
            words += f" It was the second try. {self._roster.advice(address)}"
            self._drop(flight)
        self._outbox(Report(flight.task.study_id, flight.task.failed(words, retry=again)))

    def _drop(self, flight: Flight) -> None:
        del self._flights[flight.parcel.key]
        assert flight.follower is not None
        flight.follower.cancel()
        self._aside(self._client.cancel([flight.future]))

    async def _follow(self, flight: Flight) -> None:
        """Wait for what becomes of a task; whatever was raised comes back as a value."""
        key = flight.parcel.key
        await asyncio.gather(flight.future.exception(), return_exceptions=True)
        # Most results are heard before their task ends, and need not be fetched.
        answer = await self._answer(flight.future) if key in self._flights else None
        flight.future.release()
        if isinstance(answer, Lacking):
            answer = await self._ship(flight, answer)
        if isinstance(answer, KilledWorker):
            self._give_up(flight)
            return
        if answer is None or getattr(answer, "reason", "") == "scheduler-connection-lost":
            return
        if key in self._flights:
            self._land(flight, answer)

    def _land(self, flight: Flight, answer: object) -> None:
        """Report the end of a task, and what its worker does now."""
        del self._flights[flight.parcel.key]
        if flight.worker and not flight.announced:
            self._report_start(flight)
        self._outbox(self._end(flight.task, answer))
        self._announce(flight.worker)

    async def _answer(self, future: Any) -> object:
        """Fetch a result, or whatever was raised. A connection that breaks meanwhile says nothing of the task yet."""
        for _ in range(_MOST_FETCHES):
            answer: object = (await asyncio.gather(future, return_exceptions=True))[0]
            if not isinstance(answer, OSError):
                break
            await asyncio.sleep(_FETCH_SECONDS)
        return answer

    async def _ship(self, flight: Flight, wanted: Lacking) -> Failure | None:
        """Bring samples to a worker that cannot see them, and have it try again."""
        try:
            await self._shipper.ship(flight.parcel.folder, wanted)
        except OSError as error:
            if wanted.worker in self._roster.addresses:
                return Failure(one_line(f"Its sample cannot be sent to {wanted.worker}: {error}."))
        del self._flights[flight.parcel.key]
        self.send([flight], to=wanted.worker, first=True)
        return None

    def _give_up(self, flight: Flight) -> None:
        """Dask gave a task up that was on, or waited for, a worker that died. Which it was, that worker's end tells."""
        flight.is_given_up = True
        if flight.is_struck:
            self._resend(flight)

    def _resend(self, flight: Flight) -> None:
        if self._flights.pop(flight.parcel.key, None):
            self.send([flight], first=bool(flight.n_losses))

    def _end(self, task: Task, answer: object) -> Report:
        match answer:
            case Done(result=result):
                return Report(task.study_id, task.finished(result, self._where), result)
            case Failure(reason=reason):
                words = reason
            case CancelledError():
                words = "Its task was cancelled on the cluster, by somebody else."
            case _:
                words = one_line(f"{type(answer).__name__}: {answer} Are the workers' packages those of this process?")
        return Report(task.study_id, task.failed(words))
