"""The runner: one thread that owns a study's state, and the commands that other threads send to it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from scalewise.core import events as ev
from scalewise.core.spec import SamplingUnit
from scalewise.core.study import StudyState
from scalewise.data.screening import Screening
from scalewise.data.sources import Source
from scalewise.engines.base import Engine, Report
from scalewise.engines.outcome import reason_of
from scalewise.errors import ScalewiseError, StudyError
from scalewise.journal import Journal
from scalewise.models.fitted import FittedModel
from scalewise.options import StudyOptions
from scalewise.running.conductor import Conductor
from scalewise.running.ledger import Ledger
from scalewise.running.pace import seconds_left

__all__ = ["StudyRunner"]

_LONGEST_WAIT = 1e6
"""Seconds; a longer wait is one without end."""

Message = Report | Callable[[], None]


class StudyRunner:
    """Runs studies one after another on an engine.

    Every public method may be called from any thread and returns at once; what it asks for happens on the runner's own
    thread, and shows in `state`. After `close` each raises a `StudyError`, but for `close` itself.

    Parameters
    ----------
    engine : Engine
        Started at once, so that workers warm up; closed with the runner.
    journal : Journal
        Closed with the runner.
    on_publish : callable or None
        Called without arguments, on the runner's thread, whenever `state` was replaced.

    Attributes
    ----------
    last_error : ScalewiseError or None
        Why the last command was refused; None where it was not.
    """

    def __init__(self, engine: Engine, journal: Journal, *, on_publish: Callable[[], None] | None = None) -> None:
        self._on_publish = on_publish
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._ledger = Ledger(journal)
        self._conductor = Conductor(engine, self._ledger, self._inbox.put, self._publish, self._is_wanted)
        self.last_error: ScalewiseError | None = None
        self._open = True
        self._closed = False
        self._turning = False
        self._settled = threading.Condition()
        self._asked = 0
        self._answered = 0
        self._thread = threading.Thread(target=self._run, name="scalewise-runner", daemon=True)
        self._thread.start()

    @property
    def state(self) -> StudyState:
        """The latest state."""
        return self._ledger.state

    def open(self, name: str, opener: Callable[[], Source]) -> None:
        """Take up a table; what was studied before is stopped and forgotten.

        Parameters
        ----------
        name : str
            What to call the table while it is being opened.
        opener : callable
            Opens it; a `ScalewiseError` that it raises is shown as the reason for refusing.
        """
        self._send(partial(self._conductor.open, name, opener))

    def prepare(self, options: StudyOptions) -> None:
        """Look at the open table with a target in mind; what was studied before is stopped and forgotten.

        What cannot be used is shown as the reason for refusing.
        """
        self._send(partial(self._conductor.prepare, options))

    def sample_by(self, unit: SamplingUnit) -> None:
        """Take up the prepared table with another sampling unit; what was studied before is stopped.

        Where that cannot be, the reason is shown as a message, and nothing else changes.
        """
        self._send(partial(self._conductor.sample_by, unit))

    def start(self, options: StudyOptions) -> None:
        """Start a study on the prepared table, or go on with it where it is the same one.

        An option that cannot be used is shown as a message, and nothing starts.
        """
        self._send(partial(self._conductor.start, options))

    def change(self, options: StudyOptions) -> None:
        """Change how much of the present study is measured; finished trials stay."""
        self._send(partial(self._conductor.change, options))

    def stream(self, model: str, *, passes: int = 1) -> None:
        """Let a model learn the whole table of the present study block by block, scored after each.

        A model that cannot, or a study that has not been started, is shown as a message, and nothing starts. A stream
        that runs already goes on.

        Parameters
        ----------
        model : str
            One of those whose `ModelSpec` is incremental.
        passes : int
            How many times it goes through the table.
        """
        self._send(partial(self._conductor.stream, model, passes))

    def check_unit(self, unit: SamplingUnit) -> None:
        """Run a few trials with another sampling unit, to see whether the answer changes with it.

        The state's `unit_checks` have what comes of it. Where no study has been started, or another check is running,
        that is shown as a message.
        """
        self._send(partial(self._conductor.check_unit, unit))

    def drop_check(self) -> None:
        """End the check of a sampling unit that is running; the study goes on."""
        self._send(self._conductor.drop_check)

    def features(self, model: str | None = None, *, keep: int | None = None, few: bool = True) -> None:
        """Find out how few features would do, and which importance noise has; finished trials stay.

        What cannot be compared is shown as a message, and nothing starts.

        Parameters
        ----------
        model : str or None
            Its name; by default the one that scores best.
        keep : int or None
            The number of features wanted; None leaves it to the scores.
        few : bool
            Whether the best few features are tried, beside the columns of noise.
        """
        self._send(partial(self._conductor.features, model, keep, few=few))

    def tune(self, model: str | None = None) -> None:
        """Find out what other settings of a model bring; finished trials stay.

        What cannot be tuned is shown as a message, and nothing starts.

        Parameters
        ----------
        model : str or None
            Its name; by default the verdict's.
        """
        self._send(partial(self._conductor.tune, model))

    def model(self, name: str) -> Future[FittedModel]:
        """Take out a fitted model: what its last finished stream left, or else its largest trial, fitted again.

        Returns
        -------
        Future of FittedModel
            It raises a `ScalewiseError` where there is nothing to take out, or the study is stopped meanwhile.
        """
        asked: Future[FittedModel] = Future()
        self._send(partial(self._conductor.model, name, asked))
        return asked

    def call(self, work: Callable[[], Any]) -> Future[Any]:
        """Run a picklable function without arguments on a worker; stopping the study drops it.

        Returns
        -------
        Future
            Of what it returns, which should be small. It raises a `StudyError` where it failed or was dropped.
        """
        asked: Future[Any] = Future()
        self._send(partial(self._conductor.call, work, asked))
        return asked

    def move(self, make: Callable[[], Engine]) -> None:
        """Take the rest of the study to another engine; finished trials stay.

        Before anything else one finished trial is run again there. Where its scores differ by more than rounding, the
        state says so and nothing goes on until `accept` or `come_home`.

        Parameters
        ----------
        make : callable
            Makes the engine; an error that it raises is shown as a message, and nothing moves.
        """
        self._send(partial(self._conductor.move, make))

    def accept(self) -> None:
        """Go on with the other engine although its scores differ."""
        self._send(self._conductor.accept)

    def come_home(self) -> None:
        """Close the other engine and go on with the one that the study began on."""
        self._send(self._conductor.come_home)

    def scale(self, n_workers: int) -> None:
        """Have another number of workers, where the engine can do that."""
        self._send(partial(self._conductor.scale, n_workers))

    @property
    def engine(self) -> Engine:
        """Where trials are submitted now."""
        return self._conductor.engine

    @property
    def screening(self) -> Screening | None:
        """What was found out about every column of the prepared table, where it is a very wide one."""
        return self._conductor.screening

    def stop(self) -> None:
        """End running trials, streams and calls; finished trials and what was scored stay."""
        self._send(self._conductor.stop)

    def clear(self) -> None:
        """Stop, and show the prepared table without results. The journal keeps them."""
        self._send(self._conductor.clear)

    def note(self, level: ev.Level, text: str) -> None:
        """Say something to the person by way of the state."""
        self._send(partial(self._conductor.tell, ev.Noted(level=level, text=text)))

    def close(self) -> None:
        """Stop everything and wait until no worker, thread or file is left. Closing twice is fine."""
        with contextlib.suppress(StudyError):
            self._send(self._shut, last=True)
        self._thread.join(timeout=20)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until nothing is being read or run; False where `timeout` seconds went by first."""
        with self._settled:
            return self._settled.wait_for(self.is_settled, timeout)

    def answered(self) -> None:
        """Block until every command sent so far was taken up."""
        with self._settled:
            self._settled.wait_for(lambda: self._answered >= self._asked)

    def is_settled(self) -> bool:
        """Whether everything asked for so far has been done."""
        busy = self.state.phase in ("opening", "preparing", "running") or self.state.open_streams()
        awaited = self._conductor.is_awaited or self.state.open_check() is not None
        return self._answered >= self._asked and not self._turning and not busy and not awaited

    def _send(self, command: Callable[[], None], *, last: bool = False) -> None:
        # Under the lock, so that nothing lies behind the last command, where nobody would answer it.
        with self._settled:
            if self._closed:
                raise StudyError("The study is closed, and nothing more can be asked of it. Make another one.")
            self._closed = last
            self._asked += 1
            self._inbox.put(command)

    # Everything below runs on the runner's thread.

    def _run(self) -> None:
        self._survive(self._conductor.start_engine)
        while self._open:
            self._survive(self._turn)
            self._survive(self._publish)
        self._survive(self._publish)

    def _survive(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the thread's boundary: whatever went wrong is shown, and it lives on
            self._conductor.fail(reason_of(error))

    def _turn(self) -> None:
        """Take one message (or make a bit of sample where none waits), then keep the engine busy."""
        try:
            message = self._next()
        except Empty:
            message = None
        # Nothing is settled in the middle of a turn: what follows from a message may still be to come.
        self._turning = True
        try:
            if message is None:
                self._attempt(self._conductor.step)
            else:
                self._take(message)
            if self._open:
                self._conductor.dispatch()
        finally:
            self._turning = False

    def _next(self) -> Message:
        """The next message; waits for one where there is nothing else to do, but not beyond the budget of time."""
        if self._conductor.is_busy:
            return self._inbox.get_nowait()
        left = seconds_left(self.state)
        return self._inbox.get(timeout=max(left, 0.0) if left < _LONGEST_WAIT else None)

    def _take(self, message: Message) -> None:
        if isinstance(message, Report):
            self._conductor.hear(message)
            return
        self.last_error = None
        try:
            self._attempt(message)
        finally:
            with self._settled:
                self._answered += 1

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ScalewiseError as error:
            self.last_error = error
            self._conductor.complain(error)

    def _is_wanted(self) -> bool:
        return not self._inbox.empty()

    def _publish(self) -> None:
        with self._settled:
            self._settled.notify_all()
        if self._on_publish is not None:
            self._on_publish()

    def _shut(self) -> None:
        self._open = False
        self._conductor.close()
