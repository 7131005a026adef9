"""The one place that fits and scores: runs a trial and returns what it measured."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalewise.core.results import FeatureImportance, TrialRecord
from scalewise.core.spec import Trial, content_id
from scalewise.data.store import DataRef, Holdout, load_holdout, load_sample
from scalewise.errors import InputError, MetricError
from scalewise.models.catalog import ModelEntry, get_model
from scalewise.models.importance import (
    HoldoutPart,
    holdout_parts,
    n_shuffled,
    permutation_importances,
    promising_features,
)
from scalewise.models.memory import PeakMemory
from scalewise.models.metrics import check_metric, metric_label
from scalewise.models.preprocessing import Problem
from scalewise.models.scoring import Scoring, predict
from scalewise.models.threads import one_thread

__all__ = ["caught_warnings", "derived_seed", "fit_model", "own_holdout", "run_trial"]

Floats = NDArray[np.float64]

_TRAIN_SCORE_ROWS = 5_000
_MOST_REMARKS = 3


@dataclass(frozen=True, eq=False)
class _Fit:
    """A fitted estimator, the rows it was trained on, and what fitting took."""

    estimator: Any
    X: Floats
    y: NDArray[Any]
    seconds: float
    peak_bytes: int
    memory: PeakMemory


@dataclass(frozen=True, eq=False)
class _Exam:
    """A fitted estimator's predictions for the holdout, and the metric that judges them."""

    scoring: Scoring
    holdout: Holdout
    predictions: Floats


def run_trial(ref: DataRef, trial: Trial, metric: str, seed: int) -> TrialRecord:
    """Fit one model on one sample and score it on the holdout.

    Parameters
    ----------
    ref : DataRef
        Where the samples and the holdout lie.
    trial : Trial
    metric : str
        A scikit-learn scorer name that fits the task.
    seed : int
        Decides, with the trial, everything random.

    Returns
    -------
    TrialRecord
        The same for the same arguments, but for seconds and bytes.

    Raises
    ------
    InputError
        If there is no such model, or it cannot learn this task or so many rows.
    MetricError
        If the metric does not fit the task, or cannot be computed on this sample.
    """
    entry = get_model(trial.model)
    _check_entry(entry, ref, trial)
    check_metric(metric, ref.task, len(ref.classes))
    began = perf_counter()
    with one_thread(), caught_warnings() as remarks:
        fit = _fit(entry, ref, trial, _seed(seed, trial, "fit"))
        exam = _examine(fit, ref, metric)
        score = _whole_score(exam, trial, metric)
        on_blocks = exam.scoring.by_block(exam.holdout.y, exam.predictions, exam.holdout.blocks)
        train_score = _train_score(exam, fit, len(ref.classes))
        rng = np.random.default_rng(_seed(seed, trial, "shuffle"))
        importances = _importances(exam, fit, ref, rng) if entry.rung else ()
    return TrialRecord(
        score=score,
        block_scores=on_blocks,
        train_score=train_score,
        fit_seconds=fit.seconds,
        score_seconds=perf_counter() - began - fit.seconds,
        peak_bytes=fit.peak_bytes,
        importances=importances,
        remarks=tuple(dict.fromkeys(remarks))[:_MOST_REMARKS],
        worker_bytes=fit.memory.process_bytes(),
    )


def fit_model(ref: DataRef, trial: Trial, seed: int) -> Any:
    """Fit the model that a trial measures, the same one again.

    Parameters
    ----------
    ref : DataRef
    trial : Trial
    seed : int
        As in `run_trial`.

    Returns
    -------
    fitted scikit-learn estimator
        It takes canonical matrices, shape (n_rows, n_features).

    Raises
    ------
    InputError, MetricError
        As in `run_trial`.
    """
    entry = get_model(trial.model)
    _check_entry(entry, ref, trial)
    with one_thread(), caught_warnings():
        return _fit(entry, ref, trial, _seed(seed, trial, "fit")).estimator


def _check_entry(entry: ModelEntry, ref: DataRef, trial: Trial) -> None:
    if ref.task not in entry.tasks:
        raise InputError(f"{entry.label} cannot learn a {ref.task} target. Choose another model.")
    if entry.max_rows is not None and trial.n_rows > entry.max_rows:
        raise InputError(
            f"{entry.label} takes at most {entry.max_rows:,} training rows, not {trial.n_rows:,}. "
            "Choose another model for larger samples."
        )


def derived_seed(seed: int, *parts: str | int) -> int:
    """Derive a seed below 2**32 from the study's and what it is for."""
    return int(content_id([seed, *parts])[:8], 16)


def _seed(seed: int, trial: Trial, purpose: str) -> int:
    return derived_seed(seed, purpose, trial.model, trial.n_rows, trial.repeat)


def _fit(entry: ModelEntry, ref: DataRef, trial: Trial, seed: int) -> _Fit:
    memory = PeakMemory.start()
    X, y = load_sample(ref, trial.repeat, trial.n_rows)
    problem = _problem(ref, y, seed)
    estimator = entry.build(problem)
    began = perf_counter()
    estimator.fit(X, y)
    return _Fit(estimator, X, y, perf_counter() - began, memory.bytes(), memory)


def _problem(ref: DataRef, y: NDArray[Any], seed: int) -> Problem:
    """State what is to be learned from a sample, which may lack some classes."""
    if ref.task == "regression":
        return Problem("regression", ref.features, 0, len(y), seed)
    present = np.flatnonzero(np.bincount(y, minlength=len(ref.classes)))
    if len(present) < 2:
        raise MetricError(
            f"All {len(y):,} rows of this sample are of class {ref.classes[present[0]]!r}; nothing can be told apart. "
            "Start from larger samples."
        )
    return Problem("binary" if len(present) == 2 else "multiclass", ref.features, len(present), len(y), seed)


@lru_cache(maxsize=2)
def own_holdout(ref: DataRef) -> Holdout:
    """Copy the holdout row by row into this process, once: rows in one piece are faster to predict."""
    holdout = load_holdout(ref)
    return Holdout(np.ascontiguousarray(holdout.X), holdout.y.copy(), holdout.blocks.copy())


def _examine(fit: _Fit, ref: DataRef, metric: str) -> _Exam:
    holdout = own_holdout(ref)
    n_classes = len(ref.classes)
    return _Exam(Scoring(metric, ref.task, n_classes), holdout, predict(fit.estimator, holdout.X, n_classes))


def _whole_score(exam: _Exam, trial: Trial, metric: str) -> float:
    score = exam.scoring.one(exam.holdout.y, exam.predictions)
    if not np.isfinite(score):
        raise MetricError(
            f"{metric_label(metric)} cannot be computed for {trial}: its predictions for the "
            f"{len(exam.holdout.y):,} holdout rows are outside what this metric is defined for, or a class is missing "
            "there. Choose another metric."
        )
    return score


def _train_score(exam: _Exam, fit: _Fit, n_classes: int) -> float:
    """Score (an even spread of) the training rows."""
    rows = np.linspace(0, len(fit.y) - 1, min(len(fit.y), _TRAIN_SCORE_ROWS)).astype(np.intp)
    return exam.scoring.one(fit.y[rows], predict(fit.estimator, fit.X[rows], n_classes))


def _importances(exam: _Exam, fit: _Fit, ref: DataRef, rng: np.random.Generator) -> tuple[FeatureImportance, ...]:
    names = {column: feature.name for column, feature in enumerate(ref.features)}
    if n_shuffled(len(names)) < len(names):
        names = {column: names[column] for column in promising_features(fit.X, fit.y, len(ref.classes))}
        warnings.warn(
            f"Only the {len(names)} of {len(ref.features):,} features that go best with the target by themselves "
            "were shuffled to measure their importance.",
            stacklevel=1,
        )
    whole = HoldoutPart(exam.holdout.X, exam.holdout.y, exam.predictions)
    parts = holdout_parts(whole, len(fit.y), rng)
    return permutation_importances(fit.estimator, parts, names, exam.scoring, rng)


@contextmanager
def caught_warnings() -> Iterator[list[str]]:
    """Collect the words of warnings instead of printing them; the list is filled at the end."""
    remarks: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield remarks
        remarks += [str(warning.message).strip().partition("\n")[0] for warning in caught]
