"""What a trial sees of its table: which features, what it is to learn from them, and what decides its chances."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalewise.core.spec import Feature, Trial, content_id
from scalewise.data.store import DataRef, load_sample
from scalewise.errors import MetricError
from scalewise.models.catalog import get_model
from scalewise.models.importance import HoldoutPart
from scalewise.models.preprocessing import Problem
from scalewise.models.ranking import n_checked, noise_sources, ranked_columns, shuffled_columns
from scalewise.models.scoring import Scoring, predict

__all__ = ["Sight", "derived_seed", "problem_of", "seed_for", "seen_groups", "sight_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sight:
    """What a trial sees of its table.

    Parameters
    ----------
    features : tuple of Feature
        Those that it is fitted on.
    columns : list of int or None
        Their places in the table; None for all.
    noise : list of int
        Columns whose shuffled copies are added.
    kept : tuple of str
        Names of the features of a trial on the best few, best first.
    """

    features: tuple[Feature, ...]
    columns: list[int] | None = None
    noise: list[int] = field(default_factory=list)
    kept: tuple[str, ...] = ()

    def of(self, X: Floats, seed: int) -> Floats:
        """The columns that it sees."""
        if self.noise:
            return shuffled_columns(X, self.noise, np.random.default_rng(seed))
        return X if self.columns is None else X[:, self.columns]


def derived_seed(seed: int, *parts: str | int) -> int:
    """Derive a seed below 2**32 from the study's and what it is for."""
    return int(content_id([seed, *parts])[:8], 16)


def seed_for(seed: int, trial: Trial, purpose: str) -> int:
    """Derive a seed for one purpose of a trial; trials on the same sample share it, however few features they see."""
    return derived_seed(seed, purpose, trial.model, trial.n_rows, trial.repeat)


def sight_of(ref: DataRef, trial: Trial, metric: str, seed: int) -> Sight:
    """Settle what a trial sees."""
    if trial.probes:
        # The same columns for all repeats, so that noise can be averaged over them as features are.
        sources = noise_sources(len(ref.features), trial.probes, np.random.default_rng(derived_seed(seed, "noise")))
        added = (replace(ref.features[at], name=f"noise {k + 1}") for k, at in enumerate(sources))
        return Sight((*ref.features, *added), noise=sources)
    if not trial.keep:
        return Sight(ref.features)
    best = _ranked(ref, trial.plain(), metric, seed)[: trial.keep]
    columns = sorted(best)
    kept = tuple(ref.features[column].name for column in best)
    return Sight(tuple(ref.features[column] for column in columns), columns, kept=kept)


@lru_cache(maxsize=16)
def _ranked(ref: DataRef, trial: Trial, metric: str, seed: int) -> tuple[int, ...]:
    """Rank the features of a sample: fit on a part of it, and look what the rest loses without each."""
    X, y = load_sample(ref, trial.repeat, trial.n_rows)
    n_rows, n_classes = n_checked(len(y)), len(ref.classes)
    entry, rng = get_model(trial.model), np.random.default_rng(seed_for(seed, trial, "rank"))
    scoring = Scoring(metric, ref.task, n_classes)

    def fitted(columns: slice, features: tuple[Feature, ...]) -> tuple[Any, HoldoutPart]:
        estimator = entry.build(problem_of(ref, features, y[n_rows:], seed_for(seed, trial, "fit")))
        estimator.fit(X[n_rows:, columns], y[n_rows:])
        own = np.ascontiguousarray(X[:n_rows, columns])
        return estimator, HoldoutPart(own, y[:n_rows], predict(estimator, own, n_classes))

    def alone(column: int) -> float:
        _, exam = fitted(slice(column, column + 1), ref.features[column : column + 1])
        return scoring.one(exam.y, exam.predictions)

    estimator, exam = fitted(slice(None), ref.features)
    groups = [columns for _, columns in seen_groups(ref, ref.features)]
    return ranked_columns(estimator, exam, groups, scoring, rng, alone)


def seen_groups(ref: DataRef, features: tuple[Feature, ...]) -> list[tuple[tuple[str, ...], tuple[int, ...]]]:
    """Names and places of correlated features, as far as they are among those that are seen."""
    place = {feature.name: at for at, feature in enumerate(features)}
    seen = [tuple(name for name in group if name in place) for group in ref.groups]
    return [(names, tuple(place[name] for name in names)) for names in seen if len(names) > 1]


def problem_of(ref: DataRef, features: tuple[Feature, ...], y: NDArray[Any], seed: int) -> Problem:
    """State what is to be learned from a sample, which may lack some classes."""
    if ref.task == "regression":
        return Problem("regression", features, 0, len(y), seed)
    present = np.flatnonzero(np.bincount(y, minlength=len(ref.classes)))
    if len(present) < 2:
        raise MetricError(
            f"All {len(y):,} rows of this sample are of class {ref.classes[present[0]]!r}; nothing can be told apart. "
            "Start from larger samples."
        )
    return Problem("binary" if len(present) == 2 else "multiclass", features, len(present), len(y), seed)
