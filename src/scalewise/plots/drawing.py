"""Small pieces that the plots share: figures, axes and marks in one style, and changing only what changed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import bqplot as bq
import ipywidgets as widgets
import numpy as np

from scalewise.plots.ticks import place

__all__ = [
    "MUTED",
    "Tied",
    "axis",
    "band_arrays",
    "band_mark",
    "close_all",
    "figure",
    "line_mark",
    "no_data",
    "point_mark",
    "said",
    "set_members",
    "set_traits",
    "show_axes",
    "show_scale",
    "tooltip",
    "unseen",
]

Tied = Sequence[tuple[float, str]]
"""Ticks: places on an axis and what they say."""

MUTED = "var(--sw-muted, #5F6368)"
_GRID = "var(--sw-grid, #E8EAED)"
_HALF_WHISKER = 0.004
"""Half the width of the band of a single point, as a share of the axis."""


def set_traits(widget: widgets.Widget, **wanted: Any) -> bool:
    """Set the traits that differ from what is wanted, in one message; tell whether any did."""
    changed = {name: value for name, value in wanted.items() if not _same(getattr(widget, name), value)}
    if changed:
        with widget.hold_sync():
            for name, value in changed.items():
                setattr(widget, name, value)
    return bool(changed)


def _same(now: object, wanted: object) -> bool:
    if isinstance(now, np.ndarray) or isinstance(wanted, np.ndarray):
        return isinstance(now, np.ndarray) and isinstance(wanted, np.ndarray) and _same_array(now, wanted)
    return bool(now == wanted)


def _same_array(now: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any]) -> bool:
    numbers = now.dtype.kind == "f" and wanted.dtype.kind == "f"
    return np.array_equal(now, wanted, equal_nan=numbers)


def set_members(widget: widgets.Widget, trait: str, wanted: Sequence[widgets.Widget]) -> None:
    """Set a list of widgets where it does not hold the same ones in the same order."""
    now = getattr(widget, trait)
    if len(now) != len(wanted) or any(a is not b for a, b in zip(now, wanted, strict=True)):
        setattr(widget, trait, list(wanted))


def figure(x: bq.Scale, y: bq.Scale, axes: Sequence[bq.Axis], *, margin: dict[str, int], height: str) -> bq.Figure:
    """An empty figure as wide as its container."""
    drawn = bq.Figure(
        marks=[],
        axes=list(axes),
        scale_x=x,
        scale_y=y,
        fig_margin=margin,
        padding_x=0,
        padding_y=0,
        display_toolbar=False,
        background_style={"fill": "transparent"},
        layout=widgets.Layout(width="100%", height=height, min_width="0"),
    )
    drawn.add_class("sw-figure")
    return drawn


def axis(scale: bq.Scale, side: str, *, grid: bool = True, label: str = "", label_offset: str | None = None) -> bq.Axis:
    """An axis in greys."""
    return bq.Axis(
        scale=scale,
        side=side,
        label=label,
        label_offset=label_offset,
        label_color=MUTED,
        grid_lines="solid" if grid else "none",
        grid_color=_GRID,
        color=_GRID,
        tick_style={"font-size": "11px", "fill": MUTED},
    )


def show_scale(scale: bq.Scale, low: float, high: float, ticks: Sequence[tuple[bq.Axis, Tied]]) -> None:
    """Set the ends of a scale, and on each of its axes ticks with their own texts.

    Notes
    -----
    The order matters: bqplot writes ticks a frame later with the texts that it knew when the scale or the places of the
    ticks changed, so texts go first.
    """
    for axis, tied in ticks:
        set_traits(axis, tick_labels={_js_number(value): text for value, text in tied})
    set_traits(scale, min=low, max=high)
    for axis, tied in ticks:
        set_traits(axis, tick_values=np.array([value for value, _ in tied], dtype=float))


def show_axes(axes: Sequence[bq.Axis], shown: bool) -> None:
    """Show or hide axes; to be shown last, as a scale without its ends is drawn from 0 to 1 until they arrive."""
    for axis in axes:
        set_traits(axis, visible=shown)


def _js_number(value: float) -> str:
    """A number as the browser turns it into text, by which it looks up a tick's label."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def line_mark(scales: dict[str, bq.Scale], colour: str, **style: Any) -> bq.Lines:
    """A line without data yet."""
    return bq.Lines(x=no_data(), y=no_data(), scales=scales, colors=[colour], **style)


def band_mark(scales: dict[str, bq.Scale], colour: str, opacity: float) -> bq.Lines:
    """The area between two lines that are not drawn themselves."""
    return bq.Lines(
        x=no_data(),
        y=no_data(),
        scales=scales,
        colors=[colour],
        fill="between",
        fill_colors=[colour, colour],
        fill_opacities=[opacity, 0.0],
        opacities=[0.0, 0.0],
    )


def point_mark(scales: dict[str, bq.Scale], colour: str, tip: bq.Tooltip, *, hollow: bool = False) -> bq.Scatter:
    """Points that tell more when pointed at."""
    return bq.Scatter(
        x=no_data(),
        y=no_data(),
        scales=scales,
        colors=[colour],
        # An unseen rim makes small points easy to hit.
        stroke=colour if hollow else "transparent",
        fill=not hollow,
        stroke_width=2.0 if hollow else 10.0,
        default_size=64 if hollow else 36,
        names=np.array([], dtype="U1"),
        names_unique=False,
        display_names=False,
        tooltip=tip,
        tooltip_style={"opacity": 1.0},
    )


def tooltip() -> bq.Tooltip:
    """Text of the point under the pointer, sent ahead with the points: pointing asks nothing of the kernel."""
    tip = bq.Tooltip(fields=["name"], show_labels=False)
    tip.add_class("sw-tip")
    return tip


def no_data() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """An empty series."""
    return np.array([], dtype=float)


def band_arrays(
    n_rows: Sequence[int], low: Sequence[float], high: Sequence[float], log: bool, width: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Arrays of a band: places of shape (n,) and both edges of shape (2, n); a single point becomes a narrow bar."""
    at = [place(n, log) for n in n_rows]
    if len(at) == 1:
        reach = _HALF_WHISKER * width
        at, low, high = [at[0] - reach, at[0] + reach], [low[0]] * 2, [high[0]] * 2
    return np.array(at, dtype=float), np.array([low, high], dtype=float) if at else no_data()


def said(label: str, sentences: Sequence[str]) -> str:
    """A picture in words, as HTML."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<div role="group" aria-label="{escape(label, quote=True)}"><ul>{items}</ul></div>'


def unseen() -> widgets.HTML:
    """A place for words that only screen readers meet."""
    words = widgets.HTML()
    words.add_class("sw-unseen")
    return words


def close_all(owned: Sequence[widgets.Widget]) -> None:
    """Close widgets together with their layouts and styles; closed ones are passed over."""
    for widget in owned:
        for name in ("layout", "style"):
            part = getattr(widget, name, None)
            if isinstance(part, widgets.Widget):
                part.close()
        widget.close()
