"""Local engines that start quickly, for tests that hang neither on warm workers nor on spare ones."""

from __future__ import annotations

from scalewise.engines.local import LocalEngine


def lean_engine(workers=1):
    """Real worker processes, which import what a task needs when it comes; none waits to take another's place."""
    return LocalEngine(workers, warm_up="engine_tasks:no_warm_up", spares=0)
