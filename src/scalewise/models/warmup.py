"""What a worker does before its first trial: import the heavy parts and fit every model once, on next to nothing."""

from __future__ import annotations

import warnings

import numpy as np

from scalewise.core.spec import Feature, Task
from scalewise.models import fitting as fitting  # imported so that the first trial need not
from scalewise.models import streaming as streaming  # nor the first stream
from scalewise.models.catalog import models_for
from scalewise.models.metrics import default_metric
from scalewise.models.preprocessing import Problem
from scalewise.models.scoring import Scoring, predict
from scalewise.models.threads import one_thread

__all__ = ["warm_up"]

_N_ROWS = 60


def warm_up() -> None:
    """Fit and score every default model on a tiny made-up table, so that the first real trial is fast."""
    rng = np.random.default_rng(0)
    features = (Feature("number", "number"), Feature("category", "category", ("a", "b")), Feature("label", "label"))
    X = np.column_stack([rng.normal(size=_N_ROWS), rng.integers(0, 2, _N_ROWS), rng.integers(0, 30, _N_ROWS)])
    targets: dict[Task, np.ndarray] = {"binary": np.arange(_N_ROWS) % 2, "regression": rng.normal(size=_N_ROWS)}
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for task, y in targets.items():
            _fit_all(Problem(task, features, 2 if task == "binary" else 0, _N_ROWS, 0), X, y)


def _fit_all(problem: Problem, X: np.ndarray, y: np.ndarray) -> None:
    scoring = Scoring(default_metric(problem.task), problem.task, problem.n_classes)
    for entry in models_for(problem.task):
        if entry.default:
            scoring.one(y, predict(entry.build(problem).fit(X, y), X, problem.n_classes))
