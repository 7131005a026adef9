"""Which rows are held out and which are trained on: seeded, nested, and decided by hashing row numbers.

Nothing is permuted: each row has a key that follows from its number, and a sample is the rows with the smallest keys.
So a sample of any size is found in one pass that keeps little more than the sample itself.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scalewise.data.strata import Ints, Keys, Strata, code_counts, row_keys

__all__ = ["MAX_BLOCKS", "Draw", "GroupDraw", "RowDraw", "ThinnedDraw", "TimeDraw", "holdout_size", "sample_rows"]

MAX_BLOCKS = 20
"""Parts that the holdout is cut into at the most."""

_HOLDOUT_FRACTION, _HOLDOUT_MOST = 0.2, 30_000
_BLOCK_ROWS = 15
_FEW_BLOCKS, _FEW_BLOCK_ROWS = 6, 5
"""Small holdouts are cut into smaller parts, so that there are as many: what varies over two tells nothing."""
_PROFILE_STREAM, _HOLDOUT_STREAM, _FIRST_REPEAT_STREAM = 0, 1, 1000
_RARE_FIRST = 2
_STRETCHES = 64


class Draw(Protocol):
    """Which rows of a table a study holds out and trains on."""

    @property
    def holdout_rows(self) -> Ints:
        """Row numbers held out, ascending; ndarray of shape (n_holdout,)."""

    @property
    def holdout_blocks(self) -> Ints:
        """For each held-out row, which of the disjoint blocks it belongs to; ndarray of shape (n_holdout,)."""

    @property
    def n_train_rows(self) -> int:
        """Rows that can be trained on at the most."""

    def untrained_rows(self) -> Ints:
        """Row numbers that are never trained on, held out or not usable, ascending."""

    def training_rows(self, repeat: int, n_rows: int) -> Ints:
        """Row numbers of a training sample in drawing order: the first k are the sample of k rows."""


def holdout_size(n_rows: int) -> int:
    """Rows to hold out of so many usable ones."""
    return max(1, min(round(_HOLDOUT_FRACTION * n_rows), _HOLDOUT_MOST))


def sample_rows(n_total: int, n_rows: int, seed: int) -> Ints:
    """Draw row numbers of a table for a look at it, ascending; all of them where there are no more than asked for."""
    if n_rows >= n_total:
        return np.arange(n_total, dtype=np.int64)
    strata = Strata(np.zeros(n_total, dtype=np.int8), np.array([n_total]))
    return np.sort(strata.first(n_rows, seed, _PROFILE_STREAM))


class RowDraw:
    """Single rows, stratified by class.

    Within each class rows are ranked by key; a row's position is (rank + 0.5) / class size, and a sample of n rows is
    the n smallest positions. So samples are nested and each class has its share within one row or so. The exceptions
    are classes too rare to be seen in the smallest sample: their first two rows stand at the very front, and at least
    two of their rows are held out.

    Parameters
    ----------
    strata : ndarray of int, shape (n_total,)
        Class code of each row of the table; -1 for rows that cannot be used; all 0 for regression.
    n_holdout : int
        Rows to hold out.
    seed : int
    smallest : int
        The smallest training sample that must have all classes; 0 where none must.
    """

    def __init__(self, strata: NDArray[np.integer], n_holdout: int, seed: int, smallest: int = 0) -> None:
        self._seed = seed
        strata = strata.copy()
        everything = Strata(strata, code_counts(strata, int(strata.max(initial=0)) + 1))
        least = np.minimum(2, everything.sizes // 5) if len(everything.sizes) > 1 else everything.sizes * 0
        drawn = everything.first(n_holdout, seed, _HOLDOUT_STREAM, least)
        classes = strata[drawn]
        strata[drawn] = -1
        self._training = Strata(strata, everything.sizes - code_counts(classes, len(everything.sizes)))
        self._first = self._rare(smallest)
        order = np.argsort(drawn)
        self.holdout_rows: Ints = drawn[order]
        self.holdout_blocks: Ints = _stratified_blocks(classes)[order]

    @property
    def n_train_rows(self) -> int:
        """Rows that can be trained on at the most."""
        return int(self._training.sizes.sum())

    def untrained_rows(self) -> Ints:
        """Row numbers that are never trained on, held out or not usable, ascending."""
        return np.flatnonzero(self._training.codes < 0)

    def training_rows(self, repeat: int, n_rows: int) -> Ints:
        """Row numbers of a training sample in drawing order: the first k are the sample of k rows."""
        return self._training.first(n_rows, self._seed, _FIRST_REPEAT_STREAM + repeat, self._first)

    def _rare(self, smallest: int) -> Ints:
        """Rows to put at the front, for each class: two where the smallest sample would hold fewer."""
        sizes = self._training.sizes
        expected = sizes * (smallest / max(1, sizes.sum()))
        may_lack = smallest > 0 and len(sizes) > 1
        return np.where((expected < _RARE_FIRST) & may_lack, np.minimum(_RARE_FIRST, sizes), 0)


class GroupDraw:
    """Whole groups, in the order of a hash of the group; a sample may cut its last group short.

    Parameters
    ----------
    groups : ndarray of int, shape (n_total,)
        Group code of each row; -1 for rows that cannot be used.
    hashes : ndarray of uint64, shape (n_groups,)
        What each group is known by, whatever its code.
    n_holdout : int
        Rows to hold out, nearly: groups stay whole, and very big ones are passed over.
    seed : int
    classes : ndarray of int, shape (n_total,), or None
        Class code of each row. Where chance would hold out no row of some class, a group that has it, and is not the
        only one, is held out before all others.
    """

    def __init__(
        self,
        groups: NDArray[np.integer],
        hashes: Keys,
        n_holdout: int,
        seed: int,
        classes: NDArray[np.integer] | None = None,
    ) -> None:
        self._seed, self._groups, self._hashes = seed, groups, hashes
        self._sizes = code_counts(groups, len(hashes))
        held = self._hold_out(n_holdout, np.empty(0, dtype=np.int64))
        if classes is not None:
            held = self._with_all_classes(held, classes, n_holdout)
        self._sizes_left = np.where(held, 0, self._sizes)
        self.holdout_rows: Ints = np.flatnonzero(_looked_up(held, groups)).astype(np.int64)
        block_of_group = _even_blocks(np.where(held, self._sizes, 0), self._class_counts(classes))
        self.holdout_blocks: Ints = block_of_group[groups[self.holdout_rows]]

    @property
    def n_train_rows(self) -> int:
        """Rows that can be trained on at the most."""
        return int(self._sizes_left.sum())

    @property
    def n_train_groups(self) -> int:
        """Groups that can be trained on at the most."""
        return int((self._sizes_left > 0).sum())

    def untrained_rows(self) -> Ints:
        """Row numbers that are never trained on, held out or not usable, ascending."""
        return np.flatnonzero(~_looked_up(self._sizes_left > 0, self._groups))

    def training_rows(self, repeat: int, n_rows: int) -> Ints:
        """Row numbers of a training sample in drawing order: the first k are the sample of k rows."""
        stream = _FIRST_REPEAT_STREAM + repeat
        order = self._order(self._sizes_left, stream)
        needed = int(np.searchsorted(np.cumsum(self._sizes_left[order]), n_rows)) + 1
        rank = np.full(len(self._hashes), -1, dtype=np.int64)
        rank[order[:needed]] = np.arange(len(order[:needed]))
        rows = np.flatnonzero(_looked_up(rank >= 0, self._groups)).astype(np.int64)
        within = np.lexsort((row_keys(rows, self._seed, stream), rank[self._groups[rows]]))
        return rows[within[:n_rows]]

    def _order(self, sizes: Ints, stream: int) -> Ints:
        """Codes of the groups that have rows, by key."""
        present = np.flatnonzero(sizes)
        by_key: Ints = present[np.argsort(row_keys(self._hashes[present], self._seed, stream))]
        return by_key

    def _hold_out(self, n_holdout: int, first: Ints) -> NDArray[np.bool_]:
        """Take groups by key while they fit, `first` before all others; where none fits, the smallest."""
        held = np.zeros(len(self._sizes), dtype=bool)
        order = self._order(self._sizes, _HOLDOUT_STREAM)
        order = np.concatenate([first, order[~np.isin(order, first)]])
        room = n_holdout
        for group, size in zip(order.tolist(), self._sizes[order].tolist(), strict=True):
            if size <= room:
                held[group] = True
                room -= size
        if not held.any():
            held[order[np.argmin(self._sizes[order])]] = True
        return held

    def _class_counts(self, classes: NDArray[np.integer] | None) -> Ints:
        """Rows of each class in each group; ndarray of shape (n_groups, n_classes)."""
        if classes is None:
            return self._sizes[:, None]
        n_classes = int(classes.max(initial=0)) + 1
        usable = self._groups >= 0
        cells = self._groups[usable].astype(np.int64) * n_classes + classes[usable]
        counts: Ints = np.bincount(cells, minlength=len(self._sizes) * n_classes).reshape(-1, n_classes)
        return counts

    def _with_all_classes(
        self, held: NDArray[np.bool_], classes: NDArray[np.integer], n_holdout: int
    ) -> NDArray[np.bool_]:
        """Hold out a group of each class that would be lacking, as far as there is one that fits."""
        group, label = np.nonzero(self._class_counts(classes))
        first = np.empty(0, dtype=np.int64)
        lacking = np.setdiff1d(label, label[held[group]])
        for wanted in lacking.tolist():
            having = group[(label == wanted) & (self._sizes[group] <= n_holdout)]
            if (label == wanted).sum() > 1 and len(having):
                by_key = np.argsort(row_keys(self._hashes[having], self._seed, _HOLDOUT_STREAM))
                first = np.union1d(first, having[by_key[:1]])
        return self._hold_out(n_holdout, first) if len(first) else held


class TimeDraw:
    """The last stretch of time is held out, and training history grows backwards from where it starts.

    Every repeat has the same rows: there is only one past. Rows of one moment are never on both sides of the cut,
    unless the moment is longer than the holdout.

    Parameters
    ----------
    times : ndarray of shape (n_total,)
        When each row happened, in any unit.
    usable : ndarray of bool, shape (n_total,)
    n_holdout : int
    """

    def __init__(self, times: NDArray[np.float64], usable: NDArray[np.bool_], n_holdout: int) -> None:
        self._n_total = len(usable)
        rows = np.flatnonzero(usable).astype(np.int64)
        rows = rows[np.argsort(times[rows], kind="stable")]
        cut = _cut_between_moments(times[rows], len(rows) - n_holdout)
        self._history = rows[:cut][::-1]
        late = rows[cut:]
        order = np.argsort(late)
        self.holdout_rows: Ints = late[order]
        self.holdout_blocks: Ints = (np.arange(len(late)) * _block_count(len(late)) // len(late))[order]

    @property
    def n_train_rows(self) -> int:
        """Rows that can be trained on at the most."""
        return len(self._history)

    def untrained_rows(self) -> Ints:
        """Row numbers that are never trained on, held out or not usable, ascending."""
        trained = np.zeros(self._n_total, dtype=bool)
        trained[self._history] = True
        return np.flatnonzero(~trained)

    def training_rows(self, repeat: int, n_rows: int) -> Ints:  # noqa: ARG002 - there is only one past
        """Row numbers of a training sample in drawing order: the first k are the sample of k rows."""
        return self._history[:n_rows].copy()


class ThinnedDraw(TimeDraw):
    """The last stretch of time is held out, and samples are spread evenly over all of the history before it.

    The history is cut into stretches of as many rows each, and a sample takes its share of random rows from every one:
    a regular step through time would fall in with the rhythm of days and weeks.

    Parameters
    ----------
    times : ndarray of shape (n_total,)
        When each row happened, in any unit.
    usable : ndarray of bool, shape (n_total,)
    n_holdout : int
    seed : int
    """

    def __init__(self, times: NDArray[np.float64], usable: NDArray[np.bool_], n_holdout: int, seed: int) -> None:
        super().__init__(times, usable, n_holdout)
        self._seed = seed
        codes = np.full(self._n_total, -1, dtype=np.int16)
        places = np.arange(len(self._history))
        codes[self._history] = places * _STRETCHES // max(1, len(places))
        self._stretches = Strata(codes, code_counts(codes, _STRETCHES))

    def training_rows(self, repeat: int, n_rows: int) -> Ints:
        """Row numbers of a training sample in drawing order: the first k are the sample of k rows."""
        return self._stretches.first(n_rows, self._seed, _FIRST_REPEAT_STREAM + repeat)


def _looked_up(marked: NDArray[np.bool_], codes: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Whether each code is marked; -1 never is."""
    looked_up: NDArray[np.bool_] = np.append(marked, False)[codes]
    return looked_up


def _block_count(n_rows: int) -> int:
    small = min(_FEW_BLOCKS, n_rows // _FEW_BLOCK_ROWS)
    return max(1, min(2, n_rows), small, min(MAX_BLOCKS, n_rows // _BLOCK_ROWS))


def _stratified_blocks(classes: NDArray[np.integer]) -> Ints:
    """Deal drawn rows out to blocks, class by class, so that all blocks look alike.

    With two classes there are no more blocks than rows of the rarer one, so that each block can be scored alone.
    """
    counts = np.bincount(classes)
    n_blocks = _block_count(len(classes))
    if len(counts) == 2:
        n_blocks = max(min(2, n_blocks), min(n_blocks, int(counts.min())))
    blocks = np.empty(len(classes), dtype=np.int64)
    blocks[np.argsort(classes, kind="stable")] = np.arange(len(classes)) % n_blocks
    return blocks


def _even_blocks(sizes: Ints, counts: Ints) -> Ints:
    """Put whole groups into blocks that look alike; -1 where a group has no rows.

    Groups of each class, the rarest class first and big groups before small ones, go to the block that has the fewest
    of them, and the fewest rows. With two classes there are no more blocks than groups that have the rarer one, so that
    each block can be scored alone.

    Parameters
    ----------
    sizes : ndarray of int64, shape (n_groups,)
        Rows held out.
    counts : ndarray of int64, shape (n_groups, n_classes)
        Rows of each class; the class of a group is the one that most of its rows have.
    """
    present = np.flatnonzero(sizes)
    n_blocks = max(1, min(len(present), _block_count(int(sizes.sum()))))
    if counts.shape[1] == 2:
        n_blocks = max(min(2, n_blocks), min(n_blocks, int((counts[present] > 0).sum(axis=0).min())))
    leading = counts.argmax(axis=1)
    of_class = np.bincount(leading[present], minlength=counts.shape[1])
    filled = np.zeros((n_blocks, 2), dtype=np.int64)
    blocks, label = np.full(len(sizes), -1, dtype=np.int64), -1
    for group in present[np.lexsort((-sizes[present], leading[present], of_class[leading[present]]))]:
        if leading[group] != label and counts.shape[1] > 1:
            label, filled[:, 0] = leading[group], 0
        block = int(np.lexsort((filled[:, 1], filled[:, 0]))[0])
        blocks[group] = block
        filled[block] += (counts.shape[1] > 1, sizes[group])
    return blocks


def _cut_between_moments(times: NDArray[np.float64], cut: int) -> int:
    """Move a cut through sorted times to the start of its moment, as long as half the history stays."""
    start = int(np.searchsorted(times, times[cut], side="left"))
    return start if 2 * start >= cut else cut
