"""What holds for every test: helpers can be imported, and nothing is left running."""

from __future__ import annotations

import os
import sys
import threading
import time
from multiprocessing import resource_tracker
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

# Tests run side by side: threads that one of them starts for numbers would wait for the cores that the others have.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_GRACE_SECONDS = 15.0


def _running():
    """Threads of scalewise and child processes, each as a word that tells it from others."""
    threads = {f"thread {thread.name} ({thread.ident})" for thread in threading.enumerate()}
    processes = {f"process {child.pid}" for child in psutil.Process(os.getpid()).children()}
    return {thread for thread in threads if thread.startswith("thread scalewise-")} | processes


@pytest.fixture(autouse=True, scope="session")
def helper_of_the_standard_library():
    """Start what spawning processes would start, and what then lives as long as this process."""
    resource_tracker.ensure_running()


@pytest.fixture(autouse=True)
def nothing_is_left_running():
    """Fail a test that leaves a thread of scalewise or a child process behind."""
    before = _running()
    yield
    deadline = time.monotonic() + _GRACE_SECONDS
    while (left := _running() - before) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left, f"left running: {', '.join(sorted(left))}"
