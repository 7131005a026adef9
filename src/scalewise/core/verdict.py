"""The answer to "does more data help, and do I need a cluster?", with its evidence and what would overturn it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalewise.core.deciding.answer import Action, Answer, answer, scene_of, sobered, unless_too_small
from scalewise.core.deciding.answer_words import doubling_words, evidence, memory_words, sentence
from scalewise.core.deciding.way import Way
from scalewise.core.deciding.ways import all_ways, doubling
from scalewise.core.deciding.would_change import would_change
from scalewise.core.deciding.would_tell import Experiment
from scalewise.core.features.feature_curve import FeatureCurve
from scalewise.core.features.feature_plan import plan_features
from scalewise.core.prospects import ModelSummary, Outlook
from scalewise.core.sizes import too_small
from scalewise.core.study import StudyState
from scalewise.core.tuning import Tuning

__all__ = ["Action", "Outlook", "Verdict", "decide"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do next, in words and in numbers.

    Parameters
    ----------
    action : {"use_more_rows", "collect_rows", "stop", "fewer_features", "scale_out", "cannot_tell", "none"}
        ``none`` before a study has begun.
    sentence : str
    evidence : tuple of str
        A few lines, the weightiest first.
    would_change : tuple of str
        What would overturn the answer.
    margin : float or None
        The least gain that counts.
    model : str
        Label of the model that the answer is about; empty where there is none.
    ways : tuple of Way
        Every way forward with its gain over the pick as it stands now, and its price.
    doubling : Way or None
        What the next doubling of the rows would bring and cost.
    next_doubling : str
        The same in a sentence.
    experiment : Experiment or None
        The cheapest one that would tell, where it cannot be told yet.
    memory : tuple of str
        Where the rows looked ahead to would fit, a line for each model.
    """

    action: Action
    sentence: str
    evidence: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
    margin: float | None = None
    model: str = ""
    ways: tuple[Way, ...] = ()
    doubling: Way | None = None
    next_doubling: str = ""
    experiment: Experiment | None = None
    memory: tuple[str, ...] = ()


def decide(
    state: StudyState, models: Sequence[ModelSummary], few: FeatureCurve | None = None, tuned: Tuning | None = None
) -> Verdict:
    """Decide what to do next.

    Parameters
    ----------
    state : StudyState
    models : sequence of ModelSummary
        From simple to complex.
    few : FeatureCurve or None
        Score against number of features, once that was asked for.
    tuned : Tuning or None
        What other settings of a model brought, once that was asked for.
    """
    if state.study is None or state.plan is None:
        return Verdict("none", _before(state))
    fitted = [m for m in models if m.curve.model.rung > 0]
    if not fitted:
        return Verdict("cannot_tell", _first(state), margin=state.plan.min_gain)
    guessing = next((m.curve for m in models if m.curve.model.rung == 0), None)
    scene = replace(scene_of(state, fitted, few, tuned), unit=state.study.data.unit)
    found = sobered(answer(scene), guessing)
    found = unless_too_small(found, too_small(state.study.data))
    metric = state.study.metric.label
    step = doubling(found.scene)
    return Verdict(
        action=found.action,
        sentence=sentence(found, metric),
        evidence=evidence(found, metric, guessing),
        would_change=would_change(found),
        margin=state.plan.min_gain,
        model=found.model.label,
        ways=_ways(state, found),
        doubling=step,
        next_doubling=doubling_words(step, found.scene, metric),
        experiment=found.experiment,
        memory=memory_words(found.scene),
    )


def _ways(state: StudyState, found: Answer) -> tuple[Way, ...]:
    """Every way forward; none where a table is too small to judge by."""
    assert state.study is not None
    assert state.plan is not None
    n_features, name, asked = len(state.study.data.features), found.model.curve.model.name, None
    if found.too_small:
        return ()
    if found.scene.few is None and n_features > 1:
        asked = plan_features(state.records, state.plan, n_features, model=name, keep=None)
    return all_ways(replace(found.scene, few_asked=asked), is_told=found.action != "cannot_tell")


def _before(state: StudyState) -> str:
    if state.phase in ("refused", "failed"):
        return state.failure
    small = too_small(state.data) if state.data else ""
    return {
        "opening": "Reading the table ...",
        "preparing": "Looking at the columns ...",
        "ready": small or "Press Run to find out whether more data helps.",
    }.get(state.phase, "Choose a table and a target, then press Run.")


def _first(state: StudyState) -> str:
    """What to say before any model that looks at features has a point."""
    if state.failures and not state.open_trials():
        trial, reason = next(iter(state.failures.items()))
        return f"No model could be fitted, so there is no verdict. {trial} failed: {reason}"
    if state.plan is not None and all(model.rung == 0 for model in state.plan.models):
        return "Cannot tell: only a model that looks at no feature was chosen. Choose another one too."
    if state.phase == "failed":
        return f"Cannot tell: the study failed before a model was fitted. {state.failure}"
    if state.phase in ("finished", "stopped"):
        return "Cannot tell: the study ended before a model was fitted. Go on, or give it more time."
    return "Cannot tell yet: the first models are being fitted."
