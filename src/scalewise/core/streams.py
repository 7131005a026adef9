"""Streams: models that learn the whole table block by block, as far as they have come."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from scalewise.core import events as ev
from scalewise.core.results import StreamPoint
from scalewise.core.spec import ModelSpec

__all__ = ["MOST_POINTS", "Stream", "StreamEvent", "StreamPhase", "fold_stream", "stopped", "thinned"]

MOST_POINTS = 200
"""Points that are kept of one stream."""

StreamPhase = Literal["waiting", "running", "finished", "stopped", "failed"]
StreamEvent = ev.StreamQueued | ev.StreamStarted | ev.StreamScored | ev.StreamFinished | ev.StreamFailed


@dataclass(frozen=True, slots=True)
class Stream:
    """One model's stream at one moment.

    Parameters
    ----------
    model : ModelSpec
    n_rows : int
        Rows that it will have learned from at its end, all passes together.
    passes : int
    phase : {"waiting", "running", "finished", "stopped", "failed"}
        ``waiting`` until a worker begins it.
    points : tuple of StreamPoint
        At most `MOST_POINTS`, by rows, the newest among them.
    worker : str
    since : float
        When it began (seconds since 1970).
    where : str
        The engine that runs it.
    reason : str
        Why it failed.
    remarks : tuple of str
    """

    model: ModelSpec
    n_rows: int
    passes: int = 1
    phase: StreamPhase = "waiting"
    points: tuple[StreamPoint, ...] = ()
    worker: str = ""
    since: float = 0.0
    where: str = ""
    reason: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether there is more to come."""
        return self.phase in ("waiting", "running")

    @property
    def fraction(self) -> float:
        """Share of its rows learned from so far."""
        return self.points[-1].n_rows / self.n_rows if self.points else 0.0


Streams = Mapping[str, Stream]


def fold_stream(streams: Streams, event: StreamEvent) -> Streams:
    """Give the streams after an event; one of a stream that is not known changes nothing."""
    if isinstance(event, ev.StreamQueued):
        queued = Stream(event.model, event.n_rows, event.passes)
        return MappingProxyType({**streams, event.model.name: queued})
    if event.model not in streams:
        return streams
    return MappingProxyType({**streams, event.model: _after(streams[event.model], event)})


def stopped(streams: Streams) -> Streams:
    """Give the streams after all were stopped."""
    if not any(stream.is_open for stream in streams.values()):
        return streams
    ended = {name: replace(s, phase="stopped") if s.is_open else s for name, s in streams.items()}
    return MappingProxyType(ended)


def _after(stream: Stream, event: StreamEvent) -> Stream:
    match event:
        case ev.StreamStarted(worker=worker, at=at):
            return replace(stream, phase="running", points=(), worker=worker, since=at, reason="")
        case ev.StreamScored(point=point, where=where):
            return replace(stream, points=_added(stream.points, point), where=where)
        case ev.StreamFinished(point=point, where=where, remarks=remarks):
            points = _added(stream.points, point)
            return replace(stream, phase="finished", points=points, where=where, remarks=remarks)
        case ev.StreamFailed(reason=reason, retry=retry):
            return replace(stream, phase="waiting" if retry else "failed", reason=reason)
    return stream


def _added(points: tuple[StreamPoint, ...], point: StreamPoint) -> tuple[StreamPoint, ...]:
    return thinned([*(p for p in points if p.n_rows < point.n_rows), point])


def thinned(points: Sequence[StreamPoint], most: int = MOST_POINTS) -> tuple[StreamPoint, ...]:
    """At most so many points, about evenly spread over the logarithm of their rows; both ends stay."""
    kept = list(points)
    while len(kept) > max(2, most):
        gaps = [math.log(kept[i + 1].n_rows / kept[i - 1].n_rows) for i in range(1, len(kept) - 1)]
        del kept[1 + gaps.index(min(gaps))]
    return tuple(kept)
