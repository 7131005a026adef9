"""What the learning curve shows of streams: models that learn the whole table block by block. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scalewise.core.curves import StreamCurve
from scalewise.core.results import StreamPoint
from scalewise.core.streams import Stream, thinned
from scalewise.core.summary import Summary
from scalewise.core.wording import duration_text, percent_text, rows_text, score_text
from scalewise.plots.base import View
from scalewise.plots.tips import computed_by

__all__ = ["STREAM_NUMBERS", "StreamLine", "stream_lines"]

_POINTS = 60
STREAM_NUMBERS = 2 * _POINTS
"""Numbers that a stream takes in the figure at the most."""

_PASSES = {1: "one pass", 2: "two passes", 3: "three passes"}


@dataclass(frozen=True, slots=True)
class StreamLine:
    """One stream's line, drawn apart from those of models that are fitted anew for each size.

    Parameters
    ----------
    name, label : str
        Of the model.
    how : str
        What people read beside the label, such as ``incremental, one pass``.
    shown : bool
        False for a model switched off; its series are empty then.
    n_rows : tuple of int
        Rows that it had learned from.
    score : tuple of float
    texts : tuple of str
        What pointing at each point tells.
    ended : str
        How it went on after its last point: empty while it runs and where it has finished, else words.
    """

    name: str
    label: str
    how: str
    shown: bool
    n_rows: tuple[int, ...]
    score: tuple[float, ...]
    texts: tuple[str, ...]
    ended: str = ""


def stream_lines(summary: Summary, view: View) -> tuple[StreamLine, ...]:
    """Pick what the learning curve shows of streams."""
    study = summary.state.study
    if study is None:
        return ()
    return tuple(_line(curve, view, study.metric.label, study.data.n_train_rows) for curve in summary.streams)


def _line(curve: StreamCurve, view: View, metric: str, n_train_rows: int) -> StreamLine:
    stream, spec = curve.stream, curve.stream.model
    shown = spec.name not in view.hidden
    intervals = {p.n_rows: (low, high) for p, low, high in zip(stream.points, curve.low, curve.high, strict=True)}
    points = thinned([p for p in stream.points if math.isfinite(p.score)], _POINTS) if shown else ()
    how = f"incremental, {_PASSES.get(stream.passes, f'{stream.passes} passes')}"
    return StreamLine(
        name=spec.name,
        label=spec.label,
        how=how,
        shown=shown,
        n_rows=tuple(p.n_rows for p in points),
        score=tuple(p.score for p in points),
        texts=tuple(
            _text(f"{spec.label}: {how}", metric, p, intervals[p.n_rows], n_train_rows, stream.where) for p in points
        ),
        ended=_ended(stream),
    )


def _ended(stream: Stream) -> str:
    words = {"stopped": "stopped", "failed": f"failed: {stream.reason}"}
    if stream.phase not in words:
        return ""
    return f"{words[stream.phase]} after {percent_text(stream.fraction)} of its rows"


def _text(
    title: str, metric: str, point: StreamPoint, interval: tuple[float, float], n_train_rows: int, where: str
) -> str:
    low, high = interval
    lines = [
        title,
        f"after {rows_text(point.n_rows)} rows ({percent_text(point.n_rows / n_train_rows)})",
        f"{metric} {score_text(point.score)}  (90 %: {score_text(low)} to {score_text(high)}, holdout alone)",
        f"{duration_text(point.seconds)} since its first block",
    ]
    return "\n".join([*lines, computed_by([where])] if where else lines)
