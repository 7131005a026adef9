"""The list of models, from simple to complex: which take part, and which of them stay even if they cannot win."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from scalewise.app.parts import put, swatch
from scalewise.core.spec import Task
from scalewise.models.catalog import ModelEntry, default_models, models_for
from scalewise.options import StudyOptions

__all__ = ["ModelList"]

_PIN = "Keep this model in the study, even if it cannot win"


class ModelList:
    """A row for each model: its colour, a box to tick, and a pin.

    Parameters
    ----------
    on_change : callable
        Observes the boxes and the pins.

    Attributes
    ----------
    widget : ipywidgets.VBox
    """

    def __init__(self, on_change: Callable[[dict[str, Any]], None]) -> None:
        self._on_change = on_change
        self.widget = widgets.VBox(layout=widgets.Layout(width="100%"))

    @property
    def boxes(self) -> tuple[Any, ...]:
        """The boxes; each has the `model`'s name, its `label` and its `pin`."""
        return tuple(row.children[1] for row in self.widget.children)

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the models that take part."""
        return tuple(box.model for box in self.boxes if box.value)

    @property
    def pinned(self) -> tuple[str, ...]:
        """Names of those that stay, whatever is found out."""
        return tuple(box.model for box in self.boxes if box.value and box.pin.value)

    def offer(self, task: Task, given: StudyOptions | None) -> None:
        """List the models for a task, ticked and pinned as was asked for beforehand."""
        self.widget.children = [self._row(entry, task, given) for entry in models_for(task)]

    def render_dropped(self, dropped: Mapping[str, str]) -> None:
        """Mark models that the study goes on without; the reasons are by name."""
        for box in self.boxes:
            why = dropped.get(box.model, "")
            put(box, "description", f"{box.label} (dropped)" if why else box.label)
            put(box.pin, "tooltip", f"{why} Pin it to go on with it." if why else _PIN)

    def _row(self, entry: ModelEntry, task: Task, given: StudyOptions | None) -> widgets.HBox:
        chosen = default_models(task) if given is None or given.models is None else given.models
        box = widgets.Checkbox(value=entry.name in chosen, description=entry.label, indent=False)
        box.tooltip = entry.summary
        box.model = entry.name
        box.observe(self._on_change, "value")
        is_pinned = given is not None and entry.name in given.pinned
        box.pin = widgets.ToggleButton(value=is_pinned, icon="thumb-tack", tooltip=_PIN)
        box.pin.add_class("sw-pin")
        box.pin.observe(self._on_change, "value")
        box.label = entry.label
        row = widgets.HBox([widgets.HTML(swatch(entry.name)), box, box.pin])
        row.add_class("sw-model")
        return row
