"""Which columns of a very wide table are worth studying: scored block by block on training rows, never on the holdout.

Two passes over the table. In the first each column is scored by itself. Then a few that do not say the same again are
chosen, and in the second pass every column is scored by what it adds to them: against what they leave unexplained, and
against that times each of the strongest, so that columns show that matter only together with one of those.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scalewise.core.features.association import (
    LEAST_APART,
    Codes,
    Outcomes,
    additive_residuals,
    apart_rows,
    class_outcomes,
    coded_tables,
    products,
    rank_outcomes,
    relevance,
)
from scalewise.core.spec import Feature, LeftOut, UnitCandidate
from scalewise.data.binned import Block
from scalewise.data.column_blocks import Sighted, column_blocks
from scalewise.data.encode import encode
from scalewise.data.sources import Source
from scalewise.data.target import Target
from scalewise.data.threads import one_thread

__all__ = ["KEPT_COLUMNS", "SCREENED_ROWS", "WIDE_COLUMNS", "Screening", "screen"]

WIDE_COLUMNS = 1000
"""Columns that are studied without screening, unless a person wants fewer."""

KEPT_COLUMNS = 300
"""Columns of a wider table that are studied, unless a person says how many."""

SCREENED_ROWS = 20_000
"""Training rows that are looked at, at the most."""

_POOLED_BYTES = 1 << 27
_BATCHES = (1, 2, 4, 8, 16, 32)
_ROWS_A_CHOSEN = 50
_MOST_FOUND = 20
_PARTNERS, _OUTCOMES = 8, 24
_CHANCE = 0.1
"""Columns that may be taken for significant by chance, in the whole table."""

Ints = NDArray[np.int64]
Scores = NDArray[np.float32]
Screens = Generator[tuple[int, int], None, "Screening"]


@dataclass(frozen=True, eq=False)
class Screening:
    """What was found out about every column of a wide table.

    Parameters
    ----------
    names : sequence of str
        The columns that were looked at.
    alone, beyond : ndarray of float32, shape (n_columns,)
        -log10 of the chance that a column without any effect does as well: by itself, and by what it adds to the few
        columns chosen first.
    ranking : ndarray of int64
        Places of the columns worth studying, strongest first; more than are asked for, as some may turn out to be
        unusable.
    reasons : mapping of int to str
        Why columns cannot be used, by their places.
    same : ndarray of bool, shape (n_columns,)
        Whether a column is the same in nearly all of the rows.
    n_rows : int
        Training rows that were looked at.
    moments : tuple of str
        The first columns of dates and times.
    group_candidates, time_candidates : tuple of UnitCandidate
        Columns of text that may be the true sampling unit.
    """

    names: Sequence[str]
    alone: Scores
    beyond: Scores
    ranking: Ints
    reasons: dict[int, str]
    same: NDArray[np.bool_]
    n_rows: int
    moments: tuple[str, ...] = ()
    group_candidates: tuple[UnitCandidate, ...] = ()
    time_candidates: tuple[UnitCandidate, ...] = ()

    def why(self, place: int) -> str:
        """Why a column that is not studied was left out."""
        if place in self.reasons:
            return self.reasons[place]
        if self.same[place]:
            return f"is the same in nearly all of the {self.n_rows:,} training rows looked at"
        best = len(self.names) - int(np.searchsorted(self._ascending, self.alone[place], side="right")) + 1
        return f"carries less than the columns that are studied: number {best:,} of {len(self.names):,} by itself"

    @cached_property
    def _ascending(self) -> Scores:
        """Scores of all columns by themselves in their order: places are asked for a million times."""
        return np.sort(self.alone)

    def left_out(self, text: str, studied: AbstractSet[str]) -> tuple[LeftOut, ...]:
        """A few columns that are not studied and whose names hold a text, whatever its case, and why."""
        low, found = text.lower(), []
        for place, name in enumerate(self.names):
            if low in name.lower() and name not in studied:
                found.append((name.lower() != low, LeftOut(name, self.why(place))))
            if len(found) == _MOST_FOUND:
                break
        return tuple(column for _, column in sorted(found, key=lambda item: item[0]))


def screen(source: Source, names: Sequence[str], target: Target, rows: Ints, keep: int) -> Screens:
    """Score every column and rank the best, a block of columns at each step.

    Parameters
    ----------
    source : Source
    names : sequence of str
        Columns to look at.
    target : Target
    rows : ndarray of int64, shape (n_rows,)
        Ascending numbers of training rows.
    keep : int
        How many columns are wanted.

    Yields
    ------
    tuple of int
        Columns looked at, counting both passes, and how many that will be in the end.

    Returns
    -------
    Screening
    """
    total, sighted = 2 * len(names), Sighted()
    first = _Pass(_outcomes(source, target, rows), len(names), _pool_size(keep, len(rows)))
    for block in column_blocks(source, names, rows, sighted):
        yield first.add(block), total
    first.forget(sighted.reasons)
    with one_thread():
        chosen, codes = _chosen(first, len(rows))
        second = _Pass(_left_over(first.outcomes, codes), len(names), 0)
    for block in column_blocks(source, names, rows, Sighted()):
        yield len(names) + second.add(block), total
    second.forget(sighted.reasons)
    ranking = _ranking(first.scores, second.scores, chosen, keep, second.outcomes.values.shape[1])
    return Screening(
        names,
        first.scores,
        second.scores,
        ranking,
        sighted.reasons,
        first.same,
        len(rows),
        tuple(sighted.moments),
        tuple(sighted.group_candidates),
        tuple(sighted.time_candidates),
    )


def _outcomes(source: Source, target: Target, rows: Ints) -> Outcomes:
    if target.classes:
        return class_outcomes(target.codes[rows].astype(np.int64), len(target.classes))
    numbers = [pa.chunked_array([batch.column(0)]) for batch in source.take(rows, [target.name])]
    values = np.concatenate([encode(Feature(target.name, "number"), column) for column in numbers])
    return rank_outcomes(values[:, None])


def _pool_size(keep: int, n_rows: int) -> int:
    return max(1, min(4 * keep, _POOLED_BYTES // n_rows))


@dataclass(eq=False)
class _Pass:
    """Scores of every column against the same outcomes, and the bins of the best so far."""

    outcomes: Outcomes
    n_columns: int
    n_pooled: int
    _seen: int = 0

    def __post_init__(self) -> None:
        self.scores: Scores = np.zeros(self.n_columns, dtype=np.float32)
        self.same = np.zeros(self.n_columns, dtype=bool)
        self.pool = np.empty(0, dtype=np.int64)
        self.codes: Codes = np.empty((0, len(self.outcomes.values)), dtype=np.uint8)
        self.ordered = np.empty(0, dtype=bool)

    def add(self, block: Block) -> int:
        """Score a block of columns; how many have been scored by now."""
        with one_thread():
            tables = block.tables(self.outcomes)
        self.scores[block.places] = relevance(tables, self.outcomes, block.ordered)
        self.same[block.places] = apart_rows(tables) < LEAST_APART
        self._seen += len(block.places)
        if self.n_pooled:
            self._pool(block)
        return self._seen

    def _pool(self, block: Block) -> None:
        """Keep the bins of the best columns so far."""
        candidates = np.concatenate([self.pool, block.places])
        best = _strongest(self.scores, candidates)[: self.n_pooled]
        stay = np.isin(self.pool, best)
        come = np.flatnonzero(np.isin(block.places, best))
        if len(come):
            self.codes = np.concatenate([self.codes[stay], block.codes(come)])
            self.pool = np.concatenate([self.pool[stay], block.places[come]])
            self.ordered = np.concatenate([self.ordered[stay], block.ordered[come]])

    def forget(self, unusable: dict[int, str]) -> None:
        """Give columns that cannot be used no score."""
        self.scores[list(unusable)] = 0.0
        self.same[list(unusable)] = False


def _strongest(scores: Scores, places: Ints) -> Ints:
    """Places with a score above 0 by their scores, then by place."""
    some = places[scores[places] > 0]
    return some[np.lexsort((some, -scores[some]))]


def _chosen(first: _Pass, n_rows: int) -> tuple[Ints, Codes]:
    """Choose columns that do not say the same again: the best, then the best by what is left unexplained, and so on.

    Returns
    -------
    places : ndarray of int64, shape (n_chosen,)
    codes : ndarray of uint8, shape (n_chosen, n_rows)
    """
    taken: list[int] = []
    line = np.log10(first.n_columns / _CHANCE)
    scores = first.scores[first.pool].astype(np.float64)
    for size in _BATCHES:
        scores[taken] = 0.0
        best = np.lexsort((first.pool, -scores))[:size]
        best = best[scores[best] > line][: max(1, n_rows // _ROWS_A_CHOSEN) - len(taken)]
        if not len(best):
            break
        taken += best.tolist()
        left = rank_outcomes(additive_residuals(first.codes[taken], first.outcomes))
        scores = relevance(coded_tables(first.codes, left), left, first.ordered)
    return first.pool[taken], first.codes[taken]


def _left_over(outcomes: Outcomes, codes: Codes) -> Outcomes:
    """What the chosen columns leave unexplained, and that times each of the strongest of them."""
    residuals = additive_residuals(codes, outcomes)
    n_partners = min(_PARTNERS, max(1, _OUTCOMES // residuals.shape[1] - 1))
    return rank_outcomes(np.column_stack([residuals, products(residuals, codes[:n_partners])]))


def _ranking(alone: Scores, beyond: Scores, chosen: Ints, keep: int, n_outcomes: int) -> Ints:
    """The chosen columns, then up to a half of all by what they surely add, then by themselves."""
    everything = np.arange(len(alone))
    line = np.log10(len(alone) * n_outcomes / _CHANCE)
    adding = [place for place in _strongest(beyond, everything) if beyond[place] > line][: keep // 2]
    ordered = dict.fromkeys(chain(chosen.tolist(), adding, _strongest(alone, everything)[: 4 * keep].tolist()))
    return np.array(list(ordered), dtype=np.int64)
