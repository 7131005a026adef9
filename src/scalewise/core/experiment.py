"""Which trial comes next, which models need no more, and when a study has its answer.

Every open trial has a worth: how much the verdict is expected to change by it, for each second that it is predicted to
take. The verdict hangs on two guesses: whether the best model gains at least the margin, and which model is the best.
`scalewise.core.guesses` says how a trial changes them.

All of it follows from the state alone, so that a study that is replayed from its journal decides the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from types import MappingProxyType

from scalewise.core.contest import CLOSE
from scalewise.core.cost import Expectation
from scalewise.core.curves import Curve
from scalewise.core.events import Ending
from scalewise.core.guesses import JUMP, Guess, gain_probability, guess_score, worths
from scalewise.core.prospects import ModelSummary, farthest
from scalewise.core.spec import Plan, Trial
from scalewise.core.study import StudyState, in_order
from scalewise.core.verdict import Verdict
from scalewise.core.wording import distance_text, rows_text

__all__ = ["Agenda", "agenda"]

_FEWEST_SIZES = 4
"""Sizes before which nothing is forecast, so that each model begins with as many."""
_OUT_OF_QUESTION = 1e-4
"""The same for a model that has not been looked at long enough to be compared fairly."""
_SPAN = 8.0
"""An answer needs sizes that span so many times their smallest: chance looks like a trend over less."""
_SURE_BY_DISTANCE = ((4.05, 0.2), (20.2, 0.1))
"""How improbable a gain must be for "enough", by how many times the largest size it is away."""
_OVERTAKING = 0.15
"""Probability from which models that may become the best keep the study open."""
_LIKELY = 0.5
"""Probability from which a model is expected to win."""
_RISING = 0.95
"""Probability of a gain beyond the largest sample allowed from which that sample need not be measured."""
_HOPELESS = 0.03
"""Probability of coming within the margin of the best below which a model is dropped."""
_REACH = 20.2
"""Forecasts over more than this many times the largest size are no ground to drop a model."""
_LOOKS = 3
"""So many looks between the points are enough; what they do not settle, more of them will not."""
_NEAR = 16.0
"""Points at less than this part of the largest size say little about what comes."""


@dataclass(frozen=True, slots=True)
class Agenda:
    """What a study should do next.

    Parameters
    ----------
    trials : tuple of Trial
        Open trials that can be told to be worth their time now, in order.
    left : tuple of Trial
        Every open trial that may still come: those of the plan but for the models that were dropped.
    dropped : mapping of str to str
        By the name of a model that needs no more trials: why, in words.
    ending : {"", "decided", "done"}
        Why the study is at its end: its answer is decided, or all is done that was planned and can change it; empty
        where it goes on.
    reason : str
        The ending in words.
    """

    trials: tuple[Trial, ...] = ()
    left: tuple[Trial, ...] = ()
    dropped: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ending: Ending = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Scene:
    """What a decision is made on."""

    state: StudyState
    plan: Plan
    models: tuple[ModelSummary, ...]
    verdict: Verdict
    expected: Expectation


def agenda(state: StudyState, models: Sequence[ModelSummary], verdict: Verdict) -> Agenda:
    """Decide what a study should do next.

    Parameters
    ----------
    state : StudyState
    models : sequence of ModelSummary
        Of the models that have a point.
    verdict : Verdict
        As it follows from them.
    """
    if state.plan is None:
        return Agenda()
    order = tuple(in_order(state))
    few = tuple(trial for trial in order if not trial.is_plain)
    plain = _agenda(state, models, verdict, tuple(trial for trial in order if trial.is_plain))
    if not few:
        return plain
    # A person asked for them, so they come first, and the study goes on until they are done.
    rest = ((), ()) if plain.ending else (plain.trials, plain.left)
    return replace(plain, trials=(*few, *rest[0]), left=(*few, *rest[1]), ending="", reason="")


def _agenda(state: StudyState, models: Sequence[ModelSummary], verdict: Verdict, order: tuple[Trial, ...]) -> Agenda:
    """Decide which of the trials that make learning curves come next."""
    assert state.plan is not None
    if not order:
        return Agenda(ending="done", reason="Everything planned is done.")
    if state.plan.everything:
        return Agenda(order, order)
    scene = _Scene(state, state.plan, tuple(models), verdict, state.expected)
    opening = _opening(scene, order)
    return Agenda(opening, order) if opening else _choose(scene, order)


def _opening(scene: _Scene, order: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """First looks of the models that have too few sizes for a forecast, then a second look at the same sizes."""
    sizes = {m.curve.model.name: len(m.curve.points) for m in scene.models}
    found: list[Trial] = []
    for model in scene.plan.models:
        lacking = max(_FEWEST_SIZES - sizes.get(model.name, 0), 0)
        found += [t for t in order if t.model == model.name and t.repeat == 0][:lacking]
    first = sorted(found, key=order.index)
    largest = max((t.n_rows for t in first), default=0)
    return (*first, *(t for t in order if t.n_rows <= largest and t.repeat == 1))


def _choose(scene: _Scene, order: tuple[Trial, ...]) -> Agenda:
    guesses = _guesses(scene)
    if not guesses:
        return Agenda(order, order)
    best = max(guesses, key=lambda g: g.mean)
    dropped = _dropped(guesses, best, scene.plan)
    left = tuple(t for t in order if t.model not in dropped)
    rivals = [g for g in guesses if g is not best and g.name not in dropped]
    here = Agenda((), left, MappingProxyType(dropped))
    main = next((g for g in guesses if g.label == scene.verdict.model), None)
    second = _confirming(scene, main, left)
    asked = (
        *_baseline(scene, left, best),
        *_insisted(scene, left),
        *_catching_up(rivals, best, left),
        *_likely_winner(scene, main, best, left),
        *second,
    )
    reason = _decided(scene, main, guesses, left) if main and not asked else ""
    simpler = _simpler(scene, main, (best, *rivals), left) if main else ()
    asked = asked or (simpler if reason else ())
    if reason and not asked:
        return replace(here, ending="decided", reason=reason)
    # A larger look meanwhile would want a second look of its own.
    useful = tuple(t for t in left if t.model != second[0].model) if second else left
    worth = worths(best, rivals, useful, least=scene.plan.min_gain, expected=scene.expected)
    asked = (*asked, *(_settling(scene, main, guesses, left) if main else ()))
    trials = tuple(dict.fromkeys((*asked, *sorted(worth, key=lambda t: -worth[t]), *_filling(best, rivals, left))))
    trials = trials or simpler or _widening(scene, main, left)
    if not trials:
        return replace(here, ending="done", reason="Every trial that can change the answer is done.")
    return replace(here, trials=trials)


def _baseline(scene: _Scene, left: tuple[Trial, ...], best: Guess) -> tuple[Trial, ...]:
    """The models that look at no feature, at the best model's largest size: what guessing would score there."""
    guessing = {model.name for model in scene.plan.models if model.rung == 0}
    size = best.summary.curve.last.n_rows
    return tuple(t for t in left if t.model in guessing and t.n_rows == size and t.repeat == 0)


def _confirming(scene: _Scene, main: Guess | None, left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """A second look at the size that an answer of "enough" rests on."""
    if main is None or scene.verdict.action != "stop" or not _surely_flat(main.summary):
        return ()
    last = main.summary.curve.last
    if last.repeats >= 2:
        return ()
    return tuple(t for t in left if t.model == main.name and t.n_rows == last.n_rows)[:1]


def _widening(scene: _Scene, main: Guess | None, left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """The next look at a model about which nothing can be told yet, or which rests on sizes too close together."""
    if main is None or (_is_wide(main.summary.curve) and scene.verdict.action != "cannot_tell"):
        return ()
    last = main.summary.curve.last.n_rows
    beyond = (t for t in left if t.model == main.name and t.repeat == 0 and t.n_rows > last)
    return _larger_look(main, left) or tuple(beyond)[:1]


def _larger_look(guess: Guess, left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """The first look at the largest size of a model that is no more than a jump beyond those it was measured at."""
    last = guess.summary.curve.last.n_rows
    near = [t for t in left if t.model == guess.name and t.repeat == 0 and last < t.n_rows <= JUMP * last]
    return tuple(sorted(near, key=lambda t: -t.n_rows)[:1])


def _catching_up(rivals: list[Guess], best: Guess, left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """First looks at larger sizes of models so far behind in rows that nobody can tell what they would score there."""
    reached = best.summary.curve.last.n_rows
    behind = {g.name: g.summary.curve.last.n_rows for g in rivals if _REACH * g.summary.curve.last.n_rows < reached}
    found = {}
    for trial in left:
        if trial.repeat == 0 and trial.n_rows <= JUMP * behind.get(trial.model, 0):
            found[trial.model] = trial
    return tuple(t for t in found.values() if t.n_rows > behind[t.model])


def _likely_winner(scene: _Scene, main: Guess | None, best: Guess, left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """The next look at a model that probably wins, while the answer is about one that was looked at much farther up."""
    if main is None or best is main or best.probability_above(main, scene.plan.min_gain) <= _LIKELY:
        return ()
    is_far_behind = JUMP * best.summary.curve.last.n_rows <= main.summary.curve.last.n_rows
    return _larger_look(best, left) if is_far_behind else ()


def _simpler(scene: _Scene, main: Guess, others: Sequence[Guess], left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """Quicker fits of simpler models beside the answer's: whether one is within noise of it shows at one size alone."""
    size, rung = main.summary.curve.last.n_rows, main.summary.curve.model.rung
    simpler = {g.name: g.summary.curve.last.n_rows for g in others if g.summary.curve.model.rung < rung}
    quick = scene.expected.seconds(Trial(main.name, size))
    return tuple(
        t
        for t in left
        if (t.n_rows, t.repeat) == (size, 0)
        and simpler.get(t.model, size) < CLOSE * size
        and scene.expected.seconds(t) <= quick
    )


def _insisted(scene: _Scene, left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """First looks up to where a person moved the slider while the study was there."""
    if scene.state.study is None or not scene.state.reach:
        return ()
    top = scene.state.study.data.rows_at(scene.state.reach)
    return tuple(t for t in left if t.n_rows <= top and t.repeat == 0)


def _guesses(scene: _Scene) -> list[Guess]:
    """Guesses for every model with a forecast, all at the size that the deepest one's may look ahead to."""
    known = [m for m in scene.models if m.outlook and m.continuation and m.curve.model.rung > 0]
    target = max((_horizon(m.curve) for m in known), default=0)
    return [guess_score(m, target) for m in known]


def _horizon(curve: Curve) -> int:
    return farthest(curve.last.n_rows, curve.n_train_rows)


def _dropped(guesses: list[Guess], best: Guess, plan: Plan) -> dict[str, str]:
    found = {}
    for guess in guesses:
        if guess is best or guess.name in plan.pinned or not (_is_foreseen(guess) and _is_foreseen(best)):
            continue
        fair = _seen_enough(guess.summary.curve, plan) and _is_wide(best.summary.curve)
        if guess.probability_above(best, -plan.min_gain) > (_HOPELESS if fair else _OUT_OF_QUESTION):
            continue
        last = guess.summary.curve.last
        found[guess.name] = (
            f"{guess.label} cannot win any more: after {rows_text(last.n_rows)} rows it is expected to end "
            f"{distance_text(best.mean - guess.mean)} behind {best.label}."
        )
    return found


def _is_foreseen(guess: Guess) -> bool:
    """Whether a guess is within reach of a forecast that may be acted on."""
    outlook, curve = guess.summary.outlook, guess.summary.curve
    return outlook is not None and not outlook.refusal and curve.n_train_rows <= _REACH * curve.last.n_rows


def _decided(scene: _Scene, main: Guess, guesses: list[Guess], left: tuple[Trial, ...]) -> str:
    """The words for a decided answer, or nothing while it is open.

    An answer for the best model is no answer yet while another one that may overtake it would give a different one.
    """
    least = scene.plan.min_gain
    if not _seen_enough(main.summary.curve, scene.plan):
        return ""
    if scene.verdict.action == "stop" and not _may_win(main, guesses, least) and _surely_flat(main.summary):
        # A gain that is sure but too small is not none, and what is still on its way may make it sure.
        return "The answer is decided: more data no longer helps enough."
    if not _helps(scene, main, guesses):
        return ""
    top = max((t.n_rows for t in left if t.model == main.name), default=0)
    # How much is enough shows only farther up, unless even the largest sample allowed is clearly not.
    if top <= main.summary.curve.last.n_rows or gain_probability(main, top, least) >= _RISING:
        return "The answer is decided: more data helps."
    return ""


def _settling(scene: _Scene, main: Guess, guesses: list[Guess], left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """What alone keeps an answer of "more data helps" open: a second look, or one at the largest sample in reach."""
    curve = main.summary.curve
    if not _is_wide(curve) or not _helps(scene, main, guesses):
        return ()
    if _seen_enough(curve, scene.plan):
        return _larger_look(main, left)
    return tuple(t for t in left if t.model == main.name and t.n_rows == curve.last.n_rows)[:1]


def _helps(scene: _Scene, main: Guess, guesses: list[Guess]) -> bool:
    """Whether the verdict is that more data helps, and would be with any other model that may win."""
    action, may_win = scene.verdict.action, _may_win(main, guesses, scene.plan.min_gain)
    # Where rows are left, a rival that rises too changes nothing: more data helps, whichever wins.
    agree = action in ("use_more_rows", "scale_out", "fewer_features") and all(map(_rises, may_win))
    return agree or (action == "collect_rows" and not may_win)


def _may_win(main: Guess, guesses: list[Guess], least: float) -> list[Guess]:
    """Models that may overtake: all but those that even together hardly will.

    They are compared as far as both forecasts reach; those that reach too little are asked to catch up.
    """
    chances = sorted(((_overtakes(g, main, least), g) for g in guesses if g is not main), key=lambda pair: pair[0])
    together = accumulate(chance for chance, _ in chances)
    return [guess for total, (_, guess) in zip(together, chances, strict=True) if total > _OVERTAKING]


def _overtakes(guess: Guess, main: Guess, least: float) -> float:
    shared = min(_horizon(main.summary.curve), _horizon(guess.summary.curve))
    return guess_score(guess.summary, shared).probability_above(guess_score(main.summary, shared), least)


def _rises(guess: Guess) -> bool:
    outlook = guess.summary.outlook
    return outlook is not None and outlook.p_gain >= 1 - _OVERTAKING


def _seen_enough(curve: Curve, plan: Plan) -> bool:
    """Whether an answer rests on sizes far enough apart, and on more than one look at the largest."""
    return _is_wide(curve) and curve.last.repeats >= min(2, plan.repeats)


def _is_wide(curve: Curve) -> bool:
    return curve.last.n_rows >= min(_SPAN * curve.points[0].n_rows, curve.n_train_rows)


def _surely_flat(model: ModelSummary) -> bool:
    outlook = model.outlook
    assert outlook is not None
    times = outlook.n_rows / model.curve.last.n_rows
    return any(times <= distance and outlook.p_gain <= limit for distance, limit in _SURE_BY_DISTANCE)


def _filling(best: Guess, rivals: list[Guess], left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """What is left between the points of the models that may be the best: it steadies their forecasts a little.

    No more than that can be told beforehand, so it comes after what has a worth of its own.
    """
    may_win = {g.name: g.summary.curve.last.n_rows for g in rivals if g.probability_above(best, 0.0) > _OVERTAKING}
    may_win[best.name] = best.summary.curve.last.n_rows
    return tuple(
        t
        for t in left
        if t.model in may_win and may_win[t.model] / _NEAR <= t.n_rows <= may_win[t.model] and t.repeat < _LOOKS
    )
