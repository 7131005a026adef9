"""Tiny canonical tables with every kind of feature and with gaps, and their samples on disk."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scalewise.core.spec import Feature
from scalewise.data.prepare import prepare
from scalewise.data.sources import open_source
from scalewise.data.store import SampleStore
from scalewise.models.preprocessing import Problem

FEATURES = (
    Feature("amount", "number"),
    Feature("colour", "category", ("red", "green", "blue")),
    Feature("street", "label"),
    Feature("signal", "number"),
    Feature("seen", "date"),
)


def matrix(n_rows, seed=0, gaps=0.1):
    """Canonical columns of `FEATURES`, shape (n_rows, 5)."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [
            rng.lognormal(3.0, 2.0, n_rows),
            rng.integers(0, 4, n_rows),
            rng.integers(0, 40, n_rows) * 2.0**40,
            rng.normal(size=n_rows),
            rng.uniform(0.9e9, 1.7e9, n_rows),
        ]
    )
    X[rng.random(X.shape) < gaps] = np.nan
    return np.asfortranarray(X)


def target(task, X, seed=0):
    """A target that follows from the signal and the colour."""
    noise = np.random.default_rng(seed).normal(0.0, 0.3, len(X))
    y = np.nan_to_num(X[:, 3]) + 0.5 * (X[:, 1] == 1) + noise
    if task == "regression":
        return y
    cuts = [0.2] if task == "binary" else [-0.3, 0.7]
    return np.digitize(y, cuts).astype(np.int32)


def problem(task, n_rows, features=FEATURES, seed=0):
    return Problem(task, features, {"binary": 2, "multiclass": 3, "regression": 0}[task], n_rows, seed)


def frame(task, n_rows=400, seed=0):
    """A pandas frame with a target ``y`` and columns as people have them."""
    X = matrix(n_rows, seed, gaps=0.05)
    colours = np.array(["red", "green", "blue", "grey", None], dtype=object)
    table = pd.DataFrame(
        {
            "amount": X[:, 0],
            "colour": colours[np.nan_to_num(X[:, 1], nan=4).astype(int)],
            "signal": X[:, 3],
            "seen": pd.to_datetime(pd.Series(X[:, 4]), unit="s"),
        }
    )
    y = target(task, X, seed)
    return table.assign(y=y if task == "regression" else np.array(["a", "b", "c"], dtype=object)[y])


def store(table, n_rows, repeats=1, **options):
    """Samples of a frame on disk; the caller closes the store."""
    samples = SampleStore(prepare(open_source(table), "y", **options))
    samples.ensure(dict.fromkeys(range(repeats), n_rows))
    return samples
