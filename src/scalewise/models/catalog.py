"""The ladder of models, from simple to complex: one entry each.

To add a model, write its recipe and add an entry to `MODELS`; ``tests/contracts/test_models.py`` then covers it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import scipy
import sklearn
from scipy.stats import loguniform, randint, uniform
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.naive_bayes import CategoricalNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from scalewise.core.model_names import named_with, parted, settings_text
from scalewise.core.spec import ModelSpec, Task
from scalewise.errors import InputError, unknown_name
from scalewise.models.own_settings import check_settings, with_settings
from scalewise.models.preprocessing import Problem, binned_columns, linear_columns, tree_columns
from scalewise.models.scaled_target import ScaledTarget

__all__ = ["MODELS", "ModelEntry", "check_model", "default_models", "get_model", "models_for", "versions"]

_RECIPES = 3
"""Raise it when a recipe changes its scores: finished trials of older recipes are then not taken up again."""

_SHORT = 20
"""Settings of so many characters are part of what people call a model."""

_AVERAGED_FROM = 500
"""Rows after which a streamed linear model begins to average its steps."""

_ALL: tuple[Task, ...] = ("binary", "multiclass", "regression")
_CLASSES: tuple[Task, ...] = ("binary", "multiclass")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One rung of the ladder.

    Parameters
    ----------
    name : str
        Stands in plans, journals and commands.
    label : str
        What people call it.
    rung : int
        Its place from simple (0, which looks at no feature) to complex.
    tasks : tuple of {"binary", "multiclass", "regression"}
    summary : str
        What it is, in a sentence.
    build : callable
        From a `Problem` to an unfitted scikit-learn estimator that takes the canonical matrix, shape
        (n_rows, n_features).
    max_rows : int or None
        Training rows beyond which it is not sensible; None where there is no such limit.
    default : bool
        Whether a study includes it unless told otherwise.
    build_stream : callable or None
        For models that can learn block by block: from a `Problem` with all rows to a pipeline of two steps, whose
        first is fitted on the first block and whose last has ``partial_fit``.
    settings : callable or None
        For models that can be tuned: from a `Problem` to the distributions (of scipy.stats) that tuning draws
        parameters of the pipeline's last step from, by name. All are numbers.
    """

    name: str
    label: str
    rung: int
    tasks: tuple[Task, ...]
    summary: str
    build: Callable[[Problem], Any]
    max_rows: int | None = None
    default: bool = False
    build_stream: Callable[[Problem], Any] | None = None
    settings: Callable[[Problem], dict[str, Any]] | None = None

    @property
    def spec(self) -> ModelSpec:
        """What the core needs to know of it."""
        streams, tunes = self.build_stream is not None, self.settings is not None
        return ModelSpec(self.name, self.label, self.rung, self.max_rows, streams, tunes)


@lru_cache(maxsize=256)
def get_model(name: str) -> ModelEntry:
    """Return the entry of that name, which may have settings behind it: ``boosting(learning_rate=0.05)``.

    Raises
    ------
    InputError
        If there is none, or it has no settings.
    """
    base, settings = parted(name)
    for entry in MODELS:
        if entry.name == base:
            return _with_settings(entry, settings) if settings else entry
    raise InputError(unknown_name("model", name, (entry.name for entry in MODELS)))


@lru_cache(maxsize=256)
def check_model(name: str, task: Task) -> None:
    """Make sure that a model can learn a task, and takes the settings that are part of its name.

    Raises
    ------
    InputError
        If it does not.
    """
    (base, settings), fitting = parted(name), [entry.name for entry in models_for(task)]
    if base not in fitting:
        raise InputError(f"The model {base!r} cannot learn {task}. Valid: {', '.join(sorted(fitting))}.")
    if settings:
        check_settings(get_model(base).build, settings, task)


def _with_settings(entry: ModelEntry, settings: dict[str, float]) -> ModelEntry:
    if entry.settings is None:
        raise InputError(f"{entry.label} has no settings. Leave them out.")
    told = settings_text(settings)
    return replace(
        entry,
        name=named_with(entry.name, settings),
        label=f"{entry.label} ({told if len(told) <= _SHORT else f'{len(settings)} settings'})",
        summary=f"{entry.summary} With {told}.",
        build=with_settings(entry.build, settings),
        default=False,
        build_stream=None,
        settings=None,
    )


def models_for(task: Task) -> tuple[ModelEntry, ...]:
    """Return the entries that can learn a task, from simple to complex."""
    return tuple(sorted((entry for entry in MODELS if task in entry.tasks), key=lambda entry: entry.rung))


def default_models(task: Task) -> tuple[str, ...]:
    """Return the names that a study includes unless told otherwise, from simple to complex."""
    return tuple(entry.name for entry in models_for(task) if entry.default)


def versions() -> str:
    """Return the versions of all that computes the scores, in one line."""
    return f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, scipy {scipy.__version__}, recipes {_RECIPES}"


def _dummy(problem: Problem) -> Any:
    return DummyRegressor() if problem.task == "regression" else DummyClassifier(strategy="prior")


def _linear(problem: Problem) -> Any:
    if problem.task == "regression":
        return make_pipeline(linear_columns(problem), Ridge(alpha=1.0))
    return make_pipeline(linear_columns(problem), LogisticRegression(max_iter=300))


def _sgd(problem: Problem) -> Any:
    # Fixed passes instead of a stopping rule: about a million steps (of one model a class), at least five passes.
    n_models = problem.n_classes if problem.task == "multiclass" else 1
    passes = min(max(1_000_000 // (problem.n_rows * n_models), 5), 100)
    alpha = min(max(1.0 / problem.n_rows, 1e-6), 1e-2)
    averaged_from = problem.n_rows * (passes // 2)
    shared = {"alpha": alpha, "average": averaged_from, "max_iter": passes, "tol": None, "random_state": problem.seed}
    if problem.task == "regression":
        return make_pipeline(linear_columns(problem), ScaledTarget(SGDRegressor(eta0=0.01, **shared)))
    # A constant rate, because one model a class with few rows of its own makes the usual schedule start too fast.
    rate = {"learning_rate": "constant", "eta0": 0.05}
    return make_pipeline(linear_columns(problem), SGDClassifier(loss="log_loss", **rate, **shared))


def _sgd_stream(problem: Problem) -> Any:
    """One pass with a constant rate; the average over the steps settles what single steps leave noisy."""
    alpha = min(max(1.0 / problem.n_rows, 1e-6), 1e-2)
    shared = {"alpha": alpha, "average": min(_AVERAGED_FROM, problem.n_rows // 2), "random_state": problem.seed}
    if problem.task == "regression":
        return make_pipeline(linear_columns(problem), ScaledTarget(SGDRegressor(eta0=0.01, **shared)))
    rate = {"learning_rate": "constant", "eta0": 0.05}
    return make_pipeline(linear_columns(problem), SGDClassifier(loss="log_loss", **rate, **shared))


def _bayes(problem: Problem) -> Any:
    # Rice's rule: twice the cube root of the rows.
    n_bins = min(max(round(2.0 * problem.n_rows ** (1 / 3)), 4), 64)
    columns, n_values = binned_columns(problem, n_bins)
    return make_pipeline(columns, CategoricalNB(min_categories=n_values))


def _neighbors(problem: Problem) -> Any:
    n_neighbors = min(10, problem.n_rows)
    return make_pipeline(linear_columns(problem, dense=True), KNeighborsRegressor(n_neighbors=n_neighbors))


def _forest(problem: Problem) -> Any:
    columns, _ = tree_columns(problem)
    # Beyond 50,000 rows, the rows of one tree grow with the root of all rows: as accurate, at a fraction of the time.
    share = math.sqrt(50_000 / problem.n_rows) if problem.n_rows > 50_000 else None
    shared = {"n_estimators": 64, "max_samples": share, "random_state": problem.seed}
    if problem.task == "regression":
        return make_pipeline(columns, RandomForestRegressor(min_samples_leaf=2, max_features=0.6, **shared))
    smallest_leaf = 5 if problem.task == "binary" else 2
    return make_pipeline(columns, RandomForestClassifier(min_samples_leaf=smallest_leaf, **shared))


def _boosting(problem: Problem) -> Any:
    columns, categories = tree_columns(problem)
    # No early stopping: it would hold rows back, and only beyond some size, which bends the learning curve.
    shared = {
        "max_iter": _boosting_rounds(problem),
        "max_leaf_nodes": _boosting_leaves(problem),
        "min_samples_leaf": 10,
        "l2_regularization": 1.0,
        "early_stopping": False,
        "categorical_features": categories or None,
        "random_state": problem.seed,
    }
    if problem.task == "regression":
        return make_pipeline(columns, HistGradientBoostingRegressor(**shared))
    return make_pipeline(columns, HistGradientBoostingClassifier(**shared))


# The size of a boosted model grows smoothly with its sample, as a person would tune it: fixed sizes overfit a few
# hundred rows and stop learning from a few hundred thousand. Set by hand on six public tables.


def _boosting_rounds(problem: Problem) -> int:
    """Return 50 rounds more for each tenfold of the rows for regression, 25 for classes (which overfit sooner)."""
    per_tenfold = 50.0 if problem.task == "regression" else 25.0
    return max(25, round(per_tenfold * (math.log10(problem.n_rows) - 1.0)))


def _boosting_leaves(problem: Problem) -> int:
    """Return 10 leaves at 100 rows, 25 at 10,000, 63 at a million."""
    return max(4, round(4.0 * math.pow(problem.n_rows, 0.2)))


# What tuning draws from: around the recipe, and about as dear as it.


def _linear_settings(problem: Problem) -> dict[str, Any]:
    return {"alpha": loguniform(1e-2, 1e3)} if problem.task == "regression" else {"C": loguniform(1e-3, 1e2)}


def _sgd_settings(problem: Problem) -> dict[str, Any]:
    return {"regressor__alpha" if problem.task == "regression" else "alpha": loguniform(1e-7, 1e-2)}


def _bayes_settings(_: Problem) -> dict[str, Any]:
    return {"alpha": loguniform(1e-2, 1e2)}


def _neighbors_settings(problem: Problem) -> dict[str, Any]:
    # The rows that settings are tried on are fewer than those of the problem.
    return {"n_neighbors": randint(1, max(2, min(50, problem.n_rows // 2))), "p": uniform(1.0, 1.0)}


def _forest_settings(_: Problem) -> dict[str, Any]:
    return {"min_samples_leaf": randint(1, 21), "max_features": loguniform(0.1, 0.8)}


def _boosting_settings(problem: Problem) -> dict[str, Any]:
    rounds, leaves = _boosting_rounds(problem), _boosting_leaves(problem)
    return {
        "learning_rate": loguniform(0.03, 0.2),
        "max_iter": randint(rounds // 2, 2 * rounds + 1),
        "max_leaf_nodes": randint(max(3, leaves // 2), 2 * leaves + 1),
        "min_samples_leaf": randint(2, 51),
        "l2_regularization": loguniform(0.1, 30.0),
        "max_features": uniform(0.3, 0.7),
    }


MODELS: tuple[ModelEntry, ...] = (
    ModelEntry(
        "dummy",
        "Baseline",
        0,
        _ALL,
        "Predicts the same for every row: the mean, or the share of each class.",
        _dummy,
        default=True,
    ),
    ModelEntry(
        "linear",
        "Linear",
        1,
        _ALL,
        "Logistic regression, or ridge regression for numbers, on scaled and one-hot columns.",
        _linear,
        default=True,
        settings=_linear_settings,
    ),
    ModelEntry(
        "sgd",
        "Linear, stochastic",
        2,
        _ALL,
        "The linear model trained by stochastic gradient descent, which scales to any number of rows.",
        _sgd,
        build_stream=_sgd_stream,
        settings=_sgd_settings,
    ),
    ModelEntry(
        "bayes",
        "Naive Bayes",
        3,
        _CLASSES,
        "Treats every column as independent evidence, numbers cut into bins.",
        _bayes,
        build_stream=_bayes,  # it counts, so that blocks add up to what one fit would have counted
        settings=_bayes_settings,
    ),
    ModelEntry(
        "neighbors",
        "Nearest neighbours",
        3,
        ("regression",),
        "Averages the ten most similar training rows.",
        _neighbors,
        max_rows=20_000,
        settings=_neighbors_settings,
    ),
    ModelEntry(
        "forest",
        "Random forest",
        4,
        _ALL,
        "Averages 64 deep decision trees, each grown on its own draw of the rows.",
        _forest,
        default=True,
        settings=_forest_settings,
    ),
    ModelEntry(
        "boosting",
        "Gradient boosting",
        5,
        _ALL,
        "Adds small decision trees one after the other, each correcting the ones before.",
        _boosting,
        default=True,
        settings=_boosting_settings,
    ),
)
"""Every model, from simple to complex."""
