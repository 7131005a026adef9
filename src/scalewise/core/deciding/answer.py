"""The decision itself, before it is put into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from scalewise.core.curves import Curve, Gain, paired_gain
from scalewise.core.deciding.contest import SURE, Contest, contest, normal_above
from scalewise.core.deciding.scene import Scene, lacks_memory, takes_long
from scalewise.core.deciding.unseen import Unseen, unseen_models
from scalewise.core.deciding.ways import fewer_will_do
from scalewise.core.deciding.would_tell import Experiment, cheapest_experiment, comparing_experiment, trend_experiment
from scalewise.core.features.feature_curve import FeatureCurve
from scalewise.core.prospects import ModelSummary, Outlook, farthest
from scalewise.core.sizes import study_sizes
from scalewise.core.study import StudyState
from scalewise.core.tuning import Tuning

__all__ = ["Action", "Answer", "answer", "best_lead", "last_step", "scene_of", "sobered", "unless_too_small"]

Action = Literal["use_more_rows", "collect_rows", "stop", "fewer_features", "scale_out", "cannot_tell", "none"]


_LIKELY = 0.5
"""Chance from which a model that cannot be compared yet is taken for the one that will be used."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do, and what that rests on.

    Parameters
    ----------
    action : str
    scene : Scene
        Its `ahead` is the model that the answer is about; for ``stop`` that is the pick.
    gains : tuple of (ModelSummary, Outlook)
        What the target's rows would bring with each model.
    gain : Outlook or None
        That of the answer's model.
    refusal : str
        Why its forecast should not be acted on, in words.
    experiment : Experiment or None
        The cheapest one that would tell, where it cannot be told yet.
    by_chance : bool
        Whether no model is credibly better than guessing, so that all that was measured may be chance.
    too_small : str
        Why the table is too small to judge by, in words; empty where it is not.
    unseen : tuple of Unseen
        Models that may be better than the pick and cannot be compared with it yet, the likeliest first.
    """

    action: Action
    scene: Scene
    gains: tuple[tuple[ModelSummary, Outlook], ...] = ()
    gain: Outlook | None = None
    refusal: str = ""
    experiment: Experiment | None = None
    by_chance: bool = False
    too_small: str = ""
    unseen: tuple[Unseen, ...] = ()

    @property
    def model(self) -> ModelSummary:
        """The model that the answer is about."""
        return self.scene.ahead


def scene_of(
    state: StudyState, models: Sequence[ModelSummary], few: FeatureCurve | None = None, tuned: Tuning | None = None
) -> Scene:
    """Set the scene: who stands first now and with more rows, how far to look, and what a person asked for.

    Parameters
    ----------
    state : StudyState
        Of a study that has started.
    models : sequence of ModelSummary
        Those that look at features; at least one.
    few : FeatureCurve or None
        Score against number of features, once that was asked for.
    tuned : Tuning or None
        What other settings of a model brought, once that was asked for.
    """
    study, plan = state.study, state.plan
    assert study is not None
    assert plan is not None
    found = contest(models, plan.min_gain)
    target = _target(study.data.n_train_rows, (found.pick, found.best))
    return Scene(
        contest=found,
        ahead=_chosen(found, target, plan.min_gain),
        target=target,
        margin=plan.min_gain,
        machine=state.machine,
        price_per_hour=plan.price_per_hour,
        budget_minutes=plan.budget_minutes,
        sizes=study_sizes(study.data, 1.0),
        repeats=plan.repeats,
        few=few,
        tuned=tuned,
        unfit=frozenset(t.model for t in state.failures if t.is_plain),
        untimely=study.data.rows_at(plan.max_fraction) if state.ending == "budget" else 0,
    )


def _chosen(found: Contest, target: int, margin: float) -> ModelSummary:
    """The model to use with the target's rows."""
    ahead = found.choice_at(target, margin)
    # A choice whose gain over the pick cannot be told would leave no way forward to tell of.
    known = ahead is not None and found.gain(ahead, target, margin) is not None
    return ahead if ahead is not None and known else found.pick


def _target(full: int, models: Sequence[ModelSummary]) -> int:
    """All rows of the table, or as many as a forecast reaches; twice the table where all are used."""
    reached = min(m.curve.last.n_rows for m in models)
    return farthest(reached, full) if reached < full else 2 * full


def answer(scene: Scene) -> Answer:
    """Decide. A yes or a no is given from 80 % certainty on.

    Where the pick was fitted on all rows and the best model on fewer, the rows of the table come first. If they are
    enough, it is asked of twice as many, as where both were fitted on all: with the pick there is nothing in between.
    """
    found, beyond = _compared(scene), _beyond(scene)
    return _compared(beyond) if found.action == "stop" and beyond else found


def _beyond(scene: Scene) -> Scene | None:
    """The scene that looks beyond a table of which the pick has all rows; None where forecasts do not reach so far."""
    found, twice = scene.contest, 2 * scene.full
    reached = min(found.pick.curve.last.n_rows, found.best.curve.last.n_rows)
    if not scene.all_used or scene.target > scene.full or farthest(reached, twice) < twice:
        return None
    return replace(scene, target=twice, ahead=_chosen(found, twice, scene.margin))


def _compared(scene: Scene) -> Answer:
    """Decide, but not without a model that cannot be compared yet and may be better.

    Neither is it said that the rows are enough, nor that others are to be collected, while such a one may do better
    with those there are; and what cannot be told is not held up by one that will hardly be used.
    """
    unseen = unseen_models(scene.contest, scene.target, scene.margin, scene.unfit)
    found = replace(_answer(scene), unseen=unseen)
    first = _to_compare_first(found)
    return _uncompared(found, first) if first else found


def _to_compare_first(found: Answer) -> Unseen | None:
    """A model without which an answer is worth nothing, or which alone may still tell something."""
    hindering = [one for one in found.unseen if one.hinders]
    if found.action in ("stop", "collect_rows") or (found.action == "cannot_tell" and not found.experiment):
        return next(iter(hindering), None)
    if found.action != "cannot_tell":
        return None
    return next((one for one in hindering if one.ahead and one.chance >= _LIKELY), None)


def _answer(scene: Scene) -> Answer:
    """Decide by the models that can be compared."""
    found = scene.contest
    # The next doubling is foreseen from two sizes on, for its price; an answer takes a trend.
    gains = tuple((m, gain) for m in found.models if m.outlook and (gain := scene.gain(m, scene.target)))
    known = {m.curve.model.name for m, _ in gains}
    for model in (found.pick, found.best):
        if model.curve.model.name not in known:
            return _unknown(replace(scene, ahead=model), gains)
    sure = [(m, gain) for m, gain in gains if gain.p_gain >= SURE]
    if sure:
        return _more(scene, gains, sure)
    if all(gain.p_gain <= 1 - SURE for _, gain in gains):
        own = next(gain for m, gain in gains if m is found.pick)
        # What is used is the pick: were the ways about another model, they would seem to contradict the answer.
        return Answer("stop", replace(scene, ahead=found.pick), gains, own)
    model, gain = max(gains, key=lambda pair: pair[1].p_gain)
    scene = replace(scene, ahead=model)
    return Answer("cannot_tell", scene, gains, gain, experiment=cheapest_experiment(scene, model, gain))


def _more(
    scene: Scene, gains: tuple[tuple[ModelSummary, Outlook], ...], sure: list[tuple[ModelSummary, Outlook]]
) -> Answer:
    """More rows help: with the model that was chosen for them, or else with the one that gains most."""
    chosen = next((pair for pair in sure if pair[0] is scene.ahead), None)
    model, gain = chosen or max(sure, key=lambda pair: pair[1].gain)
    scene = replace(scene, ahead=model)
    if scene.all_used:
        return Answer("collect_rows", scene, gains, gain)
    if lacks_memory(scene):
        model, gain = max(_roomy(scene, sure), key=lambda pair: pair[1].gain, default=(model, gain))
        scene = replace(scene, ahead=model)
    cramped = bool(lacks_memory(scene))
    if (cramped or takes_long(scene)) and fewer_will_do(scene):
        return Answer("fewer_features", scene, gains, gain)
    return Answer("scale_out" if cramped else "use_more_rows", scene, gains, gain)


def _roomy(scene: Scene, sure: Sequence[tuple[ModelSummary, Outlook]]) -> list[tuple[ModelSummary, Outlook]]:
    """Those for which there is memory here, and which end within the margin of the model ahead."""
    return [
        (model, gain)
        for model, gain in sure
        if not lacks_memory(replace(scene, ahead=model))
        and (lead := scene.contest.lead(scene.ahead, model, scene.target)) is not None
        and lead[0] < scene.margin
    ]


def sobered(found: Answer, guessing: Curve | None) -> Answer:
    """Take a yes back where no model is credibly better than guessing, unless what rose surely gets past it.

    Its last step must be none of chance, and its forecast better than guessing by what counts: what a model gains on
    its way up to guessing is no gain, since guessing needs no rows. A no stays one, and so does a refused forecast, but
    both are told to be about models that guess.

    Parameters
    ----------
    found : Answer
    guessing : Curve or None
        Of the model that looks at no feature.
    """
    lead = best_lead(guessing, found.scene.contest.models)
    if lead is None or lead.low > 0:
        return found
    if found.action == "stop" or found.refusal:
        return replace(found, by_chance=True)
    step = last_step(found.model.curve)
    rose = step is not None and step[1].low > 0
    if found.action == "cannot_tell" or (rose and _gets_past(found, guessing)):
        return found
    assert found.gain is not None
    experiment = cheapest_experiment(found.scene, found.model, found.gain)
    return replace(found, action="cannot_tell", experiment=experiment, by_chance=True)


def _gets_past(found: Answer, guessing: Curve | None) -> bool:
    """Whether the answer's model surely is better than guessing by what counts with the rows looked ahead to."""
    ahead = found.model.score_at(found.scene.target)
    if ahead is None or guessing is None:
        return False
    return normal_above(ahead[0] - guessing.last.score, ahead[1], found.scene.margin) >= SURE


def unless_too_small(found: Answer, why: str) -> Answer:
    """Take any answer back where a table is too small to judge by; `why` is empty where it is not."""
    return Answer("cannot_tell", found.scene, found.gains, too_small=why) if why else found


def best_lead(guessing: Curve | None, models: Sequence[ModelSummary]) -> Gain | None:
    """The most credible lead of a model over guessing; None where none was measured."""
    leads = [lead for model in models if (lead := _lead_over(guessing, model.curve))]
    return max(leads, key=lambda lead: lead.low, default=None)


def _lead_over(guessing: Curve | None, curve: Curve) -> Gain | None:
    """How far a model is ahead of guessing at its own largest size; None where that cannot be told.

    Guessing hardly learns, so that it is seldom measured as far: its own largest size up to there stands for it.
    """
    last = curve.last.n_rows
    sizes = [p.n_rows for p in guessing.points if p.n_rows <= last] if guessing else []
    leads = (paired_gain(guessing, n_rows, last, other=curve) for n_rows in reversed(sizes) if guessing)
    return next((lead for lead in leads if lead), None)


def last_step(curve: Curve) -> tuple[int, Gain] | None:
    """The paired gain from about half the largest size to the largest, and the size it begins at."""
    last = curve.last.n_rows
    smaller = [p.n_rows for p in curve.points if p.n_rows <= 0.6 * last]
    gain = paired_gain(curve, smaller[-1], last) if smaller else None
    return (smaller[-1], gain) if gain else None


def _uncompared(found: Answer, first: Unseen) -> Answer:
    """Nothing can be told while a model that may be better has not been looked at far enough."""
    if first.ahead:
        experiment = comparing_experiment(found.scene, first.model, first.ahead)
    else:
        experiment = trend_experiment(found.scene, first.model)
    unseen = (first, *(one for one in found.unseen if one is not first))
    # What the pick is expected to gain is no part of that.
    scene = replace(found.scene, ahead=found.scene.here)
    return replace(
        found, action="cannot_tell", scene=scene, gain=None, refusal="", experiment=experiment, unseen=unseen
    )


def _unknown(scene: Scene, gains: tuple[tuple[ModelSummary, Outlook], ...]) -> Answer:
    """A model that matters has no forecast, or one that should not be acted on."""
    outlook = scene.ahead.outlook
    refusal = outlook.refusal if outlook and outlook.refusal else ""
    experiment = cheapest_experiment(scene, scene.ahead, outlook) if outlook else trend_experiment(scene, scene.ahead)
    return Answer("cannot_tell", scene, gains, None, refusal, experiment)
