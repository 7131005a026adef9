"""Loaded by the worker processes of a cluster started here, so that they end with the process that started it.

Dask watches for that end in a thread, which a fit that holds the interpreter's lock keeps from running.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

__all__ = ["dask_setup"]

_PR_SET_PDEATHSIG = 1


def dask_setup(worker: object) -> None:  # noqa: ARG001 - as Dask calls it
    """Have the kernel kill this process when its parent ends, where the kernel can."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
