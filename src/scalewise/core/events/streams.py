"""What happens to streams: models that learn the whole table block by block."""

from __future__ import annotations

from dataclasses import dataclass

from scalewise.core.events.base import Event
from scalewise.core.results import StreamPoint
from scalewise.core.spec import ModelSpec

__all__ = ["StreamFailed", "StreamFinished", "StreamQueued", "StreamScored", "StreamStarted"]


@dataclass(frozen=True, kw_only=True)
class StreamQueued(Event):
    """A model is to learn the whole table block by block; what an earlier stream of it measured is gone.

    Parameters
    ----------
    model : ModelSpec
    n_rows : int
        Rows that it will learn from, all passes together.
    passes : int
    """

    model: ModelSpec
    n_rows: int
    passes: int = 1


@dataclass(frozen=True, kw_only=True)
class StreamStarted(Event):
    """A worker began a stream, from its first block on."""

    model: str
    worker: str = ""


@dataclass(frozen=True, kw_only=True)
class StreamScored(Event):
    """A stream was scored after one more block.

    Parameters
    ----------
    model : str
    point : StreamPoint
    where : str
        The engine that runs it.
    """

    model: str
    point: StreamPoint
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class StreamFinished(Event):
    """A stream has learned from every row.

    Parameters
    ----------
    model : str
    point : StreamPoint
        The last score.
    where : str
        The engine that ran it.
    peak_bytes : int
        Memory that it took on top of what the worker held before; 0 where it cannot be measured.
    remarks : tuple of str
        Warnings raised meanwhile.
    """

    model: str
    point: StreamPoint
    where: str = ""
    peak_bytes: int = 0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StreamFailed(Event):
    """A stream ended before its last block.

    Parameters
    ----------
    model : str
    reason : str
    retry : bool
        Whether it starts again, from its first block on.
    """

    model: str
    reason: str
    retry: bool = False
