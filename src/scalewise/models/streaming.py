"""Incremental learning: a model that goes through the whole table once, block by block, scored after each."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import config_context
from sklearn.base import is_classifier

from scalewise.core.results import StreamPoint, StreamResult
from scalewise.core.spec import DataSpec
from scalewise.data.blocks import BLOCK_PARTS, TableRef, block_rows, first_block_rows, read_blocks
from scalewise.data.store import DataRef, load_sample
from scalewise.errors import InputError, MetricError
from scalewise.models.catalog import get_model
from scalewise.models.fitting import caught_warnings, own_holdout
from scalewise.models.memory import PeakMemory, give_back
from scalewise.models.metrics import check_metric, metric_label
from scalewise.models.preprocessing import Problem
from scalewise.models.scoring import Scoring, predict
from scalewise.models.sight import derived_seed
from scalewise.models.threads import one_thread

__all__ = ["Learner", "StreamOrder", "run_stream", "stream_order"]

_FIRST_CHUNK_ROWS = 1_000
"""Rows of the first part of the first block; each further part has as many as all before it."""

_MOST_REMARKS = 3


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """What is to be learned from a whole table.

    Parameters
    ----------
    model : str
        A catalogue entry that can learn block by block.
    metric : str
        A scikit-learn scorer name that fits the task.
    n_train_rows : int
        Rows of one pass, the first block's included.
    n_first : int
        Rows of the first block: the start of the study's first training sample, so random rows of the whole table.
        Preprocessing (medians, scales, target means of labels) is fitted on them and then stays as it is.
    passes : int
    seed : int
        Decides, with the model, everything random.
    """

    model: str
    metric: str
    n_train_rows: int
    n_first: int
    passes: int = 1
    seed: int = 0


def stream_order(model: str, metric: str, data: DataSpec, passes: int) -> StreamOrder:
    """The order for a study's table."""
    return StreamOrder(model, metric, data.n_train_rows, first_block_rows(data), passes, data.seed)


class Learner:
    """A model that learns from one part of a table after the other.

    Parameters
    ----------
    problem : Problem
        With all rows that there will be.
    model : str
    n_classes : int
        Classes of the target; 0 for regression.
    """

    def __init__(self, problem: Problem, model: str, n_classes: int) -> None:
        entry = get_model(model)
        if entry.build_stream is None or problem.task not in entry.tasks:
            raise InputError(f"{entry.label} cannot learn a {problem.task} target block by block. Choose 'sgd'.")
        self.pipeline = entry.build_stream(problem)
        self._columns, self._last = self.pipeline[0], self.pipeline[-1]
        self._n_classes = n_classes
        self._known = {"classes": np.arange(n_classes)} if is_classifier(self._last) else {}

    def settle(self, X: NDArray[np.float64], y: NDArray[Any]) -> Any:
        """Fit the preprocessing, once; return the rows as the model sees them, labels encoded without their own target.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
        y : ndarray of shape (n_rows,)
        """
        return self._columns.fit_transform(X, y)

    def seen(self, X: NDArray[np.float64]) -> Any:
        """Further rows as the model sees them."""
        return self._columns.transform(X)

    def learn(self, seen: Any, y: NDArray[Any]) -> None:
        """Go on learning from rows as the model sees them."""
        self._last.partial_fit(seen, y, **self._known)

    def predict(self, seen: Any) -> NDArray[np.float64]:
        """Predict rows as the model sees them, in the shape that `Scoring` takes."""
        return predict(self._last, seen, self._n_classes)


def run_stream(
    ref: DataRef, table: TableRef, order: StreamOrder, report: Callable[[StreamPoint], None]
) -> StreamResult:
    """Let a model learn a whole table and score it on the holdout as it goes.

    Memory does not grow with the table: at any moment there are the first block, the holdout as the model sees it, and
    one further block.

    Parameters
    ----------
    ref : DataRef
        Where the first block and the holdout lie.
    table : TableRef
    order : StreamOrder
    report : callable
        Takes each score as it is known.

    Returns
    -------
    StreamResult
        The same for the same arguments, but for seconds and bytes.

    Raises
    ------
    InputError
        If the model cannot learn this task block by block.
    MetricError
        If the metric cannot be computed.
    TableError
        If the table cannot be read, or has changed.
    """
    check_metric(order.metric, ref.task, len(ref.classes))
    give_back()
    began, memory = perf_counter(), PeakMemory.start()
    # Preprocessing leaves no gap and nothing infinite, so that scikit-learn need not look for them in each block.
    with one_thread(), caught_warnings() as remarks, config_context(assume_finite=True):
        seed = derived_seed(order.seed, "stream", order.model)
        problem = Problem(ref.task, ref.features, len(ref.classes), order.n_train_rows, seed)
        learner = Learner(problem, order.model, len(ref.classes))
        exam = point = None
        n_rows = 0
        for seen, y in _parts(ref, table, order, learner, seed):
            learner.learn(seen, y)
            n_rows += len(y)
            del seen  # or it would be held until the next block is read
            exam = exam or _Exam(ref, order.metric, learner)
            point = exam.point(learner, n_rows, perf_counter() - began)
            report(point)
    if point is None:
        raise InputError("There is no row to learn from. Give a table with more rows.")
    return StreamResult(
        point, pickle.dumps(learner.pipeline), memory.bytes(), tuple(dict.fromkeys(remarks))[:_MOST_REMARKS]
    )


def _parts(
    ref: DataRef, table: TableRef, order: StreamOrder, learner: Learner, seed: int
) -> Iterator[tuple[Any, NDArray[Any]]]:
    """Everything to learn from, as the model sees it: the first block in growing parts, then the others; each pass."""
    first, y = _first_block(ref, order, learner)
    for number in range(order.passes):
        for start, stop in _growing(len(y)):
            yield first[start:stop], y[start:stop]
        yield from _further_blocks(ref, table, learner, seed + number)


def _first_block(ref: DataRef, order: StreamOrder, learner: Learner) -> tuple[Any, NDArray[Any]]:
    X, y = load_sample(ref, 0, order.n_first)
    return learner.settle(X, y), y


def _further_blocks(ref: DataRef, table: TableRef, learner: Learner, seed: int) -> Iterator[tuple[Any, NDArray[Any]]]:
    """The other blocks. Each is seen part by part: preprocessing takes several times the memory of what it is given."""
    n_rows = block_rows(len(table.features))
    block = _SeenBlock(n_rows)
    for part in read_blocks(table, ref.folder, seed, n_rows=n_rows // BLOCK_PARTS):
        block.add(learner.seen(part.X), part.y)
        if block.n_rows == n_rows:
            yield block.take_out()
    if block.n_rows:
        yield block.take_out()


class _SeenBlock:
    """A block as the model sees it, put together from parts, whose rows are copied at once if they are dense.

    Parameters
    ----------
    most : int
        Rows at the most.
    """

    def __init__(self, most: int) -> None:
        self.n_rows = 0
        self._most = most
        self._dense: NDArray[Any] | None = None
        self._sparse: list[Any] = []
        self._targets: list[NDArray[Any]] = []

    def add(self, seen: Any, y: NDArray[Any]) -> None:
        """Take further rows."""
        self._targets.append(y)
        if sparse.issparse(seen):
            self._sparse.append(seen)
        else:
            if self._dense is None:
                self._dense = np.empty((self._most, seen.shape[1]), dtype=seen.dtype)
            self._dense[self.n_rows : self.n_rows + len(y)] = seen
        self.n_rows += len(y)

    def take_out(self) -> tuple[Any, NDArray[Any]]:
        """Return what there is, and begin anew."""
        seen = self._dense[: self.n_rows] if self._dense is not None else sparse.vstack(self._sparse, format="csr")
        y = np.concatenate(self._targets)
        self.n_rows, self._dense, self._sparse, self._targets = 0, None, [], []
        return seen, y


def _growing(n_rows: int) -> Iterator[tuple[int, int]]:
    """Cut so many rows at 1,000, 2,000, 4,000 ..."""
    start, stop = 0, _FIRST_CHUNK_ROWS
    while start < n_rows:
        # A last part that is smaller than half of the one before goes along with it.
        stop = n_rows if stop + stop // 4 >= n_rows else stop
        yield start, stop
        start, stop = stop, 2 * stop


class _Exam:
    """The holdout as a model sees it, made once."""

    def __init__(self, ref: DataRef, metric: str, learner: Learner) -> None:
        self._holdout = own_holdout(ref)
        self._seen = learner.seen(self._holdout.X)
        self._metric = metric
        self._scoring = Scoring(metric, ref.task, len(ref.classes))

    def point(self, learner: Learner, n_rows: int, seconds: float) -> StreamPoint:
        predictions = learner.predict(self._seen)
        score, on_blocks = self._scoring.with_blocks(self._holdout.y, predictions, self._holdout.blocks)
        if not np.isfinite(score):
            raise MetricError(
                f"{metric_label(self._metric)} cannot be computed after {n_rows:,} rows: the predictions are outside "
                "what this metric is defined for. Choose another metric."
            )
        return StreamPoint(n_rows, score, on_blocks, seconds)
