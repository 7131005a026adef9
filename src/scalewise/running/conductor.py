"""What the runner's thread does: it carries out commands, keeps the trials going, and hears of what has ended."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

from scalewise.core import events as ev
from scalewise.core.plan import Plan
from scalewise.core.spec import SamplingUnit, StudySpec
from scalewise.core.streams import StreamEvent
from scalewise.core.study import StudyState
from scalewise.core.units import cheap_check
from scalewise.data.screening import Screening
from scalewise.data.sources import Source
from scalewise.engines.base import Engine, Outbox, Report, Task
from scalewise.engines.outcome import attempt
from scalewise.engines.resources import this_machine
from scalewise.errors import EngineError, InputError, ScalewiseError
from scalewise.models.catalog import versions
from scalewise.models.fitted import FittedModel
from scalewise.options import StudyOptions
from scalewise.running.errands import CallEvent, Errands
from scalewise.running.ledger import Ledger
from scalewise.running.moving import Engines
from scalewise.running.pace import End
from scalewise.running.plans import plan_of, plan_with_features, plan_with_tuning
from scalewise.running.tables import Tables
from scalewise.running.trials import TrialEvent, Trials
from scalewise.running.unit_checks import UnitChecks
from scalewise.running.work import Work

__all__ = ["Conductor"]


class Conductor:
    """Carries out commands and keeps the engine busy. All of it belongs to the runner's thread.

    Parameters
    ----------
    engine : Engine
        Closed with the conductor.
    ledger : Ledger
        Closed with the conductor.
    outbox : callable
        Takes the engines' reports; they come back by `hear`.
    show : callable
        Shows the state at once, before something that takes long.
    is_wanted : callable
        Whether a command or a report waits.
    """

    def __init__(
        self, engine: Engine, ledger: Ledger, outbox: Outbox, show: Callable[[], None], is_wanted: Callable[[], bool]
    ) -> None:
        self._engines, self._ledger, self._outbox = Engines(engine), ledger, outbox
        self._errands = Errands(self._give, self.tell)
        self._checks = UnitChecks(self._errands, ledger)
        self._tables = Tables(self._errands, self.tell, show)
        self._trials = Trials(self._engines, ledger, self._errands, self.fail, is_wanted)
        self._lost = ""

    @property
    def engine(self) -> Engine:
        """Where trials are submitted now."""
        return self._engines.now

    @property
    def screening(self) -> Screening | None:
        """What was found out about every column of a very wide table."""
        return self._tables.prepared.screening if self._tables.prepared else None

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for a call or a model."""
        return self._errands.is_awaited

    @property
    def is_busy(self) -> bool:
        """Whether there is something to do between two messages."""
        return self._errands.is_busy

    @property
    def _state(self) -> StudyState:
        return self._ledger.state

    @property
    def _work(self) -> Work | None:
        return self._trials.work

    def start_engine(self) -> None:
        """Start the engine; one that cannot start is shown, and again when a study is to begin."""
        self._lost = f"The engine {self.engine.name!r} could not be started. Choose another one."
        try:
            self._engines.start(self._outbox)
        except ScalewiseError as error:
            self._lost = str(error)
            self.tell(ev.StudyFailed(reason=self._lost))
        else:
            self._lost = ""

    def tell(self, event: ev.Event, *, trial_key: str = "") -> None:
        """Fold and journal an event."""
        keep = self._work is None or self._work.whole.worth_journaling(event)
        self._ledger.tell(event, trial_key=trial_key, keep=keep)

    def complain(self, error: ScalewiseError) -> None:
        """Show why a command was refused, unless that was just said."""
        if [note.text for note in self._state.notes[-1:]] != [str(error)]:
            self.tell(ev.Noted(level="error", text=str(error)))

    # Commands.

    def open(self, name: str, opener: Callable[[], Source]) -> None:
        """Take up a table.

        Raises
        ------
        ScalewiseError
            If it cannot be opened; the state has the reason.
        """
        self._drop_work()
        self._tables.open(name, opener)

    def prepare(self, options: StudyOptions) -> None:
        """Look at the open table with a target in mind.

        Raises
        ------
        ScalewiseError
            If it cannot be studied as asked; the state has the reason.
        """
        self._drop_work()
        self._tables.prepare(options)

    def sample_by(self, unit: SamplingUnit) -> None:
        """Take up the prepared table with another sampling unit.

        Raises
        ------
        ScalewiseError
            If it cannot be sampled so; nothing has changed then.
        """
        take = self._tables.other_unit(unit)
        if take is not None:
            self._drop_work()
            take()

    def start(self, options: StudyOptions) -> None:
        """Start a study on the prepared table, or go on with it.

        Raises
        ------
        InputError
            If an option cannot be used.
        EngineError
            If the engine is lost.
        """
        if self._state.phase == "preparing":
            raise InputError("The table is still being looked at. Start the study when that is done.")
        if self._lost and self._engines.away is None:
            raise EngineError(self._lost)
        prepared = self._tables.prepared
        if prepared is None:
            return
        study = StudySpec(prepared.data, options.metric_spec(prepared.data), versions())
        plan = plan_of(options, study, self._state)
        if not self._trials.is_of(study):
            self._drop_work()
            self._trials.take_up(study, prepared)
        machine = this_machine(self._engines.home.slots)
        self.tell(ev.StudyStarted(study=study, plan=plan, machine=machine))
        self._trials.resume()

    def change(self, options: StudyOptions) -> None:
        """Change how much of the study is measured.

        Raises
        ------
        InputError
            If an option cannot be used.
        """
        if self._work is None:
            return
        plan = plan_of(options, self._work.study, self._state)
        if plan != self._state.plan:
            self.tell(ev.PlanChanged(plan=plan))
            self._trials.resume()

    def features(self, model: str | None, keep: int | None, *, few: bool = True) -> None:
        """Find out how few features would do.

        Raises
        ------
        InputError
            If there is no study, or the model or the number of features cannot be used.
        """
        if self._work is None:
            raise InputError("No study has been started whose features could be compared. Start one first.")
        self._go_on(plan_with_features(self._state, model, keep, few=few))

    def tune(self, model: str | None) -> None:
        """Find out what other settings of a model bring.

        Raises
        ------
        InputError
            If there is no study, or the model cannot be tuned.
        """
        if self._work is None:
            raise InputError("No study has been started whose models could be tuned. Start one first.")
        self._go_on(plan_with_tuning(self._state, model))

    def _go_on(self, plan: Plan) -> None:
        """Go on with another plan, also where the study was halted."""
        study = self._state.study
        assert study is not None
        halted = self._state.phase in ("stopped", "failed")
        self.tell(
            ev.StudyStarted(study=study, plan=plan, machine=self._state.machine)
            if halted
            else ev.PlanChanged(plan=plan)
        )
        self._trials.resume()

    def stream(self, model: str, passes: int) -> None:
        """Let a model learn the whole table block by block.

        Raises
        ------
        InputError
            If there is no study, or the model cannot.
        """
        if self._work is None:
            raise InputError("No study has been started whose table could be streamed. Start one first.")
        self._errands.stream(self._work.whole, model, passes)

    def check_unit(self, unit: SamplingUnit) -> None:
        """Find out whether the answer changes with another sampling unit.

        Raises
        ------
        InputError
            If there is no study, or another check is running.
        """
        if self._work is None or self._tables.prepared is None:
            raise InputError("No study has been started whose sampling unit could be checked. Start one first.")
        self._checks.begin(self._work.study, self._tables.prepared, unit)

    def drop_check(self) -> None:
        """End the check that is running; the study goes on."""
        check = self._state.open_check()
        self._checks.drop()
        if check is not None:
            self.tell(ev.UnitCheckStopped(unit=check.unit))

    def model(self, name: str, asked: Future[FittedModel]) -> None:
        """Give somebody a fitted model."""
        self._errands.model(self._work.whole if self._work else None, self._state, name, asked)

    def call(self, work: Callable[[], Any], asked: Future[Any]) -> None:
        """Run work on a worker for somebody."""
        self._errands.call(work, asked)

    def move(self, make: Callable[[], Engine]) -> None:
        """Take the rest of the study to another engine.

        Raises
        ------
        ScalewiseError
            If that cannot be; nothing has moved then.
        """
        moved = self._engines.move(make, self._state, self._outbox)
        self._forget()
        self.tell(moved)
        self._trials.check()

    def accept(self) -> None:
        """Go on with the other engine although its scores differ."""
        if self._state.difference:
            self.tell(ev.EngineChecked())

    def come_home(self) -> None:
        """Close the other engine and go on with the first one.

        Raises
        ------
        InputError
            If the study is not away.
        """
        moved = self._engines.come_home()
        self._forget()
        for event in moved:
            self.tell(event)

    def scale(self, n_workers: int) -> None:
        """Have another number of workers.

        Raises
        ------
        InputError
            If the engine cannot do that.
        """
        scale = getattr(self.engine, "scale", None)
        if scale is None:
            raise InputError(f"The number of workers of the engine {self.engine.name!r} cannot be changed.")
        scale(n_workers)

    def stop(self) -> None:
        """End what runs; what is finished stays."""
        self.engine.cancel()
        self._forget()
        if self._state.phase == "running" or self._state.open_streams() or self._state.open_check():
            self.tell(ev.StudyStopped())

    def clear(self) -> None:
        """Stop, and show the prepared table without results."""
        self._drop_work()
        self._tables.tell_prepared()

    def fail(self, reason: str) -> None:
        """End the study for a reason that is no person's, also where the engine cannot even cancel."""
        attempt(self.engine.cancel)
        self._forget()
        self.tell(ev.StudyFailed(reason=reason))

    def close(self) -> None:
        """Stop everything; no worker and no file is left, also of the rest where one part cannot be closed."""
        with ExitStack() as closing:
            for part in (self._ledger, self._engines, self._trials):
                closing.callback(part.close)
            self.stop()

    # What happens meanwhile.

    def hear(self, report: Report) -> None:
        """Take up what an engine tells; work of an older study is dropped, and what comes late of an engine left."""
        event, work = report.event, self._work
        is_older = report.study_id and (work is None or report.study_id != work.study.id)
        if is_older or self._engines.is_left(report):
            return
        if isinstance(event, TrialEvent):
            self._trials.hear(event)
        elif isinstance(event, StreamEvent) and work is not None:
            self._errands.hear_stream(work.whole, event, report.result)
        elif isinstance(event, CallEvent):
            self._errands.hear_call(event, report.result)
        else:
            self.tell(event)
        if isinstance(event, ev.EngineLost):
            self._lose_engine(event.reason, is_home=self._engines.is_home(report))

    def step(self) -> None:
        """Do a bit of what is made between messages, such as laying out samples."""
        self._errands.step()

    def dispatch(self) -> None:
        """Give the engine work, see to it that samples are there, and notice the end."""
        if self._state.phase == "finished":
            self._check_when_cheap()
        end = self._trials.supply()
        if end is not None:
            self._finish(end)

    def _finish(self, end: End) -> None:
        if self._trials.cancel():
            self._forget()
        self.tell(ev.StudyFinished(ending=end.ending, reason=end.reason))
        self._check_when_cheap()

    def _check_when_cheap(self) -> None:
        """Check a likely sampling unit unasked, where that costs next to nothing."""
        unit = cheap_check(self._state)
        if unit is not None and self._work is not None and self.screening is None:
            self.check_unit(unit)

    def _lose_engine(self, reason: str, *, is_home: bool) -> None:
        """Go on here where the other engine is gone; stop where this one is, unless the study is away."""
        if is_home:
            self._lost = reason
            if self._engines.away is None:
                self.stop()
            return
        self.come_home()
        self.tell(ev.Noted(level="warning", text="The study goes on here, with all points that it has."))

    def _forget(self) -> None:
        """Let go of whatever was on its way."""
        self._trials.forget()
        self._checks.drop()
        self._errands.forget()

    def _drop_work(self) -> None:
        self.stop()
        self._trials.close()

    def _give(self, task: Task) -> None:
        self.engine.submit(task)
