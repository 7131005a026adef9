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

from scalewise.core.results import FeatureImportance, GroupImportance, Setting, TrialRecord
from scalewise.core.spec import Trial
from scalewise.data.store import DataRef, Holdout, load_holdout, load_sample
from scalewise.errors import InputError, MetricError
from scalewise.models.catalog import ModelEntry, get_model
from scalewise.models.importance import (
    HoldoutPart,
    group_importances,
    holdout_parts,
    n_shuffled,
    permutation_importances,
    promising_features,
)
from scalewise.models.memory import PeakMemory
from scalewise.models.metrics import check_metric, metric_label
from scalewise.models.ranking import n_copies
from scalewise.models.scoring import Scoring, predict
from scalewise.models.sight import Sight, derived_seed, problem_of, seed_for, seen_groups, sight_of
from scalewise.models.threads import one_thread
from scalewise.models.tuning import Settings, best_settings, drawn_settings

__all__ = ["caught_warnings", "fit_model", "own_holdout", "run_trial"]

Floats = NDArray[np.float64]

_TRAIN_SCORE_ROWS = 5_000
_MOST_REMARKS = 3
# Beyond so many rows a baseline's trial does not look for held-out rows among them: it is to cost next to nothing.
_MOST_COMPARED = 100_000


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
        The same for the same arguments, but for seconds and bytes. That of a trial on the best few features is the one
        of a plain trial on a table that has only these.

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
        sight = sight_of(ref, trial, metric, seed)
        settings = _settings(entry, ref, trial, sight, metric, seed)
        searched = perf_counter() - began if trial.settings else 0.0
        fit = _fit(entry, ref, trial, sight, seed, settings)
        exam = _examine(fit, ref, metric, sight, seed)
        score, on_blocks = _scores(exam, metric)
        train_score = _train_score(exam, fit, len(ref.classes))
        rng = np.random.default_rng(seed_for(seed, trial, "shuffle"))
        is_looked_at = entry.rung > 0 and not trial.settings
        importances, groups = _importances(exam, fit, ref, sight, rng) if is_looked_at else ((), ())
        copies = _n_copies(exam, fit, len(ref.features)) if _tells_copies(entry, trial, fit) else -1
    return TrialRecord(
        score=score,
        block_scores=on_blocks,
        train_score=train_score,
        fit_seconds=fit.seconds,
        score_seconds=perf_counter() - began - fit.seconds - searched,
        peak_bytes=fit.peak_bytes,
        importances=importances,
        remarks=tuple(dict.fromkeys(remarks))[:_MOST_REMARKS],
        worker_bytes=fit.memory.process_bytes(),
        groups=groups,
        kept=sight.kept,
        n_copies=copies,
        chosen=tuple(Setting(name, value) for name, value in sorted(settings.items())),
        search_seconds=searched,
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
        return _fit(entry, ref, trial, Sight(ref.features), seed, {}).estimator


def _check_entry(entry: ModelEntry, ref: DataRef, trial: Trial) -> None:
    if ref.task not in entry.tasks:
        raise InputError(f"{entry.label} cannot learn a {ref.task} target. Choose another model.")
    if entry.max_rows is not None and trial.n_rows > entry.max_rows:
        raise InputError(
            f"{entry.label} takes at most {entry.max_rows:,} training rows, not {trial.n_rows:,}. "
            "Choose another model for larger samples."
        )
    if trial.settings and entry.settings is None:
        raise InputError(f"{entry.label} has no settings that could be tried. Choose another model to tune.")


def _settings(entry: ModelEntry, ref: DataRef, trial: Trial, sight: Sight, metric: str, seed: int) -> Settings:
    """Find out which settings are best for a sample; those of the recipe where nothing else is tried, or better."""
    if not trial.settings:
        return {}
    X, y = load_sample(ref, trial.repeat, trial.n_rows)
    X, n_classes = sight.of(X, seed_for(seed, trial, "noise")), len(ref.classes)
    own_seed = seed_for(seed, trial, "fit")

    def build(n_rows: int) -> Any:
        return entry.build(problem_of(ref, sight.features, y[-n_rows:], own_seed))

    # The same for all repeats, so that what is chosen can be compared.
    drawn_by = derived_seed(seed, "settings", trial.model, trial.n_rows)
    tried = drawn_settings(entry, problem_of(ref, sight.features, y, own_seed), trial.settings, drawn_by)
    return best_settings(build, tried, X, y, Scoring(metric, ref.task, n_classes), n_classes)


def _fit(entry: ModelEntry, ref: DataRef, trial: Trial, sight: Sight, seed: int, settings: Settings) -> _Fit:
    memory = PeakMemory.start()
    X, y = load_sample(ref, trial.repeat, trial.n_rows)
    X = sight.of(X, seed_for(seed, trial, "noise"))
    estimator = entry.build(problem_of(ref, sight.features, y, seed_for(seed, trial, "fit")))
    if settings:
        estimator[-1].set_params(**settings)
    began = perf_counter()
    estimator.fit(X, y)
    return _Fit(estimator, X, y, perf_counter() - began, memory.bytes(), memory)


@lru_cache(maxsize=2)
def own_holdout(ref: DataRef) -> Holdout:
    """Copy the holdout row by row into this process, once: rows in one piece are faster to predict."""
    holdout = load_holdout(ref)
    return Holdout(np.ascontiguousarray(holdout.X), holdout.y.copy(), holdout.blocks.copy())


def _examine(fit: _Fit, ref: DataRef, metric: str, sight: Sight, seed: int) -> _Exam:
    whole = own_holdout(ref)
    holdout = Holdout(sight.of(whole.X, derived_seed(seed, "held-out noise")), whole.y, whole.blocks)
    n_classes = len(ref.classes)
    return _Exam(Scoring(metric, ref.task, n_classes), holdout, predict(fit.estimator, holdout.X, n_classes))


def _scores(exam: _Exam, metric: str) -> tuple[float, tuple[float, ...]]:
    """Score the holdout, and each of its blocks."""
    score, on_blocks = exam.scoring.with_blocks(exam.holdout.y, exam.predictions, exam.holdout.blocks)
    if not np.isfinite(score):
        raise MetricError(
            f"{metric_label(metric)} cannot be computed: the predictions for the "
            f"{len(exam.holdout.y):,} holdout rows are outside what this metric is defined for, or a class is missing "
            "there. Choose another metric."
        )
    return score, on_blocks


def _tells_copies(entry: ModelEntry, trial: Trial, fit: _Fit) -> bool:
    """Whether a trial looks for held-out rows among its training rows: one with columns of noise, and a baseline's."""
    is_baseline = entry.rung == 0 and trial.is_plain and trial.repeat == 0
    is_quick = isinstance(fit.X, np.ndarray) and len(fit.X) <= _MOST_COMPARED
    return bool(trial.probes) or (is_baseline and is_quick)


def _n_copies(exam: _Exam, fit: _Fit, n_features: int) -> int:
    """Count holdout rows that stand among the training rows, by the features of the table."""
    return n_copies(exam.holdout.X[:, :n_features], exam.holdout.y, fit.X[:, :n_features], fit.y)


def _train_score(exam: _Exam, fit: _Fit, n_classes: int) -> float:
    """Score (an even spread of) the training rows."""
    rows = np.linspace(0, len(fit.y) - 1, min(len(fit.y), _TRAIN_SCORE_ROWS)).astype(np.intp)
    return exam.scoring.one(fit.y[rows], predict(fit.estimator, fit.X[rows], n_classes))


def _importances(
    exam: _Exam, fit: _Fit, ref: DataRef, sight: Sight, rng: np.random.Generator
) -> tuple[tuple[FeatureImportance, ...], tuple[GroupImportance, ...]]:
    """Measure features and groups of them; beside noise, the noise alone."""
    whole = HoldoutPart(exam.holdout.X, exam.holdout.y, exam.predictions)
    names = {column: feature.name for column, feature in enumerate(sight.features)}
    if sight.noise:
        n_real = len(ref.features)
        parts = holdout_parts(whole, len(fit.y), rng, n_real)
        noise = {column: name for column, name in names.items() if column >= n_real}
        return permutation_importances(fit.estimator, parts, noise, exam.scoring, rng), ()
    if n_shuffled(len(names)) < len(names):
        names = {column: names[column] for column in promising_features(fit.X, fit.y, len(ref.classes))}
        warnings.warn(
            f"Only the {len(names)} of {len(sight.features):,} features that go best with the target by themselves "
            "were shuffled to measure their importance.",
            stacklevel=1,
        )
    parts = holdout_parts(whole, len(fit.y), rng)
    alone = permutation_importances(fit.estimator, parts, names, exam.scoring, rng)
    groups = seen_groups(ref, sight.features) if alone else []
    return alone, group_importances(fit.estimator, parts, groups, exam.scoring, rng)


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
