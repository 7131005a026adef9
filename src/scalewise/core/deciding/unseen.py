"""Models that were not looked at far enough to be compared with the pick, and may be better."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from scalewise.core.deciding.contest import CLOSE, SURE, Contest, leads_where_shared, normal_above, wins_by
from scalewise.core.prospects import REACH_SDS, ModelSummary, Outlook, farthest

__all__ = ["LEADER_MAY_WIN", "Unseen", "unseen_models"]

LEADER_MAY_WIN = 0.15
"""Probability from which a model counts that was ahead of the pick where both were measured, on few rows."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """A model that may be better than the pick, and shares no size with it at which that would show.

    Parameters
    ----------
    model : ModelSummary
    ahead : Outlook or None
        How far it is expected to get ahead of the pick; None where it has too few sizes for a forecast.
    led : bool
        Whether it surely was ahead by what counts at the largest size that both have.
    """

    model: ModelSummary
    ahead: Outlook | None
    led: bool = False

    @property
    def chance(self) -> float:
        """Probability that it gets ahead by the margin; 1 where nothing speaks against it."""
        return self.ahead.p_gain if self.ahead else 1.0

    @property
    def hinders(self) -> bool:
        """Whether no "no" can be said before it has been looked at farther up."""
        return self.chance > 1 - SURE


def unseen_models(found: Contest, target: int, margin: float, unfit: Collection[str] = ()) -> tuple[Unseen, ...]:
    """Find the models of which an answer about the pick cannot know, the likeliest to be better first.

    Parameters
    ----------
    found : Contest
    target : int
        Training rows that the decision looks ahead to.
    margin : float
        The least gain that counts.
    unfit : collection of str
        Names of models that could not be fitted on more rows than they were.
    """
    beyond = [m for m in found.models if found.leads[m.curve.model.name] is None and m is not found.pick]
    able = [m for m in beyond if m.curve.model.name not in unfit and _may_catch_up(m, found.pick)]
    seen = [_unseen(m, found.pick, target, margin) for m in able]
    counts = [u for u in seen if u.hinders or (u.led and _leader_may_win(u.ahead, margin))]
    return tuple(sorted(counts, key=lambda u: -u.chance))


def _unseen(model: ModelSummary, pick: ModelSummary, target: int, margin: float) -> Unseen:
    led = bool(leads_where_shared(model.curve, pick.curve, margin))
    return Unseen(model, _ahead(model, pick, target, margin), led)


def _leader_may_win(ahead: Outlook | None, margin: float) -> bool:
    """Whether one that was ahead may be so again: that forecasts promise too much is known of the one behind only."""
    return ahead is None or normal_above(ahead.gain, ahead.sd, margin) > LEADER_MAY_WIN


def _may_catch_up(model: ModelSummary, pick: ModelSummary) -> bool:
    """Whether it is ever fitted on as many rows as a comparison takes."""
    most = model.curve.model.max_rows
    return most is None or most >= CLOSE * pick.curve.last.n_rows


def _ahead(model: ModelSummary, pick: ModelSummary, target: int, margin: float) -> Outlook | None:
    """How far a model is expected to be ahead of the pick where its forecast ends, or at the target."""
    if model.outlook is None:
        return None
    n_rows = max(min(target, farthest(model.curve.last.n_rows, model.curve.n_train_rows)), model.curve.last.n_rows)
    (score, sd), (other, other_sd) = _expected(model, n_rows), _expected(pick, n_rows)
    mean, spread = score - other, math.hypot(sd, other_sd)
    reach = REACH_SDS * spread
    return Outlook(n_rows, mean, mean - reach, mean + reach, wins_by(mean, spread, margin), None, None)


def _expected(model: ModelSummary, n_rows: int) -> tuple[float, float]:
    """The score at a size and its standard deviation: measured where it was, else as forecast, else the last one."""
    last = model.curve.last
    ahead = model.score_at(n_rows) if n_rows > last.n_rows else None
    # Held-out rows are the same for both models, so that their noise is no part of a difference.
    return ahead or (last.score, math.sqrt(model.noise / last.repeats))
