"""How the order of features settles as the sample grows: one line a feature, from place to place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

import bqplot as bq
import ipywidgets as widgets
import numpy as np

from scalewise.core.summary import Summary
from scalewise.core.wording import percent_text
from scalewise.plots import drawing
from scalewise.plots.base import View
from scalewise.plots.drawing import set_traits
from scalewise.plots.palette import css_colour

__all__ = ["RankFrame", "RankLine", "RankStabilityPlot", "select_ranks"]

_MOST_LINES, _LOWEST = 8, 10
_LONGEST_NAME, _PER_LETTER = 18, 6.3
_MOST_TICKS = 5


@dataclass(frozen=True, slots=True)
class RankLine:
    """One feature: its place at each size, from 1; those beyond the tenth are drawn as eleventh."""

    label: str
    places: tuple[float, ...]
    steady: bool


@dataclass(frozen=True, slots=True)
class RankFrame:
    """All that the plot shows.

    Parameters
    ----------
    model : str
    fractions : tuple of float
        Sizes, as shares of the training rows.
    lines : tuple of RankLine
        By place at the largest size.
    sentence, message : str
        Below the lines, and in an empty plot.
    """

    model: str = ""
    fractions: tuple[float, ...] = ()
    lines: tuple[RankLine, ...] = ()
    sentence: str = ""
    message: str = ""


def select_ranks(summary: Summary, view: View) -> RankFrame:
    """Pick what the plot shows."""
    model = summary.main if view.importance_model is None else summary.model(view.importance_model)
    ranks = model.importances.ranks if model and model.importances else None
    if model is None or ranks is None:
        return RankFrame(message="The order of features is compared from two sizes on.")
    lines = zip(ranks.labels[:_MOST_LINES], ranks.places, strict=False)
    return RankFrame(
        model=model.curve.model.name,
        fractions=ranks.fractions,
        lines=tuple(
            RankLine(label, tuple(float(min(place, _LOWEST + 1)) for place in places), at < ranks.top)
            for at, (label, places) in enumerate(lines)
        ),
        sentence=ranks.sentence,
    )


class RankStabilityPlot:
    """Places of the first features against rows."""

    name = "rank_stability"
    title = "Order of the features as the sample grows"

    def __init__(self) -> None:
        self._x, self._y = bq.LinearScale(), bq.LinearScale()
        self._sizes = drawing.axis(self._x, "bottom", label="share of the rows", label_offset="26px")
        self._places = drawing.axis(self._y, "left")
        self._names = drawing.axis(self._y, "right", grid=False)
        self._figure = drawing.figure(
            self._x,
            self._y,
            [self._sizes, self._places, self._names],
            margin={"top": 8, "bottom": 36, "left": 28, "right": 100},
            height="240px",
        )
        scales = {"x": self._x, "y": self._y}
        self._tip = drawing.tooltip()
        self._lines = drawing.line_mark(scales, css_colour(""), stroke_width=2.5, tooltip=self._tip)
        self._lines.tooltip_style = {"opacity": 1.0}
        self._figure.marks = [self._lines]
        self._note, self._empty, self._words = widgets.HTML(), widgets.HTML(), drawing.unseen()
        self._note.add_class("sw-note")
        self._empty.add_class("sw-empty")
        self._stage = widgets.Box([self._figure, self._empty])
        self._stage.add_class("sw-stage")
        self.widget = widgets.VBox([self._stage, self._note, self._words])
        self.widget.add_class("sw-plot")
        self._frame: RankFrame | None = None

    def select(self, summary: Summary, view: View) -> RankFrame:
        """Pick what to show."""
        return select_ranks(summary, view)

    def draw(self, frame: RankFrame) -> None:
        """Show a frame."""
        if frame == self._frame:
            return
        set_traits(self._empty, value=escape(frame.message))
        self._show_axes(frame)
        x = np.array([math.log10(fraction) for fraction in frame.fractions] if frame.lines else [], dtype=float)
        y = np.array([[-place for place in line.places] for line in frame.lines], dtype=float)
        colour = css_colour(frame.model)
        set_traits(
            self._lines,
            x=x,
            y=y.ravel() if len(frame.lines) == 1 else y,
            colors=[colour if line.steady else drawing.MUTED for line in frame.lines] or [drawing.MUTED],
            opacities=[1.0 if line.steady else 0.55 for line in frame.lines],
            labels=[f"{line.label}\n{_told(line)}" for line in frame.lines],
        )
        set_traits(self._note, value=escape(frame.sentence))
        set_traits(self._words, value=drawing.said(self.title, _sentences(frame)))
        self._frame = frame

    def _show_axes(self, frame: RankFrame) -> None:
        axes = (self._sizes, self._places, self._names)
        if not frame.lines:
            drawing.show_axes(axes, False)
            return
        step = math.ceil(len(frame.fractions) / _MOST_TICKS)
        shown = frame.fractions[::-1][::step]
        sizes = [(math.log10(fraction), percent_text(fraction)) for fraction in shown]
        drawing.show_scale(
            self._x, math.log10(frame.fractions[0]), math.log10(frame.fractions[-1]), [(self._sizes, sizes)]
        )
        lowest = max(place for line in frame.lines for place in line.places)
        places = [(-float(k), str(k)) for k in range(1, min(int(lowest), _LOWEST) + 1)]
        names = [(-line.places[-1], _short(line.label)) for line in frame.lines]
        drawing.show_scale(self._y, -lowest - 0.5, -0.5, [(self._places, places), (self._names, names)])
        right = 16 + round(_PER_LETTER * max(len(name) for _, name in names))
        set_traits(self._figure, fig_margin={**self._figure.fig_margin, "right": right})
        drawing.show_axes(axes, True)

    def close(self) -> None:
        """Close every widget of the plot."""
        marks = [self._lines, self._tip, self._sizes, self._places, self._names, self._x, self._y]
        boxes = [self.widget, self._stage, self._note, self._empty, self._words]
        drawing.close_all([*boxes, self._figure, *marks])


def _short(label: str) -> str:
    label = label.replace(" like it", "")
    return label if len(label) <= _LONGEST_NAME else label[: _LONGEST_NAME - 1] + "…"


def _told(line: RankLine) -> str:
    places = sorted({int(place) for place in line.places})
    return f"place {places[0]}" if len(places) == 1 else f"places {places[0]} to {places[-1]}"


def _sentences(frame: RankFrame) -> list[str]:
    if frame.message:
        return [frame.message]
    return [frame.sentence, *(f"{line.label}: now place {int(line.places[-1])}." for line in frame.lines)]
