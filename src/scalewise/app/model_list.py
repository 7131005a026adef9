"""The list of models, from simple to complex: which take part, and which of them stay even if they cannot win."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from scalewise.app.parts import put, swatch
from scalewise.core.model_names import base_of
from scalewise.core.spec import Task
from scalewise.models.catalog import ModelEntry, default_models, get_model, models_for
from scalewise.options import StudyOptions

__all__ = ["ModelList"]

_PIN = "Keep this model in the study, even if it cannot win, and look at it as far up as at the answer's"


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
        asked = given.models if given is not None and given.models is not None else default_models(task)
        pinned = given.pinned if given is not None else ()
        self.widget.children = [self._row(entry, asked, pinned) for entry in models_for(task)]
        for name in asked:
            self.add(name, pinned)

    def add(self, name: str, pinned: Sequence[str] = ()) -> None:
        """List one more model, ticked, behind that of the same kind; nothing where it is listed."""
        listed, entry = [box.model for box in self.boxes], get_model(name)
        if entry.name in listed:
            return
        place = 1 + max(at for at, known in enumerate(listed) if base_of(known) == base_of(entry.name))
        rows = list(self.widget.children)
        self.widget.children = [*rows[:place], self._row(entry, (entry.name,), pinned), *rows[place:]]

    def take(self, name: str) -> None:
        """Have one more model take part and stay, whether it is listed or not."""
        self.add(name)
        box = next(box for box in self.boxes if box.model == get_model(name).name)
        box.value = box.pin.value = True

    def render_dropped(self, dropped: Mapping[str, str]) -> None:
        """Mark models that the study goes on without; the reasons are by name."""
        for box in self.boxes:
            why = dropped.get(box.model, "")
            put(box, "description", _told(get_model(box.model), " (dropped)" if why else ""))
            put(box.pin, "tooltip", f"{why} Pin it to go on with it." if why else _PIN)

    def _row(self, entry: ModelEntry, asked: Sequence[str], pinned: Sequence[str]) -> widgets.HBox:
        box = widgets.Checkbox(value=entry.name in asked, description=_told(entry), indent=False)
        box.description_allow_html = True
        box.model = entry.name
        box.observe(self._on_change, "value")
        box.pin = widgets.ToggleButton(value=entry.name in pinned, icon="thumb-tack", tooltip=_PIN)
        box.pin.add_class("sw-pin")
        box.pin.observe(self._on_change, "value")
        box.label = entry.label
        row = widgets.HBox([widgets.HTML(swatch(entry.name)), box, box.pin])
        row.add_class("sw-model")
        return row


def _told(entry: ModelEntry, more: str = "") -> str:
    """Name a model, and what it is for whoever points at it: a tooltip shows only on boxes without words."""
    return f'<span title="{escape(entry.summary)}">{escape(entry.label + more)}</span>'
