"""The state of a study, and the order in which its trials are to run; `folding` makes states from events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from types import MappingProxyType
from typing import Literal

from scalewise.core import events as ev
from scalewise.core.cost import Expectation
from scalewise.core.growing import GrowingMap
from scalewise.core.machine import Machine
from scalewise.core.plan import Plan
from scalewise.core.results import TrialRecord
from scalewise.core.sizes import planned_trials
from scalewise.core.spec import Alarm, DataSpec, LeftOut, StudySpec, Trial, UnitCandidate
from scalewise.core.streams import Stream
from scalewise.core.unit_checks import UnitCheck

__all__ = ["Note", "Phase", "Running", "StudyState", "in_order", "in_turn"]

Phase = Literal[
    "empty", "opening", "opened", "preparing", "refused", "ready", "running", "stopped", "finished", "failed"
]


@dataclass(frozen=True, slots=True)
class Note:
    """A message for the person, and when it was said (seconds since 1970)."""

    level: ev.Level
    text: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Running:
    """Where a trial is running, and since when (seconds since 1970)."""

    worker: str
    since: float


@dataclass(frozen=True, slots=True)
class StudyState:
    """All that is known of a study at one moment. Never changed, only replaced.

    Parameters
    ----------
    phase : str
        ``empty``; ``opening``, ``opened``, ``preparing`` or ``refused`` while a table is taken up; ``ready`` (prepared,
        not started); ``running``, ``stopped``, ``finished`` or ``failed``.
    table : str
        What the table is called, as soon as that is known.
    columns : tuple of str
        The table's columns; of a very wide table the first and the last ones.
    n_columns : int
        How many there are in all, where that is more.
    looked_at : float
        How much of a very wide table has been looked at, from 0 to 1, while it is being prepared.
    data : DataSpec or None
        The table as studies see it, once prepared.
    left_out : tuple of LeftOut
    remarks : tuple of str
        What to know of the table.
    group_candidates, time_candidates : tuple of UnitCandidate
        Columns that may be the true sampling unit, likeliest first.
    groups : tuple of tuple of str
        Features that are correlated.
    alarms : tuple of Alarm
        What was seen on a look at some rows.
    study, plan : StudySpec or None, Plan or None
        Set when a study has started.
    records : mapping of Trial to TrialRecord
    places : mapping of Trial to str
        The engine that ran each finished trial.
    resumed : frozenset of Trial
        Finished trials that came back from the journal.
    running : mapping of Trial to Running
    failures : mapping of Trial to str
        Reasons of trials that failed for good.
    streams : mapping of str to Stream
        By model: the whole table learned block by block.
    unit_checks : tuple of UnitCheck
        What a few trials with other sampling units say; one for each unit.
    ready_rows : int
        Training rows that workers can read already.
    notes : tuple of Note
        The latest messages, oldest first.
    started_at : float
        When the study was started (seconds since 1970).
    working_since : float
        When the first trial since then began: the budget of time counts from there, since until then workers start and
        samples are laid out. 0 before, and again where a person goes on after the budget was spent. Later by as long
        as the study was paused.
    paused_since : float
        Since when no time is taken from the budget (seconds since 1970); see `is_paused`.
    away : str
        The engine that the rest goes to; empty for the one that the study began on.
    check : Trial or None
        The finished trial that is run again there, before anything else is.
    difference : str
        How its scores differ, in words; nothing goes on until a person takes that.
    left : mapping of Trial to None
        Planned trials that are neither finished nor failed for good, in the order in which they are to run.
    expected : Expectation
        How long trials will take.
    machine : Machine or None
        Where the study began.
    ending : {"", "done", "decided", "budget"}
        Why the study has finished; empty while it has not.
    ending_reason : str
        The same in words.
    failure : str
        Why the study failed, or the table was refused; empty where neither did.
    reach : float
        Fraction of the training rows up to which points were asked for by moving the slider up: the study does not end
        before they are there, whatever is decided. 0 where nobody did.
    """

    phase: Phase = "empty"
    table: str = ""
    columns: tuple[str, ...] = ()
    n_columns: int = 0
    looked_at: float = 0.0
    data: DataSpec | None = None
    left_out: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()
    group_candidates: tuple[UnitCandidate, ...] = ()
    time_candidates: tuple[UnitCandidate, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    alarms: tuple[Alarm, ...] = ()
    study: StudySpec | None = None
    plan: Plan | None = None
    records: GrowingMap[Trial, TrialRecord] = field(default_factory=GrowingMap)
    places: GrowingMap[Trial, str] = field(default_factory=GrowingMap)
    resumed: frozenset[Trial] = frozenset()
    running: MappingProxyType[Trial, Running] = field(default_factory=lambda: MappingProxyType({}))
    failures: MappingProxyType[Trial, str] = field(default_factory=lambda: MappingProxyType({}))
    streams: Mapping[str, Stream] = field(default_factory=lambda: MappingProxyType({}))
    unit_checks: tuple[UnitCheck, ...] = ()
    ready_rows: int = 0
    notes: tuple[Note, ...] = ()
    started_at: float = 0.0
    working_since: float = 0.0
    paused_since: float = 0.0
    away: str = ""
    check: Trial | None = None
    difference: str = ""
    left: MappingProxyType[Trial, None] = field(default_factory=lambda: MappingProxyType({}))
    expected: Expectation = field(default_factory=Expectation, compare=False)
    machine: Machine | None = None
    ending: ev.Ending = ""
    ending_reason: str = ""
    failure: str = ""
    reach: float = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether the study has finished by itself, or waits for the check of another engine or what a person decides.

        No time is taken from its budget meanwhile.
        """
        return self.phase == "finished" or self.check is not None or bool(self.difference)

    def planned(self) -> tuple[Trial, ...]:
        """Every trial that the present plan asks for; empty before a start."""
        if self.study is None or self.plan is None:
            return ()
        return planned_trials(self.study.data, self.plan)

    def open_trials(self) -> tuple[Trial, ...]:
        """Planned trials that are neither finished nor failed for good."""
        return tuple(self.left)

    def open_streams(self) -> tuple[str, ...]:
        """Models whose streams wait or run."""
        return tuple(name for name, stream in self.streams.items() if stream.is_open)

    def open_check(self) -> UnitCheck | None:
        """The check of another sampling unit that is running."""
        return next((check for check in self.unit_checks if check.phase == "running"), None)

    def seconds_left(self) -> float:
        """Expected seconds of fitting and scoring still to do, on one worker."""
        return sum(map(self.expected.seconds, self.left))


def in_order(state: StudyState) -> Iterator[Trial]:
    """Open trials, small sizes first, later repeats of a size after first looks at larger ones.

    All models grow together, so that they can be compared at any moment; of the same size the cheapest comes first.
    Trials on few features and tuned ones were asked for by a person, so they go before all others.
    """
    for _, alike in groupby(state.left, key=_turn):
        yield from sorted(alike, key=lambda t: (state.expected.seconds(t), t))


def _turn(trial: Trial) -> tuple[int, int]:
    """When a trial runs; those with the same turn run from cheap to dear."""
    if not trial.is_plain:
        return -1, 1_000_000 * trial.repeat + trial.keep
    return 0, trial.n_rows * (1 + trial.repeat)


@lru_cache(maxsize=8)
def in_turn(planned: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """Planned trials by their turns, as `in_order` wants to have them."""
    return tuple(sorted(planned, key=_turn))
