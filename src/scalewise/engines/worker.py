"""The worker process of the local engine: ``python -m scalewise.engines.worker LINE PARENT WARM_UP``.

It warms up, says that it is ready, then runs one pickled call after the other, each with a way to tell of its
progress. It ends with its parent, however that ends: its standard input is a pipe that only the parent holds open, and
on Linux the kernel kills it too.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing import connection
from pkgutil import resolve_name
from typing import Any

from scalewise.engines.outcome import Done, Failure, Told, attempt

__all__ = ["READY", "main"]

READY = "ready"
"""The first message of a worker; then, for each call, any number of `Told` and one `Done` or `Failure`."""

_PARENT_CHECK_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Serve calls until the parent lets go.

    Parameters
    ----------
    arguments : list of str
        The inherited end of the line, the parent's process number, and the function that warms up, as
        ``module:function``.
    """
    line_handle, parent, warm_up = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with(int(parent))
    line = _open_line(int(line_handle))
    resolve_name(warm_up)()
    line.send(READY)
    while True:
        try:
            payload = line.recv_bytes()
        except (EOFError, OSError):
            return
        line.send_bytes(_answer(payload, partial(_tell, line)))


def _tell(line: Any, content: object) -> None:
    line.send_bytes(pickle.dumps(Told(content)))


def _answer(payload: bytes, tell: Callable[[object], None]) -> bytes:
    """Run a pickled call; pickle its result, or the failure of any step on the way there."""
    answer = attempt(partial(_run, payload, tell))
    return pickle.dumps(answer) if isinstance(answer, Failure) else answer


def _run(payload: bytes, tell: Callable[[object], None]) -> bytes:
    return pickle.dumps(Done(pickle.loads(payload)(tell)))


def _end_with(parent: int) -> None:
    """Make sure that this process ends when the parent does, even while a fit holds the interpreter's lock."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    lifeline = _take_standard_input()
    threading.Thread(target=_watch, args=(lifeline, parent), name="scalewise-lifeline", daemon=True).start()


def _take_standard_input() -> int:
    """Move standard input out of the reach of other code, which would read from it, or close it."""
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return lifeline


def _watch(lifeline: int, parent: int) -> None:
    """Wait for the parent's end.

    The parent's number is looked at as well, since a process that the parent forked may hold the pipe open.
    """
    if sys.platform == "win32":
        os.read(lifeline, 1)
    else:
        while os.getppid() == parent and not select.select([lifeline], [], [], _PARENT_CHECK_SECONDS)[0]:
            pass
    os._exit(1)


if sys.platform == "win32":

    def _open_line(handle: int) -> connection.PipeConnection:
        os.set_handle_inheritable(handle, False)
        return connection.PipeConnection(handle)
else:

    def _open_line(handle: int) -> connection.Connection:
        os.set_inheritable(handle, False)
        return connection.Connection(handle)


if __name__ == "__main__":
    main(sys.argv[1:])
