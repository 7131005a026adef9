"""One thread for numerical libraries: processes run side by side instead, and threads on a busy machine only wait."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]


def one_thread() -> AbstractContextManager[Any]:
    """Keep native libraries that are loaded by now to one thread, in this thread and for a while."""
    limited: AbstractContextManager[Any] = _controller().limit(limits=1)
    return limited


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    """Look up the loaded libraries once; it takes tens of milliseconds."""
    return ThreadpoolController()
