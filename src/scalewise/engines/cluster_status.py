"""A cluster at one moment, for people to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ClusterStatus", "WorkerStatus", "worker_statuses"]


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker.

    Parameters
    ----------
    address : str
    n_threads : int
    cpu_percent : float
        100 is one busy core.
    memory_bytes, memory_limit_bytes : int
        What its process takes, and may take (0 where there is no limit).
    n_running : int
        Trials that it runs now.
    received_bytes_per_second, sent_bytes_per_second : float
        Over the network of its host, which it may share with other workers.
    """

    address: str
    n_threads: int
    cpu_percent: float
    memory_bytes: int
    memory_limit_bytes: int
    n_running: int
    received_bytes_per_second: float
    sent_bytes_per_second: float


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """A cluster.

    Parameters
    ----------
    name : str
        The engine's name.
    address : str
        The scheduler's address; empty while it is being started or joined, and after its end.
    workers : tuple of WorkerStatus
    n_running, n_queued : int
        Trials of this engine that run, and that wait for a worker.
    shipped_bytes : int
        Samples sent to workers that cannot see the folder they lie in.
    dashboard : str
        The address of Dask's own dashboard; empty where there is none.
    """

    name: str
    address: str = ""
    workers: tuple[WorkerStatus, ...] = ()
    n_running: int = 0
    n_queued: int = 0
    shipped_bytes: int = 0
    dashboard: str = ""


def worker_statuses(workers: Mapping[str, Mapping[str, Any]], running: Mapping[str, int]) -> tuple[WorkerStatus, ...]:
    """Read what the scheduler tells of its workers.

    Parameters
    ----------
    workers : mapping of str to mapping
        The ``workers`` of the scheduler's identity.
    running : mapping of str to int
        Trials that run on each worker.
    """
    return tuple(_worker_status(address, worker, running.get(address, 0)) for address, worker in workers.items())


def _worker_status(address: str, worker: Mapping[str, Any], n_running: int) -> WorkerStatus:
    metrics = worker["metrics"]
    network = metrics.get("host_net_io", {})
    return WorkerStatus(
        address=address,
        n_threads=int(worker["nthreads"]),
        cpu_percent=float(metrics.get("cpu", 0.0)),
        memory_bytes=int(metrics.get("memory", 0)),
        memory_limit_bytes=int(worker["memory_limit"] or 0),
        n_running=n_running,
        received_bytes_per_second=float(network.get("read_bps", 0.0)),
        sent_bytes_per_second=float(network.get("write_bps", 0.0)),
    )
