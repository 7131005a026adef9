"""Importances and kept features on generated tables with a known answer, and on real ones.

python tests/benchmarks/bench_features.py [TABLES] [JSON]   # 200 tables by default, about 20 minutes

Generated: in how many tables all columns of noise stay below the line of noise, and the kept set holds the true
features. Real (digits, breast cancer, flights): how often the 90 % interval of one trial's importance covers the mean
of 50 shuffles of the same model on the whole holdout.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits

from scalewise.core import events as ev
from scalewise.core.features.feature_plan import PROBES, keep_steps
from scalewise.core.folding import fold
from scalewise.core.importance import trial_importances
from scalewise.core.plan import FeaturePlan, Plan
from scalewise.core.spec import DataSpec, MetricSpec, StudySpec, Trial
from scalewise.core.study import StudyState
from scalewise.core.summary import summarise
from scalewise.data.examples import get_example
from scalewise.data.prepare import prepare
from scalewise.data.sources import open_source
from scalewise.data.store import SampleStore
from scalewise.models.catalog import get_model
from scalewise.models.fitting import fit_model, own_holdout, run_trial
from scalewise.models.importance import HoldoutPart, score_drops
from scalewise.models.scoring import Scoring, predict


@dataclass(frozen=True)
class Case:
    """A generated table, its true features, and what is fitted to it."""

    table: pd.DataFrame
    true: frozenset[str]
    task: str
    model: str


def generated(seed: int) -> Case:
    """A table of 3 to 6 true features among 10 to 40 of noise, of mixed kinds; a model by turns."""
    rng = np.random.default_rng([7, seed])
    n_rows, n_true, n_noise = int(rng.integers(800, 3_000)), int(rng.integers(3, 7)), int(rng.integers(10, 41))
    X = rng.normal(size=(n_rows, n_true + n_noise))
    signal = X[:, :n_true] @ rng.uniform(0.7, 1.5, n_true) * 1.0 + 0.5 * rng.normal(size=n_rows)
    columns = {f"true{k}": X[:, k] for k in range(n_true)}
    for k in range(n_noise):
        values = X[:, n_true + k]
        columns[f"noise{k}"] = (
            np.array(list("abcdef"))[np.digitize(values, [-1, -0.5, 0, 0.5, 1])] if k % 4 == 0 else values
        )
    task = ("binary", "regression")[seed % 2]
    y = signal if task == "regression" else np.where(signal > 0, "yes", "no")
    shuffled = rng.permutation(list(columns))
    table = pd.DataFrame({**{name: columns[name] for name in shuffled}, "y": y})
    return Case(table, frozenset(f"true{k}" for k in range(n_true)), task, ("linear", "boosting", "forest")[seed % 3])


def measured(case: Case) -> tuple[bool, bool, bool]:
    """Whether all noise stays below the line, all true features are above it, and the true ones are kept."""
    prepared = prepare(open_source(case.table), "y", task=case.task)
    store = SampleStore(prepared)
    metric = {"binary": "roc_auc", "regression": "r2"}[case.task]
    n_rows, n_features = prepared.data.n_train_rows // 2, len(prepared.data.features)
    store.ensure({0: n_rows, 1: n_rows})
    few = FeaturePlan(case.model, n_rows, keep_steps(n_features), 2, PROBES)
    plan = Plan((get_model("dummy").spec, get_model(case.model).spec), 0.5, 2, 0.005, features=few)
    state = started(prepared.data, metric, plan, prepared.look.groups)
    for repeat in range(2):
        trials = [Trial("dummy", n_rows, repeat), Trial(case.model, n_rows, repeat)]
        trials += [Trial(case.model, n_rows, repeat, probes=PROBES)]
        trials += [Trial(case.model, n_rows, repeat, keep=k) for k in few.ks]
        for trial in trials:
            record = run_trial(store.ref, trial, metric, 0)
            state = fold(state, ev.TrialFinished(trial=trial, record=record))
    store.close()
    summary = summarise(state)
    table = summary.model(case.model).importances
    drops = {row.feature: row.drop for row in table.rows}
    noise = max(drop for name, drop in drops.items() if name not in case.true)
    signal = min(drops[name] for name in case.true)
    kept = summary.features.keep.features if summary.features.keep else tuple(drops)
    return noise < table.noise_line, signal > table.noise_line, case.true <= set(kept)


def started(data: DataSpec, metric: str, plan: Plan, groups: tuple[tuple[str, ...], ...]) -> StudyState:
    """A study of a prepared table."""
    study = StudySpec(data, MetricSpec(metric, metric, 1.0))
    state = fold(StudyState(), ev.TablePrepared(data=data, groups=groups))
    return fold(state, ev.StudyStarted(study=study, plan=plan))


def known_answers(n_tables: int) -> dict[str, float]:
    found = np.array([measured(generated(seed)) for seed in range(n_tables)])
    below, above, kept = found.mean(axis=0).tolist()
    return {"tables": n_tables, "noise_below": below, "true_above": above, "true_kept": kept}


def coverage(
    name: str, table: object, target: str, n_rows: int, model: str, exclude: tuple[str, ...] = ()
) -> dict[str, object]:
    """How often one trial's intervals cover the mean of 50 shuffles on the whole holdout, over eight samples."""
    prepared = prepare(open_source(table), target, exclude=exclude)
    store = SampleStore(prepared)
    n_classes = len(prepared.data.classes)
    metric = "roc_auc" if n_classes == 2 else "accuracy"
    scoring, covered = Scoring(metric, prepared.data.task, n_classes), []
    n_rows = min(n_rows, prepared.data.n_train_rows)
    store.ensure(dict.fromkeys(range(8), n_rows))
    for repeat in range(8):
        trial = Trial(model, n_rows, repeat)
        record = run_trial(store.ref, trial, metric, 0)
        truth = true_drops(partial(fit_model, store.ref, trial, 0), store, scoring, n_classes)
        covered += [
            item.low - 1e-12 <= true <= item.high + 1e-12
            for item, true in zip(trial_importances(record), truth, strict=True)
        ]
    store.close()
    return {"table": name, "model": model, "intervals": len(covered), "coverage": float(np.mean(covered))}


def true_drops(fit: object, store: SampleStore, scoring: Scoring, n_classes: int) -> np.ndarray:
    """Mean drop over 50 shuffles of every column on the whole holdout."""
    holdout, estimator, rng = own_holdout(store.ref), fit(), np.random.default_rng(0)
    whole = HoldoutPart(holdout.X, holdout.y, predict(estimator, holdout.X, n_classes))
    units = [(column,) for column in range(holdout.X.shape[1])]
    return np.mean([score_drops(estimator, [whole], units, scoring, rng)[0] for _ in range(50)], axis=0)


def real_tables() -> list[dict[str, object]]:
    digits, cancer = load_digits(as_frame=True).frame, load_breast_cancer(as_frame=True).frame
    flights = get_example("flights")
    out = tuple(column.name for column in flights.left_out)
    return [
        coverage("digits", digits.assign(target=digits["target"].astype(str)), "target", 1_000, "linear"),
        coverage("breast cancer", cancer.assign(target=cancer["target"].astype(str)), "target", 400, "linear"),
        coverage("breast cancer", cancer.assign(target=cancer["target"].astype(str)), "target", 400, "forest"),
        coverage("flights", flights.open(), flights.target, 5_000, "linear", out),
    ]


def main(n_tables: int = 200, path: str = "") -> None:
    result = {"known": known_answers(n_tables), "real": real_tables()}
    print(json.dumps(result, indent=1))
    if path:
        Path(path).write_text(json.dumps(result))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
