"""Buttons that open and close groups of correlated features."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from scalewise.plots.drawing import close_all, set_members, set_traits
from scalewise.plots.importance_frame import GroupChip

__all__ = ["GroupChips"]

_LONGEST_NAME = 18


class GroupChips:
    """One button a group.

    Parameters
    ----------
    on_open : callable or None
        Called with the first feature of the group. The button itself changes only when a frame says so.
    """

    def __init__(self, on_open: Callable[[str], None] | None = None) -> None:
        self._on_open = on_open
        self._buttons: list[widgets.Button] = []
        self._features: list[str] = []
        self._caption = widgets.HTML("correlated:")
        self._caption.add_class("sw-caption")
        self.widget = widgets.HBox([])
        self.widget.add_class("sw-legend")
        self.widget.add_class("sw-groups")

    def show(self, chips: tuple[GroupChip, ...]) -> None:
        """Bring the buttons up to date."""
        while len(self._buttons) < len(chips):
            self._buttons.append(self._make(len(self._buttons)))
        self._features = [chip.feature for chip in chips]
        for button, chip in zip(self._buttons, chips, strict=False):
            _show(button, chip)
        shown = [self._caption, *self._buttons[: len(chips)]] if chips else []
        set_members(self.widget, "children", shown)

    def _make(self, place: int) -> widgets.Button:
        button = widgets.Button(layout=widgets.Layout(width="auto"))
        button.add_class("sw-chip")
        button.on_click(lambda _: self._open(place))
        return button

    def _open(self, place: int) -> None:
        if self._on_open and place < len(self._features):
            self._on_open(self._features[place])

    def close(self) -> None:
        """Close every button."""
        close_all([self.widget, self._caption, *self._buttons])


def _show(button: widgets.Button, chip: GroupChip) -> None:
    name = chip.feature if len(chip.feature) <= _LONGEST_NAME else chip.feature[: _LONGEST_NAME - 1] + "…"
    sign, verb = ("▾", "Close") if chip.open else ("▸", "Open")
    set_traits(
        button,
        description=f"{sign} {name} +{chip.n_features - 1}",
        tooltip=f"{verb} the group of {chip.n_features} features that go with {chip.feature}",
    )
