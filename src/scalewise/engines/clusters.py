"""Where a cluster is: a new one of this machine, one at an address, one that a class makes, or that of a client.

Each place opens an asynchronous client, and puts what is to be undone later on a stack: a cluster that is started here
is closed with everything that belongs to it, one that is joined is only left.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from distributed import LocalCluster
from distributed.security import Security

from scalewise.data.scratch import make_scratch
from scalewise.engines.addresses import check_scheduler
from scalewise.engines.opening import OpenCluster, connect_to, scale, start_cluster
from scalewise.engines.resources import available_bytes, default_workers
from scalewise.errors import InputError, MissingDependencyError

__all__ = ["AddressPlace", "ClassPlace", "ClientPlace", "LocalPlace", "Place", "Tls"]

_COMMON: Mapping[str, Any] = {
    "dashboard_address": "127.0.0.1:0",
    "silence_logs": logging.CRITICAL,
}
_SCHEDULER = {"allowed_failures": 0, "idle_timeout": "2 hours"}
"""A worker that dies fails the tasks it had, so that the engine and not Dask decides what is tried again."""

_MEMORY_RULES = {f"distributed.worker.memory.{step}": False for step in ("target", "spill", "pause")}
"""Trials leave no data on workers that could be spilled to disk; pausing those that are full would only stop them."""

_PROCESSES_FROM_BYTES = 2_000_000_000
_MEMORY_SHARE = 0.8
_LEAST_WORKER_BYTES = 400_000_000
_IDLE_SECONDS, _CLASS_IDLE_SECONDS = 3600.0, 1800.0
"""How long a cluster started here may have nothing to do: less where it may cost money. Dask's own limit, which cannot
say why, comes after that."""

_START_SECONDS = 60.0
_CLASS_START_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Tls:
    """Where the files lie that prove who one is to a cluster that asks for it.

    Parameters
    ----------
    ca_file, cert, key : str or Path
        The authority that signed the scheduler's certificate, this client's certificate, and its key, as PEM files.
    """

    ca_file: str | Path
    cert: str | Path
    key: str | Path

    def security(self) -> Security:
        """Read as Dask wants it.

        Raises
        ------
        InputError
            If a file is not there.
        """
        for path in (self.ca_file, self.cert, self.key):
            if not Path(path).is_file():
                raise InputError(f"There is no file {str(path)!r}; TLS needs ca_file, cert and key as PEM files.")
        return Security(
            tls_ca_file=str(self.ca_file),
            tls_client_cert=str(self.cert),
            tls_client_key=str(self.key),
            require_encryption=True,
        )


class Place(Protocol):
    """Where a cluster is, or will be."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def n_coming(self) -> int:
        """Threads that will be there once it is open; 0 where that is not ours to say."""

    async def open(self, undo: AsyncExitStack) -> OpenCluster:
        """Start or join it.

        Raises
        ------
        EngineError
            If that is not possible.
        """


@dataclass(frozen=True)
class LocalPlace:
    """A new cluster on this machine, which only this machine can reach.

    Parameters
    ----------
    n_workers : int or None
        Worker processes, one trial each, or threads; None for what the machine has room for.
    threads : bool or None
        Threads of this process instead of worker processes; None for what memory allows.
    idle_seconds : float
        It is closed when it has had nothing to do for so long.
    """

    name: str = "dask"
    n_workers: int | None = None
    threads: bool | None = None
    idle_seconds: float = _IDLE_SECONDS
    n_coming: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_coming", default_workers() if self.n_workers is None else self.n_workers)

    async def open(self, undo: AsyncExitStack) -> OpenCluster:
        """Start it.

        Raises
        ------
        EngineError
            If it does not start.
        """
        folder = make_scratch()
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        threads = available_bytes() < _PROCESSES_FROM_BYTES if self.threads is None else self.threads
        shape = self._threads() if threads else self._processes()
        place = {"local_directory": str(folder)}
        options = {**_COMMON, **shape, **place, "scheduler_kwargs": {**_SCHEDULER, **place}}
        return await start_cluster(LocalCluster, options, _START_SECONDS, undo, idle_seconds=self.idle_seconds)

    def _threads(self) -> dict[str, Any]:
        return {"processes": False, "n_workers": self.n_coming, "threads_per_worker": 1, "memory_limit": 0}

    def _processes(self) -> dict[str, Any]:
        share = int(_MEMORY_SHARE * available_bytes() / self.n_coming)
        return {
            "host": "127.0.0.1",
            "processes": True,
            "n_workers": self.n_coming,
            "threads_per_worker": 1,
            "memory_limit": max(_LEAST_WORKER_BYTES, share),
            "config": _MEMORY_RULES,
            "preload": ["scalewise.engines.lifeline"],
        }


@dataclass(frozen=True)
class ClassPlace:
    """A new cluster of a class that Dask's ecosystem offers.

    Parameters
    ----------
    path : str
        Where to import the class from, such as ``"dask_jobqueue.SLURMCluster"``.
    options : mapping
        Its keyword arguments.
    n_workers : int or None
        How many to scale it to once it is there; None where `options` say it.
    idle_seconds : float
        It is closed when it has had nothing to do for so long.
    """

    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    n_workers: int | None = None
    idle_seconds: float = _CLASS_IDLE_SECONDS

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.path.rpartition(".")[2]

    @property
    def n_coming(self) -> int:
        """As many as asked for."""
        return self.n_workers or 0

    def check(self) -> None:
        """Import the class.

        Raises
        ------
        MissingDependencyError
            If its package is not installed.
        InputError
            If it is no class for clusters.
        """
        self._class()

    def _class(self) -> Callable[..., Any]:
        module, _, name = self.path.rpartition(".")
        package = self.path.partition(".")[0]
        if not module or importlib.util.find_spec(package) is None:
            hint = package.replace("_", "-")
            raise MissingDependencyError(
                f"{self.path!r} cannot be imported: there is no package {package!r}. Install it (pip install {hint})."
            )
        try:
            kind = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise InputError(f"{self.path!r} cannot be imported: {error}. Check how the class is called.") from error
        if not callable(kind):
            raise InputError(f"{self.path!r} is no class; name one such as 'dask_jobqueue.SLURMCluster'.")
        made: Callable[..., Any] = kind
        return made

    async def open(self, undo: AsyncExitStack) -> OpenCluster:
        """Start it.

        Raises
        ------
        EngineError
            If it does not start.
        """
        kind, patience = self._class(), _CLASS_START_SECONDS
        opened = await start_cluster(kind, self.options, patience, undo, idle_seconds=self.idle_seconds)
        if self.n_workers is not None:
            await scale(opened.cluster, self.n_workers)
        return opened


@dataclass(frozen=True)
class AddressPlace:
    """A cluster that runs already.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``"tcp://host:8786"``.
    security : Security or None
        How to prove who one is; None for what Dask's configuration says.
    """

    address: str
    security: Security | None = None
    n_coming: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        """The address."""
        return self.address

    async def open(self, undo: AsyncExitStack) -> OpenCluster:
        """Join it.

        Raises
        ------
        EngineError
            If no scheduler answers there, or it does not let us in.
        """
        security = self.security or Security()
        await check_scheduler(self.address, security)
        return OpenCluster(await connect_to(self.address, security, undo))


@dataclass(frozen=True)
class ClientPlace:
    """The cluster of a client that somebody has, and goes on using as before."""

    client: Any
    n_coming: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        """The address of the scheduler."""
        return str(self.client.scheduler.address)

    async def open(self, undo: AsyncExitStack) -> OpenCluster:
        """Join it with a client of our own.

        Raises
        ------
        EngineError
            If the client is closed, or its cluster gone.
        """
        return await AddressPlace(self.name, self.client.security).open(undo)
