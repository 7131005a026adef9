"""Small studies made by hand, for tests of the pure core."""

from __future__ import annotations

import numpy as np

from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.results import FeatureImportance, TrialRecord
from scalewise.core.sizes import planned_trials
from scalewise.core.spec import DataSpec, Feature, MetricSpec, ModelSpec, StudySpec, Trial
from scalewise.core.study import StudyState

DUMMY = ModelSpec("dummy", "Baseline", 0)
LINEAR = ModelSpec("linear", "Linear", 1)
BOOSTING = ModelSpec("boosting", "Gradient boosting", 5)


def data_spec(n_train_rows: int = 100_000, **changes: object) -> DataSpec:
    """A table of two numeric features and two classes."""
    content: dict[str, object] = {
        "name": "table",
        "fingerprint": "f",
        "target": "y",
        "task": "binary",
        "classes": ("no", "yes"),
        "features": (Feature("a", "number"), Feature("b", "number")),
        "n_train_rows": n_train_rows,
        "n_holdout_rows": 20_000,
        "smallest_n_rows": 50,
    }
    return DataSpec(**{**content, **changes})


def study_spec(data: DataSpec | None = None, *, worst: float | None = None) -> StudySpec:
    return StudySpec(data or data_spec(), MetricSpec("roc_auc", "ROC AUC", 1.0, worst), "v1")


def record(score: float, *, seconds: float = 0.1, noise: float = 0.0, seed: int = 0) -> TrialRecord:
    """A record with ten holdout blocks around a score."""
    blocks = score + noise * np.random.default_rng(seed).standard_normal(10)
    return TrialRecord(
        score=score,
        block_scores=tuple(blocks.tolist()),
        train_score=min(1.0, score + 0.02),
        fit_seconds=seconds,
        score_seconds=0.01,
        peak_bytes=1_000_000,
        importances=(FeatureImportance("a", 0.1, 0.01), FeatureImportance("b", 0.02, 0.01)),
    )


def started(plan: Plan | None = None, study: StudySpec | None = None) -> StudyState:
    """A running study whose samples are all ready."""
    study = study or study_spec()
    plan = plan or Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.1, repeats=3)
    state = fold(StudyState(), ev.StudyStarted(study=study, plan=plan, at=1.0))
    return fold(state, ev.SampleReady(n_rows=study.data.n_train_rows))


def power_score(trial: Trial, *, end: float, gap: float, noise: float) -> float:
    """A score on a power law with seeded noise."""
    rng = np.random.default_rng([trial.n_rows, trial.repeat])
    return float(end - gap * (trial.n_rows / 100) ** -0.5 + noise * rng.standard_normal())


def finished(state: StudyState, score: dict[str, tuple[float, float]], *, noise: float = 0.0005) -> StudyState:
    """The state after every planned trial, each model on its own power law (end, gap)."""
    assert state.study is not None
    assert state.plan is not None
    for trial in planned_trials(state.study.data, state.plan):
        end, gap = score[trial.model]
        value = power_score(trial, end=end, gap=gap, noise=noise)
        # Every trial is scored on the same holdout, so its blocks deviate alike.
        got = record(value, noise=0.004, seed=1, seconds=1e-5 * trial.n_rows)
        state = fold(state, ev.TrialFinished(trial=trial, record=got, where="inline"))
    return fold(state, ev.StudyFinished())
