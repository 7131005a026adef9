"""Which colour a model has: the same one everywhere on the page, whatever other models are shown.

Colours are CSS variables, so that light and dark pages differ in their style sheet alone. The fallback value stands
where the style sheet is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import cycle

__all__ = ["SLOTS", "Slot", "css_colour", "slot_class", "slot_of"]


@dataclass(frozen=True, slots=True)
class Slot:
    """One colour of the palette, on a light page and on a dark one."""

    name: str
    light: str
    dark: str


SLOTS: tuple[Slot, ...] = (
    Slot("dummy", "#757575", "#9E9E9E"),
    Slot("linear", "#0072B2", "#3D9EDB"),
    Slot("sgd", "#56B4E9", "#A5D8F6"),
    Slot("bayes", "#CC79A7", "#DE97BE"),
    Slot("neighbors", "#E69F00", "#F0B43C"),
    Slot("forest", "#009E73", "#22BD92"),
    Slot("boosting", "#D55E00", "#F07F2E"),
    Slot("other-1", "#7A5195", "#B38BD1"),
    Slot("other-2", "#8C6D31", "#C7A765"),
    Slot("other-3", "#3B3B3B", "#DDDDDD"),
)
"""Okabe and Ito's colours (https://jfly.uni-koeln.de/color/) for the catalogue; other models, such as those with a
person's own settings, get one of the last three, which keep their distance from the others."""

# Plots without a model to show are grey, and take no colour from models to come.
_BY_NAME = {"": SLOTS[0], **{slot.name: slot for slot in SLOTS}}
_TURNS = cycle(slot for slot in SLOTS if slot.name.startswith("other-"))


@cache
def slot_of(model: str) -> Slot:
    """Colour of a model by its name; names that the palette does not know take turns, so that three in a row differ."""
    return _BY_NAME.get(model) or next(_TURNS)


def css_colour(model: str) -> str:
    """CSS colour of a model, for traits of marks."""
    slot = slot_of(model)
    return f"var(--sw-model-{slot.name}, {slot.light})"


def slot_class(model: str) -> str:
    """CSS class under which ``--sw-model`` is the colour of a model."""
    return f"sw-model-{slot_of(model).name}"
