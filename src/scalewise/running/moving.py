"""Taking the rest of a study to another engine, and back: on the runner's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scalewise.core import events as ev
from scalewise.core.scaleout import check_trial
from scalewise.core.study import StudyState
from scalewise.engines.base import Engine, Outbox
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

    @property
    def now(self) -> Engine:
        """Where trials are submitted."""
        return self.away or self.home

    def has(self, name: str) -> bool:
        """Whether one of the engines is called so."""
        return name in [engine.name for engine in (self.home, self.away) if engine is not None]

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
        other.start(outbox)
        self.home.cancel()
        self.away = other
        return ev.EngineMoved(where=other.name, check=check_trial(state))

    def come_home(self) -> ev.EngineMoved:
        """Close the other engine and go on with the first one.

        Raises
        ------
        InputError
            If the study is not away.
        """
        if self.away is None:
            raise InputError("The study runs here already.")
        away, self.away = self.away, None
        away.close()
        return ev.EngineMoved(where="")

    def close(self) -> None:
        """Close both."""
        if self.away is not None:
            self.away.close()
        self.home.close()
