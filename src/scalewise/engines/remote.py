"""What runs on the workers of a cluster: the work of tasks, and the reception of samples they cannot read otherwise."""

from __future__ import annotations

import asyncio
import pickle
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from distributed import get_worker

from scalewise.data.store import DataRef
from scalewise.engines.base import Task, TrialTask
from scalewise.engines.outcome import Done, Failure, attempt
from scalewise.errors import EngineError

__all__ = ["Answer", "Lacking", "Parcel", "forget", "lacking", "receive", "run", "warm_up_here"]

_WARMING = threading.Lock()

_MOST_SAID = 10_000
"""Bytes of an answer that goes ahead as an event: fetching it would cost more than a short trial does."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A task as it travels to a worker.

    Parameters
    ----------
    key : str
        Its key on the cluster.
    payload : bytes
        The pickled task.
    token : str
        The engine that sent it: events are logged under this topic, and shipped samples lie in a folder of this name.
    warm_up : str
        The function, as ``module:function``, that each worker process calls before its first trial.
    folder : str
        Where the client sees the samples; empty where the task reads none.
    files : tuple of str
        What the task reads from there.
    """

    key: str
    payload: bytes
    token: str
    warm_up: str
    folder: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lacking:
    """The answer of a worker that cannot read what a task needs."""

    worker: str
    files: tuple[str, ...]


Answer = Done | Failure | Lacking


def run(packed: bytes) -> Answer:
    """Run a task on the worker that this is called on; never raises for what the task does.

    Parameters
    ----------
    packed : bytes
        A pickled `Parcel`.
    """
    return attempt(partial(_run, packed))


def _run(packed: bytes) -> Answer:
    parcel: Parcel = pickle.loads(packed)
    worker = get_worker()
    shipped = _shipped(worker, parcel.token, parcel.folder)
    folder = next((place for place in (Path(parcel.folder), shipped) if not _absent(place, parcel.files)), None)
    if folder is None:
        return Lacking(worker.address, _absent(shipped, parcel.files))
    _warm_up(parcel.warm_up)
    worker.log_event(parcel.token, {"key": parcel.key, "worker": worker.address})
    task: Task = pickle.loads(parcel.payload)
    if folder == shipped:
        task = _redirected(task, str(shipped))
    answer = attempt(lambda: Done(task.run(partial(_tell, worker, parcel))))
    if isinstance(task, TrialTask):
        _say(worker, parcel, answer)
    return answer


def _say(worker: Any, parcel: Parcel, answer: Done | Failure) -> None:
    """Send a small answer ahead as an event; a failure too, so that a worker's trials end in their order."""
    packed = pickle.dumps(answer)
    if len(packed) <= _MOST_SAID:
        worker.log_event(parcel.token, {"key": parcel.key, "answer": packed})


def _tell(worker: Any, parcel: Parcel, content: object) -> None:
    """Pass on what a task tells; one that was cancelled ends here, since threads cannot be ended otherwise."""
    state = worker.state.tasks.get(parcel.key)
    if state is None or state.state == "cancelled":
        raise EngineError("The task was cancelled.")
    worker.log_event(parcel.token, {"key": parcel.key, "told": pickle.dumps(content)})


def _shipped(worker: Any, token: str, folder: str) -> Path:
    """Where samples lie that were sent to a worker."""
    return Path(worker.local_directory) / token / Path(folder).name


def _absent(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    return tuple(file for file in files if not (folder / file).exists())


def _redirected(task: Task, folder: str) -> Task:
    """Let a task read its samples from another folder."""
    call: Any = task.call
    arguments = (replace(item, folder=folder) if isinstance(item, DataRef) else item for item in call.args)
    redirected: Any = partial(call.func, *arguments, **call.keywords)
    return replace(task, call=redirected)


def _warm_up(name: str) -> None:
    with _WARMING:
        _warm_up_once(name)


@cache
def _warm_up_once(name: str) -> None:
    resolve_name(name)()


# What follows is called by `Client.run`, on the event loop of the worker.


async def warm_up_here(name: str) -> None:
    """Warm up beside the worker's event loop, so that the first trial need not."""
    await asyncio.to_thread(_warm_up, name)


def lacking(token: str, folder: str, files: Sequence[str], dask_worker: Any) -> tuple[str, ...]:
    """Tell which files were not sent to this worker yet."""
    return _absent(_shipped(dask_worker, token, folder), files)


def receive(token: str, path: str, chunk: bytes, dask_worker: Any, *, first: bool, last: bool) -> None:
    """Take a piece of a file of samples; it gets its name when it is whole.

    Samples of other studies that this engine sent before are removed.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    here = _shipped(dask_worker, token, str(Path(path).parent))
    if first:
        for other in here.parent.glob("*"):
            if other != here:
                shutil.rmtree(other, ignore_errors=True)
        here.mkdir(parents=True, exist_ok=True)
    part = here / f"{Path(path).name}.part"
    with part.open("wb" if first else "ab") as file:
        file.write(chunk)
    if last:
        part.rename(here / Path(path).name)


def forget(token: str, dask_worker: Any) -> None:
    """Remove all that an engine sent to this worker."""
    shutil.rmtree(Path(dask_worker.local_directory) / token, ignore_errors=True)
