"""Words that tips of several plots share: where a point was computed, and which settings a model has."""

from __future__ import annotations

from collections.abc import Sequence

from scalewise.core.model_names import parted, settings_text

__all__ = ["HOME", "computed_by", "own_settings"]

HOME = frozenset({"local", "inline"})
"""Engines of this machine; points of all others are marked."""


def computed_by(places: Sequence[str]) -> str:
    """Where a point was computed, for people."""
    return f"computed by {', '.join('this machine' if place in HOME else place for place in places)}"


def own_settings(model: str) -> str:
    """A person's own settings of a model by its name, as its label may only count them; else empty."""
    return settings_text(parted(model)[1])
