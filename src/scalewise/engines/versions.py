"""Whether the workers of a cluster have the same Python and packages as this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

__all__ = ["COMPARED_PACKAGES", "version_differences"]

COMPARED_PACKAGES = ("scalewise", "scikit-learn", "numpy", "scipy", "distributed", "cloudpickle")
"""Packages that decide scores, or whether work can travel at all."""


def version_differences(here: Mapping[str, Any], workers: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Say what differs, one line for Python and for each package.

    Parameters
    ----------
    here : mapping
        What `distributed.versions.get_versions` tells of this process: ``host`` and ``packages``.
    workers : mapping of str to mapping
        The same of each worker, by its address.
    """
    lines = (_difference(name, here, workers) for name in ("python", *COMPARED_PACKAGES))
    return tuple(line for line in lines if line)


def _difference(name: str, here: Mapping[str, Any], workers: Mapping[str, Mapping[str, Any]]) -> str:
    ours = _version(name, here)
    others = Counter(theirs for theirs in (_version(name, worker) for worker in workers.values()) if theirs != ours)
    if not others:
        return ""
    told = ", ".join(f"{theirs} on {count} of {len(workers)} workers" for theirs, count in sorted(others.items()))
    return f"{name}: {ours} here, {told}"


def _version(name: str, machine: Mapping[str, Any]) -> str:
    if name == "python":
        return ".".join(str(machine["host"]["python"]).split(".")[:2])
    return str(machine["packages"].get(name) or "not installed")
