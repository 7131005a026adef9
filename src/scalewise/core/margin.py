"""The least gain that counts: what is usual of a metric, and whether it fits one without a scale of its own."""

from __future__ import annotations

import math

from scalewise.core.curves import Curve
from scalewise.core.spec import DataSpec, MetricSpec
from scalewise.core.wording import exact_text, score_text

__all__ = ["USUAL_MARGIN", "margin_words", "usual_margin", "usual_words"]

USUAL_MARGIN = 0.005
"""Of scores from 0 to 1, R², and relative errors; of errors in the target's units this part of what it varies by."""

_NEXT_TO_NOTHING, _MOST = 0.0005, 0.2
"""Parts of what a model that guesses scores: a margin outside of them was hardly meant."""


def usual_margin(metric: MetricSpec, data: DataSpec) -> float:
    """The least gain that counts unless a person says otherwise, in the metric's units, to one digit.

    An error in the units of the target has no scale of its own: it is held against the target's standard deviation.
    """
    if not metric.target_power or not data.target_sd:
        return USUAL_MARGIN
    return float(f"{USUAL_MARGIN * data.target_sd**metric.target_power:.0e}")


def usual_words(margin: float, metric: MetricSpec, data: DataSpec) -> str:
    """Where the usual margin of an error in the target's units comes from, in a sentence; else empty."""
    if not metric.target_power or not data.target_sd or margin != usual_margin(metric, data):
        return ""
    spread = "standard deviation" if metric.target_power == 1 else "variance"
    of = f"about {100 * USUAL_MARGIN:g} % of the {spread} of {data.target}"
    return f"The least gain that counts is {exact_text(margin)}, {of}."


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
