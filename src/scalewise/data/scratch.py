"""Folders for samples and for what workers write: made for one process, and swept up later where that was killed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
from pathlib import Path

import psutil

__all__ = ["make_scratch", "sweep"]


def make_scratch(parent: Path | None = None) -> Path:
    """Make a new folder that says whose it is, after removing those of processes that are gone.

    Parameters
    ----------
    parent : Path or None
        The system's place for temporary files for None.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    place = Path(tempfile.gettempdir()) if parent is None else parent
    sweep(place)
    return Path(tempfile.mkdtemp(prefix=f"{_owner_prefix()}{os.getpid()}-", dir=place))


def sweep(parent: Path) -> None:
    """Remove folders of this machine's processes that ended without closing their samples, such as by ``kill -9``."""
    for folder in parent.glob(f"{_owner_prefix()}*"):
        owner = re.fullmatch(r"(\d+)-.*", folder.name.removeprefix(_owner_prefix()))
        if owner and not psutil.pid_exists(int(owner[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _owner_prefix() -> str:
    # Containers may share a folder but not their processes; their host names differ.
    host = re.sub(r"[^A-Za-z0-9]", "", socket.gethostname())[:32]
    return f"scalewise-{host}-"
