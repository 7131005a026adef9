"""One worker process, seen from the parent: how it is started, spoken to, ended, and what it died of."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing import Pipe
from typing import Any

from scalewise.engines.base import Task
from scalewise.engines.outcome import one_line
from scalewise.engines.resources import available_bytes

__all__ = ["Job", "WorkerProcess"]

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_LAST_WORDS_BYTES = 4000
_EXIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """A task, and what a worker is to run of it, pickled."""

    task: Task
    payload: bytes


class WorkerProcess:
    """A worker process and the line to it.

    A plain child process, not one of `multiprocessing`: that would import the user's ``__main__`` again.

    Parameters
    ----------
    number : int
        Counts the workers that an engine has started.
    warm_up : str
        The function that it calls first, as ``module:function``.

    Raises
    ------
    OSError
        If the system cannot start it.
    """

    def __init__(self, number: int, warm_up: str) -> None:
        self.ready = False
        self.job: Job | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in bury
        self.line, theirs = Pipe()
        try:
            self._process = self._start(theirs.fileno(), warm_up)
        except OSError:
            self.line.close()
            self._stderr.close()
            raise
        finally:
            theirs.close()
        self.name = f"worker {number} (process {self._process.pid})"

    def _start(self, handle: int, warm_up: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "scalewise.engines.worker", str(handle), str(os.getpid()), warm_up],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            env=_environment(),
            **_inheriting(handle),
        )

    def begin(self, job: Job) -> None:
        """Give it a job.

        Raises
        ------
        OSError
            If it is gone.
        """
        self.job = job
        self.line.send_bytes(job.payload)

    def hear(self) -> object:
        """Receive its next message.

        Raises
        ------
        EOFError, OSError
            If it is gone, perhaps in the middle of the message.
        """
        return pickle.loads(self.line.recv_bytes())

    def kill(self) -> None:
        """End it at once, with whatever it has started itself, without waiting for it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    def bury(self) -> str:
        """Wait for the end of a worker that is dying by itself, clear up after it and say what it died of."""
        self._wait()
        self.kill()
        status = self._wait()
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, self._stderr.tell() - _LAST_WORDS_BYTES))
        last_words = self._stderr.read().decode(errors="replace")
        self.close()
        return _cause(status, last_words)

    def close(self) -> None:
        """Wait for the end of a killed worker and clear up after it."""
        self._wait()
        self.line.close()
        self._stderr.close()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _wait(self) -> int | None:
        """Wait for its end, but not for ever: a process that waits for a disk or network cannot be killed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_EXIT_SECONDS)
        return None


def _environment() -> dict[str, str]:
    """Give workers the parent's import path, and one thread for each numeric library."""
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100 - also for "" and zip files
    return {**os.environ, "PYTHONPATH": path, **dict.fromkeys(_ONE_THREAD, "1")}


def _inheriting(handle: int) -> dict[str, Any]:
    """Arguments that hand the line over, and keep Ctrl-C in the terminal from reaching the worker."""
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        return {"startupinfo": startup, "creationflags": flags}
    return {"pass_fds": [handle], "process_group": 0}


def _cause(status: int | None, last_words: str) -> str:
    """Say in one line what a process died of."""
    if status is None:
        return "it cannot be reached, nor ended"
    if status < 0:
        return _signal_cause(-status)
    lines = last_words.strip().splitlines()
    return one_line(f"it exited with status {status}" + (f": {lines[-1]}" if lines else ""))


def _signal_cause(number: int) -> str:
    known = {member.value: member.name for member in signal.Signals}
    cause = f"it was ended by signal {known.get(number, number)}"
    if known.get(number) != "SIGKILL":
        return cause
    return f"{cause}, as the system does when memory runs out ({available_bytes() / 1e9:.1f} GB are free now)"
