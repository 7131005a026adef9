"""The recipes of the models: from a problem to an unfitted pipeline, and what tuning draws its settings from."""

from __future__ import annotations

import math
from typing import Any

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

from scalewise.models.preprocessing import Problem, binned_columns, linear_columns, tree_columns
from scalewise.models.scaled_target import ScaledTarget

__all__ = [
    "bayes",
    "bayes_settings",
    "boosting",
    "boosting_settings",
    "dummy",
    "forest",
    "forest_settings",
    "linear",
    "linear_settings",
    "neighbors",
    "neighbors_settings",
    "sgd",
    "sgd_settings",
    "sgd_stream",
]

_AVERAGED_FROM = 500
"""Rows after which a streamed linear model begins to average its steps."""


def dummy(problem: Problem) -> Any:
    """The mean of the target, or the share of each class, whatever the row."""
    return DummyRegressor() if problem.task == "regression" else DummyClassifier(strategy="prior")


def linear(problem: Problem) -> Any:
    """Ridge or logistic regression on scaled and one-hot columns."""
    if problem.task == "regression":
        return make_pipeline(linear_columns(problem), Ridge(alpha=1.0))
    return make_pipeline(linear_columns(problem), LogisticRegression(max_iter=300))


def sgd(problem: Problem) -> Any:
    """The linear model by stochastic gradient descent, averaged over the later steps."""
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


def sgd_stream(problem: Problem) -> Any:
    """One pass with a constant rate; the average over the steps settles what single steps leave noisy."""
    alpha = min(max(1.0 / problem.n_rows, 1e-6), 1e-2)
    shared = {"alpha": alpha, "average": min(_AVERAGED_FROM, problem.n_rows // 2), "random_state": problem.seed}
    if problem.task == "regression":
        return make_pipeline(linear_columns(problem), ScaledTarget(SGDRegressor(eta0=0.01, **shared)))
    rate = {"learning_rate": "constant", "eta0": 0.05}
    return make_pipeline(linear_columns(problem), SGDClassifier(loss="log_loss", **rate, **shared))


def bayes(problem: Problem) -> Any:
    """Naive Bayes on columns cut into bins."""
    # Rice's rule: twice the cube root of the rows.
    n_bins = min(max(round(2.0 * problem.n_rows ** (1 / 3)), 4), 64)
    columns, n_values = binned_columns(problem, n_bins)
    return make_pipeline(columns, CategoricalNB(min_categories=n_values))


def neighbors(problem: Problem) -> Any:
    """The mean of the ten nearest rows."""
    n_neighbors = min(10, problem.n_rows)
    return make_pipeline(linear_columns(problem, dense=True), KNeighborsRegressor(n_neighbors=n_neighbors))


def forest(problem: Problem) -> Any:
    """A forest of 64 trees."""
    columns, _ = tree_columns(problem)
    # Beyond 50,000 rows, the rows of one tree grow with the root of all rows: as accurate, at a fraction of the time.
    share = math.sqrt(50_000 / problem.n_rows) if problem.n_rows > 50_000 else None
    shared = {"n_estimators": 64, "max_samples": share, "random_state": problem.seed}
    if problem.task == "regression":
        return make_pipeline(columns, RandomForestRegressor(min_samples_leaf=2, max_features=0.6, **shared))
    smallest_leaf = 5 if problem.task == "binary" else 2
    return make_pipeline(columns, RandomForestClassifier(min_samples_leaf=smallest_leaf, **shared))


def boosting(problem: Problem) -> Any:
    """Boosted trees on histograms, more and larger ones for more rows."""
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


def linear_settings(problem: Problem) -> dict[str, Any]:
    """Distributions of what can be set, by name."""
    return {"alpha": loguniform(1e-2, 1e3)} if problem.task == "regression" else {"C": loguniform(1e-3, 1e2)}


def sgd_settings(problem: Problem) -> dict[str, Any]:
    """Distributions of what can be set, by name."""
    return {"regressor__alpha" if problem.task == "regression" else "alpha": loguniform(1e-7, 1e-2)}


def bayes_settings(_: Problem) -> dict[str, Any]:
    """Distributions of what can be set, by name."""
    return {"alpha": loguniform(1e-2, 1e2)}


def neighbors_settings(problem: Problem) -> dict[str, Any]:
    """Distributions of what can be set, by name."""
    # The rows that settings are tried on are fewer than those of the problem.
    return {"n_neighbors": randint(1, max(2, min(50, problem.n_rows // 2))), "p": uniform(1.0, 1.0)}


def forest_settings(_: Problem) -> dict[str, Any]:
    """Distributions of what can be set, by name."""
    return {"min_samples_leaf": randint(1, 21), "max_features": loguniform(0.1, 0.8)}


def boosting_settings(problem: Problem) -> dict[str, Any]:
    """Distributions of what can be set, by name."""
    rounds, leaves = _boosting_rounds(problem), _boosting_leaves(problem)
    return {
        "learning_rate": loguniform(0.03, 0.2),
        "max_iter": randint(rounds // 2, 2 * rounds + 1),
        "max_leaf_nodes": randint(max(3, leaves // 2), 2 * leaves + 1),
        "min_samples_leaf": randint(2, 51),
        "l2_regularization": loguniform(0.1, 30.0),
        "max_features": uniform(0.3, 0.7),
    }
