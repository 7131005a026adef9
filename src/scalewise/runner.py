"""The runner: one thread that owns a study's state. It asks for trials, submits them, folds, journals and publishes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue

from scalewise.core import events as ev
from scalewise.core.sizes import planned_trials
from scalewise.core.spec import StudySpec, Trial
from scalewise.core.study import StudyState, ask, fold
from scalewise.data.prepare import Prepared
from scalewise.data.sources import Source
from scalewise.data.store import SampleStore
from scalewise.engines.base import Engine, Report, TrialTask
from scalewise.errors import JournalError, ScalewiseError
from scalewise.journal import Journal
from scalewise.models.catalog import versions
from scalewise.models.fitting import run_trial
from scalewise.options import StudyOptions

__all__ = ["StudyRunner"]

_FIRST_ROWS = 20_000
"""Samples of this many rows are made first, so that the first points need not wait for the rest."""

_AHEAD = 2
"""Tasks queued for each worker beyond the one it runs."""

_JOURNALED = (ev.StudyStarted, ev.PlanChanged, ev.TrialFinished, ev.TrialFailed, ev.StudyStopped, ev.StudyFinished)

Message = Report | Callable[[], None]


@dataclass
class _Work:
    """What belongs to the study that is running now and goes when another one starts."""

    study: StudySpec
    prepared: Prepared
    store: SampleStore
    submitted: set[Trial]
    filling: Iterator[None] | None = None
    filling_rows: int = 0


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
        self._engine, self._journal = engine, journal
        self._on_publish = on_publish
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._state = StudyState()
        self._source: Source | None = None
        self._prepared: Prepared | None = None
        self._work: _Work | None = None
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

    def stop(self) -> None:
        """End running trials; finished ones stay."""
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
        return self._answered >= self._asked and self._state.phase not in ("opening", "preparing", "running")

    # Everything below runs on the runner's thread.

    def _send(self, command: Callable[[], None]) -> None:
        with self._settled:
            self._asked += 1
        self._inbox.put(command)

    def _run(self) -> None:
        try:
            self._engine.start(self._inbox.put)
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
        filling = self._work is not None and self._work.filling is not None
        try:
            self._take(self._inbox.get(block=not filling))
        except Empty:
            self._fill()
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
        if isinstance(event, _JOURNALED) and self._state.study is not None:
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
        if isinstance(event, ev.TrialFinished | ev.TrialFailed | ev.TrialStarted) and work is not None:
            if event.trial not in work.submitted:
                return
            ends = isinstance(event, ev.TrialFinished) or (isinstance(event, ev.TrialFailed) and not event.retry)
            if ends:
                work.submitted.discard(event.trial)
            self._tell(event, trial_key=event.trial.key(work.study.id))
        else:
            self._tell(event)

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
        plan = options.plan(self._prepared.data)
        study = StudySpec(self._prepared.data, options.metric_spec(self._prepared.data), versions())
        if self._work is None or self._work.study.id != study.id:
            self._drop_work()
            self._work = _Work(study, self._prepared, SampleStore(self._prepared), set())
        self._tell(ev.StudyStarted(study=study, plan=plan))
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

    def _stop(self) -> None:
        self._engine.cancel()
        if self._work is not None:
            self._work.submitted.clear()
            self._work.filling = None
        if self._state.phase == "running":
            self._tell(ev.StudyStopped())

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
        self._engine.close()
        self._journal.close()
        self._open = False

    def _fail(self, reason: str) -> None:
        self._engine.cancel()
        if self._work is not None:
            self._work.submitted.clear()
            self._work.filling = None
        self._tell(ev.StudyFailed(reason=reason))

    def _dispatch(self) -> None:
        """Give the engine work, see to it that samples are there, and notice the end."""
        work = self._work
        if work is None or self._state.phase != "running":
            return
        if work.filling is None:
            self._begin_filling(work)
        room = self._engine.slots * (1 + _AHEAD) - len(work.submitted)
        for trial in ask(self._state, room, taken=work.submitted):
            self._submit(work, trial)
            if not self._inbox.empty():
                break
        if not work.submitted and not self._state.open_trials():
            self._tell(ev.StudyFinished())

    def _submit(self, work: _Work, trial: Trial) -> None:
        call = partial(run_trial, work.store.ref, trial, work.study.metric.name, work.study.data.seed)
        work.submitted.add(trial)
        self._engine.submit(TrialTask(trial.key(work.study.id), work.study.id, trial, call))

    def _begin_filling(self, work: _Work) -> None:
        largest = max((t.n_rows for t in self._state.open_trials()), default=0)
        if largest <= self._state.ready_rows:
            return
        first = max(_FIRST_ROWS, work.study.data.rows_at(0.01))
        rows = min(largest, first) if self._state.ready_rows < min(largest, first) else largest
        work.filling_rows = rows
        work.filling = work.store.fill(_wanted_rows(self._state, rows))

    def _fill(self) -> None:
        """Make a bit more of the samples, so that messages never wait for long."""
        work = self._work
        if work is None or work.filling is None:
            return
        try:
            next(work.filling)
        except StopIteration:
            work.filling = None
            self._tell(ev.SampleReady(n_rows=work.filling_rows))
        except ScalewiseError as error:
            work.filling = None
            self._fail(str(error))


def _wanted_rows(state: StudyState, most: int) -> Mapping[int, int]:
    """Training rows that each repeat needs, for sizes of at most `most` rows."""
    assert state.study is not None
    assert state.plan is not None
    wanted: dict[int, int] = {}
    for trial in planned_trials(state.study.data, state.plan):
        if trial.n_rows <= most:
            wanted[trial.repeat] = max(wanted.get(trial.repeat, 0), trial.n_rows)
    return wanted
