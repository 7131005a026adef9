"""The verdict card as widgets: what changes live stands apart from what a person opened, so that it stays open."""

from __future__ import annotations

import ipywidgets as widgets

from scalewise.app.card import change_html, verdict_html, ways_html
from scalewise.app.parts import put
from scalewise.core.summary import Summary

__all__ = ["VerdictCard"]


class VerdictCard:
    """The verdict, and behind disclosures all ways forward and what would overturn it.

    A disclosure's heading is drawn once and its content is drawn anew whenever it changes; the style sheet shows the
    content while the heading is open.

    Attributes
    ----------
    head, ways, change : ipywidgets.HTML
    widget : ipywidgets.VBox
    """

    def __init__(self) -> None:
        self.head, self.ways, self.change = widgets.HTML(), widgets.HTML(), widgets.HTML()
        for name, content in (("ways", self.ways), ("change", self.change)):
            content.add_class("sw-content")
            content.add_class(f"sw-content-{name}")
        ways, change = (
            _heading("ways", "All ways forward, and their prices"),
            _heading("change", "What would change this"),
        )
        self.widget = widgets.VBox([self.head, ways, self.ways, change, self.change])
        self.widget.add_class("sw-card")

    def render(self, summary: Summary) -> None:
        """Bring the card up to a summary."""
        put(self.head, "value", verdict_html(summary))
        put(self.ways, "value", ways_html(summary.verdict))
        put(self.change, "value", change_html(summary.verdict))


def _heading(name: str, title: str) -> widgets.HTML:
    heading = widgets.HTML(f"<details class='sw-fold-{name}'><summary>{title}</summary></details>")
    heading.add_class(f"sw-heading-{name}")
    return heading
