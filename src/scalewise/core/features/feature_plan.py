"""How few features would do: which trials tell, and where they are cheap enough to be run."""

from __future__ import annotations

from collections.abc import Mapping

from scalewise.core.plan import FeaturePlan, Plan
from scalewise.core.results import TrialRecord
from scalewise.core.spec import Trial
from scalewise.errors import InputError

__all__ = ["PROBES", "feature_trials", "keep_steps", "plan_features"]

PROBES = 15
"""Columns of noise added to a fit: enough to tell their spread, too few to crowd out the features."""

_MOST_KEPT = 377
_MOST_REPEATS = 3
_LEAST_SECONDS = 30.0
"""So many seconds of fitting are spent without asking what the study has cost so far."""


def keep_steps(n_features: int, keep: int | None = None) -> tuple[int, ...]:
    """Numbers of features that are tried: 1, 2, 3, 5, 8, 13, ... below all of them.

    Parameters
    ----------
    n_features : int
    keep : int or None
        Tried in any case, as the largest.

    Raises
    ------
    InputError
        If so many features cannot be kept.
    """
    if keep is not None and not 1 <= keep < n_features:
        raise InputError(f"Keeping {keep} of {n_features} features is not possible. Give 1 to {n_features - 1}.")
    steps, ahead = [1], 2
    while ahead < n_features and ahead <= _MOST_KEPT:
        steps.append(ahead)
        ahead += steps[-2]
    if keep is not None:
        steps = [*(k for k in steps if k < keep), keep]
    return tuple(k for k in steps if k < n_features)


def feature_trials(plan: Plan) -> tuple[Trial, ...]:
    """Every trial that tells how few features would do: noise first, then few features before many."""
    asked = plan.features
    if asked is None:
        return ()
    repeats = range(asked.repeats)
    noise = [Trial(asked.model, asked.n_rows, repeat, probes=asked.probes) for repeat in repeats if asked.probes]
    kept = [Trial(asked.model, asked.n_rows, repeat, keep=k) for repeat in repeats for k in asked.ks]
    return (*noise, *kept)


def plan_features(
    records: Mapping[Trial, TrialRecord], plan: Plan, n_features: int, *, model: str | None, keep: int | None
) -> FeaturePlan:
    """Choose the model and the size at which it is looked for how few features would do.

    The size is the largest done at which the trials to come cost no more than the study has cost so far (or half a
    minute), else the smallest done.

    Parameters
    ----------
    records : mapping of Trial to TrialRecord
    plan : Plan
    n_features : int
    model : str or None
        Its name; by default the one that scores best at its largest size, among those with the largest.
    keep : int or None
        The largest number of features to try; by default the steps of `keep_steps`.

    Raises
    ------
    InputError
        If the model is none of the plan's, has no finished trial, or looks at no feature; if there are fewer than two
        features, or not so many.
    """
    if n_features < 2:
        raise InputError("There is only one feature, so none can be left out.")
    done = _by_size(records, plan)
    name = model or _best(done)
    if name not in done:
        known = ", ".join(done) or "none yet"
        raise InputError(f"{name or 'No model'} has no finished fit that looks at features. Models that have: {known}.")
    ks = keep_steps(n_features, keep)
    sizes = done[name]
    spent = sum(record.fit_seconds + record.score_seconds for record in records.values())
    n_fits = len(ks) + 2  # a ranking and the noise besides
    cheap = [n for n, found in sizes.items() if n_fits * _seconds(found) <= max(spent, _LEAST_SECONDS)]
    n_rows = max(cheap, default=min(sizes))
    return FeaturePlan(name, n_rows, ks, min(len(sizes[n_rows]), _MOST_REPEATS), PROBES, keep)


Sizes = dict[int, list[TrialRecord]]


def _by_size(records: Mapping[Trial, TrialRecord], plan: Plan) -> dict[str, Sizes]:
    """Finished plain trials by model and size, of models that look at features."""
    done: dict[str, Sizes] = {spec.name: {} for spec in plan.models if spec.rung > 0}
    for trial, record in records.items():
        if trial.is_plain and trial.model in done:
            done[trial.model].setdefault(trial.n_rows, []).append(record)
    return {name: sizes for name, sizes in done.items() if sizes}


def _best(done: Mapping[str, Sizes]) -> str:
    most = max((max(sizes) for sizes in done.values()), default=0)
    deep = [name for name, sizes in done.items() if max(sizes) >= 0.5 * most]
    return max(deep, key=lambda name: _mean_score(done[name][max(done[name])]), default="")


def _mean_score(records: list[TrialRecord]) -> float:
    return sum(record.score for record in records) / len(records)


def _seconds(records: list[TrialRecord]) -> float:
    """Seconds that all repeats of a size took together."""
    return sum(record.fit_seconds + record.score_seconds for record in records[:_MOST_REPEATS])
