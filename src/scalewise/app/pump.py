"""The pump: brings what the runner published to the page, on the kernel's own loop, at a bounded pace."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator

__all__ = ["Pump"]

_SECONDS_BETWEEN, _MOST_BETWEEN = 0.1, 0.3
_BREATH = 2
"""A draw begins no sooner than this many times as long after the last one as that took: a slow page draws less often,
so that the browser, and whatever computes, come to their turn; but no point waits for half a second."""

_MOST_REST_SECONDS = 0.05
_END = object()


class Pump:
    """Calls `draw` on the loop it was made on, three to ten times a second at the most, after each `request`.

    Drawing thousands of results takes longer than a person should wait for a control. So a draw goes on in steps, and
    after each the loop is free for as long as the step took; and what a person changed is shown at once, by `answer`.

    Parameters
    ----------
    draw : callable
        Touches widgets; called without arguments, only ever from one thread. Gives an iterator over its steps.
    answer : callable
        Shows what a person changed, without whatever takes long; may be called between two steps of a draw.

    Notes
    -----
    Where no loop is running (plain Python, tests), nothing is drawn by itself: call `tick`.
    """

    def __init__(self, draw: Callable[[], Iterator[None]], answer: Callable[[], None]) -> None:
        self._draw, self._answer = draw, answer
        self._due, self._asked = threading.Event(), threading.Event()
        self._steps: Iterator[None] | None = None
        self._last = self._took = 0.0
        self._closed = False
        self._looking = False
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def request(self) -> None:
        """Ask for a draw soon; from any thread. Requests before the next draw are one."""
        self._once(self._due, self._schedule)

    def answer(self) -> None:
        """Show what a person changed, and have a draw follow; from any thread."""
        self._once(self._asked, self._answer_now)
        self.request()

    def look_again(self, seconds: float) -> None:
        """Ask for a draw in some seconds, unless one is to come already; on the thread that owns the widgets."""
        if self._loop is not None and not self._looking:
            self._looking = True
            self._loop.call_later(seconds, self._look)

    def later(self, seconds: Iterable[float], work: Callable[[], None]) -> None:
        """Do something after so many seconds each, unless the page is closed by then; on the widgets' own thread."""
        if self._loop is not None:
            for wait in seconds:
                self._loop.call_later(wait, lambda: None if self._closed else work())

    def tick(self) -> None:
        """Draw now, in one go, if a draw is due; on the thread that owns the widgets."""
        if self._due.is_set() and not self._closed:
            self._due.clear()
            self._asked.clear()
            for _ in self._draw():
                pass

    def close(self) -> None:
        """Draw no more. Closing twice is fine."""
        self._closed = True

    def _once(self, flag: threading.Event, work: Callable[[], None]) -> None:
        if flag.is_set() or self._closed:
            return
        flag.set()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work)

    def _look(self) -> None:
        self._looking = False
        self.request()

    def _answer_now(self) -> None:
        self._asked.clear()
        if not self._closed:
            self._answer()

    def _schedule(self) -> None:
        assert self._loop is not None
        if self._steps is None:
            between = min(max(_SECONDS_BETWEEN, _BREATH * self._took), _MOST_BETWEEN)
            wait = self._last + between - time.monotonic()
            self._loop.call_later(max(wait, 0.0), self._begin)

    def _begin(self) -> None:
        if self._steps is None and self._due.is_set():
            self._due.clear()
            self._last = time.monotonic()
            self._steps = self._draw()
            self._step()

    def _step(self) -> None:
        """Take a step of the draw; rest as long as it took before the next one."""
        assert self._loop is not None
        assert self._steps is not None
        if self._closed:
            return
        began, ended = time.monotonic(), True
        try:
            ended = next(self._steps, _END) is _END
        finally:
            if ended:
                self._end()
        if not ended:
            self._loop.call_later(min(time.monotonic() - began, _MOST_REST_SECONDS), self._step)

    def _end(self) -> None:
        """The draw is done, or went wrong: the next one may begin."""
        self._steps = None
        self._took = time.monotonic() - self._last
        if self._due.is_set():
            self._schedule()
