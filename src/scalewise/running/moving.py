"""Taking the rest of a study to another engine, and back: on the runner's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from scalewise.core import events as ev
from scalewise.core.scaleout import check_trial
from scalewise.core.study import StudyState
from scalewise.engines.base import Engine, Outbox, Report
from scalewise.engines.outcome import Failure, attempt
from scalewise.errors import InputError

__all__ = ["Engines"]


@dataclass
class Engines:
    """The engine that a study began on, and the one that it may have been moved to.

    Parameters
    ----------
    home : Engine
        Stays open while the study is away, so that it can come back at once.
    """

    home: Engine
    away: Engine | None = None
    _n_moves: int = field(default=0, init=False)

    @property
    def now(self) -> Engine:
        """Where trials are submitted."""
        return self.away or self.home

    def is_home(self, report: Report) -> bool:
        """Whether the first engine tells something."""
        return report.sender == 0

    def is_left(self, report: Report) -> bool:
        """Whether an engine that was left meanwhile tells something."""
        return not self.is_home(report) and (self.away is None or report.sender != self._n_moves)

    def start(self, outbox: Outbox) -> None:
        """Start the first engine."""
        self.home.start(outbox)

    def move(self, make: Callable[[], Engine], state: StudyState, outbox: Outbox) -> ev.EngineMoved:
        """Start another engine and leave the first one idle.

        Raises
        ------
        InputError
            If the study is away already, or a stream is running that would have to begin anew.
        EngineError
            If the other engine cannot start.
        """
        if self.away is not None:
            raise InputError(f"The study runs on {self.away.name} already. Let it come back first.")
        if state.open_streams():
            raise InputError("A stream is running here. Stop it first, or let it end.")
        other = make()
        self._n_moves += 1
        # By a number, as the other engine may have the name of the first one.
        other.start(partial(_send, outbox, self._n_moves))
        self.home.cancel()
        self.away = other
        return ev.EngineMoved(where=other.name, check=check_trial(state))

    def come_home(self) -> tuple[ev.Event, ...]:
        """Close the other engine, as far as it can be closed, and go on with the first one.

        Raises
        ------
        InputError
            If the study is not away.
        """
        if self.away is None:
            raise InputError("The study runs here already.")
        away, self.away = self.away, None
        failed = attempt(away.close)
        text = f"{away.name} could not be closed, so that workers may be left there: "
        told = (ev.Noted(level="warning", text=f"{text}{failed.reason}"),) if isinstance(failed, Failure) else ()
        return ev.EngineMoved(where=""), *told

    def close(self) -> None:
        """Close both, the first one also where the other cannot be closed."""
        try:
            if self.away is not None:
                self.away.close()
        finally:
            self.home.close()


def _send(outbox: Outbox, sender: int, report: Report) -> None:
    outbox(replace(report, sender=sender))
