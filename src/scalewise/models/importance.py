"""Permutation importance of features on holdout rows, from few large calls of predict.

Breiman (2001), "Random Forests", Machine Learning 45: how much the score drops when one feature's values are shuffled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalewise.core.ranks import unit_ranks
from scalewise.core.results import FeatureImportance, GroupImportance
from scalewise.models.scoring import Scoring, predict

__all__ = [
    "HoldoutPart",
    "Unit",
    "group_importances",
    "holdout_parts",
    "n_shuffled",
    "permutation_importances",
    "promising_features",
    "score_drops",
]

Unit = tuple[int, ...]
"""Columns that are shuffled together."""

Floats = NDArray[np.float64]

_MOST_FEATURES, _FEWEST_FEATURES = 300, 50
_CELLS_SHUFFLED = 30_000_000
"""Numbers in all shuffled copies of one trial, about: very wide tables have fewer of their features shuffled."""

_N_PARTS = 5
_FEWEST_ROWS, _MOST_ROWS = 40, 400
_CELLS = 4_000_000
"""Numbers that one call of predict is given or returns at the most: bounds the memory."""

_RANKED_ROWS = 5_000


@dataclass(frozen=True, eq=False)
class HoldoutPart:
    """Some holdout rows and the estimator's predictions for them.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    predictions : ndarray of shape (n_rows, n_classes) or (n_rows,)
    """

    X: Floats
    y: NDArray[Any]
    predictions: Floats


def holdout_parts(
    whole: HoldoutPart, n_train_rows: int, rng: np.random.Generator, n_features: int | None = None
) -> list[HoldoutPart]:
    """Draw disjoint parts of the holdout, as large as the cost of the trial justifies; none where it is too small.

    Parameters
    ----------
    whole : HoldoutPart
    n_train_rows : int
        Rows that the estimator was trained on: small fits get small parts.
    rng : numpy.random.Generator
    n_features : int, optional
        How many are to be shuffled; by default all.
    """
    n_holdout, n_features = len(whole.X), n_features or whole.X.shape[1]
    budget = min(60_000, 1_000 + n_train_rows // _N_PARTS) // n_shuffled(n_features)
    n_rows = min(max(budget, _FEWEST_ROWS), _MOST_ROWS, n_holdout // _N_PARTS)
    if n_rows < 2:
        return []
    drawn = rng.permutation(n_holdout)[: n_rows * _N_PARTS].reshape(_N_PARTS, n_rows)
    return [HoldoutPart(whole.X[rows], whole.y[rows], whole.predictions[rows]) for rows in drawn]


def permutation_importances(
    estimator: Any, parts: list[HoldoutPart], names: dict[int, str], scoring: Scoring, rng: np.random.Generator
) -> tuple[FeatureImportance, ...]:
    """Measure how much the score drops without each feature.

    Parameters
    ----------
    estimator : fitted scikit-learn estimator
    parts : list of HoldoutPart
        Disjoint and of equal size; the spread over them gives the standard error.
    names : dict of int to str
        Column and name of each feature to shuffle.
    scoring : Scoring
    rng : numpy.random.Generator

    Returns
    -------
    tuple of FeatureImportance
        In the order of `names`; empty where no part can be scored.
    """
    found = _measured(score_drops(estimator, parts, [(column,) for column in names], scoring, rng))
    return tuple(FeatureImportance(name, *drop) for name, drop in zip(names.values(), found, strict=False))


def group_importances(
    estimator: Any,
    parts: list[HoldoutPart],
    groups: Sequence[tuple[tuple[str, ...], Unit]],
    scoring: Scoring,
    rng: np.random.Generator,
) -> tuple[GroupImportance, ...]:
    """Measure how much the score drops without each group of features, given by names and columns."""
    found = _measured(score_drops(estimator, parts, [columns for _, columns in groups], scoring, rng))
    return tuple(GroupImportance(names, *drop) for (names, _), drop in zip(groups, found, strict=False))


def score_drops(
    estimator: Any, parts: list[HoldoutPart], units: Sequence[Unit], scoring: Scoring, rng: np.random.Generator
) -> Floats:
    """Return how much the score of each part drops without each unit; ndarray of shape (n_parts, n_units)."""
    whole = np.array([scoring.one(part.y, part.predictions) for part in parts])
    drops = [whole[:, None] - _shuffled_scores(estimator, parts, some, scoring, rng) for some in _batches(parts, units)]
    return np.concatenate(drops, axis=1) if drops else np.empty((len(parts), 0))


def _measured(drops: Floats) -> list[tuple[float, float]]:
    """Mean and standard error of each unit over parts; nothing where fewer than two parts can be scored."""
    drops = drops[np.isfinite(drops).all(axis=1)]
    if len(drops) < 2:
        return []
    errors = drops.std(axis=0, ddof=1) / np.sqrt(len(drops))
    return list(zip(drops.mean(axis=0).tolist(), errors.tolist(), strict=True))


def n_shuffled(n_features: int) -> int:
    """Return how many of the features of a table can be shuffled at a sensible cost."""
    affordable = _CELLS_SHUFFLED // (_N_PARTS * _FEWEST_ROWS * n_features)
    return min(n_features, _MOST_FEATURES, max(affordable, _FEWEST_FEATURES))


def promising_features(X: Floats, y: NDArray[Any], n_classes: int) -> list[int]:
    """Return the columns whose ranks go best with the target, `n_shuffled` of them, in their own order.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Training rows.
    y : ndarray of shape (n_rows,)
    n_classes : int
        0 for regression.
    """
    rows = np.linspace(0, len(X) - 1, min(len(X), _RANKED_ROWS)).astype(np.intp)
    targets = y[rows, None] if n_classes == 0 else (y[rows, None] == np.unique(y[rows])).astype(np.float64)
    strength = np.abs(unit_ranks(X[rows]).T @ unit_ranks(targets)).max(axis=1)
    return sorted(np.argsort(-strength, kind="stable")[: n_shuffled(X.shape[1])].tolist())


def _batches(parts: list[HoldoutPart], units: Sequence[Unit]) -> Iterator[Sequence[Unit]]:
    if not parts:
        return
    n_rows, n_features = parts[0].X.shape
    width = n_features + parts[0].predictions[0].size
    step = max(1, _CELLS // max(1, len(parts) * n_rows * width))
    for start in range(0, len(units), step):
        yield units[start : start + step]


def _shuffled_scores(
    estimator: Any, parts: list[HoldoutPart], units: Sequence[Unit], scoring: Scoring, rng: np.random.Generator
) -> Floats:
    """Return the score of every part with every one of some units shuffled, shape (n_parts, n_units)."""
    shuffled = np.stack([np.repeat(part.X[None], len(units), axis=0) for part in parts])
    for part, copies in zip(parts, shuffled, strict=True):
        for copy, columns in zip(copies, units, strict=True):
            order = rng.permutation(len(part.X))
            for column in columns:
                copy[:, column] = part.X[order, column]
    one = parts[0].predictions
    n_classes = one.shape[1] if one.ndim == 2 else 0
    flat = predict(estimator, shuffled.reshape(-1, shuffled.shape[-1]), n_classes)
    answers = flat.reshape(len(parts), len(units), *one.shape)
    return np.stack([scoring.many(part.y, answer) for part, answer in zip(parts, answers, strict=True)])
