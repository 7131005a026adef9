"""The learning curve: score against training rows, one line a model, continued to all rows of the table."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import bqplot as bq
import ipywidgets as widgets
import numpy as np

from scalewise.core.summary import Summary
from scalewise.core.wording import percent_text, rows_text, score_text
from scalewise.plots import drawing
from scalewise.plots.base import View
from scalewise.plots.drawing import set_traits
from scalewise.plots.learning_frame import CurveFrame, ModelLine, is_away, select_curves
from scalewise.plots.learning_range import needed_range
from scalewise.plots.legend import Chip, Legend
from scalewise.plots.palette import css_colour
from scalewise.plots.stream_frame import StreamLine
from scalewise.plots.stream_marks import StreamMarks
from scalewise.plots.ticks import Span, percent_ticks, place, row_ticks, short_rows, steady
from scalewise.plots.tips import computed_by

__all__ = ["LearningCurvePlot"]

_PER_DIGIT = 7
"""Pixels that a digit of a tick takes."""

_SCORE_FORMAT_FROM = 10_000
"""Scores of this size are written as 12k: there is no room for more digits."""


class LearningCurvePlot:
    """Score against training rows.

    Parameters
    ----------
    on_toggle : callable or None
        Called with a model's name when a person switches it on or off. It may be called in another thread than the
        kernel's main one.
    """

    name = "learning_curve"
    title = "Learning curve"

    def __init__(self, on_toggle: Callable[[str], None] | None = None) -> None:
        self._legend = Legend(on_toggle)
        self._canvas = _Canvas()
        self._empty = widgets.HTML()
        self._empty.add_class("sw-empty")
        self._note = widgets.HTML()
        self._note.add_class("sw-note")
        self._words = drawing.unseen()
        self._stage = widgets.Box([self._canvas.figure, self._empty])
        self._stage.add_class("sw-stage")
        self.widget = widgets.VBox([self._legend.widget, self._stage, self._note, self._words])
        self.widget.add_class("sw-plot")
        self._frame: CurveFrame | None = None
        self._span: Span | None = None

    def select(self, summary: Summary, view: View) -> CurveFrame:
        """Pick what to show."""
        return select_curves(summary, view)

    def draw(self, frame: CurveFrame) -> None:
        """Show a frame."""
        if frame == self._frame:
            return
        self._span = self._span_for(frame)
        set_traits(self._empty, value=escape(frame.message))
        self._canvas.show(frame, self._span)
        self._legend.show(_chips(frame, self._span), frame.metric)
        set_traits(self._note, value=escape(_note(frame)))
        set_traits(self._words, value=drawing.said(self.title, _sentences(frame)))
        self._frame = frame

    def _span_for(self, frame: CurveFrame) -> Span:
        """The axis of scores; it stays where it is while one study's points fit it."""
        needed = needed_range(frame)
        same = self._frame is not None and self._frame.study == frame.study
        if needed is None:
            return self._span if same and self._span else Span(0.0, 1.0, 0.2)
        return steady(self._span if same and _has_points(self._frame) else None, *needed, frame.best)

    def close(self) -> None:
        """Close every widget of the plot."""
        self._legend.close()
        self._canvas.close()
        drawing.close_all([self.widget, self._stage, self._empty, self._note, self._words])


def _has_points(frame: CurveFrame | None) -> bool:
    return frame is not None and any(line.n_rows for line in _all_lines(frame))


def _all_lines(frame: CurveFrame) -> list[ModelLine | StreamLine]:
    return [*frame.lines, *frame.streams]


def _chips(frame: CurveFrame, span: Span) -> tuple[Chip, ...]:
    """One for each model; a model that is only streamed has its stream's."""
    first = {line.name: line for line in reversed(_all_lines(frame))}
    return tuple(_chip(line, span) for line in _all_lines(frame) if first[line.name] is line)


def _chip(line: ModelLine | StreamLine, span: Span) -> Chip:
    if not line.shown:
        return Chip(line.name, line.label, "off", False)
    if not line.n_rows:
        return Chip(line.name, line.label, "", True)
    score = f"{line.score[-1]:z.3f}".replace("-", "−") if abs(line.score[-1]) < 10 else score_text(line.score[-1])
    away = " ↓" if line.score[-1] < span.low else " ↑" if line.score[-1] > span.high else ""
    return Chip(line.name, line.label, score + away, True)


def _note(frame: CurveFrame) -> str:
    """How to read the lines that are there, and which curves are not continued and why."""
    if frame.message:
        return ""
    parts = ["Bands: 90 % intervals"]
    if any(line.train for line in frame.lines):
        parts.append("dashed: scores on the training rows")
    if any(line.ahead for line in frame.lines):
        parts.append("dotted: expected with more rows")
    away = sorted({name for line in frame.lines for places in line.places if is_away(places) for name in places})
    if away:
        parts.append(f"diamonds: {computed_by(away)}")
    parts += [f"triangles: {line.label}, {line.how}{_ending(line)}" for line in frame.streams if line.n_rows]
    refused = [line for line in frame.lines if line.refusal]
    told = f" Not continued: {', '.join(line.label for line in refused)}. {refused[-1].refusal}" if refused else ""
    return "; ".join(parts) + "." + told


def _ending(line: StreamLine) -> str:
    return f" ({line.ended})" if line.ended else ""


def _sentences(frame: CurveFrame) -> list[str]:
    if frame.message:
        return [frame.message]
    streamed = [_stream_sentence(line, frame) for line in frame.streams if line.n_rows]
    return [*(_sentence(line, frame) for line in frame.lines if line.n_rows), *streamed]


def _stream_sentence(line: StreamLine, frame: CurveFrame) -> str:
    share = percent_text(line.n_rows[-1] / frame.n_train_rows)
    return (
        f"{line.label}, {line.how}{_ending(line)}: {frame.metric} {score_text(line.score[-1])} after "
        f"{rows_text(line.n_rows[-1])} rows, {share}."
    )


def _sentence(line: ModelLine, frame: CurveFrame) -> str:
    n_rows = line.n_rows[-1]
    text = (
        f"{line.label}: {frame.metric} {score_text(line.score[-1])} "
        f"({score_text(line.low[-1])} to {score_text(line.high[-1])}) on {rows_text(n_rows)} rows, "
        f"{percent_text(n_rows / frame.n_train_rows)}; {score_text(line.score[0])} on {rows_text(line.n_rows[0])} rows"
    )
    if line.ahead and line.ahead.full_score is not None:
        text += f"; {score_text(line.ahead.full_score)} expected on all rows"
    return text + "."


class _Canvas:
    """The figure: axes, the mark at 100 % of the rows, and the marks of each model."""

    def __init__(self) -> None:
        self._x, self._y = bq.LinearScale(), bq.LinearScale()
        self._unit = bq.LinearScale(min=0.0, max=1.0)
        self._rows = drawing.axis(self._x, "bottom", label="training rows", label_offset="26px")
        self._percents = drawing.axis(self._x, "top", grid=False)
        self._scores = drawing.axis(self._y, "left")
        self.figure = drawing.figure(
            self._x,
            self._y,
            [self._rows, self._percents, self._scores],
            margin={"top": 24, "bottom": 36, "left": 48, "right": 12},
            height="328px",
        )
        self._tip = drawing.tooltip()
        self._full = drawing.line_mark(
            {"x": self._x, "y": self._unit}, drawing.MUTED, stroke_width=1.0, line_style="dashed"
        )
        self._full_text = bq.Label(
            x=drawing.no_data(),
            y=drawing.no_data(),
            text=np.array([], dtype="U1"),
            scales={"x": self._x, "y": self._unit},
            colors=[drawing.MUTED],
            align="end",
            x_offset=-6,
            y_offset=-6,
            default_size=11.0,
            font_weight="normal",
        )
        self._models: dict[str, _ModelMarks] = {}
        self._streams: dict[str, StreamMarks] = {}

    def show(self, frame: CurveFrame, span: Span) -> None:
        """Bring axes and marks up to a frame."""
        x = place(frame.first_rows, frame.log_rows), place(frame.last_rows, frame.log_rows)
        self._show_axes(frame, span, x)
        self._show_full(frame)
        for line in frame.lines:
            if line.name not in self._models:
                self._models[line.name] = _ModelMarks(line.name, {"x": self._x, "y": self._y}, self._tip)
            self._models[line.name].show(line, frame, x[1] - x[0])
        for stream in frame.streams:
            if stream.name not in self._streams:
                self._streams[stream.name] = StreamMarks(stream.name, {"x": self._x, "y": self._y}, self._tip)
            self._streams[stream.name].show(stream, frame.log_rows)
        self._place_marks(frame)

    def _place_marks(self, frame: CurveFrame) -> None:
        """Areas lie below lines, lines below points, complex models above simple ones, and streams above all."""
        present = [self._models[line.name] for line in frame.lines]
        layers = [mark for layer in zip(*(m.layers for m in present), strict=True) for mark in layer]
        streamed = [mark for line in frame.streams for mark in self._streams[line.name].layers]
        drawing.set_members(self.figure, "marks", [self._full, self._full_text, *layers, *streamed])

    def _show_axes(self, frame: CurveFrame, span: Span, x: tuple[float, float]) -> None:
        log, ends = frame.log_rows, (frame.first_rows, frame.last_rows)
        if frame.study:
            rows = [(place(n, log), short_rows(n)) for n in row_ticks(*ends, log)]
            shares = [(place(n, log), text) for n, text in percent_ticks(*ends, frame.n_train_rows, log)]
            drawing.show_scale(self._x, *x, [(self._rows, rows), (self._percents, shares)])
            scores = [(tick, _score_tick(tick, span)) for tick in span.ticks]
            drawing.show_scale(self._y, span.low, span.high, [(self._scores, scores)])
        drawing.show_axes((self._rows, self._percents, self._scores), bool(frame.study))
        longest = max((len(_score_tick(tick, span)) for tick in span.ticks), default=3)
        set_traits(self.figure, fig_margin={**self.figure.fig_margin, "left": 16 + _PER_DIGIT * longest})

    def _show_full(self, frame: CurveFrame) -> None:
        """The vertical mark where all rows of the table are used."""
        inside = frame.first_rows < frame.n_train_rows < frame.last_rows
        at = [place(frame.n_train_rows, frame.log_rows)] if inside else []
        set_traits(self._full, x=np.array(at * 2, dtype=float), y=np.array([0.0, 1.0][: 2 * len(at)], dtype=float))
        text = f"all {rows_text(frame.n_train_rows)} rows"
        set_traits(
            self._full_text,
            x=np.array(at, dtype=float),
            y=np.zeros(len(at)),
            text=np.array([text] * len(at), dtype="U40"),
        )

    def close(self) -> None:
        """Close every widget of the figure."""
        own: list[Any] = [self._full, self._full_text, self._tip, self._rows, self._percents, self._scores]
        drawn: list[_ModelMarks | StreamMarks] = [*self._models.values(), *self._streams.values()]
        marks = [mark for member in drawn for mark in member.layers]
        drawing.close_all([self.figure, *own, *marks, self._x, self._y, self._unit])


def _score_tick(tick: float, span: Span) -> str:
    if max(abs(span.low), abs(span.high)) >= _SCORE_FORMAT_FROM:
        return f"{'−' if tick < 0 else ''}{short_rows(abs(tick))}"
    return f"{tick:z.{span.decimals}f}".replace("-", "−")


class _ModelMarks:
    """The marks of one model, from the lowest layer to the highest."""

    def __init__(self, model: str, scales: dict[str, bq.Scale], tip: bq.Tooltip) -> None:
        colour = css_colour(model)
        self._fan = drawing.band_mark(scales, colour, 0.10)
        self._band = drawing.band_mark(scales, colour, 0.22)
        self._train = drawing.line_mark(scales, colour, stroke_width=1.0, line_style="dashed", opacities=[0.75])
        self._ahead = drawing.line_mark(scales, colour, stroke_width=2.0, line_style="dotted")
        self._line = drawing.line_mark(scales, colour, stroke_width=2.0)
        self._expected = drawing.point_mark(scales, colour, tip, hollow=True)
        self._points = drawing.point_mark(scales, colour, tip)
        self._away = drawing.point_mark(scales, colour, tip)
        set_traits(self._away, marker="diamond", default_size=64)

    @property
    def layers(self) -> tuple[bq.Mark, ...]:
        """Marks from the lowest layer to the highest."""
        return (self._fan, self._band, self._train, self._ahead, self._line, self._expected, self._points, self._away)

    def show(self, line: ModelLine, frame: CurveFrame, width: float) -> None:
        """Bring the marks up to a line."""
        log = frame.log_rows
        at = np.array([place(n, log) for n in line.n_rows], dtype=float)
        band_x, band_y = drawing.band_arrays(line.n_rows, line.low, line.high, log, width)
        set_traits(self._band, x=band_x, y=band_y)
        set_traits(self._train, x=at[: len(line.train)], y=np.array(line.train, dtype=float))
        set_traits(self._line, x=at, y=np.array(line.score, dtype=float))
        self._show_points(line, at)
        self._show_ahead(line, frame, width)

    def _show_points(self, line: ModelLine, at: np.ndarray[Any, Any]) -> None:
        """Points computed elsewhere than on this machine have another shape."""
        score, texts = np.array(line.score, dtype=float), np.array(line.texts, dtype=str)
        away = np.array([is_away(places) for places in line.places], dtype=bool)
        set_traits(self._points, x=at[~away], y=score[~away], names=texts[~away])
        set_traits(self._away, x=at[away], y=score[away], names=texts[away])

    def _show_ahead(self, line: ModelLine, frame: CurveFrame, width: float) -> None:
        log, ahead = frame.log_rows, line.ahead
        n_rows, mean = (ahead.n_rows, ahead.mean) if ahead else ((), ())
        low, high = (ahead.low, ahead.high) if ahead else ((), ())
        fan_x, fan_y = drawing.band_arrays(n_rows, low, high, log, width)
        set_traits(self._fan, x=fan_x, y=fan_y)
        set_traits(self._ahead, x=np.array([place(n, log) for n in n_rows], dtype=float), y=np.array(mean, dtype=float))
        full = [ahead.full_score] if ahead and ahead.full_score is not None else []
        set_traits(
            self._expected,
            x=np.array([place(frame.n_train_rows, log)] * len(full), dtype=float),
            y=np.array(full, dtype=float),
            names=np.array([ahead.full_text] * len(full) if ahead else [], dtype=str),
        )
