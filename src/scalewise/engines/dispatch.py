"""The local engine's one thread: it alone owns the workers and the queue, and other threads send it commands."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import wait
from queue import SimpleQueue

from scalewise.core.events import Event, WorkerLost
from scalewise.engines.base import Outbox, Report, StreamTask, Task
from scalewise.engines.outcome import Done, Failure, Told
from scalewise.engines.process import Job, WorkerProcess
from scalewise.engines.staff import Staff
from scalewise.errors import EngineError

__all__ = ["Dispatcher"]

_MOST_ATTEMPTS = 2
_ANSWER_SECONDS = 2.0
_END_SECONDS = 5.0


class Dispatcher:
    """Keeps workers alive and busy. The public methods are for other threads, the rest runs in its own.

    Parameters
    ----------
    staff : Staff
        Its workers.
    outbox : callable
        Takes the reports.
    where : str
        The engine's name, which stands at each finished trial.
    """

    def __init__(self, staff: Staff, outbox: Outbox, where: str) -> None:
        self._staff = staff
        self._outbox = outbox
        self._where = where
        self._pending: deque[Job] = deque()
        self._commands: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._bell, self._button = Pipe(duplex=False)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="scalewise-local-engine", daemon=True)

    def start(self) -> None:
        """Begin starting workers."""
        self._thread.start()

    @property
    def slots(self) -> int:
        """Workers that run or are on their way."""
        return self._staff.wanted if self._thread.is_alive() and not self._stopping else 0

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises
        ------
        EngineError
            If the thread has ended.
        """
        self._tell(partial(self._pending.append, job))

    def cancel(self) -> None:
        """Drop what is queued, end what is running, and return when that is done."""
        done = threading.Event()
        with contextlib.suppress(EngineError):
            self._tell(partial(self._cancel, done))
            done.wait(_ANSWER_SECONDS)

    def stop(self) -> None:
        """End the workers and the thread. Does nothing in a process forked from the one that started it."""
        with contextlib.suppress(EngineError):
            self._tell(self._stop)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_END_SECONDS)

    def _tell(self, command: Callable[[], None]) -> None:
        """Have the thread run a command."""
        if not self._thread.is_alive():
            raise EngineError("The local engine is not running any more; open another one with open_engine('local').")
        self._commands.put(command)
        try:
            self._button.send_bytes(b"")
        except OSError as error:
            raise EngineError("The local engine has just been closed; open another one.") from error

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._fill()
                self._dispatch()
                self._listen()
        finally:
            self._staff.end(self._staff.workers)
            self._bell.close()
            self._button.close()

    def _fill(self) -> None:
        note = self._staff.fill(at_rest=not self._pending and not self._staff.busy)
        if note is not None:
            self._report(None, note)

    def _dispatch(self) -> None:
        """Give queued jobs to free workers; fail them if no worker can come."""
        for worker in self._staff.free:
            if self._pending:
                self._begin(worker, self._pending.popleft())
        while self._pending and not self._staff.wanted:
            task = self._pending.popleft().task
            self._report(task, task.failed(self._staff.nobody))

    def _begin(self, worker: WorkerProcess, job: Job) -> None:
        self._report(job.task, job.task.started(worker.name))
        try:
            worker.begin(job)
        except OSError:
            self._lose(worker)

    def _listen(self) -> None:
        """Wait until something happens, and deal with all that did."""
        lines: dict[object, WorkerProcess] = {worker.line: worker for worker in self._staff.workers}
        for source in wait([self._bell, *(worker.line for worker in self._staff.workers)]):
            if source is self._bell:
                self._bell.recv_bytes()
                self._commands.get()()
            elif (worker := lines[source]) in self._staff.workers:
                self._hear(worker)

    def _hear(self, worker: WorkerProcess) -> None:
        try:
            message = worker.hear()
        except (EOFError, OSError):
            self._lose(worker)
            return
        if worker.job is None:
            self._staff.welcome(worker)
        elif isinstance(message, Told):
            self._pass_on(worker.job.task, message)
        else:
            task, worker.job = worker.job.task, None
            self._finish(task, message)

    def _pass_on(self, task: Task, message: Told) -> None:
        if isinstance(task, StreamTask):
            self._report(task, task.told(message.content, self._where))

    def _finish(self, task: Task, message: object) -> None:
        if isinstance(message, Done):
            self._report(task, task.finished(message.result, self._where), message.result)
        elif isinstance(message, Failure):
            self._report(task, task.failed(message.reason))

    def _lose(self, worker: WorkerProcess) -> None:
        """Clear up after a worker that died by itself, and see to the task that it had."""
        cause = self._staff.bury(worker)
        if worker.ready:
            self._report(worker.job.task if worker.job else None, WorkerLost(worker=worker.name, reason=cause))
        if worker.job:
            self._retry(worker.job, cause)

    def _retry(self, job: Job, cause: str) -> None:
        """Queue a job again, ahead of all others, unless it has taken its last worker with it."""
        again = job.task.attempt < _MOST_ATTEMPTS
        words = f"Its worker process died: {cause}."
        if again:
            self._pending.appendleft(Job(replace(job.task, attempt=job.task.attempt + 1), job.payload))
        else:
            words += " It was the second try. Fewer workers, fewer rows or a simpler model take less memory."
        self._report(job.task, job.task.failed(words, retry=again))

    def _cancel(self, done: threading.Event) -> None:
        self._pending.clear()
        self._staff.end(self._staff.busy)
        self._staff.retry()
        done.set()

    def _stop(self) -> None:
        self._stopping = True

    def _report(self, task: Task | None, event: Event, result: object = None) -> None:
        self._outbox(Report(task.study_id if task else "", event, result))
