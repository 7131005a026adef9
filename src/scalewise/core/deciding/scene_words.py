"""How far a decision looks, and the margin that it is held against, in words."""

from __future__ import annotations

from scalewise.core.deciding.scene import Scene
from scalewise.core.wording import exact_text, percent_text

__all__ = ["ahead_text", "margin_text", "path_text"]


def margin_text(scene: Scene) -> str:
    """The least gain that counts, with all of its digits."""
    return exact_text(scene.margin)


def path_text(scene: Scene) -> str:
    """From where to where, in shares of the rows."""
    if scene.target > scene.full:
        return "from all rows to twice as many"
    start = scene.here.curve.last.fraction
    end = "all" if scene.target == scene.full else percent_text(scene.target / scene.full)
    return f"from {percent_text(start)} of the rows to {end}"


def ahead_text(scene: Scene) -> str:
    """The rows looked ahead to, as in "with all rows"."""
    if scene.target > scene.full:
        return "twice as many rows"
    return "all rows" if scene.target == scene.full else f"{percent_text(scene.target / scene.full)} of the rows"
