"""One way forward, with its gain and its price."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Way", "WayAction"]

WayAction = Literal[
    "stop",
    "use_more_rows",
    "richer_model",
    "other_model",
    "fewer_features",
    "tune",
    "more_repeats",
    "collect_rows",
    "scale_out",
]


@dataclass(frozen=True, slots=True)
class Way:
    """One way forward.

    Parameters
    ----------
    action : str
        ``stop``, ``use_more_rows`` (on this machine), ``richer_model``, ``other_model`` (one that is no richer),
        ``fewer_features``, ``tune``, ``more_repeats``, ``collect_rows`` or ``scale_out``.
    gain, low, high : float
        Expected gain in score and its 90 % interval. NaN where it cannot be told: the next doubling of a very young
        study, tuning and fewer features that were not tried, and rows beyond a table whose curve allows no forecast.
    minutes : float
        Wall time.
    bytes : int
        Memory of the whole worker.
    money : float or None
        None without a price of an hour.
    words : str
        The way in a few words.
    n_rows : int
        Training rows that it ends with.
    model : str
        Label of the model that it ends with.
    """

    action: WayAction
    gain: float
    low: float
    high: float
    minutes: float
    bytes: int
    money: float | None
    words: str
    n_rows: int = 0
    model: str = ""

    @property
    def is_known(self) -> bool:
        """Whether its gain can be told."""
        return math.isfinite(self.gain)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is done on it, as it brings nothing: only its words are worth reading."""
        return self.gain == 0 and self.minutes == 0
