"""Where trials run. One file an engine, all behind the protocol in `base`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from scalewise.engines.base import CallTask, Engine, Outbox, Report, StreamTask, Task, TrialTask
from scalewise.errors import InputError, unknown_name

__all__ = [
    "CallTask",
    "Engine",
    "Outbox",
    "Report",
    "StreamTask",
    "Task",
    "TrialTask",
    "engine_names",
    "open_engine",
]

_ENGINES = {
    "inline": ("scalewise.engines.inline", "InlineEngine"),
    "local": ("scalewise.engines.local", "LocalEngine"),
    "dask": ("scalewise.engines.dask", "new_processes"),
    "dask-threads": ("scalewise.engines.dask", "new_threads"),
}
_GROUP = "scalewise.engines"


def engine_names() -> tuple[str, ...]:
    """Names that `open_engine` knows: our own first, then those of other packages."""
    return (*_ENGINES, *sorted(set(_plugins()) - set(_ENGINES)))


def open_engine(name: str, *, workers: int | None = None) -> Engine:
    """Make an engine by its name; it does nothing before its `start`.

    Parameters
    ----------
    name : str
        ``"inline"``; ``"local"`` for worker processes; ``"dask"`` for a Dask cluster on this machine, and
        ``"dask-threads"`` for one within this process; the address of a Dask scheduler, such as ``"tcp://host:8786"``;
        or what another package offers in the entry-point group ``scalewise.engines``: a callable that takes `workers`
        by keyword and returns an `Engine`.
    workers : int or None
        How many trials run at the same time; None leaves it to the engine.

    Raises
    ------
    InputError
        If there is no such engine, or the engine cannot have that many workers.
    """
    engine: Engine = _maker(name)(workers=workers)
    return engine


def _maker(name: str) -> Callable[..., Engine]:
    """Find what makes the engine of a name."""
    if "://" in name:
        return partial(import_module("scalewise.engines.dask").join_cluster, name)
    if name not in engine_names():
        raise InputError(unknown_name("engine", name, engine_names()))
    if name not in _ENGINES:
        plugin: Callable[..., Engine] = _plugins()[name].load()
        return plugin
    module, kind = _ENGINES[name]
    ours: Callable[..., Engine] = getattr(import_module(module), kind)
    return ours


def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=_GROUP)}
