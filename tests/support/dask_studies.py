"""A small table laid out as samples, and trials on it, for tests of engines that must bring samples to workers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from scalewise.core.spec import Trial
from scalewise.data.prepare import prepare
from scalewise.data.sources import open_source
from scalewise.data.store import SampleStore
from scalewise.engines.base import TrialTask
from scalewise.models.fitting import run_trial


def laid_out(folder, n_rows=3_000, wanted=1_500):
    """A store with one sample in a folder."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, n_rows))
    table = pa.table({"a": a, "b": b, "y": np.where(a + rng.normal(size=n_rows) > 0, "yes", "no")})
    store = SampleStore(prepare(open_source(table, name="t"), "y"), folder)
    store.ensure({0: wanted})
    return store


def linear_task(store, n_rows=1_000):
    """A real trial on the sample."""
    trial = Trial("linear", n_rows)
    return TrialTask(f"key {n_rows}", "study", trial, partial(run_trial, store.ref, trial, "roc_auc", 0))
