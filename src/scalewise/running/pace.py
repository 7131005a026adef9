"""What a running study does next, and when it is at its end: decided from its state and what is on its way."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass

from scalewise.core.events import Ending
from scalewise.core.experimenting.asking import ask, current_agenda
from scalewise.core.experimenting.experiment import Agenda
from scalewise.core.spec import Trial
from scalewise.core.study import StudyState

__all__ = ["End", "Pace", "out_of_time", "seconds_left"]

_LEAST_AHEAD, _MOST_AHEAD, _AHEAD_SECONDS = 2, 12, 0.25
"""Tasks queued for each worker beyond the one it runs: as many as keep it busy for this long."""

_REFILL = 3
"""An engine is given more when it has less than one part of so many left."""

_PATIENCE_SECONDS = 0.5
"""Trials on their way that take longer are given up when the answer is decided without them."""


@dataclass(frozen=True, slots=True)
class End:
    """Why a study is at its end, and that in words."""

    ending: Ending
    reason: str


@dataclass(frozen=True, slots=True)
class Pace:
    """A running study at one moment.

    Parameters
    ----------
    state : StudyState
    flying : collection of Trial
        Trials that the engine has and that have not ended.
    slots : int
        Trials that the engine runs at the same time.
    seconds_left : float
        Until the budget is spent.
    """

    state: StudyState
    flying: Collection[Trial]
    slots: int
    seconds_left: float

    @property
    def is_supplied(self) -> bool:
        """Whether the engine has enough; it is refilled in batches, so that deciding costs little for each trial."""
        if len(self.flying) <= self.slots:
            return False
        enough = _REFILL * len(self.flying)
        return enough > self.slots * (1 + _MOST_AHEAD) or enough > self._room

    @property
    def _room(self) -> int:
        """How many trials the engine has at the most: more of short ones, which would else end before others come."""
        longest = max(map(self.state.expected.seconds, self.flying), default=math.inf)
        ahead = _MOST_AHEAD if _MOST_AHEAD * longest <= _AHEAD_SECONDS else int(_AHEAD_SECONDS / longest)
        return self.slots * (1 + max(_LEAST_AHEAD, ahead))

    @property
    def _is_everything(self) -> bool:
        return self.state.plan is not None and self.state.plan.everything

    def agenda(self) -> Agenda | None:
        """What is worth doing next; None where everything is run, so that nothing need be forecast for it."""
        return None if self._is_everything else current_agenda(self.state)

    def next_trials(self, agenda: Agenda | None) -> tuple[Trial, ...]:
        """The trials to submit now."""
        room, free = self._room - len(self.flying), self.slots - len(self.flying)
        return ask(self.state, room, agenda=agenda, taken=self.flying, free=free, seconds_left=self.seconds_left)

    def end(self, *, is_busy: bool, is_shared: bool) -> End | None:
        """Why there is nothing left to do, or not enough time to do it; None while there is.

        Parameters
        ----------
        is_busy : bool
            Whether samples are being laid out.
        is_shared : bool
            Whether others, such as streams, run on the engine, so that what is on its way cannot be given up.
        """
        # Whatever is left of everything comes; putting it in order to see that would take time at each message.
        agenda = Agenda() if self.state.left and self._is_everything else current_agenda(self.state)
        if agenda.ending and (not self.flying or (not is_shared and self._takes_long())):
            return End(agenda.ending, agenda.reason)
        if not self.flying and not is_busy and math.isfinite(self.seconds_left):
            return out_of_time(self.state)
        return None

    def _takes_long(self) -> bool:
        """Whether what is on its way is not worth waiting for."""
        return max(self.state.expected.seconds(trial) for trial in self.flying) > _PATIENCE_SECONDS


def seconds_left(state: StudyState) -> float:
    """Seconds until the budget of the running study is spent; infinite where it has none, or none of it is taken now.

    All of it is left until the first trial begins: starting the workers is not paid for with it.
    """
    plan = state.plan
    if state.phase != "running" or state.is_paused or plan is None or plan.budget_minutes is None:
        return math.inf
    spent = time.time() - state.working_since if state.working_since else 0.0
    return 60 * plan.budget_minutes - spent


def out_of_time(state: StudyState) -> End:
    """The end of a study whose budget of time is spent, or does not reach for another trial."""
    if not state.records:
        reason = "The budget of time was spent before a single fit was finished. Start again with more minutes."
    elif seconds_left(state) > 0:
        reason = "The budget of time does not reach for another trial. Give more minutes to go on."
    else:
        reason = "The budget of time is spent."
    return End("budget", reason)
