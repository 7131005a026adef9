"""Fit time against rows on logarithmic axes, with what all rows of the table are predicted to take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import bqplot as bq
import ipywidgets as widgets
import numpy as np

from scalewise.core.curves import CurvePoint
from scalewise.core.summary import ModelSummary, Summary
from scalewise.core.wording import byte_text, duration_text, percent_text, rows_text
from scalewise.plots import drawing
from scalewise.plots.base import MOST_IN_FIGURE, MOST_IN_SERIES, View
from scalewise.plots.drawing import set_traits
from scalewise.plots.palette import css_colour, slot_class
from scalewise.plots.ticks import place, row_ticks, second_ticks, short_rows

__all__ = ["FitTimeFrame", "FitTimePlot", "TimeLine", "select_fit_times"]

_AHEAD_POINTS = 16
_LEAST_SECONDS = 1e-4


@dataclass(frozen=True, slots=True)
class TimeLine:
    """One model's fit times.

    Parameters
    ----------
    name, label : str
    n_rows : tuple of int
    seconds : tuple of float
    texts : tuple of str
        What pointing at each point tells.
    ahead_rows, ahead_seconds : tuple
        Predicted from the last point to all rows; empty where nothing is predicted.
    full_text : str
        What pointing at the prediction tells.
    exponent : float or None
        From the largest measured size to all rows, time goes as rows to this power.
    full_time, full_memory : str
        Cells of the table: seconds of one fit on all rows, and bytes of the whole worker meanwhile.
    """

    name: str
    label: str
    n_rows: tuple[int, ...]
    seconds: tuple[float, ...]
    texts: tuple[str, ...]
    ahead_rows: tuple[float, ...]
    ahead_seconds: tuple[float, ...]
    full_text: str
    exponent: float | None
    full_time: str
    full_memory: str


@dataclass(frozen=True, slots=True)
class FitTimeFrame:
    """All that the fit-time plot shows.

    Parameters
    ----------
    n_train_rows : int
        All rows of the table that can be trained on.
    first_rows, last_rows : float
        Ends of the axis of rows.
    least_seconds, most_seconds : float
        Ends of the axis of time.
    lines : tuple of TimeLine
    message : str
        What stands in an empty plot.
    """

    n_train_rows: int = 0
    first_rows: float = 1.0
    last_rows: float = 10.0
    least_seconds: float = 0.01
    most_seconds: float = 1.0
    lines: tuple[TimeLine, ...] = ()
    message: str = ""


def select_fit_times(summary: Summary, view: View) -> FitTimeFrame:
    """Pick what the fit-time plot shows."""
    study = summary.state.study
    if study is None:
        return FitTimeFrame(message="How long one fit takes appears here after Run.")
    shown = [m for m in summary.models if m.curve.model.name not in view.hidden and m.curve.model.rung > 0]
    most = max(2, min(MOST_IN_SERIES, MOST_IN_FIGURE // max(len(shown), 1) - _AHEAD_POINTS))
    lines = tuple(line for model in shown if (line := _line(model, most)).n_rows)
    if not lines:
        return FitTimeFrame(message=_nothing(summary))
    times = [s for line in lines for s in (*line.seconds, *line.ahead_seconds)]
    sizes = [n for line in lines for n in line.n_rows]
    planned = [trial.n_rows for trial in summary.state.planned()]
    full = study.data.n_train_rows
    # Ends on half decades stand still while times waver.
    return FitTimeFrame(
        n_train_rows=full,
        first_rows=min(sizes + planned) / 1.3,
        last_rows=1.5 * max(full, *sizes),
        least_seconds=10 ** (math.floor(2 * math.log10(min(times))) / 2),
        most_seconds=10 ** (math.ceil(2 * math.log10(1.1 * max(times))) / 2),
        lines=lines,
    )


def _nothing(summary: Summary) -> str:
    fitted = any(m.curve.model.rung > 0 for m in summary.models)
    return "Every model is switched off." if fitted else "No fit has been timed yet."


def _line(model: ModelSummary, most: int) -> TimeLine:
    spec, full = model.curve.model, model.curve.n_train_rows
    points = [p for p in model.curve.points if math.isfinite(p.fit_seconds) and p.fit_seconds >= 0]
    points = points[:: math.ceil(len(points) / most)] if len(points) > most else points
    growth = model.fit_time
    ahead = _ahead_rows(points, full) if growth and _may_reach(model) else ()
    seconds = tuple(float(s) for s in growth.predict(ahead)) if growth and ahead else ()
    told = f"{spec.label}, predicted\nall {rows_text(full)} rows (100 %)\none fit "
    return TimeLine(
        name=spec.name,
        label=spec.label,
        n_rows=tuple(p.n_rows for p in points),
        seconds=tuple(max(p.fit_seconds, _LEAST_SECONDS) for p in points),
        texts=tuple(_text(spec.label, p) for p in points),
        ahead_rows=ahead,
        ahead_seconds=tuple(max(s, _LEAST_SECONDS) for s in seconds),
        full_text=told + duration_text(seconds[-1]) if seconds else "",
        exponent=round(growth.growth(full), 2) if growth else None,
        full_time=_full_time(model),
        full_memory=_full_memory(model),
    )


def _may_reach(model: ModelSummary) -> bool:
    """Whether the model is fitted on all rows at all, and was not yet."""
    most = model.curve.model.max_rows
    full = model.curve.n_train_rows
    return (most is None or full <= most) and model.curve.last.n_rows < full


def _ahead_rows(points: Sequence[CurvePoint], full: int) -> tuple[float, ...]:
    if not points:
        return ()
    return tuple(float(n) for n in np.geomspace(points[-1].n_rows, full, _AHEAD_POINTS))


def _text(label: str, point: CurvePoint) -> str:
    memory = f", {byte_text(point.peak_bytes)} on top" if point.peak_bytes else ""
    return (
        f"{label}\n{rows_text(point.n_rows)} rows ({percent_text(point.fraction)})\n"
        f"one fit {duration_text(point.fit_seconds)}{memory}"
    )


def _full_time(model: ModelSummary) -> str:
    """A cell of the table: measured where all rows were used, else predicted, else a dash."""
    last, full = model.curve.last, model.curve.n_train_rows
    if last.n_rows >= full and last.fit_seconds > 0:
        return duration_text(last.fit_seconds)
    if model.fit_time is None or not _may_reach(model):
        return "–"
    return f"≈ {duration_text(float(model.fit_time.predict(full)))}"


def _full_memory(model: ModelSummary) -> str:
    """The memory of a whole worker with all rows, as the verdict tells it, or a dash.

    It is worked out where all rows were used, too: what was measured there holds what other fits left in that worker,
    so that it could lie above what the verdict tells of twice the rows.
    """
    last, full = model.curve.last, model.curve.n_train_rows
    is_measured = any(record.worker_bytes > 0 for _, record in last.trials)
    if not is_measured or not (last.n_rows >= full or _may_reach(model)):
        return "–"
    return f"≈ {byte_text(model.worker_bytes(full))}"


class FitTimePlot:
    """Fit time against rows."""

    name = "fit_time"
    title = "Time and memory of one fit"

    def __init__(self) -> None:
        self._x, self._y, self._unit = bq.LinearScale(), bq.LinearScale(), bq.LinearScale(min=0.0, max=1.0)
        self._rows = drawing.axis(self._x, "bottom", label="training rows", label_offset="26px")
        self._seconds = drawing.axis(self._y, "left")
        self._figure = drawing.figure(
            self._x,
            self._y,
            [self._rows, self._seconds],
            margin={"top": 8, "bottom": 36, "left": 52, "right": 12},
            height="180px",
        )
        self._tip = drawing.tooltip()
        self._full = drawing.line_mark(
            {"x": self._x, "y": self._unit}, drawing.MUTED, stroke_width=1.0, line_style="dashed"
        )
        self._models: dict[str, _ModelMarks] = {}
        self._table, self._empty, self._words = widgets.HTML(), widgets.HTML(), drawing.unseen()
        self._empty.add_class("sw-empty")
        self._stage = widgets.Box([self._figure, self._empty])
        self._stage.add_class("sw-stage")
        self.widget = widgets.VBox([self._stage, self._table, self._words])
        self.widget.add_class("sw-plot")
        self._frame: FitTimeFrame | None = None

    def select(self, summary: Summary, view: View) -> FitTimeFrame:
        """Pick what to show."""
        return select_fit_times(summary, view)

    def draw(self, frame: FitTimeFrame) -> None:
        """Show a frame."""
        if frame == self._frame:
            return
        set_traits(self._empty, value=escape(frame.message))
        self._show_axes(frame)
        for line in frame.lines:
            if line.name not in self._models:
                self._models[line.name] = _ModelMarks(line.name, {"x": self._x, "y": self._y}, self._tip)
            self._models[line.name].show(line)
        layers = zip(*(self._models[line.name].layers for line in frame.lines), strict=True)
        drawing.set_members(self._figure, "marks", [self._full, *(mark for layer in layers for mark in layer)])
        set_traits(self._table, value=_table(frame))
        set_traits(self._words, value=drawing.said(self.title, [frame.message] if frame.message else []))
        self._frame = frame

    def _show_axes(self, frame: FitTimeFrame) -> None:
        axes = (self._rows, self._seconds)
        if not frame.lines:
            drawing.show_axes(axes, False)
            set_traits(self._full, x=drawing.no_data(), y=drawing.no_data())
            return
        rows = [(place(n, True), short_rows(n)) for n in row_ticks(frame.first_rows, frame.last_rows, log=True)]
        drawing.show_scale(self._x, math.log10(frame.first_rows), math.log10(frame.last_rows), [(self._rows, rows)])
        least, most = frame.least_seconds, frame.most_seconds
        times = [(math.log10(s), text) for s, text in second_ticks(least, most)]
        drawing.show_scale(self._y, math.log10(least), math.log10(most), [(self._seconds, times)])
        set_traits(self._full, x=np.full(2, place(frame.n_train_rows, True)), y=np.array([0.0, 1.0]))
        drawing.show_axes(axes, True)

    def close(self) -> None:
        """Close every widget of the plot."""
        marks = [mark for model in self._models.values() for mark in model.layers]
        own = [self._full, self._tip, self._rows, self._seconds, self._x, self._y, self._unit]
        boxes = [self.widget, self._stage, self._table, self._empty, self._words]
        drawing.close_all([*boxes, self._figure, *marks, *own])


class _ModelMarks:
    """The marks of one model, from the lowest layer to the highest."""

    def __init__(self, model: str, scales: dict[str, bq.Scale], tip: bq.Tooltip) -> None:
        colour = css_colour(model)
        self._ahead = drawing.line_mark(scales, colour, stroke_width=2.0, line_style="dotted")
        self._line = drawing.line_mark(scales, colour, stroke_width=2.0)
        self._predicted = drawing.point_mark(scales, colour, tip, hollow=True)
        self._points = drawing.point_mark(scales, colour, tip)

    @property
    def layers(self) -> tuple[bq.Mark, ...]:
        """Marks from the lowest layer to the highest."""
        return (self._ahead, self._line, self._predicted, self._points)

    def show(self, line: TimeLine) -> None:
        """Bring the marks up to a line."""
        x, y = _logs(line.n_rows), _logs(line.seconds)
        set_traits(self._line, x=x, y=y)
        set_traits(self._points, x=x, y=y, names=np.array(line.texts, dtype=str))
        # The prediction is a smooth curve and need not go through the last point.
        ahead_x, ahead_y = _logs(line.ahead_rows), _logs(line.ahead_seconds)
        set_traits(self._ahead, x=ahead_x, y=ahead_y)
        told = [line.full_text] if line.full_text else []
        set_traits(self._predicted, x=ahead_x[-1:], y=ahead_y[-1:], names=np.array(told, dtype=str))


def _logs(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([math.log10(v) for v in values], dtype=float)


def _table(frame: FitTimeFrame) -> str:
    if not frame.lines:
        return ""
    rows = "".join(_row(line) for line in frame.lines)
    return (
        '<table class="sw-table"><thead><tr><th scope="col">Model</th><th scope="col">time grows as</th>'
        '<th scope="col">time, all rows</th><th scope="col">memory, all rows</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _row(line: TimeLine) -> str:
    growth = f"rows<sup>{line.exponent:.1f}</sup>" if line.exponent is not None else "–"
    return (
        f'<tr><th scope="row"><span class="sw-swatch {slot_class(line.name)}"></span>{escape(line.label)}</th>'
        f"<td>{growth}</td><td>{line.full_time}</td><td>{line.full_memory}</td></tr>"
    )
