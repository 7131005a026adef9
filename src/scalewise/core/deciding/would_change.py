"""What would overturn an answer, in words."""

from __future__ import annotations

import numpy as np

from scalewise.core.deciding.answer import Answer
from scalewise.core.deciding.contest import SURE
from scalewise.core.deciding.scene_words import ahead_text, margin_text
from scalewise.core.prospects import Outlook
from scalewise.core.unit_words import more_text
from scalewise.core.wording import about_text, byte_text, chance_text, exact_text

__all__ = ["MOST_CHANGES", "would_change"]

MOST_CHANGES = 4
"""Lines that are told of what would overturn an answer."""
_LEAST_CHANCE = 0.05
_END, _SLIGHTEST = 0.05, 1e-4
"""The chance of more than the upper end of a 90 % interval; and one that is next to none."""
_NEXT_TO_NOTHING = 0.01
"""Part of the margin below which nobody would ask for a gain."""
_MOST_DIGITS = 6


def would_change(found: Answer) -> tuple[str, ...]:
    """What would overturn the answer, in a few lines."""
    lines = (_other_margin(found), *_rivals(found), _beyond(found), _refused(found), _by_action(found))
    return tuple(line for line in lines if line)[:MOST_CHANGES]


def _other_margin(found: Answer) -> str:
    """The least gain that counts at which the answer would turn."""
    gain, margin, instead = found.gain, found.scene.margin, f"instead of {margin_text(found.scene)}"
    if gain is None or gain.sd == 0:
        return ""
    if found.action in ("use_more_rows", "collect_rows", "scale_out", "fewer_features"):
        turn = _exceeded(gain, margin, SURE)
        asked = f"A least gain of {_turn_text(turn, margin)} or more, {instead}: that would not be sure any more."
        return asked if turn > margin else ""
    if found.action == "stop":
        turns = [(_exceeded(ahead, margin, 1 - SURE), model) for model, ahead in found.gains]
        turn, model = max(turns, key=lambda pair: pair[0])
        by = "" if model is found.model else f" with {model.label}"
        asked = f"A least gain of {_turn_text(turn, margin)} or less, {instead}: it could then be reached{by}."
        return asked if 0 < turn < margin else ""
    low, high = _exceeded(gain, margin, SURE), _exceeded(gain, margin, 1 - SURE)
    if not low < margin < high:
        return ""
    below = f"below {_turn_text(low, margin)} makes it a yes, " if low > _NEXT_TO_NOTHING * margin else ""
    return f"Another least gain that counts: {below}above {_turn_text(high, margin)} a no."


def _turn_text(turn: float, margin: float) -> str:
    """A least gain that counts with two digits, or with as many as tell it from the present one."""
    if about_text(turn) != about_text(margin):
        return about_text(turn)
    told = (exact_text(float(f"{turn:.{digits}g}")) for digits in range(3, _MOST_DIGITS))
    return next((text for text in told if float(text.replace(",", "")) != margin), exact_text(turn))


def _exceeded(gain: Outlook, margin: float, chance: float) -> float:
    """The gain that is exceeded with a chance, by a forecast's own interval and its own chance of the margin.

    Gains need not be spread normally. Answers go by the chance; an end of the interval that contradicts it, as both are
    set right by themselves, is left out.
    """
    from scipy.special import ndtri

    told = min(max(gain.p_gain, _SLIGHTEST), 1 - _SLIGHTEST)
    ends = ((1 - _END, gain.low), (0.5, gain.gain), (_END, gain.high))
    known = [(told, margin), *((p, end) for p, end in ends if (p - told) * (end - margin) < 0)]
    chances, gains = zip(*sorted(known), strict=True)
    return float(np.interp(ndtri(chance), ndtri(chances), gains))


def _rivals(found: Answer) -> list[str]:
    """Models that may gain enough although the answer does not count on them."""
    if found.action != "stop":
        return []
    others = sorted((p for p in found.gains if p[0] is not found.model), key=lambda pair: -pair[1].p_gain)
    return [
        f"{model.label} with {ahead_text(found.scene)}: its chance of gaining {margin_text(found.scene)} is "
        f"{chance_text(gain.p_gain)}."
        for model, gain in others[:1]
        if gain.p_gain >= _LEAST_CHANCE
    ]


def _beyond(found: Answer) -> str:
    """What may be gained beyond the table, where an answer of "enough" looks no farther than to its end."""
    scene = found.scene
    if found.action != "stop" or scene.target > scene.full:
        return ""
    gain = scene.gain(found.model, 2 * scene.full)
    if gain is None or gain.p_gain <= 1 - SURE:
        return ""
    more = more_text(scene.unit)
    chance = f"with them the chance of gaining {margin_text(scene)} is {chance_text(gain.p_gain)}"
    return f"{more[:1].upper()}{more[1:]}, as many as the table has: {chance}."


def _refused(found: Answer) -> str:
    refused = [m.label for m in found.scene.contest.models if m.outlook and m.outlook.refusal and m is not found.model]
    return f"{' and '.join(refused[:3])}: without a forecast to act on, so not counted on." if refused else ""


def _left_to_tell(found: Answer) -> str:
    """What may tell where no experiment can be named."""
    model = found.model
    if found.scene.has_larger(model):
        return f"A larger sample: {_to_get_one(found)}."
    more = more_text(found.scene.unit)
    told = f"no larger sample and no repeats of {model.label} are left to tell"
    if model.curve.last.n_rows >= found.scene.full:
        told = f"{model.label} was fitted on all rows there are, and repeats would be of the same rows"
    return f"{more[:1].upper()}{more[1:]}: {told}."


def _to_get_one(found: Answer) -> str:
    """What a person does who wants the answer's model looked at farther up."""
    return "give the study more time" if found.scene.lacked_time(found.model) else "allow a larger part of the rows"


def _by_action(found: Answer) -> str:
    scene = found.scene
    if found.action == "stop" and scene.is_out_of_reach:
        return ""
    if found.action == "stop":
        return "A richer model or new features: the answer is about the models and columns chosen here."
    if found.action == "cannot_tell":
        is_left = found.experiment is None or found.experiment.tells_trend
        return _left_to_tell(found) if is_left else ""
    if found.action == "scale_out":
        return f"A machine with more than {byte_text(scene.ahead.worker_bytes(scene.target))} free for a fit."
    if found.action == "fewer_features":
        return "Features that only count with more rows: look for few again at a larger size."
    if found.action == "collect_rows":
        return "New columns or another model, which may need fewer rows."
    return f"A curve that bends at the next size: {_to_get_one(found)} to see."
