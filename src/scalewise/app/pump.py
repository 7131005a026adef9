"""The pump: brings what the runner published to the page, on the kernel's own loop, at a bounded pace."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

__all__ = ["Pump"]

_SECONDS_BETWEEN = 0.1


class Pump:
    """Calls `draw` on the loop it was made on, at most ten times a second, after each `request`.

    Parameters
    ----------
    draw : callable
        Touches widgets; called without arguments, only ever from one thread.

    Notes
    -----
    Where no loop is running (plain Python, tests), nothing is drawn by itself: call `tick`.
    """

    def __init__(self, draw: Callable[[], None]) -> None:
        self._draw = draw
        self._due = threading.Event()
        self._last = 0.0
        self._closed = False
        self._looking = False
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def request(self) -> None:
        """Ask for a draw soon; from any thread. Requests before the next draw are one."""
        if self._due.is_set() or self._closed:
            return
        self._due.set()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._schedule)

    def look_again(self, seconds: float) -> None:
        """Ask for a draw in some seconds, unless one is to come already; on the thread that owns the widgets."""
        if self._loop is not None and not self._looking:
            self._looking = True
            self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._looking = False
        self.request()

    def tick(self) -> None:
        """Draw now if a draw is due; on the thread that owns the widgets."""
        if self._due.is_set() and not self._closed:
            self._due.clear()
            self._last = time.monotonic()
            self._draw()

    def close(self) -> None:
        """Draw no more. Closing twice is fine."""
        self._closed = True

    def _schedule(self) -> None:
        assert self._loop is not None
        wait = self._last + _SECONDS_BETWEEN - time.monotonic()
        self._loop.call_later(max(wait, 0.0), self.tick)
