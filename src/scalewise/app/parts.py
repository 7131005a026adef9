"""Small pieces that several parts of the page are made of."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import ipywidgets as widgets
from ipywidgets.widgets.widget_description import DescriptionWidget

from scalewise.app.theme import css
from scalewise.core.wording import exact_text
from scalewise.plots.palette import slot_class

__all__ = ["amount_field", "complaint", "field", "folded", "put", "say_again", "status", "swatch"]


def complaint(words: str) -> widgets.HTML:
    """Say why there is no page, in the colours of the page."""
    told = widgets.HTML(f"<style>{css()}</style><p class='sw-note-error' role='alert'>{escape(words)}</p>")
    told.add_class("scalewise")
    return told


def field(label: str, *controls: widgets.Widget) -> widgets.VBox:
    """Stack a control, and what belongs to it, under its label.

    The control bears the label too, out of sight, so that screen readers tell what it is.
    """
    if label and isinstance(controls[0], DescriptionWidget):
        controls[0].description = label
    caption = widgets.HTML(f"<div class='sw-label' aria-hidden='true'>{escape(label)}</div>")
    box = widgets.VBox([caption, *controls])
    box.add_class("sw-field")
    return box


def amount_field(label: str, box: widgets.FloatText, hint: str = "") -> widgets.VBox:
    """Stack a number from 0 on under its label; what is below 0 is not taken, which is said under it.

    Parameters
    ----------
    label : str
    box : ipywidgets.FloatText
        Stands at its last good value where it is given another one.
    hint : str
        What is to know of it.
    """
    told = widgets.HTML(_hint(hint))

    def check(change: dict[str, Any]) -> None:
        if 0 <= change["new"] < math.inf:
            put(told, "value", _hint(hint))
        else:
            box.value = change["old"]
            words = f"{exact_text(change['new'])} is not taken: it must be 0 or more."
            put(told, "value", f"<div class='sw-hint sw-note-error' role='alert'>{words}</div>")

    box.observe(check, "value")
    return field(label, box, told)


def _hint(words: str) -> str:
    return f"<div class='sw-hint'>{escape(words)}</div>" if words else ""


def folded(label: str, controls: list[widgets.Widget]) -> widgets.Accordion:
    """Hide controls that are seldom needed under a line that opens them, without asking the kernel."""
    box = widgets.VBox(controls)
    box.add_class("sw-settings")
    fold = widgets.Accordion([box], titles=(label,), selected_index=None)
    fold.add_class("sw-folded")
    return fold


def status(html: str) -> str:
    """Frame what changes by itself, as HTML, so that screen readers tell of it."""
    return f"<div class='sw-question-text' role='status'>{html}</div>"


def swatch(model: str) -> str:
    """Draw a dot in a model's colour, as HTML."""
    return f"<span class='sw-dot {slot_class(model)}' aria-hidden='true'></span>"


def put(widget: widgets.Widget, trait: str, value: object) -> None:
    """Set a trait only where it differs, so that nothing travels needlessly."""
    if getattr(widget, trait) != value:
        setattr(widget, trait, value)


def say_again(widget: widgets.Widget) -> None:
    """Send what a widget shows, and those inside it, to a page that may not have listened when it changed."""
    widget.send_state()
    for inside in getattr(widget, "children", ()):
        say_again(inside)
