"""The plan that a person's options ask for, and those that find out about few features and other settings."""

from __future__ import annotations

from dataclasses import replace

from scalewise.core.features.feature_plan import plan_features
from scalewise.core.model_names import spelled
from scalewise.core.plan import Plan
from scalewise.core.spec import StudySpec
from scalewise.core.study import StudyState
from scalewise.core.summary import summarise
from scalewise.core.tuning_plan import plan_tuning
from scalewise.options import StudyOptions

__all__ = ["plan_of", "plan_with_features", "plan_with_tuning"]


def plan_of(options: StudyOptions, study: StudySpec, state: StudyState) -> Plan:
    """The plan that options ask for; what else was asked for goes on where it belongs to the same study.

    Raises
    ------
    InputError
        If an option cannot be used.
    """
    plan = options.plan(study.data)
    now, names = state.plan if state.study == study else None, [model.name for model in plan.models]
    features, tuned = (now.features, now.tuning) if now else (None, None)
    return replace(
        plan,
        features=features if features and features.model in names else None,
        tuning=tuned if tuned and tuned.model in names else None,
    )


def plan_with_features(state: StudyState, model: str | None, keep: int | None, *, few: bool) -> Plan:
    """The plan of a started study, with a search for few features.

    Parameters
    ----------
    state : StudyState
    model : str or None
        The one whose features are compared; by default the verdict's.
    keep : int or None
        Features to keep at the most; by default as few as do.
    few : bool
        Whether models on few features are fitted, or only the line of noise is drawn.

    Raises
    ------
    InputError
        If the model or the number of features cannot be used.
    """
    assert state.study is not None
    assert state.plan is not None
    main = summarise(state).main if model is None else None
    name = main.curve.model.name if main else model and spelled(model)
    asked = plan_features(state.records, state.plan, len(state.study.data.features), model=name, keep=keep)
    return replace(state.plan, features=asked if few else replace(asked, ks=()))


def plan_with_tuning(state: StudyState, model: str | None) -> Plan:
    """The plan of a started study, with other settings of a model.

    Parameters
    ----------
    state : StudyState
    model : str or None
        The one that is tuned; by default the verdict's.

    Raises
    ------
    InputError
        If the model cannot be tuned.
    """
    assert state.plan is not None
    summary = summarise(state)
    name = spelled(model) if model else (summary.main.curve.model.name if summary.main else "")
    return replace(state.plan, tuning=plan_tuning(tuple(m.curve for m in summary.models), name))
