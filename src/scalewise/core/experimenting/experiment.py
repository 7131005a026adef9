"""Which trial comes next, which models need no more, and when a study has its answer.

Every open trial has a worth: how much the verdict is expected to change by it, for each second that it is predicted to
take. The verdict hangs on two guesses: whether the best model gains at least the margin, and which model is the best.
`scalewise.core.experimenting.guesses` says how a trial changes them.

All of it follows from the state alone, so that a study that is replayed from its journal decides the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from scalewise.core.deciding.contest import CLOSE, leads_where_shared
from scalewise.core.deciding.unseen import LEADER_MAY_WIN
from scalewise.core.events import Ending
from scalewise.core.experimenting.decided import (
    OVERTAKING,
    Moment,
    decided,
    dropped_models,
    guesses_of,
    helps,
    is_wide,
    seen_rising,
    surely_flat,
)
from scalewise.core.experimenting.guesses import JUMP, Guess, worths
from scalewise.core.prospects import FEWEST_SIZES, ModelSummary, is_in_reach
from scalewise.core.spec import Trial
from scalewise.core.study import StudyState, in_order
from scalewise.core.verdict import Verdict

__all__ = ["Agenda", "agenda"]

_LIKELY = 0.5
"""Probability from which a model is expected to win."""
_LOOKS = 3
"""So many looks between the points are enough; what they do not settle, more of them will not."""
_CAREFUL = 0.5
"""Part of the time spent so far that a look at a leader may take, whose forecast is behind."""
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
    compared = set(state.plan.tuning.trials) if state.plan.tuning else set()
    asked = tuple(trial for trial in order if not trial.is_plain or trial in compared)
    plain = _agenda(state, models, verdict, tuple(trial for trial in order if trial.is_plain))
    if not asked:
        return plain
    # A person asked for them, so they come first, and the study goes on until they are done.
    rest = ((), ()) if plain.ending else (plain.trials, plain.left)
    return replace(plain, trials=(*asked, *rest[0]), left=(*asked, *rest[1]), ending="", reason="")


def _agenda(state: StudyState, models: Sequence[ModelSummary], verdict: Verdict, order: tuple[Trial, ...]) -> Agenda:
    """Decide which of the trials that make learning curves come next."""
    assert state.plan is not None
    if not order:
        return Agenda(ending="done", reason="Everything planned is done.")
    if state.plan.everything:
        return Agenda(order, order)
    moment = Moment(state, state.plan, tuple(models), verdict, state.expected)
    opening = _opening(moment, order)
    return Agenda(opening, order) if opening else _choose(moment, order)


def _opening(moment: Moment, order: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """First looks of the models that have too few sizes for a forecast, then a second look at the same sizes."""
    sizes = {m.curve.model.name: len(m.curve.points) for m in moment.models}
    found: list[Trial] = []
    for model in moment.plan.models:
        lacking = max(FEWEST_SIZES - sizes.get(model.name, 0), 0)
        found += [t for t in order if t.model == model.name and t.repeat == 0][:lacking]
    first = sorted(found, key=order.index)
    largest = max((t.n_rows for t in first), default=0)
    return (*first, *(t for t in order if t.n_rows <= largest and t.repeat == 1))


def _choose(moment: Moment, order: tuple[Trial, ...]) -> Agenda:
    guesses = guesses_of(moment)
    if not guesses:
        return Agenda(order, order)
    best = max(guesses, key=lambda g: g.mean)
    dropped = dropped_models(guesses, best, moment.plan)
    left = tuple(t for t in order if t.model not in dropped)
    rivals = [g for g in guesses if g is not best and g.name not in dropped]
    here = Agenda((), left, MappingProxyType(dropped))
    main = next((g for g in guesses if g.label == moment.verdict.model), None)
    second = _confirming(moment, main, left)
    asked = (
        *_baseline(moment, left, best),
        *_insisted(moment, left),
        *_catching_up(rivals, best, left),
        *_leading_so_far(moment, main, (best, *rivals), left),
        *_likely_winner(moment, main, best, left),
        *second,
    )
    reason = decided(moment, main, guesses, left) if main and not asked else ""
    beside = (*_pinned(moment, main, left), *_beside(moment, main, (best, *rivals), left)) if main else ()
    asked = asked or (beside if reason else ())
    if reason and not asked:
        return replace(here, ending="decided", reason=reason)
    # A larger look meanwhile would want a second look of its own.
    useful = tuple(t for t in left if t.model != second[0].model) if second else left
    worth = worths(best, rivals, useful, least=moment.plan.min_gain, expected=moment.expected)
    asked = (*asked, *(_settling(moment, main, guesses, left) if main else ()))
    wider = _widening(moment, main, left)
    # Between points that are close together there is nothing to fill.
    filling = wider if main and not is_wide(main.summary.curve) else _filling(best, rivals, left)
    trials = tuple(dict.fromkeys((*asked, *sorted(worth, key=lambda t: -worth[t]), *filling)))
    trials = trials or beside or wider
    if not trials:
        return replace(here, ending="done", reason="Every trial that can change the answer is done.")
    return replace(here, trials=trials)


def _baseline(moment: Moment, left: tuple[Trial, ...], best: Guess) -> tuple[Trial, ...]:
    """The models that look at no feature, at the best model's largest size: what guessing would score there."""
    guessing = {model.name for model in moment.plan.models if model.rung == 0}
    size = best.summary.curve.last.n_rows
    return tuple(t for t in left if t.model in guessing and t.n_rows == size and t.repeat == 0)


def _confirming(moment: Moment, main: Guess | None, left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """A second look at the size that an answer of "enough" rests on."""
    if main is None or moment.verdict.action != "stop" or not surely_flat(main.summary):
        return ()
    last = main.summary.curve.last
    if last.repeats >= 2:
        return ()
    return tuple(t for t in left if t.model == main.name and t.n_rows == last.n_rows)[:1]


def _widening(moment: Moment, main: Guess | None, left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """The next look at a model about which nothing can be told yet, or which rests on sizes too close together."""
    if main is None:
        return ()
    is_clear = is_wide(main.summary.curve) and not main.summary.is_uneven
    if is_clear and moment.verdict.action != "cannot_tell":
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
    last = {g.name: g.summary.curve.last.n_rows for g in rivals}
    behind = {name: n_rows for name, n_rows in last.items() if not is_in_reach(n_rows, reached)}
    found = {}
    for trial in left:
        if trial.repeat == 0 and trial.n_rows <= JUMP * behind.get(trial.model, 0):
            found[trial.model] = trial
    return tuple(t for t in found.values() if t.n_rows > behind[t.model])


def _leading_so_far(
    moment: Moment, main: Guess | None, others: Sequence[Guess], left: tuple[Trial, ...]
) -> tuple[Trial, ...]:
    """The quickest next look at one of those that lead the answer's model where both were measured.

    That was far below its largest size: forecasts from so few rows, held against what another model has reached, are
    wrong too often to go without.
    """
    if main is None:
        return ()
    deep, least = CLOSE * main.summary.curve.last.n_rows, moment.plan.min_gain
    behind = (g for g in others if g is not main and g.summary.curve.last.n_rows < deep)
    leading = (g for g in behind if leads_where_shared(g.summary.curve, main.summary.curve, least))
    able = (g for g in leading if g.probability_ahead(main, least) > LEADER_MAY_WIN)
    looks = [trial for g in able for trial in _beside(moment, main, (g,), left) or _larger_look(g, left)]
    spent = sum(record.fit_seconds + record.score_seconds for record in moment.state.records.values())
    quick = [trial for trial in looks if moment.expected.seconds(trial) <= _CAREFUL * spent]
    return tuple(sorted(quick, key=moment.expected.seconds)[:1])


def _likely_winner(moment: Moment, main: Guess | None, best: Guess, left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """The next look at a model that probably wins, while the answer is about one that was looked at much farther up."""
    if main is None or best is main or best.probability_above(main, moment.plan.min_gain) <= _LIKELY:
        return ()
    is_far_behind = JUMP * best.summary.curve.last.n_rows <= main.summary.curve.last.n_rows
    return _larger_look(best, left) if is_far_behind else ()


def _beside(moment: Moment, main: Guess, others: Sequence[Guess], left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """Quicker fits of other models beside the answer's: whether one is as good or better shows at one size alone."""
    size = main.summary.curve.last.n_rows
    reached = {g.name: g.summary.curve.last.n_rows for g in others if g is not main}
    quick = moment.expected.seconds(Trial(main.name, size))
    return tuple(
        t
        for t in left
        if (t.n_rows, t.repeat) == (size, 0)
        and reached.get(t.model, size) < CLOSE * size
        and moment.expected.seconds(t) <= quick
    )


def _pinned(moment: Moment, main: Guess, left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """Looks at pinned models as far up as at the answer's: a person wants to see them there."""
    reached = {m.curve.model.name: m.curve.last.n_rows for m in moment.models}
    size = main.summary.curve.last.n_rows
    ahead = [t for t in left if t.model in moment.plan.pinned and reached.get(t.model, 0) < t.n_rows <= size]
    farthest = {t.model: t for t in sorted(ahead, key=lambda t: (t.n_rows, -t.repeat))}
    return tuple(farthest.values())


def _insisted(moment: Moment, left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """First looks up to where a person moved the slider while the study was there."""
    if moment.state.study is None or not moment.state.reach:
        return ()
    top = moment.state.study.data.rows_at(moment.state.reach)
    return tuple(t for t in left if t.n_rows <= top and t.repeat == 0)


def _settling(moment: Moment, main: Guess, guesses: list[Guess], left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """What alone keeps an answer of "more data helps" open: a second look, or one at the largest sample in reach."""
    curve = main.summary.curve
    if not is_wide(curve) or not helps(moment, main, guesses):
        return ()
    if seen_rising(main.summary, moment.plan):
        return _larger_look(main, left)
    return tuple(t for t in left if t.model == main.name and t.n_rows == curve.last.n_rows)[:1]


def _filling(best: Guess, rivals: list[Guess], left: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """What is left between the points of the models that may be the best: it steadies their forecasts a little.

    No more than that can be told beforehand, so it comes after what has a worth of its own.
    """
    may_win = {g.name: g.summary.curve.last.n_rows for g in rivals if g.probability_above(best, 0.0) > OVERTAKING}
    may_win[best.name] = best.summary.curve.last.n_rows
    return tuple(
        t
        for t in left
        if t.model in may_win and may_win[t.model] / _NEAR <= t.n_rows <= may_win[t.model] and t.repeat < _LOOKS
    )
