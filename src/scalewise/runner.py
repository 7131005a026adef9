"""The runner: one thread that owns a study's state. It asks for trials, submits them, folds, journals and publishes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from scalewise.core import events as ev
from scalewise.core.sizes import planned_trials
from scalewise.core.spec import StudySpec, Trial
from scalewise.core.streams import StreamEvent, stopped
from scalewise.core.study import StudyState, ask, fold
from scalewise.data.prepare import Prepared
from scalewise.data.sources import Source
from scalewise.data.store import SampleStore
from scalewise.engines.base import Engine, Report, Task, TrialTask
from scalewise.errands import CallEvent, Errand, Errands
from scalewise.errors import EngineError, InputError, JournalError, ScalewiseError
from scalewise.journal import Journal
from scalewise.models.catalog import versions
from scalewise.models.fitted import FittedModel
from scalewise.models.fitting import run_trial
from scalewise.moving import Engines
from scalewise.options import StudyOptions
from scalewise.whole_table import WholeTable, incremental_models, stream_key

__all__ = ["StudyRunner"]

_FIRST_ROWS = 20_000
"""Samples of this many rows are made first, so that the first points need not wait for the rest."""

_AHEAD = 2
"""Tasks queued for each worker beyond the one it runs."""

_JOURNALED = (
    ev.StudyStarted,
    ev.PlanChanged,
    ev.TrialFinished,
    ev.TrialFailed,
    ev.StreamQueued,
    ev.StreamScored,
    ev.StreamFinished,
    ev.StudyStopped,
    ev.StudyFinished,
)

Message = Report | Callable[[], None]


@dataclass
class _Work:
    """What belongs to the study that is running now and goes when another one starts."""

    study: StudySpec
    prepared: Prepared
    store: SampleStore
    whole: WholeTable
    submitted: set[Trial]


class StudyRunner:
    """Runs studies one after another on an engine.

    Every public method may be called from any thread and returns at once; what it asks for happens on the runner's own
    thread, and shows in `state`.

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
        self._engines, self._journal = Engines(engine), journal
        self._on_publish = on_publish
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._state = StudyState()
        self._source: Source | None = None
        self._prepared: Prepared | None = None
        self._work: _Work | None = None
        self._errands = Errands(self._give, self._tell)
        self._lost = ""
        self.last_error: ScalewiseError | None = None
        self._open = True
        self._settled = threading.Condition()
        self._asked = 0
        self._answered = 0
        self._thread = threading.Thread(target=self._run, name="scalewise-runner", daemon=True)
        self._thread.start()

    @property
    def state(self) -> StudyState:
        """The latest state."""
        return self._state

    def open(self, name: str, opener: Callable[[], Source]) -> None:
        """Take up a table; what was studied before is stopped and forgotten.

        Parameters
        ----------
        name : str
            What to call the table while it is being opened.
        opener : callable
            Opens it; a `ScalewiseError` that it raises is shown as the reason for refusing.
        """
        self._send(partial(self._open_source, name, opener))

    def prepare(self, options: StudyOptions) -> None:
        """Look at the open table with a target in mind; what was studied before is stopped and forgotten.

        What cannot be used is shown as the reason for refusing.
        """
        self._send(partial(self._prepare, options))

    def start(self, options: StudyOptions) -> None:
        """Start a study on the prepared table, or go on with it where it is the same one.

        An option that cannot be used is shown as a message, and nothing starts.
        """
        self._send(partial(self._start, options))

    def change(self, options: StudyOptions) -> None:
        """Change how much of the present study is measured; finished trials stay."""
        self._send(partial(self._change, options))

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
        self._send(partial(self._stream, model, passes))

    def model(self, name: str) -> Future[FittedModel]:
        """Take out a fitted model: what its last finished stream left, or else its largest trial, fitted again.

        Returns
        -------
        Future of FittedModel
            It raises a `ScalewiseError` where there is nothing to take out, or the study is stopped meanwhile.
        """
        asked: Future[FittedModel] = Future()
        self._send(partial(self._model, name, asked))
        return asked

    def call(self, work: Callable[[], Any]) -> Future[Any]:
        """Run a picklable function without arguments on a worker; stopping the study drops it.

        Returns
        -------
        Future
            Of what it returns, which should be small. It raises a `StudyError` where it failed or was dropped.
        """
        asked: Future[Any] = Future()
        self._send(partial(self._errands.call, work, asked))
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
        self._send(partial(self._move, make))

    def accept(self) -> None:
        """Go on with the other engine although its scores differ."""
        self._send(partial(self._tell, ev.EngineChecked()))

    def come_home(self) -> None:
        """Close the other engine and go on with the one that the study began on."""
        self._send(self._come_home)

    def scale(self, n_workers: int) -> None:
        """Have another number of workers, where the engine can do that."""
        self._send(partial(self._scale, n_workers))

    @property
    def engine(self) -> Engine:
        """Where trials are submitted now."""
        return self._engines.now

    def stop(self) -> None:
        """End running trials, streams and calls; finished trials and what was scored stay."""
        self._send(self._stop)

    def clear(self) -> None:
        """Stop, and show the prepared table without results. The journal keeps them."""
        self._send(self._clear)

    def note(self, level: ev.Level, text: str) -> None:
        """Say something to the person by way of the state."""
        self._send(partial(self._tell, ev.Noted(level=level, text=text)))

    def close(self) -> None:
        """Stop everything and wait until no worker, thread or file is left. Closing twice is fine."""
        if self._thread.is_alive():
            self._send(self._shut)
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
        busy = self._state.phase in ("opening", "preparing", "running") or self._state.open_streams()
        return self._answered >= self._asked and not busy and not self._errands.is_awaited

    # Everything below runs on the runner's thread.

    def _send(self, command: Callable[[], None]) -> None:
        with self._settled:
            self._asked += 1
        self._inbox.put(command)

    def _run(self) -> None:
        try:
            self._engines.start(self._inbox.put)
        except ScalewiseError as error:
            self._tell(ev.StudyFailed(reason=str(error)))
        while self._open:
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - the thread's boundary: whatever went wrong is shown, and it lives on
                self._fail(f"{type(error).__name__}: {error}")
            self._publish()
        self._publish()

    def _turn(self) -> None:
        """Take one message (or make a bit of sample where none waits), then keep the engine busy."""
        try:
            self._take(self._inbox.get(block=not self._errands.is_busy))
        except Empty:
            self._errands.step()
        self._dispatch()

    def _take(self, message: Message) -> None:
        if isinstance(message, Report):
            self._hear(message)
            return
        self.last_error = None
        try:
            message()
        except ScalewiseError as error:
            self.last_error = error
            self._tell(ev.Noted(level="error", text=str(error)))
        finally:
            with self._settled:
                self._answered += 1

    def _publish(self) -> None:
        with self._settled:
            self._settled.notify_all()
        if self._on_publish is not None:
            self._on_publish()

    def _tell(self, event: ev.Event, *, trial_key: str = "") -> None:
        """Stamp, fold and journal an event."""
        event = replace(event, at=time.time())
        self._state = fold(self._state, event)
        worth = self._work is None or self._work.whole.worth_journaling(event)
        if isinstance(event, _JOURNALED) and self._state.study is not None and worth:
            self._write(event, trial_key)

    def _write(self, event: ev.Event, trial_key: str) -> None:
        assert self._state.study is not None
        try:
            self._journal.append(self._state.study.id, event, trial_key=trial_key)
        except JournalError as error:
            text = f"{error} The study goes on, but what follows will not be there after a restart."
            self._journal.close()
            self._journal = Journal(None)
            self._state = fold(self._state, ev.Noted(level="error", text=text, at=time.time()))

    def _hear(self, report: Report) -> None:
        """Fold what the engine tells; work of an older study is dropped."""
        event, work = report.event, self._work
        if report.study_id and (work is None or report.study_id != work.study.id):
            return
        if self._engines.is_check(event):
            judged = self._engines.judge(event, self._state)
            if judged is not None:
                self._tell(judged)
            return
        if isinstance(event, ev.TrialFinished | ev.TrialFailed | ev.TrialStarted) and work is not None:
            if event.trial not in work.submitted:
                return
            ends = isinstance(event, ev.TrialFinished) or (isinstance(event, ev.TrialFailed) and not event.retry)
            if ends:
                work.submitted.discard(event.trial)
            self._tell(event, trial_key=event.trial.key(work.study.id))
        elif isinstance(event, StreamEvent) and work is not None:
            self._errands.hear_stream(work.whole, event, report.result)
        elif isinstance(event, CallEvent):
            self._errands.hear_call(event, report.result)
        else:
            self._tell(event)
        if isinstance(event, ev.EngineLost):
            self._lose_engine(event.reason)

    def _open_source(self, name: str, opener: Callable[[], Source]) -> None:
        self._drop_work()
        self._source = self._prepared = None
        self._tell(ev.TableOpening(name=name))
        self._publish()
        try:
            self._source = opener()
            columns = tuple(self._source.schema().names)
        except ScalewiseError as error:
            self.last_error = error
            self._tell(ev.TableRefused(reason=str(error)))
            return
        self._tell(ev.TableOpened(name=self._source.name, columns=columns))

    def _prepare(self, options: StudyOptions) -> None:
        if self._source is None:
            return
        self._drop_work()
        self._prepared = None
        self._tell(ev.TablePreparing())
        self._publish()
        try:
            prepared = self._prepared = options.prepare(self._source)
        except ScalewiseError as error:
            self.last_error = error
            self._tell(ev.TableRefused(reason=str(error)))
            return
        self._tell(ev.TablePrepared(data=prepared.data, left_out=prepared.left_out, remarks=prepared.notes))

    def _start(self, options: StudyOptions) -> None:
        if self._prepared is None:
            return
        if self._lost and self._engines.away is None:
            raise EngineError(self._lost)
        plan = options.plan(self._prepared.data)
        study = StudySpec(self._prepared.data, options.metric_spec(self._prepared.data), versions())
        if self._work is None or self._work.study.id != study.id:
            self._drop_work()
            store = SampleStore(self._prepared)
            self._work = _Work(study, self._prepared, store, WholeTable(study, self._prepared, store), set())
        self._tell(ev.StudyStarted(study=study, plan=plan))
        self._check_again()
        self._resume()

    def _change(self, options: StudyOptions) -> None:
        if self._work is None:
            return
        plan = options.plan(self._work.study.data)
        if plan != self._state.plan:
            self._tell(ev.PlanChanged(plan=plan))
            self._resume()

    def _resume(self) -> None:
        """Take what the journal has of the plan's trials instead of fitting them again."""
        assert self._work is not None
        study_id = self._work.study.id
        missing = {trial.key(study_id): trial for trial in self._state.open_trials()}
        found = list(self._journal.finished(missing))
        for key, event in found:
            state_event = replace(event, trial=missing[key], resumed=True)
            self._state = fold(self._state, state_event)
        if found:
            self._tell(ev.Noted(level="info", text=f"{len(found)} trials came back from the journal."))
        self._resume_streams(study_id)

    def _resume_streams(self, study_id: str) -> None:
        """Show again what earlier streams measured; one that had not ended has stopped."""
        assert self._work is not None
        for spec in incremental_models(self._work.study.data.task):
            if spec.name in self._state.streams:
                continue
            for event in self._journal.stream(stream_key(study_id, spec.name)):
                self._state = fold(self._state, event)
            if spec.name in self._state.streams:
                self._state = replace(self._state, streams=stopped(self._state.streams))

    def _stream(self, model: str, passes: int) -> None:
        if self._work is None:
            raise InputError("No study has been started whose table could be streamed. Start one first.")
        self._errands.stream(self._work.whole, model, passes)

    def _model(self, name: str, asked: Future[FittedModel]) -> None:
        self._errands.model(self._work.whole if self._work else None, self._state, name, asked)

    def _move(self, make: Callable[[], Engine]) -> None:
        moved = self._engines.move(make, self._state, self._inbox.put)
        self._forget()
        self._tell(moved)
        self._check_again()

    def _check_again(self) -> None:
        """Run the trial again by which the other engine is checked, where that has not ended yet."""
        check, work = self._engines.check, self._work
        if check is None or work is None:
            return
        if self._state.check == check:
            self._engines.now.submit(self._task(work, check))
        else:
            self._engines.check = None

    def _come_home(self) -> None:
        moved = self._engines.come_home()
        self._forget()
        self._tell(moved)

    def _lose_engine(self, reason: str) -> None:
        """Go on here where the other engine is gone; stop where this one is."""
        if self._engines.away is None:
            self._lost = reason
            self._stop()
            return
        self._come_home()
        self._tell(ev.Noted(level="warning", text="The study goes on here, with all points that it has."))

    def _scale(self, n_workers: int) -> None:
        scale = getattr(self._engines.now, "scale", None)
        if scale is None:
            raise InputError(f"The number of workers of the engine {self._engines.now.name!r} cannot be changed.")
        scale(n_workers)

    def _stop(self) -> None:
        self._engines.now.cancel()
        self._forget()
        if self._state.phase == "running" or self._state.open_streams():
            self._tell(ev.StudyStopped())

    def _forget(self) -> None:
        """Let go of whatever was on its way."""
        if self._work is not None:
            self._work.submitted.clear()
            self._work.whole.streaming.clear()
        self._errands.forget()

    def _clear(self) -> None:
        self._drop_work()
        if self._prepared is not None:
            data, left_out, notes = self._prepared.data, self._prepared.left_out, self._prepared.notes
            self._tell(ev.TablePrepared(data=data, left_out=left_out, remarks=notes))

    def _drop_work(self) -> None:
        self._stop()
        if self._work is not None:
            self._work.store.close()
            self._work = None

    def _shut(self) -> None:
        self._drop_work()
        self._engines.close()
        self._journal.close()
        self._open = False

    def _fail(self, reason: str) -> None:
        self._engines.now.cancel()
        self._forget()
        self._tell(ev.StudyFailed(reason=reason))

    def _dispatch(self) -> None:
        """Give the engine work, see to it that samples are there, and notice the end."""
        work = self._work
        if work is None or self._state.phase != "running" or self._state.check or self._state.difference:
            return
        if not self._errands.is_busy:
            self._begin_filling(work)
        room = self._engines.now.slots * (1 + _AHEAD) - len(work.submitted)
        for trial in ask(self._state, room, taken=work.submitted):
            self._submit(work, trial)
            if not self._inbox.empty():
                break
        if not work.submitted and not self._state.open_trials():
            self._tell(ev.StudyFinished())

    def _submit(self, work: _Work, trial: Trial) -> None:
        work.submitted.add(trial)
        self._engines.now.submit(self._task(work, trial))

    @staticmethod
    def _task(work: _Work, trial: Trial) -> TrialTask:
        call = partial(run_trial, work.store.ref, trial, work.study.metric.name, work.study.data.seed)
        return TrialTask(trial.key(work.study.id), work.study.id, trial, call)

    def _begin_filling(self, work: _Work) -> None:
        largest = max((t.n_rows for t in self._state.open_trials()), default=0)
        if largest <= self._state.ready_rows:
            return
        first = max(_FIRST_ROWS, work.study.data.rows_at(0.01))
        rows = min(largest, first) if self._state.ready_rows < min(largest, first) else largest
        steps = work.store.fill(_wanted_rows(self._state, rows))
        then = partial(self._tell, ev.SampleReady(n_rows=rows))
        self._errands.add(Errand(steps, then, lambda error: self._fail(str(error))))

    def _give(self, task: Task) -> None:
        self._engines.now.submit(task)


def _wanted_rows(state: StudyState, most: int) -> Mapping[int, int]:
    """Training rows that each repeat needs, for sizes of at most `most` rows."""
    assert state.study is not None
    assert state.plan is not None
    wanted: dict[int, int] = {}
    for trial in planned_trials(state.study.data, state.plan):
        if trial.n_rows <= most:
            wanted[trial.repeat] = max(wanted.get(trial.repeat, 0), trial.n_rows)
    return wanted
