"""How many processors and how much memory workers may use here, container limits included."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil

from scalewise.core.machine import Machine

__all__ = ["available_bytes", "available_cpus", "default_workers", "this_machine", "total_bytes", "workers_in_memory"]

_CGROUP = Path("/sys/fs/cgroup")
_WORKER_BYTES = 300_000_000
_MOST_WORKERS = 8


def available_cpus() -> float:
    """Processors that this process may use, which can be a fraction in a container."""
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(float(cpus), _cgroup_cpus())


def available_bytes() -> int:
    """Memory that can still be taken without swapping."""
    free: int = psutil.virtual_memory().available
    return min(free, _cgroup_bytes())


def total_bytes() -> int:
    """All the memory there is, in this container if it is one."""
    whole: int = psutil.virtual_memory().total
    limit = _cgroup_text("memory.max")
    return min(whole, int(limit)) if limit.isdigit() else whole


def this_machine(workers: int) -> Machine:
    """What a study has to work with here, now."""
    return Machine(total_bytes(), available_bytes(), max(1, workers))


def default_workers() -> int:
    """As many workers as there are processors, from 1 to 8, and no more than memory has room for."""
    return int(max(1, min(available_cpus(), workers_in_memory(), _MOST_WORKERS)))


def workers_in_memory() -> int:
    """How many workers there is room for."""
    return available_bytes() // _WORKER_BYTES


def _cgroup_cpus() -> float:
    """Read the container's share of processors: ``cpu.max`` holds a quota and a period in microseconds."""
    quota, _, period = _cgroup_text("cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else float("inf")


def _cgroup_bytes() -> int:
    """Read what is left of the container's memory; file pages that it can drop at any time count as free."""
    limit, used = _cgroup_text("memory.max"), _cgroup_text("memory.current")
    if not (limit.isdigit() and used.isdigit()):
        return sys.maxsize
    pages = dict(line.split() for line in _cgroup_text("memory.stat").splitlines())
    return max(0, int(limit) - int(used) + int(pages.get("inactive_file", 0)))


def _cgroup_text(name: str) -> str:
    try:
        return (_CGROUP / name).read_text().strip()
    except OSError:
        return ""
