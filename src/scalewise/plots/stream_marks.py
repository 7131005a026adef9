"""The marks of a stream in the learning curve: a dash-dotted line with triangles."""

from __future__ import annotations

import bqplot as bq
import numpy as np

from scalewise.plots import drawing
from scalewise.plots.drawing import set_traits
from scalewise.plots.palette import css_colour
from scalewise.plots.stream_frame import StreamLine
from scalewise.plots.ticks import place

__all__ = ["StreamMarks"]


class StreamMarks:
    """The marks of one stream, from the lowest layer to the highest."""

    def __init__(self, model: str, scales: dict[str, bq.Scale], tip: bq.Tooltip) -> None:
        colour = css_colour(model)
        self._line = drawing.line_mark(scales, colour, stroke_width=1.5, line_style="dash_dotted")
        self._points = drawing.point_mark(scales, colour, tip)
        set_traits(self._points, marker="triangle-up", default_size=48)

    @property
    def layers(self) -> tuple[bq.Mark, ...]:
        """Marks from the lowest layer to the highest."""
        return (self._line, self._points)

    def show(self, line: StreamLine, log: bool) -> None:
        """Bring the marks up to a line."""
        at = np.array([place(n, log) for n in line.n_rows], dtype=float)
        score = np.array(line.score, dtype=float)
        set_traits(self._line, x=at, y=score)
        set_traits(self._points, x=at, y=score, names=np.array(line.texts, dtype=str))
