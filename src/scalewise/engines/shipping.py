"""Samples on their way to workers that cannot see the folder they lie in: each piece once for each worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Any

from scalewise.core.spec import Trial
from scalewise.data.blocks import TableRef
from scalewise.data.store import DataRef, sample_files
from scalewise.engines.base import Task
from scalewise.engines.remote import Lacking, forget, lacking, receive

__all__ = ["Shipper", "samples_of"]

_CHUNK_BYTES = 8_000_000


def samples_of(task: Task) -> tuple[str, tuple[str, ...]]:
    """Tell the folder that a task reads its samples from, and the files; nothing where it reads none."""
    arguments: tuple[object, ...] = task.call.args if isinstance(task.call, partial) else ()
    ref = next((item for item in arguments if isinstance(item, DataRef)), None)
    if ref is None:
        return "", ()
    return ref.folder, tuple(dict.fromkeys(file for item in arguments for file in _files_for(ref, item)))


def _files_for(ref: DataRef, item: object) -> tuple[str, ...]:
    from scalewise.models.streaming import StreamOrder  # here, since it is heavy for workers that import this

    match item:
        case Trial(n_rows=n_rows, repeat=repeat):
            return sample_files(ref, repeat, n_rows)
        case StreamOrder(n_first=n_first):
            return sample_files(ref, 0, n_first)
        case TableRef(beside=beside):
            return beside
    return ()


class Shipper:
    """Sends files to workers, by way of the scheduler: a worker need not be able to reach this process.

    Parameters
    ----------
    client : distributed.Client
        An asynchronous one.
    token : str
        The name of this engine's folder on each worker.

    Attributes
    ----------
    n_bytes : int
        Bytes sent so far.
    """

    def __init__(self, client: Any, token: str) -> None:
        self._client = client
        self._token = token
        self._locks: dict[str, asyncio.Lock] = {}
        self.n_bytes = 0

    async def ship(self, folder: str, wanted: Lacking) -> None:
        """Send what a worker lacks; tasks that ask for the same piece meanwhile wait for it.

        Raises
        ------
        OSError
            If a file cannot be read here or written there, or the worker is gone.
        """
        async with self._locks.setdefault(wanted.worker, asyncio.Lock()):
            for file in await self._on(wanted.worker, lacking, self._token, folder, wanted.files):
                await self._send(wanted.worker, Path(folder) / file)

    async def forget(self) -> None:
        """Remove from all workers whatever was sent."""
        if self._locks:
            await self._client.run(forget, self._token, on_error="ignore")

    async def _send(self, worker: str, path: Path) -> None:
        left = path.stat().st_size
        first = True
        with path.open("rb") as file:
            while left or first:
                chunk = await asyncio.to_thread(file.read, _CHUNK_BYTES)
                left = left - len(chunk) if chunk else 0
                await self._on(worker, receive, self._token, str(path), chunk, first=first, last=not left)
                self.n_bytes += len(chunk)
                first = False

    async def _on(self, worker: str, work: Any, *arguments: Any, **named: Any) -> Any:
        answers: Awaitable[dict[str, Any]] = self._client.run(work, *arguments, workers=[worker], **named)
        return (await answers)[worker]
