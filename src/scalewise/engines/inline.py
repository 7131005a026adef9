"""The engine that works in this process: for tests and for tiny machines."""

from __future__ import annotations

import threading
from functools import partial

from scalewise.core.events import Event
from scalewise.engines.base import Outbox, Report, StreamTask, Task, Tell
from scalewise.engines.outcome import Failure, attempt
from scalewise.errors import EngineError, InputError

__all__ = ["InlineEngine"]

_END_SECONDS = 20.0


class InlineEngine:
    """Runs a trial inside `submit`, so there is never one queued or running when another method is called.

    Streams take long, so each runs in a thread of its own; a cancelled one ends when it next tells of its progress.

    Parameters
    ----------
    workers : int or None
        1 or None; it has no other number.

    Raises
    ------
    InputError
        If more workers are asked for.
    """

    name = "inline"

    def __init__(self, workers: int | None = None) -> None:
        if workers not in (None, 1):
            raise InputError(f"The inline engine runs one trial at a time, not {workers}. Choose 'local' for more.")
        self._outbox: Outbox | None = None
        self._streams: list[_Stream] = []

    @property
    def slots(self) -> int:
        """1 between start and close, else 0."""
        return 0 if self._outbox is None else 1

    def start(self, outbox: Outbox) -> None:
        """Take the outbox."""
        if self._outbox is not None:
            raise EngineError("This engine has been started already; open another one with open_engine('inline').")
        self._outbox = outbox

    def submit(self, task: Task) -> None:
        """Run a task to its end, or begin it if it is a stream.

        Raises
        ------
        EngineError
            If the engine is not started, or closed.
        """
        if self._outbox is None:
            raise EngineError("The inline engine is not running; call start() before submit().")
        if isinstance(task, StreamTask):
            self._streams = [stream for stream in self._streams if stream.is_alive()]
            self._streams.append(_Stream(task, self._outbox, self.name))
            self._streams[-1].start()
        else:
            _run(task, self._outbox, self.name, lambda _: None)

    def cancel(self) -> None:
        """End the streams; no other task outlives its `submit`."""
        for stream in self._streams:
            stream.cancel()

    def close(self) -> None:
        """Let go of the outbox, and wait for the end of the streams."""
        self.cancel()
        for stream in self._streams:
            stream.join(_END_SECONDS)
        self._outbox = None


class _Cancelled(Exception):  # noqa: N818 - no error: it takes a stream out of its loop
    """The stream is not wanted any more."""


class _Stream(threading.Thread):
    """A stream that runs beside the runner, and whose reports go nowhere once it is cancelled."""

    def __init__(self, task: StreamTask, outbox: Outbox, where: str) -> None:
        super().__init__(name="scalewise-inline-engine", daemon=True)
        self._task, self._outbox, self._where = task, outbox, where
        self._lock = threading.Lock()
        self._is_wanted = True

    def cancel(self) -> None:
        """Let no report follow, and let it end soon."""
        with self._lock:
            self._is_wanted = False

    def run(self) -> None:
        """Do the work; called by the thread."""
        _run(self._task, self._put, self._where, self._tell)

    def _put(self, report: Report) -> None:
        with self._lock:
            if self._is_wanted:
                self._outbox(report)

    def _tell(self, content: object) -> None:
        if not self._is_wanted:
            raise _Cancelled
        self._put(Report(self._task.study_id, self._task.told(content, self._where)))


def _run(task: Task, outbox: Outbox, where: str, tell: Tell) -> None:
    def report(event: Event, result: object = None) -> None:
        outbox(Report(task.study_id, event, result))

    report(task.started(where))
    result = attempt(partial(task.run, tell))
    if isinstance(result, Failure):
        report(task.failed(result.reason))
    else:
        report(task.finished(result, where), result)
