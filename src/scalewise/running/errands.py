"""What the runner does beside trials, bit by bit between messages: laying out rows, starting streams, and calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from scalewise.core import events as ev
from scalewise.core.model_names import spelled
from scalewise.core.spec import Trial
from scalewise.core.streams import StreamEvent
from scalewise.core.study import StudyState
from scalewise.engines.base import CallFailed, CallFinished, CallStarted, CallTask, Task
from scalewise.engines.outcome import Failure, attempt
from scalewise.errors import InputError, ScalewiseError, StudyError
from scalewise.models.fitted import FittedModel
from scalewise.running.whole_table import WholeTable, stream_key

__all__ = ["CallEvent", "Errand", "Errands"]

CallEvent = CallStarted | CallFinished | CallFailed

_DONE = object()


class TellTrial(Protocol):
    """Folds and journals an event."""

    def __call__(self, event: ev.Event, *, trial_key: str = "") -> None:
        """Tell it, with the key that the journal knows it by."""


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Errand:
    """Something that is made bit by bit, and what follows.

    Parameters
    ----------
    steps : iterator
    then : callable
        Called without arguments after the last step.
    refused : callable
        Called with the error where one was raised on the way.
    dropped : callable
        Called without arguments where it is not wanted any more.
    """

    steps: Iterator[None]
    then: Callable[[], None]
    refused: Callable[[ScalewiseError], None]
    dropped: Callable[[], None] = _nothing


class Errands:
    """Errands, one at a time, and calls on workers that somebody waits for. Belongs to the runner's thread.

    Parameters
    ----------
    submit : callable
        Gives a task to the engine.
    tell : callable
        Folds and journals an event.
    """

    def __init__(self, submit: Callable[[Task], None], tell: TellTrial) -> None:
        self._submit, self._tell = submit, tell
        self._waiting: deque[Errand] = deque()
        self._current: Errand | None = None
        self._calls: dict[str, Future[Any]] = {}
        self._refits: set[Future[bytes]] = set()
        self._n_calls = 0

    @property
    def is_busy(self) -> bool:
        """Whether an errand is being run, or waits to be."""
        return self._current is not None or bool(self._waiting)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for a call, or for a model whose sample is still being laid out."""
        return bool(self._calls or self._refits)

    def add(self, errand: Errand) -> None:
        """Queue an errand."""
        self._waiting.append(errand)

    def step(self) -> None:
        """Do a bit of the next errand, so that messages never wait for long."""
        if self._current is None:
            if not self._waiting:
                return
            self._current = self._waiting.popleft()
        errand = self._current
        try:
            if next(errand.steps, _DONE) is _DONE:
                self._current = None
                errand.then()
        except ScalewiseError as error:
            self._current = None
            errand.refused(error)

    def forget(self) -> None:
        """Let go of everything; those who wait for something are told that the study was stopped."""
        dropped = [*([self._current] if self._current else []), *self._waiting]
        self._current = None
        self._waiting.clear()
        for errand in dropped:
            errand.dropped()
        calls = list(self._calls.values())
        self._calls.clear()
        for asked in calls:
            _drop(asked)

    def stream(self, whole: WholeTable, model: str, passes: int) -> None:
        """Begin a stream as soon as the table is laid out; one that runs already goes on.

        Raises
        ------
        InputError
            If the model cannot learn this table block by block, or so often.
        """
        model = spelled(model)
        if model in whole.streaming:
            return
        key = stream_key(whole.study.id, model)
        self._tell(whole.queued(model, passes), trial_key=key)

        def refuse(error: ScalewiseError) -> None:
            whole.streaming.discard(model)
            self._tell(ev.StreamFailed(model=model, reason=str(error)), trial_key=key)

        self.add(Errand(whole.lay_out(), lambda: self._submit(whole.task(model, passes)), refuse))

    def hear_stream(self, whole: WholeTable, event: StreamEvent, result: Any) -> None:
        """Take up what the engine tells of a stream."""
        if event.model not in whole.streaming or isinstance(event, ev.StreamQueued):
            return
        if isinstance(event, ev.StreamFinished):
            whole.keep(event.model, result.model, event.point.n_rows)
        elif isinstance(event, ev.StreamFailed) and not event.retry:
            whole.streaming.discard(event.model)
        self._tell(event, trial_key=stream_key(whole.study.id, event.model))

    def model(self, whole: WholeTable | None, state: StudyState, name: str, asked: Future[FittedModel]) -> None:
        """Give a fitted model to somebody, fitted again where none is kept."""
        if not asked.set_running_or_notify_cancel():
            return
        try:
            if whole is None:
                raise InputError("No study has been started, so there is no model to take out. Start one first.")
            if whole.has(spelled(name)):
                _answer(asked, partial(whole.kept, spelled(name)))
            else:
                self._refit(whole, *whole.refit(name, state), asked)
        except ScalewiseError as error:
            asked.set_exception(error)

    def _refit(self, whole: WholeTable, trial: Trial, fit: Callable[[], bytes], asked: Future[FittedModel]) -> None:
        answer: Future[bytes] = Future()
        self._refits.add(answer)
        answer.add_done_callback(self._refits.discard)
        answer.add_done_callback(partial(_hand_on, whole, trial, asked))
        steps = whole.store.fill({trial.repeat: trial.n_rows})
        self.add(Errand(steps, partial(self.call, fit, answer), answer.set_exception, partial(_drop, answer)))

    def call(self, work: Callable[[], Any], asked: Future[Any]) -> None:
        """Run work on a worker for somebody."""
        if not asked.set_running_or_notify_cancel():
            return
        self._n_calls += 1
        key = f"call-{self._n_calls}"
        self._calls[key] = asked
        try:
            self._submit(CallTask(key, "", work))
        except ScalewiseError as error:
            del self._calls[key]
            asked.set_exception(error)

    def hear_call(self, event: CallEvent, result: Any) -> None:
        """Take up what the engine tells of a call."""
        ends = isinstance(event, CallFinished) or (isinstance(event, CallFailed) and not event.retry)
        asked = self._calls.pop(event.key, None) if ends else None
        if asked is None:
            return
        if isinstance(event, CallFailed):
            asked.set_exception(StudyError(event.reason))
        else:
            asked.set_result(result)


def _drop(asked: Future[Any]) -> None:
    asked.set_exception(StudyError("The study was stopped, and what was asked for with it."))


def _hand_on(whole: WholeTable, trial: Trial, asked: Future[FittedModel], answer: Future[bytes]) -> None:
    """Hand on what was fitted again, as a model that takes tables."""
    error = answer.exception()
    if error is None:
        _answer(asked, lambda: whole.fitted(trial.model, answer.result(), trial.n_rows))
    else:
        asked.set_exception(error)


def _answer(asked: Future[FittedModel], read: Callable[[], FittedModel]) -> None:
    """Give somebody a model, which other versions of packages may have pickled: reading it may fail in any way."""
    model = attempt(read)
    if isinstance(model, Failure):
        asked.set_exception(StudyError(f"The model was fitted, but cannot be read here: {model.reason}"))
    else:
        asked.set_result(model)
