"""The scores that a metric can give."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """The scores that a metric can give, from the worst to the best; infinite where it has no end."""

    worst: float = -math.inf
    best: float = math.inf

    def clip(self, score: float) -> float:
        """The nearest score that there can be."""
        return min(max(score, self.worst), self.best)

    def clip_gain(self, gain: float, score: float) -> float:
        """The nearest gain that there can be over a score."""
        return min(max(gain, self.worst - score), self.best - score)
