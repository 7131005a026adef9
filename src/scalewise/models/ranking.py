"""Which features are best for a model, by rows that it was not fitted on; columns of noise; copies of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalewise.models.importance import HoldoutPart, Unit, score_drops
from scalewise.models.racing import race
from scalewise.models.scoring import Scoring

__all__ = ["n_checked", "n_copies", "noise_sources", "ranked_columns", "shuffled_columns"]

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]

_CHECKED = 0.25
_FEWEST_CHECKED = 20
_FEWEST_SHUFFLED, _BUDGET = 300, 400_000
"""Rows that each unit is shuffled on at least, and rows that are predicted to rank a sample's features, about."""

_REPEATS = 2
_CANDIDATES, _CHOSEN, _TRIED = 16, 8, 5
_MOST_RANKED = 100

_GUARDED_ROWS = 2_000
_SURE_BITS = 7
"""Rows can be told apart where chance makes fewer than one in about a hundred equal to another."""


def n_checked(n_rows: int) -> int:
    """Return how many of the rows of a sample, from its first on, rank the features that the rest was fitted on.

    The first rows stand for what is to come: a random draw of single rows, whole groups, or the latest stretch of time.
    """
    return max(1, min(max(round(_CHECKED * n_rows), _FEWEST_CHECKED), n_rows // 2))


def ranked_columns(
    estimator: Any,
    exam: HoldoutPart,
    groups: Sequence[Unit],
    scoring: Scoring,
    rng: np.random.Generator,
    alone: Callable[[int], float],
) -> tuple[int, ...]:
    """Rank the columns by what the score loses without them, the first few by what they score without the others.

    The best member of a group of correlated columns stands where the group does, since it can do the work of all; the
    others stand where they do alone, which is what they add to it. What a column adds to all others says little of
    what it can do with few or none of them, so the first eight are chosen among the first sixteen one after the other:
    the one with which the score is best while all that are not chosen are shuffled together. There a column stands
    for its whole group, since a model may have learned from any of its members. What a column can do with no other is
    seen only by a model that had no other: the first one is the best of five by fits of their own.

    Parameters
    ----------
    estimator : fitted scikit-learn estimator
    exam : HoldoutPart
        Rows that it was not fitted on, with its predictions.
    groups : sequence of tuple of int
        Columns that are correlated.
    scoring : Scoring
    rng : numpy.random.Generator
    alone : callable
        Takes a column; the score, on the same rows, of a model that was fitted on it alone, NaN where there is none.

    Returns
    -------
    tuple of int
        All columns, best first.
    """
    units: list[Unit] = [(column,) for column in range(exam.X.shape[1])] + list(groups)
    exam = _some(exam, len(units))
    places, _ = race(estimator, exam, units, scoring, rng, n_best=_MOST_RANKED, n_repeats=_REPEATS)
    place = np.empty(len(units), dtype=np.intp)
    place[places] = np.arange(len(units))
    alike: dict[int, Unit] = {column: (column,) for column in range(exam.X.shape[1])}
    for at, group in enumerate(groups, start=exam.X.shape[1]):
        best = _best_member(estimator, exam, group, scoring, rng)
        place[best] = min(place[at], *(place[column] for column in group))
        alike = {**{column: of for column, of in alike.items() if column not in group}, best: group}
    ranked = [column for _, column in sorted((int(place[column]), column) for column in range(exam.X.shape[1]))]
    candidates = [column for column in ranked if column in alike][:_CANDIDATES]
    standing = {column: alike[column] for column in candidates}
    first = _chosen(estimator, exam, standing, scoring, rng, alone)
    return (*first, *(column for column in ranked if column not in first))


def _chosen(
    estimator: Any,
    exam: HoldoutPart,
    candidates: dict[int, Unit],
    scoring: Scoring,
    rng: np.random.Generator,
    alone: Callable[[int], float],
) -> list[int]:
    """Choose columns one after the other, each given with all that it stands for; fewer where none can be scored."""
    chosen: list[int] = []
    intact: set[int] = set()
    while len(chosen) < min(_CHOSEN, len(candidates)):
        left = [column for column in candidates if column not in chosen]
        units = [_all_but(exam, intact.union(candidates[column])) for column in left]
        drops = score_drops(estimator, [exam], units, scoring, rng)[0]
        if not np.isfinite(drops).any():
            break
        best = [left[at] for at in np.argsort(drops)[: 1 if chosen else _TRIED]]
        chosen.append(_best_alone(best, alone) if len(best) > 1 else best[0])
        intact.update(candidates[chosen[-1]])
    return chosen


def _best_alone(columns: Sequence[int], alone: Callable[[int], float]) -> int:
    """The column that scores best with no other; the first one where none can be scored."""
    scores = np.array([alone(column) for column in columns])
    return columns[int(np.nanargmax(scores))] if np.isfinite(scores).any() else columns[0]


def _all_but(exam: HoldoutPart, intact: set[int]) -> Unit:
    return tuple(column for column in range(exam.X.shape[1]) if column not in intact)


def _some(exam: HoldoutPart, n_units: int) -> HoldoutPart:
    n_rows = max(_BUDGET // (_REPEATS * min(n_units, 2 * _MOST_RANKED)), _FEWEST_SHUFFLED)
    if n_rows >= len(exam.y):
        return exam
    rows = np.linspace(0, len(exam.y) - 1, n_rows).astype(np.intp)
    return HoldoutPart(exam.X[rows], exam.y[rows], exam.predictions[rows])


def _best_member(estimator: Any, exam: HoldoutPart, group: Unit, scoring: Scoring, rng: np.random.Generator) -> int:
    """The member by which alone, all others shuffled, the score drops least."""
    others: list[Unit] = [tuple(c for c in group if c != column) for column in group]
    drops = score_drops(estimator, [exam], others, scoring, rng)[0]
    return group[int(np.argmin(np.where(np.isfinite(drops), drops, np.inf)))]


def noise_sources(n_features: int, n_probes: int, rng: np.random.Generator) -> list[int]:
    """Choose the columns that columns of noise are to look like, as many different ones as there are."""
    rounds = [rng.permutation(n_features) for _ in range(-(-n_probes // n_features))]
    return [int(column) for column in np.concatenate(rounds)[:n_probes]]


def shuffled_columns(X: Floats, sources: Sequence[int], rng: np.random.Generator) -> Floats:
    """Add columns of noise: shuffled copies, so that they look like real columns and know nothing of the target."""
    noise = [X[rng.permutation(len(X)), column] for column in sources]
    return np.column_stack([X, *noise])


def n_copies(X: Floats, y: NDArray[Any], X_other: Floats, y_other: NDArray[Any]) -> int:
    """Count rows that stand word for word, target included, among other rows.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    X_other : ndarray of shape (n_other, n_features)
    y_other : ndarray of shape (n_other,)

    Returns
    -------
    int
        -1 where rows have so few possible values that many would be equal by chance.
    """
    if _bits(X_other) < np.log2(max(len(X_other), 2)) + _SURE_BITS:
        return -1
    return int(np.isin(_row_keys(X, y), _row_keys(X_other, y_other)).sum())


def _bits(X: Floats) -> float:
    """Collision entropy of rows, as if their columns were independent."""
    some = X[np.linspace(0, len(X) - 1, min(len(X), _GUARDED_ROWS)).astype(np.intp)]
    counts = (np.unique(column, return_counts=True)[1] for column in some.T)
    return sum(-float(np.log2(np.square(count / len(some)).sum())) for count in counts)


def _row_keys(X: Floats, y: NDArray[Any]) -> Keys:
    """Hash each row to 64 bits; ndarray of shape (n_rows,)."""
    keys = np.zeros(len(X), dtype=np.uint64)
    for column in (*X.T, y):
        # Adding 0 makes both zeros one; all gaps are one already.
        keys ^= np.ascontiguousarray(column + 0.0, dtype=np.float64).view(np.uint64)
        keys *= np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys
