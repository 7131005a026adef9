"""Starting, connecting to, and closing clusters and clients of other people's classes, in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import math
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import psutil
from distributed import Client, Nanny, Scheduler

from scalewise.engines.outcome import one_line
from scalewise.errors import EngineError

__all__ = ["OpenCluster", "busy_workers", "connect_to", "kill_workers", "quiet", "scale", "start_cluster"]

_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class OpenCluster:
    """A cluster that one is connected to.

    Parameters
    ----------
    client : distributed.Client
        An asynchronous one of ours.
    cluster : object or None
        What was started here; None where the cluster was joined.
    idle_seconds : float
        What was started here is closed when it has had nothing to do for so long.
    """

    client: Any
    cluster: Any = None
    idle_seconds: float = math.inf


def busy_workers(cluster: Any) -> set[str]:
    """Addresses of workers that have tasks, as far as the scheduler of a cluster started here is in this process."""
    scheduler = getattr(cluster, "scheduler", None)
    if not isinstance(scheduler, Scheduler):
        return set()
    return {address for address, worker in scheduler.workers.items() if worker.processing}


def kill_workers(cluster: Any, addresses: Collection[str] | None = None) -> set[str]:
    """Kill worker processes of a cluster started here, and give the addresses of those that could be.

    Parameters
    ----------
    cluster : object
    addresses : collection of str or None
        Those to kill, whose nannies will start others in their places; None kills all, for good.
    """
    nannies = [worker for worker in getattr(cluster, "workers", {}).values() if isinstance(worker, Nanny)]
    killed = {nanny for nanny in nannies if addresses is None or nanny.worker_address in addresses}
    for nanny in killed:
        if addresses is None:
            nanny.close_gracefully()
        if nanny.pid is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(nanny.pid).kill()
    return {nanny.worker_address for nanny in killed}


async def scale(cluster: Any, n_workers: int) -> None:
    """Ask a cluster started here for another number of workers; some classes only do so when they are awaited."""
    answer = cluster.scale(n_workers)
    if inspect.isawaitable(answer):
        await answer


async def start_cluster(
    kind: Callable[..., Any], options: Mapping[str, Any], seconds: float, undo: AsyncExitStack, *, idle_seconds: float
) -> OpenCluster:
    """Make a cluster and connect to it.

    Parameters
    ----------
    kind : callable
        The class.
    options : mapping
        Its keyword arguments.
    seconds : float
        How long it may take.
    undo : AsyncExitStack
        Takes what is to be closed again.
    idle_seconds : float
        How long it may have nothing to do.

    Raises
    ------
    EngineError
        If it does not start.
    """
    made: list[Any] = []

    async def start() -> None:
        made.append(kind(**options, asynchronous=True))
        undo.push_async_callback(_close, made[0])
        await made[0]

    await _settled(start(), seconds, f"The cluster ({kind.__name__}) did not start")
    client = await connect_to(made[0], made[0].security, undo)
    return OpenCluster(client, made[0], idle_seconds)


async def connect_to(where: Any, security: Any, undo: AsyncExitStack) -> Any:
    """Open an asynchronous client, which nobody takes for their own.

    Parameters
    ----------
    where : str or object
        An address, or a cluster.
    security : Security
    undo : AsyncExitStack
        Takes what is to be closed again.

    Raises
    ------
    EngineError
        If the scheduler does not let it in.
    """
    client = Client(where, asynchronous=True, set_as_default=False, security=security, timeout=_CONNECT_SECONDS)
    undo.push_async_callback(_close, client)

    async def connect() -> None:
        await client

    await _settled(connect(), 2 * _CONNECT_SECONDS, "The scheduler does not let this client in")
    return client


async def _settled(work: Coroutine[Any, Any, None], seconds: float, failure: str) -> None:
    """Do work of other people's classes, which may fail in any way or never end.

    When this is cancelled it is given some time to end all the same: what has been started half is hard to close.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_CLOSE_SECONDS)
        raise
    finally:
        ended = task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if not ended:
        raise EngineError(f"{failure} within {seconds:.0f} seconds.")
    if error := task.exception():
        root = _root(error)
        raise EngineError(one_line(f"{failure}: {type(root).__name__}: {root}")) from error


def _root(error: BaseException) -> BaseException:
    """Find what went wrong first; Dask wraps it in general words."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


async def _close(thing: Any) -> None:
    """Close a client or a cluster, which may fail or hang where the other end is gone."""
    task = asyncio.ensure_future(thing.close())
    await asyncio.wait({task}, timeout=_CLOSE_SECONDS)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Dask from logging, with tracebacks, that connections break while everything is being closed."""
    handlers = [*logging.getLogger("distributed").handlers]
    for handler in handlers:
        handler.addFilter(_never)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(_never)


def _never(record: logging.LogRecord) -> bool:  # noqa: ARG001 - as logging calls it
    return False
