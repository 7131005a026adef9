"""How far the models are ahead of guessing, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scalewise.core.curves import Curve
from scalewise.core.deciding.answer import best_lead
from scalewise.core.prospects import ModelSummary
from scalewise.core.wording import distance_text, gain_text

__all__ = ["guessing_words"]

_HARDLY = 0.05
"""Part of what is possible over guessing below which a model hardly does better."""


def guessing_words(models: Sequence[ModelSummary], guessing: Curve | None) -> str:
    """Say so when no model is credibly better than guessing, or the best one hardly is; empty otherwise.

    Parameters
    ----------
    models : sequence of ModelSummary
    guessing : Curve or None
        Of the model that looks at no feature.
    """
    lead = best_lead(guessing, models)
    if lead is None or guessing is None:
        return ""
    if lead.low <= 0:
        ahead = (
            f"best lead {gain_text(lead.mean)}" if lead.mean >= 0 else f"the best is {distance_text(lead.mean)} behind"
        )
        return f"No model is credibly better than guessing yet ({ahead})."
    possible = guessing.span.best - guessing.last.score
    if lead.mean >= _HARDLY * possible or math.isinf(possible):
        return ""
    return f"The models are hardly better than guessing: {gain_text(lead.mean)} of {gain_text(possible)} that can be."
