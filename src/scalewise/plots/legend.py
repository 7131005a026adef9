"""The legend: one button a model, in its colour, which switches the model on and off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import ipywidgets as widgets

from scalewise.plots.drawing import close_all, set_members, set_traits
from scalewise.plots.palette import slot_class
from scalewise.plots.tips import own_settings

__all__ = ["Chip", "Legend"]


@dataclass(frozen=True, slots=True)
class Chip:
    """What one button of the legend says.

    Parameters
    ----------
    name, label : str
        The model's.
    told : str
        Beside the label: the last score, or that it is off.
    on : bool
    """

    name: str
    label: str
    told: str
    on: bool


class Legend:
    """Buttons that switch models on and off.

    Parameters
    ----------
    on_toggle : callable or None
        Called with the model's name. The button itself changes only when a frame says so.
    """

    def __init__(self, on_toggle: Callable[[str], None] | None = None) -> None:
        self._on_toggle = on_toggle
        self._buttons: dict[str, widgets.Button] = {}
        self._caption = widgets.HTML()
        self._caption.add_class("sw-caption")
        self.widget = widgets.HBox([self._caption])
        self.widget.add_class("sw-legend")

    def show(self, chips: tuple[Chip, ...], metric: str) -> None:
        """Bring the buttons up to date."""
        set_traits(self._caption, value=escape(metric))
        for chip in chips:
            self._show_chip(chip)
        set_members(self.widget, "children", [self._caption, *(self._buttons[chip.name] for chip in chips)])

    def _show_chip(self, chip: Chip) -> None:
        button, settings = self._buttons.get(chip.name) or self._make(chip.name), own_settings(chip.name)
        set_traits(
            button,
            description=f"{chip.label} {chip.told}".rstrip(),
            tooltip=f"{'Hide' if chip.on else 'Show'} {chip.label}{f': {settings}' if settings else ''}",
        )
        (button.remove_class if chip.on else button.add_class)("sw-off")

    def _make(self, name: str) -> widgets.Button:
        button = widgets.Button(layout=widgets.Layout(width="auto"))
        for style in ("sw-chip", slot_class(name)):
            button.add_class(style)
        button.on_click(lambda _: self._toggle(name))
        self._buttons[name] = button
        return button

    def _toggle(self, name: str) -> None:
        if self._on_toggle:
            self._on_toggle(name)

    def close(self) -> None:
        """Close every button."""
        close_all([self.widget, self._caption, *self._buttons.values()])
