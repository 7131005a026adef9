"""Threads: one for numerical libraries, as processes run side by side instead, and a few for reading files."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

__all__ = ["in_order", "one_thread"]

Item = TypeVar("Item")
Found = TypeVar("Found")

_MOST_THREADS = 4


def in_order(work: Callable[[Item], Found], items: Iterable[Item]) -> Iterator[Found]:
    """Do some work on each item in a few threads, and yield what comes of it in the order of the items.

    Not many more results than threads wait to be taken. The threads end with the iterator, dropped or exhausted.
    """
    n_threads = min(_MOST_THREADS, os.cpu_count() or 1)
    waiting: deque[Future[Found]] = deque()
    with ThreadPoolExecutor(n_threads, thread_name_prefix="scalewise-read") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def one_thread() -> AbstractContextManager[Any]:
    """Keep native libraries that are loaded by now to one thread, in this thread and for a while."""
    limited: AbstractContextManager[Any] = _controller().limit(limits=1)
    return limited


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    """Look up the loaded libraries once; it takes tens of milliseconds."""
    return ThreadpoolController()
