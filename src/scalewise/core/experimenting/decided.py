"""When a study has its answer, and which models need no more: what may still overturn it, held against the margin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate

from scalewise.core.cost import Expectation
from scalewise.core.curves import Curve
from scalewise.core.deciding.contest import normal_above
from scalewise.core.experimenting.guesses import Guess, gain_probability, guess_score
from scalewise.core.plan import Plan
from scalewise.core.prospects import ModelSummary, farthest, is_in_reach
from scalewise.core.spec import Trial
from scalewise.core.study import StudyState
from scalewise.core.verdict import Verdict
from scalewise.core.wording import distance_text, rows_text

__all__ = [
    "OVERTAKING",
    "Moment",
    "decided",
    "dropped_models",
    "guesses_of",
    "helps",
    "is_wide",
    "seen_rising",
    "surely_flat",
]

_SPAN = 8.0
"""An answer needs sizes that span so many times their smallest: chance looks like a trend over less."""
_SURE_BY_DISTANCE = ((4.05, 0.2), (20.2, 0.1))
"""How improbable a gain must be for "enough", by how many times the largest size it is away."""
OVERTAKING = 0.15
"""Probability from which models that may become the best keep the study open."""
_RISING = 0.95
"""Probability of a gain beyond the largest sample allowed from which that sample need not be measured."""
_UNLUCKY = 2.0
"""By so many standard deviations of its noise a second look at a size may fall short of the first."""
_REPEATED = 3
"""Sizes that were repeated, from which on the noise of a look at another one is known."""
_HOPELESS = 0.03
"""Probability of coming within the margin of the best below which a model is dropped."""
_HOPELESS_AT_ONCE = 0.01
"""The same for a model with a single look at its largest size."""
_OUT_OF_QUESTION = 1e-4
"""The same where sizes are too close together to compare models fairly."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a decision is made on."""

    state: StudyState
    plan: Plan
    models: tuple[ModelSummary, ...]
    verdict: Verdict
    expected: Expectation


def guesses_of(moment: Moment) -> list[Guess]:
    """Guesses for every model with a forecast, all at the size that the deepest one's may look ahead to."""
    known = [m for m in moment.models if m.outlook and m.continuation and m.curve.model.rung > 0]
    target = max((_horizon(m.curve) for m in known), default=0)
    return [guess_score(m, target) for m in known]


def _horizon(curve: Curve) -> int:
    return farthest(curve.last.n_rows, curve.n_train_rows)


def dropped_models(guesses: list[Guess], best: Guess, plan: Plan) -> dict[str, str]:
    """The models that cannot win any more, by name, and why, in words; pinned ones are never among them."""
    found = {}
    for guess in guesses:
        if guess is best or guess.name in plan.pinned or not (_is_foreseen(guess) and _is_foreseen(best)):
            continue
        if guess.probability_above(best, -plan.min_gain) > _bound(guess.summary.curve, best.summary.curve, plan):
            continue
        last = guess.summary.curve.last
        found[guess.name] = (
            f"{guess.label} cannot win any more: after {rows_text(last.n_rows)} rows it is expected to end "
            f"{distance_text(best.mean - guess.mean)} behind {best.label}."
        )
    return found


def _bound(curve: Curve, best: Curve, plan: Plan) -> float:
    """The probability of coming close below which a model is dropped."""
    if not (is_wide(curve) and is_wide(best)):
        return _OUT_OF_QUESTION
    return _HOPELESS if _seen_enough(curve, plan) else _HOPELESS_AT_ONCE


def _is_foreseen(guess: Guess) -> bool:
    """Whether a guess is within reach of a forecast that may be acted on."""
    outlook, curve = guess.summary.outlook, guess.summary.curve
    is_clear = outlook is not None and not outlook.refusal and not guess.summary.is_uneven
    return is_clear and is_in_reach(curve.last.n_rows, curve.n_train_rows)


def decided(moment: Moment, main: Guess, guesses: list[Guess], left: tuple[Trial, ...]) -> str:
    """The words for a decided answer, or nothing while it is open.

    An answer for the best model is no answer yet while another one that may overtake it would give a different one.
    """
    least, curve = moment.plan.min_gain, main.summary.curve
    if main.summary.is_uneven:
        return ""
    if moment.verdict.action == "stop" and _seen_enough(curve, moment.plan) and surely_flat(main.summary):
        # A gain that is sure but too small is not none, and what is still on its way may make it sure.
        return "" if _may_win(main, guesses, least) else "The answer is decided: more data no longer helps enough."
    if not (seen_rising(main.summary, moment.plan) and helps(moment, main, guesses)):
        return ""
    top = max((t.n_rows for t in left if t.model == main.name), default=0)
    # How much is enough shows only farther up, unless even the largest sample allowed is clearly not.
    if top <= curve.last.n_rows or gain_probability(main, top, least) >= _RISING:
        return "The answer is decided: more data helps."
    return ""


def helps(moment: Moment, main: Guess, guesses: list[Guess]) -> bool:
    """Whether the verdict is that more data helps, and would be with any other model that may win."""
    action, may_win = moment.verdict.action, _may_win(main, guesses, moment.plan.min_gain)
    # Where rows are left, a rival that rises too changes nothing: more data helps, whichever wins.
    agree = action in ("use_more_rows", "scale_out", "fewer_features") and all(map(_rises, may_win))
    return agree or (action == "collect_rows" and not may_win)


def _may_win(main: Guess, guesses: list[Guess], least: float) -> list[Guess]:
    """Models that may overtake: all but those that even together hardly will.

    They are compared as far as both forecasts reach; those that reach too little are asked to catch up.
    """
    chances = sorted(((_overtakes(g, main, least), g) for g in guesses if g is not main), key=lambda pair: pair[0])
    together = accumulate(chance for chance, _ in chances)
    return [guess for total, (_, guess) in zip(together, chances, strict=True) if total > OVERTAKING]


def _overtakes(guess: Guess, main: Guess, least: float) -> float:
    shared = min(_horizon(main.summary.curve), _horizon(guess.summary.curve))
    return guess_score(guess.summary, shared).probability_above(guess_score(main.summary, shared), least)


def _rises(guess: Guess) -> bool:
    outlook = guess.summary.outlook
    return outlook is not None and outlook.p_gain >= 1 - OVERTAKING


def _seen_enough(curve: Curve, plan: Plan) -> bool:
    """Whether an answer rests on sizes far enough apart, and on more than one look at the largest."""
    return is_wide(curve) and curve.last.repeats >= min(2, plan.repeats)


def is_wide(curve: Curve) -> bool:
    """Whether the sizes are so far apart that a trend over them is none of chance."""
    return curve.last.n_rows >= min(_SPAN * curve.points[0].n_rows, curve.n_train_rows)


def surely_flat(model: ModelSummary) -> bool:
    """Whether a gain is improbable enough for its distance; the model needs an outlook."""
    outlook = model.outlook
    assert outlook is not None
    times = outlook.n_rows / model.curve.last.n_rows
    return any(times <= distance and outlook.p_gain <= limit for distance, limit in _SURE_BY_DISTANCE)


def seen_rising(model: ModelSummary, plan: Plan) -> bool:
    """Whether an answer that more data helps rests on enough: one look at the largest size does where it is sure."""
    return _seen_enough(model.curve, plan) or _surely_rises(model, plan.min_gain)


def _surely_rises(model: ModelSummary, least: float) -> bool:
    """Whether a gain is so probable that a second look at the largest size, which is dear, could not deny it.

    How much a look may be off by chance has to be known from smaller sizes.
    """
    outlook = model.outlook
    if outlook is None or not is_wide(model.curve) or sum(p.repeats > 1 for p in model.curve.points) < _REPEATED:
        return False
    by_chance = _UNLUCKY * math.sqrt(model.noise)
    return normal_above(outlook.gain - by_chance, outlook.sd, least) >= _RISING
