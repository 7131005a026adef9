"""Where trials run. One file an engine, all behind the protocol in `base`."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from scalewise.engines.base import Engine, Outbox, Report, TrialTask
from scalewise.errors import InputError, unknown_name

__all__ = ["Engine", "Outbox", "Report", "TrialTask", "engine_names", "open_engine"]

_ENGINES = {
    "inline": ("scalewise.engines.inline", "InlineEngine"),
    "local": ("scalewise.engines.local", "LocalEngine"),
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
        ``"inline"``, ``"local"``, or what another package offers in the entry-point group ``scalewise.engines``: a
        callable that takes `workers` by keyword and returns an `Engine`.
    workers : int or None
        How many trials run at the same time; None leaves it to the engine.

    Raises
    ------
    InputError
        If there is no such engine, or the engine cannot have that many workers.
    """
    if name not in engine_names():
        raise InputError(unknown_name("engine", name, engine_names()))
    if name in _ENGINES:
        module, kind = _ENGINES[name]
        make = getattr(import_module(module), kind)
    else:
        make = _plugins()[name].load()
    engine: Engine = make(workers=workers)
    return engine


def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=_GROUP)}
