"""Score against number of features: the best few, against all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Any

import bqplot as bq
import ipywidgets as widgets
import numpy as np

from scalewise.core.features.feature_curve import FeatureCurve, FeaturePoint
from scalewise.core.summary import Summary
from scalewise.core.wording import duration_text, exact_text, gain_text, rows_text, score_text
from scalewise.plots import drawing
from scalewise.plots.base import View
from scalewise.plots.drawing import set_traits
from scalewise.plots.palette import css_colour
from scalewise.plots.ticks import Span, steady

__all__ = ["FeatureCurveFrame", "FeatureCurvePlot", "select_feature_curve"]

_WIDEST = 3.0
"""Bands count for the axis up to so many times the range of the scores."""

_NAMES_TOLD = 6
_PER_DIGIT = 7


@dataclass(frozen=True, slots=True)
class FeatureCurveFrame:
    """All that the plot shows.

    Parameters
    ----------
    study, model, metric : str
        Id of the study, name of the model, label of the metric.
    header : str
    ks : tuple of int
        Numbers of features, ascending; the last is all where that is known.
    score, low, high : tuple of float
    texts : tuple of str
        What is told of each point.
    whole : float or None
        Score of all features.
    enough : int or None
        The smallest number that is enough.
    chosen : int or None
        The number that is looked at.
    best : float or None
        The best score there can be.
    remarks : tuple of str
    message : str
        What stands in an empty plot.
    """

    study: str = ""
    model: str = ""
    metric: str = ""
    header: str = ""
    ks: tuple[int, ...] = ()
    score: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()
    whole: float | None = None
    enough: int | None = None
    chosen: int | None = None
    best: float | None = None
    remarks: tuple[str, ...] = ()
    message: str = ""


def select_feature_curve(summary: Summary, view: View) -> FeatureCurveFrame:
    """Pick what the plot shows."""
    study, curve = summary.state.study, summary.features
    if study is None:
        return FeatureCurveFrame(message="Whether fewer features would do can be found out after Run.")
    if curve is None:
        return FeatureCurveFrame(study=study.id, message=_nothing(summary))
    chosen = view.keep if curve.at(view.keep or 0) else (curve.keep.k if curve.keep else None)
    return FeatureCurveFrame(
        study=study.id,
        model=curve.model.name,
        metric=study.metric.label,
        header=_header(curve),
        ks=tuple(point.k for point in curve.points),
        score=tuple(point.score for point in curve.points),
        low=tuple(point.low for point in curve.points),
        high=tuple(point.high for point in curve.points),
        texts=tuple(_text(point, curve, study.metric.label) for point in curve.points),
        whole=curve.whole.score,
        enough=curve.enough,
        chosen=chosen,
        best=study.metric.best,
        remarks=_remarks(curve, study.metric.label),
    )


def _nothing(summary: Summary) -> str:
    plan = summary.state.plan
    if plan is not None and plan.features is not None:
        return "Ranking the features inside the training rows ..."
    return "“Find out” fits the best 1, 2, 3, 5, 8, … features and compares them with all."


def _header(curve: FeatureCurve) -> str:
    return f"{curve.model.label}, {rows_text(curve.n_rows)} rows"


def _text(point: FeaturePoint, curve: FeatureCurve, metric: str) -> str:
    names = f"\n{', '.join(point.features[:_NAMES_TOLD])}" if point.features else ""
    names += f" and {point.k - _NAMES_TOLD} more" if len(point.features) > _NAMES_TOLD else ""
    lost = f"\n{gain_text(-point.loss.mean)} against all, paired" if point.loss else ""
    title = f"all {point.k:,} features" if point is curve.whole else f"{point.k:,} feature{'s' * (point.k > 1)}"
    return (
        f"{title}\n{score_text(point.score)} {metric} (90 %: {score_text(point.low)} to {score_text(point.high)})"
        f"{lost}\none fit {duration_text(point.fit_seconds)}{names}"
    )


def _remarks(curve: FeatureCurve, metric: str) -> tuple[str, ...]:
    less = f"credibly loses less than {exact_text(curve.margin)} {metric}"
    if curve.enough is None:
        return (f"No smaller set {less} yet.",)
    return (f"Ring: the smallest set that {less}; dashed: all features.",)


class FeatureCurvePlot:
    """Score against number of features."""

    name = "feature_curve"
    title = "Score against number of features"

    def __init__(self) -> None:
        self._x, self._y, self._unit = bq.LinearScale(), bq.LinearScale(), bq.LinearScale(min=0.0, max=1.0)
        self._numbers = drawing.axis(self._x, "bottom", label="features kept", label_offset="26px")
        self._scores = drawing.axis(self._y, "left")
        self._figure = drawing.figure(
            self._x,
            self._y,
            [self._numbers, self._scores],
            margin={"top": 8, "bottom": 36, "left": 52, "right": 16},
            height="220px",
        )
        scales, self._tip = {"x": self._x, "y": self._y}, drawing.tooltip()
        self._whole = drawing.line_mark(scales, drawing.MUTED, stroke_width=1.0, line_style="dashed")
        self._chosen = drawing.line_mark({"x": self._x, "y": self._unit}, "var(--sw-accent, #1A5FB4)", stroke_width=1.5)
        self._band = drawing.band_mark(scales, css_colour(""), 0.22)
        self._line = drawing.line_mark(scales, css_colour(""), stroke_width=2.0)
        self._ring = drawing.point_mark(scales, css_colour(""), self._tip, hollow=True)
        set_traits(self._ring, default_size=160)
        self._points = drawing.point_mark(scales, css_colour(""), self._tip)
        self._figure.marks = [self._whole, self._chosen, self._band, self._line, self._ring, self._points]
        self._header, self._note, self._empty = (widgets.HTML() for _ in range(3))
        self._words = drawing.unseen()
        for part, style in ((self._header, "sw-caption"), (self._note, "sw-note"), (self._empty, "sw-empty")):
            part.add_class(style)
        self._stage = widgets.Box([self._figure, self._empty])
        self._stage.add_class("sw-stage")
        self.widget = widgets.VBox([self._header, self._stage, self._note, self._words])
        self.widget.add_class("sw-plot")
        self._frame: FeatureCurveFrame | None = None
        self._span: Span | None = None

    def select(self, summary: Summary, view: View) -> FeatureCurveFrame:
        """Pick what to show."""
        return select_feature_curve(summary, view)

    def draw(self, frame: FeatureCurveFrame) -> None:
        """Show a frame."""
        if frame == self._frame:
            return
        set_traits(self._empty, value=escape(frame.message))
        self._show_axes(frame)
        self._show_curve(frame)
        self._show_marks(frame)
        header = f"{frame.metric} · {frame.header}" if frame.header else ""
        set_traits(self._header, value=escape(header))
        set_traits(self._note, value="<br>".join(map(escape, frame.remarks)))
        set_traits(self._words, value=drawing.said(self.title, _sentences(frame)))
        self._frame = frame

    def _show_axes(self, frame: FeatureCurveFrame) -> None:
        axes = (self._numbers, self._scores)
        if not frame.ks:
            drawing.show_axes(axes, False)
            return
        low, high = min(frame.score), max(frame.score)
        reach = _WIDEST * max(high - low, 1e-4)
        low, high = max(min(frame.low), low - reach), min(max(frame.high), high + reach)
        before = self._frame
        same = before is not None and (before.study, before.model) == (frame.study, frame.model)
        self._span = steady(self._span if same else None, low, high, frame.best, 5)
        ends = _place(frame.ks[0]) - 0.04, _place(frame.ks[-1]) + 0.04
        drawing.show_scale(self._x, *ends, [(self._numbers, [(_place(k), f"{k:,}") for k in _ticks(frame.ks)])])
        scores = [(tick, f"{tick:z.{self._span.decimals}f}".replace("-", "−")) for tick in self._span.ticks]
        drawing.show_scale(self._y, self._span.low, self._span.high, [(self._scores, scores)])
        left = 16 + _PER_DIGIT * max((len(text) for _, text in scores), default=3)
        set_traits(self._figure, fig_margin={**self._figure.fig_margin, "left": left})
        drawing.show_axes(axes, True)

    def _show_curve(self, frame: FeatureCurveFrame) -> None:
        colour = css_colour(frame.model)
        at = np.array([_place(k) for k in frame.ks], dtype=float)
        score = np.array(frame.score, dtype=float)
        width = float(at[-1] - at[0]) if len(at) > 1 else 1.0
        band_x, band_y = drawing.band_arrays(frame.ks, frame.low, frame.high, True, width)
        set_traits(self._band, x=band_x, y=band_y, colors=[colour], fill_colors=[colour, colour])
        set_traits(self._line, x=at, y=score, colors=[colour])
        set_traits(self._points, x=at, y=score, colors=[colour], names=np.array(frame.texts, dtype=str))

    def _show_marks(self, frame: FeatureCurveFrame) -> None:
        """All features, the smallest set that is enough, and the number that is looked at."""
        whole = np.array([frame.whole] * 2 if frame.whole is not None and len(frame.ks) > 1 else [], dtype=float)
        ends = np.array([_place(frame.ks[0]), _place(frame.ks[-1])] if len(whole) else [], dtype=float)
        set_traits(self._whole, x=ends, y=whole)
        chosen = [_place(frame.chosen)] * 2 if frame.chosen in frame.ks and frame.chosen else []
        set_traits(self._chosen, x=np.array(chosen, dtype=float), y=np.array([0.0, 1.0][: len(chosen)]))
        at = [frame.ks.index(frame.enough)] if frame.enough in frame.ks and frame.enough else []
        colour = css_colour(frame.model)
        set_traits(
            self._ring,
            x=np.array([_place(frame.ks[k]) for k in at], dtype=float),
            y=np.array([frame.score[k] for k in at], dtype=float),
            names=np.array([frame.texts[k] for k in at], dtype=str),
            colors=[colour],
            stroke=colour,
        )

    def close(self) -> None:
        """Close every widget of the plot."""
        marks: list[Any] = [self._whole, self._chosen, self._band, self._line, self._ring, self._points, self._tip]
        axes = [self._numbers, self._scores, self._x, self._y, self._unit]
        boxes = [self.widget, self._stage, self._header, self._note, self._empty, self._words]
        drawing.close_all([*boxes, self._figure, *marks, *axes])


def _place(k: int) -> float:
    return math.log10(max(k, 1))


def _ticks(ks: tuple[int, ...]) -> list[int]:
    """The numbers themselves, without those that would stand too close to a larger one."""
    width = max(_place(ks[-1]) - _place(ks[0]), 0.1)
    kept: list[int] = []
    for k in reversed(ks):
        if not kept or _place(kept[-1]) - _place(k) > 0.06 * width:
            kept.append(k)
    return kept[::-1]


def _sentences(frame: FeatureCurveFrame) -> list[str]:
    if frame.message:
        return [frame.message]
    return [frame.header, *(text.replace("\n", ", ") + "." for text in frame.texts), *frame.remarks]
