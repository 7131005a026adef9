"""Whether the least gain that counts fits a metric without a scale of its own: an error in the target's units."""

from __future__ import annotations

import math

from scalewise.core.curves import Curve
from scalewise.core.wording import exact_text, score_text

__all__ = ["margin_words"]

_NEXT_TO_NOTHING, _MOST = 0.0005, 0.2
"""Parts of what a model that guesses scores: a margin outside of them was hardly meant."""


def margin_words(margin: float, guessing: Curve | None, metric: str) -> str:
    """Ask for another margin where this one cannot be meant, in a sentence; else empty.

    Parameters
    ----------
    margin : float
        The least gain that counts.
    guessing : Curve or None
        Of a model that looks at no feature: its score tells how large scores are here.
    metric : str
        What people read.
    """
    if guessing is None or guessing.span.best != 0 or math.isfinite(guessing.span.worst):
        return ""
    size = abs(guessing.last.score)
    if size == 0 or _NEXT_TO_NOTHING * size <= margin <= _MOST * size:
        return ""
    much = "next to nothing" if margin < size * _NEXT_TO_NOTHING else "much"
    beside = f"{much} beside the {score_text(guessing.last.score)} {metric} of guessing"
    return f"The least gain that counts, {exact_text(margin)}, is {beside}: set it to what matters to you."
