"""Feature importance: the score lost without each feature, largest first, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Any

import bqplot as bq
import ipywidgets as widgets
import numpy as np

from scalewise.core.importance import Importance, ImportanceTable
from scalewise.core.summary import ModelSummary, Summary
from scalewise.core.wording import gain_text, rows_text
from scalewise.plots import drawing
from scalewise.plots.base import View
from scalewise.plots.drawing import set_traits
from scalewise.plots.palette import css_colour
from scalewise.plots.ticks import Span, steady

__all__ = ["Bar", "ImportanceFrame", "ImportancePlot", "select_importance"]

_TOP = 20
_LONGEST_NAME = 24
_ROW_PIXELS, _AXIS_PIXELS, _LEAST_PIXELS = 18, 44, 180
_TICKS = 4
_WIDEST = 6.0
"""Intervals count for the axis up to so many times the longest bar."""

_PER_LETTER = 6.3
"""Pixels that a letter of a name takes."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One feature: its place from 0 on, and the score lost without it with its 90 % interval."""

    feature: str
    drop: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ImportanceFrame:
    """All that the importance plot shows.

    Parameters
    ----------
    study, model : str
        Id of the study, and name of the model.
    metric : str
    header : str
        Model, rows and repeats behind the bars.
    bars : tuple of Bar
        Largest first, at most 20.
    footer : str
        How many features are not shown.
    message : str
        What stands in an empty plot.
    """

    study: str = ""
    model: str = ""
    metric: str = ""
    header: str = ""
    bars: tuple[Bar, ...] = ()
    footer: str = ""
    message: str = ""


def select_importance(summary: Summary, view: View) -> ImportanceFrame:
    """Pick what the importance plot shows."""
    study = summary.state.study
    if study is None:
        return ImportanceFrame(message="What each feature is worth appears here after Run.")
    model = _model(summary, view)
    table = model.importances if model else None
    if model is None or table is None:
        return ImportanceFrame(study=study.id, message=_nothing(summary, view))
    found = [row for row in table.rows if view.search.strip().lower() in row.feature.lower() and _finite(row)]
    return ImportanceFrame(
        study=study.id,
        model=model.curve.model.name,
        metric=study.metric.label,
        header=_header(table),
        bars=tuple(Bar(row.feature, row.drop, row.low, row.high) for row in found[:_TOP]),
        footer=_footer(len(found), len(table.rows), view.search.strip()),
        message="" if found else f"No feature matches “{view.search.strip()}”.",
    )


def _model(summary: Summary, view: View) -> ModelSummary | None:
    """The chosen model; by default the one that the verdict is about, else the most complex that has importances."""
    if view.importance_model is not None:
        return summary.model(view.importance_model)
    able = [m for m in summary.models if m.importances]
    main = next((m for m in able if m.curve.model.label == summary.verdict.model), None)
    return main or (able[-1] if able else None)


def _nothing(summary: Summary, view: View) -> str:
    chosen = summary.model(view.importance_model) if view.importance_model else None
    if chosen and chosen.curve.model.rung == 0:
        return f"{chosen.curve.model.label} looks at no feature."
    return "The first fitted model shows here what its features are worth."


def _finite(row: Importance) -> bool:
    return all(map(math.isfinite, (row.drop, row.low, row.high)))


def _header(table: ImportanceTable) -> str:
    repeats = "1 repeat" if table.repeats == 1 else f"{table.repeats} repeats"
    return f"{table.model}, {rows_text(table.n_rows)} rows, {repeats}"


def _footer(found: int, in_all: int, search: str) -> str:
    if search and found:
        return f"{found} of {in_all} features match." + (f" The first {_TOP} are shown." if found > _TOP else "")
    return f"{found - _TOP} smaller ones are not shown; search by name." if found > _TOP else ""


class ImportancePlot:
    """The score lost without each feature."""

    name = "importance"
    title = "Features that carry the score"

    def __init__(self) -> None:
        self._x, self._y = bq.LinearScale(), bq.LinearScale()
        self._drops = drawing.axis(self._x, "top")
        self._names = drawing.axis(self._y, "left", grid=False)
        self._figure = drawing.figure(
            self._x,
            self._y,
            [self._drops, self._names],
            margin={"top": 24, "bottom": 8, "left": 100, "right": 16},
            height=f"{_LEAST_PIXELS}px",
        )
        scales = {"x": self._x, "y": self._y}
        self._tip = drawing.tooltip()
        # Thick lines, not bqplot's Bars: a line's label can say all of the tooltip, a bar's only its numbers.
        self._bars = drawing.line_mark(scales, css_colour(""), stroke_width=11.0, tooltip=self._tip)
        self._bars.tooltip_style = {"opacity": 1.0}
        self._intervals = drawing.line_mark(scales, "var(--sw-text, #202124)", stroke_width=1.25, opacities=[0.8])
        self._figure.marks = [self._bars, self._intervals]
        self._header, self._footer, self._empty = (widgets.HTML() for _ in range(3))
        self._words = drawing.unseen()
        for part, style in ((self._header, "sw-caption"), (self._footer, "sw-note"), (self._empty, "sw-empty")):
            part.add_class(style)
        self._stage = widgets.Box([self._figure, self._empty])
        self._stage.add_class("sw-stage")
        self._stage.add_class("sw-scroll")
        self.widget = widgets.VBox([self._header, self._stage, self._footer, self._words])
        self.widget.add_class("sw-plot")
        self._frame: ImportanceFrame | None = None
        self._span: Span | None = None

    def select(self, summary: Summary, view: View) -> ImportanceFrame:
        """Pick what to show."""
        return select_importance(summary, view)

    def draw(self, frame: ImportanceFrame) -> None:
        """Show a frame."""
        if frame == self._frame:
            return
        self._show_axes(frame)
        self._show_bars(frame)
        header = f"{frame.metric} lost · {frame.header}" if frame.header else ""
        set_traits(self._header, value=f'<span title="when its values are shuffled">{escape(header)}</span>')
        set_traits(self._footer, value=escape(frame.footer))
        set_traits(self._empty, value=escape(frame.message))
        set_traits(self._words, value=drawing.said(self.title, _sentences(frame)))
        self._frame = frame

    def _show_axes(self, frame: ImportanceFrame) -> None:
        shown = bool(frame.bars)
        for axis in (self._drops, self._names):
            set_traits(axis, visible=shown)
        if not shown:
            return
        self._span = self._span_for(frame)
        drops = [(t, _tick(t, self._span)) for t in self._span.ticks]
        drawing.show_scale(self._x, self._span.low, self._span.high, [(self._drops, drops)])
        names = [_short(bar.feature) for bar in frame.bars]
        places = [(-float(k), name) for k, name in enumerate(names)]
        drawing.show_scale(self._y, 0.4 - len(names), 0.6, [(self._names, places)])
        left = 16 + round(_PER_LETTER * max(map(len, names)))
        set_traits(self._figure, fig_margin={**self._figure.fig_margin, "left": left})
        pixels = max(_LEAST_PIXELS, _AXIS_PIXELS + _ROW_PIXELS * len(names))
        set_traits(self._figure.layout, height=f"{pixels}px")

    def _span_for(self, frame: ImportanceFrame) -> Span:
        """The axis of drops: 0, all bars, and their intervals as far as these are not very much longer."""
        reach = _WIDEST * max(1e-6, *(abs(bar.drop) for bar in frame.bars))
        high = min(max(0.0, *(bar.high for bar in frame.bars)), reach)
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
            colors=[css_colour(frame.model)],
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

    def close(self) -> None:
        """Close every widget of the plot."""
        marks = [self._bars, self._intervals, self._tip, self._drops, self._names, self._x, self._y]
        boxes = [self.widget, self._stage, self._header, self._footer, self._empty, self._words]
        drawing.close_all([*boxes, self._figure, *marks])


def _squeezed(lines: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Arrays of shape (n_lines, 2) as bqplot keeps them: a single line, or none, has one axis."""
    return lines if len(lines) > 1 else lines.ravel()


def _short(feature: str) -> str:
    return feature if len(feature) <= _LONGEST_NAME else feature[: _LONGEST_NAME - 1] + "…"


def _tick(tick: float, span: Span) -> str:
    return f"{tick:.{span.decimals}f}".replace("-", "−") if tick else "0"


def _text(bar: Bar, metric: str) -> str:
    return f"{bar.feature}\n{_range(bar)} {metric} without it"


def _range(bar: Bar) -> str:
    return f"{gain_text(-bar.drop)}  (90 %: {gain_text(-bar.high)} to {gain_text(-bar.low)})"


def _sentences(frame: ImportanceFrame) -> list[str]:
    if frame.message:
        return [frame.message]
    return [frame.header, *(f"{bar.feature}: {_range(bar)} {frame.metric} without it." for bar in frame.bars)]
