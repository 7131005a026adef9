"""Feature importance: the score lost without each feature, largest first, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import bqplot as bq
import ipywidgets as widgets
import numpy as np

from scalewise.core.summary import Summary
from scalewise.core.wording import gain_text
from scalewise.plots import drawing
from scalewise.plots.base import View
from scalewise.plots.drawing import set_traits
from scalewise.plots.group_chips import GroupChips
from scalewise.plots.importance_frame import Bar, ImportanceFrame, select_importance
from scalewise.plots.palette import css_colour
from scalewise.plots.ticks import Span, steady

__all__ = ["Bar", "ImportanceFrame", "ImportancePlot", "select_importance"]

_LONGEST_NAME = 24
_ROW_PIXELS, _AXIS_PIXELS, _LEAST_PIXELS = 18, 44, 180
_TICKS = 4
_NAMES_LISTED = 6
_WIDEST = 6.0
"""Intervals count for the axis up to so many times the longest bar."""

_PER_LETTER = 6.3
"""Pixels that a letter of a name takes."""


class ImportancePlot:
    """The score lost without each feature.

    Parameters
    ----------
    on_open : callable or None
        Called with the first feature of a group that is to be opened or closed.
    """

    name = "importance"
    title = "Features that carry the score"

    def __init__(self, on_open: Callable[[str], None] | None = None) -> None:
        self._x, self._y, self._unit = bq.LinearScale(), bq.LinearScale(), bq.LinearScale(min=0.0, max=1.0)
        self._drops = drawing.axis(self._x, "top")
        self._names = drawing.axis(self._y, "left", grid=False)
        self._figure = drawing.figure(
            self._x,
            self._y,
            [self._drops, self._names],
            margin={"top": 24, "bottom": 8, "left": 100, "right": 16},
            height=f"{_LEAST_PIXELS}px",
        )
        self._make_marks()
        self._chips = GroupChips(on_open)
        self._header, self._footer, self._empty = (widgets.HTML() for _ in range(3))
        self._words = drawing.unseen()
        self.widget = self._lay_out()
        self._frame: ImportanceFrame | None = None
        self._span: Span | None = None

    def _make_marks(self) -> None:
        scales = {"x": self._x, "y": self._y}
        self._tip = drawing.tooltip()
        # Thick lines, not bqplot's Bars: a line's label can say all of the tooltip, a bar's only its numbers.
        self._bars = drawing.line_mark(scales, css_colour(""), stroke_width=11.0, tooltip=self._tip)
        self._bars.tooltip_style = {"opacity": 1.0}
        self._intervals = drawing.line_mark(scales, "var(--sw-text, #202124)", stroke_width=1.25, opacities=[0.8])
        self._noise = drawing.line_mark(
            {"x": self._x, "y": self._unit}, drawing.MUTED, stroke_width=1.5, line_style="dashed"
        )
        self._figure.marks = [self._bars, self._intervals]

    def _lay_out(self) -> widgets.VBox:
        for part, style in ((self._header, "sw-caption"), (self._footer, "sw-note"), (self._empty, "sw-empty")):
            part.add_class(style)
        self._stage = widgets.Box([self._figure, self._empty])
        self._stage.add_class("sw-stage")
        self._stage.add_class("sw-scroll")
        whole = widgets.VBox([self._header, self._chips.widget, self._stage, self._footer, self._words])
        whole.add_class("sw-plot")
        return whole

    def select(self, summary: Summary, view: View) -> ImportanceFrame:
        """Pick what to show."""
        return select_importance(summary, view)

    def draw(self, frame: ImportanceFrame) -> None:
        """Show a frame."""
        if frame == self._frame:
            return
        set_traits(self._empty, value=escape(frame.message))
        self._show_axes(frame)
        self._show_bars(frame)
        self._show_noise(frame)
        self._chips.show(frame.chips)
        header = f"{frame.metric} lost · {frame.header}" if frame.header else ""
        set_traits(self._header, value=f'<span title="when its values are shuffled">{escape(header)}</span>')
        set_traits(self._footer, value="<br>".join(map(escape, filter(None, (frame.footer, *frame.remarks)))))
        set_traits(self._words, value=drawing.said(self.title, _sentences(frame)))
        self._frame = frame

    def _show_axes(self, frame: ImportanceFrame) -> None:
        axes = (self._drops, self._names)
        if not frame.bars:
            drawing.show_axes(axes, False)
            return
        self._span = self._span_for(frame)
        drops = [(t, _tick(t, self._span)) for t in self._span.ticks]
        drawing.show_scale(self._x, self._span.low, self._span.high, [(self._drops, drops)])
        names = [_name(bar) for bar in frame.bars]
        places = [(-float(k), name) for k, name in enumerate(names)]
        drawing.show_scale(self._y, 0.4 - len(names), 0.6, [(self._names, places)])
        left = 16 + round(_PER_LETTER * max(map(len, names)))
        set_traits(self._figure, fig_margin={**self._figure.fig_margin, "left": left})
        pixels = max(_LEAST_PIXELS, _AXIS_PIXELS + _ROW_PIXELS * len(names))
        set_traits(self._figure.layout, height=f"{pixels}px")
        drawing.show_axes(axes, True)

    def _span_for(self, frame: ImportanceFrame) -> Span:
        """The axis of drops: 0, all bars, and their intervals as far as these are not very much longer."""
        reach = _WIDEST * max(1e-6, *(abs(bar.drop) for bar in frame.bars))
        high = min(max(0.0, frame.noise_line or 0.0, *(bar.high for bar in frame.bars)), reach)
        low = max(min(0.0, *(bar.low for bar in frame.bars)), -reach)
        before = self._frame
        same = before is not None and (before.study, before.model, len(before.bars)) == (
            frame.study,
            frame.model,
            len(frame.bars),
        )
        return steady(self._span if same else None, low, high, ticks=_TICKS)

    def _show_bars(self, frame: ImportanceFrame) -> None:
        at = np.array([-float(k) for k in range(len(frame.bars))])
        drops = np.array([bar.drop for bar in frame.bars])
        set_traits(
            self._bars,
            x=_squeezed(np.column_stack([np.zeros(len(at)), drops])),
            y=_squeezed(np.column_stack([at, at])),
            colors=[drawing.MUTED if bar.noise else css_colour(frame.model) for bar in frame.bars] or [drawing.MUTED],
            opacities=[0.5 if bar.member or bar.noise else 1.0 for bar in frame.bars],
            labels=[_text(bar, frame.metric) for bar in frame.bars],
        )
        low, high = np.array([bar.low for bar in frame.bars]), np.array([bar.high for bar in frame.bars])
        gap = np.full(len(at), np.nan)
        # One line with gaps; it must not end on one.
        set_traits(
            self._intervals,
            x=np.column_stack([low, high, gap]).ravel()[:-1],
            y=np.column_stack([at, at, gap]).ravel()[:-1],
        )

    def _show_noise(self, frame: ImportanceFrame) -> None:
        shown = frame.noise_line is not None and bool(frame.bars)
        at = [frame.noise_line, frame.noise_line] if shown else []
        set_traits(self._noise, x=np.array(at, dtype=float), y=np.array([0.0, 1.0][: len(at)]))
        marks = [self._bars, self._intervals, *([self._noise] if shown else [])]
        drawing.set_members(self._figure, "marks", marks)

    def close(self) -> None:
        """Close every widget of the plot."""
        self._chips.close()
        marks = [self._bars, self._intervals, self._noise, self._tip, self._drops, self._names]
        boxes = [self.widget, self._stage, self._header, self._footer, self._empty, self._words]
        drawing.close_all([*boxes, self._figure, *marks, self._x, self._y, self._unit])


def _squeezed(lines: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Arrays of shape (n_lines, 2) as bqplot keeps them: a single line, or none, has one axis."""
    return lines if len(lines) > 1 else lines.ravel()


def _name(bar: Bar) -> str:
    """What stands beside a bar: of a group how many more there are, of its members a dot."""
    more = f" +{len(bar.others)}" if bar.others else ""
    return ("· " if bar.member else "") + _short(bar.feature, _LONGEST_NAME - len(more) - 2 * bar.member) + more


def _short(feature: str, longest: int) -> str:
    return feature if len(feature) <= longest else feature[: longest - 1] + "…"


def _tick(tick: float, span: Span) -> str:
    return f"{tick:z.{span.decimals}f}".replace("-", "−") if tick else "0"


def _text(bar: Bar, metric: str) -> str:
    others = f"\ntogether with {_listed(bar.others)}" if bar.others else ""
    alone = "\nalone, while those like it stand in" if bar.member else ""
    noise = "\nno better than noise" if bar.noise else ""
    return f"{bar.feature}\n{_range(bar)} {metric} without it{others}{alone}{noise}"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_NAMES_LISTED])
    return shown if len(names) <= _NAMES_LISTED else f"{shown} and {len(names) - _NAMES_LISTED} more"


def _range(bar: Bar) -> str:
    return f"{gain_text(-bar.drop)}  (90 %: {gain_text(-bar.high)} to {gain_text(-bar.low)})"


def _sentences(frame: ImportanceFrame) -> list[str]:
    if frame.message:
        return [frame.message]
    told = (f"{_name(bar)}: {_range(bar)} {frame.metric} without it." for bar in frame.bars)
    return [frame.header, *told, *frame.remarks]
