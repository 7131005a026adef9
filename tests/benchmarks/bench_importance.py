"""The most important of many columns against scikit-learn's permutation importance of all of them.

python tests/benchmarks/bench_importance.py [N_ROWS]

Same fitted model, rows and number of repeats; both in one run and one process, with one thread. Printed: seconds, their
ratio, and how many of the ten most important columns agree.
"""

from __future__ import annotations

import sys
from time import perf_counter

import numpy as np
from sklearn.inspection import permutation_importance

from scalewise.core.spec import Feature
from scalewise.models.catalog import get_model
from scalewise.models.importance import HoldoutPart
from scalewise.models.preprocessing import Problem
from scalewise.models.racing import race
from scalewise.models.scoring import Scoring, predict
from scalewise.models.threads import one_thread

REPEATS = 5


def compare(n_columns: int, n_best: int, n_rows: int, model: str) -> None:
    """Measure both on a table of which 20 columns say something, less and less."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2 * n_rows, n_columns))
    weights = np.zeros(n_columns)
    weights[rng.permutation(n_columns)[: min(20, n_columns)]] = np.linspace(2.0, 0.2, min(20, n_columns))
    y = (X @ weights + rng.normal(size=2 * n_rows) > 0).astype(np.int32)
    features = tuple(Feature(str(k), "number") for k in range(n_columns))
    estimator = get_model(model).build(Problem("binary", features, 2, n_rows, 0)).fit(X[:n_rows], y[:n_rows])
    X, y = np.ascontiguousarray(X[n_rows:]), y[n_rows:]

    began = perf_counter()
    exam = HoldoutPart(X, y, predict(estimator, X, 2))
    units = [(column,) for column in range(n_columns)]
    scoring, shuffles = Scoring("roc_auc", "binary", 2), np.random.default_rng(1)
    places, _ = race(estimator, exam, units, scoring, shuffles, n_best=n_best, n_repeats=REPEATS)
    ours = perf_counter() - began

    began = perf_counter()
    theirs = permutation_importance(estimator, X, y, scoring="roc_auc", n_repeats=REPEATS, random_state=0)
    seconds = perf_counter() - began
    top = set(np.argsort(-theirs.importances_mean)[:10].tolist())
    overlap = len(top & set(places[:10].tolist()))
    print(
        f"{model:<9}{n_columns:>6} columns x {n_rows:,} rows: ours {ours:6.2f} s, scikit-learn {seconds:7.2f} s, "
        f"ratio {seconds / ours:5.1f} x, top ten in common {overlap}"
    )


def main(n_rows: int = 2_000) -> None:
    with one_thread():
        for model in ("linear", "boosting"):
            compare(20, 20, n_rows, model)
            compare(1_000, 20, n_rows, model)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
