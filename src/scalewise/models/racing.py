"""The most important of many features for the price of few: permutation importance as a race with three heats.

Every unit is shuffled on a few rows first; only those with the largest drops run again on more rows, and only the last
ones on all rows and as often as asked. Successive halving (Karnin, Koren and Somekh 2013, "Almost optimal exploration
in multi-armed bandits"), with the rows of an exam in place of pulls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalewise.models.importance import HoldoutPart, Unit, score_drops
from scalewise.models.scoring import Scoring

__all__ = ["race"]

Floats = NDArray[np.float64]

_HEATS = ((20, 5.0), (4, 1.5))
"""One row in so many, after which so many times the winners go on."""

_FEWEST_ROWS = 150


def race(
    estimator: Any,
    exam: HoldoutPart,
    units: Sequence[Unit],
    scoring: Scoring,
    rng: np.random.Generator,
    *,
    n_best: int,
    n_repeats: int = 5,
) -> tuple[NDArray[np.intp], Floats]:
    """Find the units without which the score drops most.

    Parameters
    ----------
    estimator : fitted scikit-learn estimator
    exam : HoldoutPart
        Rows that it was not fitted on, with its predictions.
    units : sequence of tuple of int
        Columns that are shuffled together.
    scoring : Scoring
    rng : numpy.random.Generator
    n_best : int
        How many are wanted.
    n_repeats : int
        Shuffles of each one that reaches the last heat, on all rows.

    Returns
    -------
    places : ndarray of int, shape (n_units,)
        Places in `units` of all of them, best first; those that dropped out come last, by their last heat.
    drops : ndarray of float64, shape (n_last, n_repeats)
        Drops of those in the last heat, in the order of `places`.
    """
    left, out = np.arange(len(units)), np.empty(0, dtype=np.intp)
    order = rng.permutation(len(exam.y))
    for part_of, winners in _HEATS:
        n_rows, n_left = max(len(order) // part_of, _FEWEST_ROWS), round(winners * n_best)
        if len(left) <= n_left or n_rows >= len(order):
            continue
        rows = order[:n_rows]
        some = HoldoutPart(exam.X[rows], exam.y[rows], exam.predictions[rows])
        ranked = left[_descending(score_drops(estimator, [some], [units[at] for at in left.tolist()], scoring, rng)[0])]
        left, out = ranked[:n_left], np.concatenate([ranked[n_left:], out])
    last = [units[at] for at in left.tolist()]
    drops = np.stack([score_drops(estimator, [exam], last, scoring, rng)[0] for _ in range(n_repeats)], axis=1)
    best = _descending(drops.mean(axis=1))
    return np.concatenate([left[best], out]), drops[best]


def _descending(drops: Floats) -> NDArray[np.intp]:
    """Places from the largest drop to the smallest; what cannot be scored comes last."""
    return np.argsort(-np.where(np.isfinite(drops), drops, -np.inf), kind="stable")
