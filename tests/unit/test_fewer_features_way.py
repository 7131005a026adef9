"""Keeping few features as a way forward, and as the answer where it saves a cluster."""

from __future__ import annotations

from dataclasses import replace

import pytest
from studies import BOOSTING, DUMMY, LINEAR, data_spec, finished, record, started, study_spec

from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.machine import Machine
from scalewise.core.plan import FeaturePlan, Plan
from scalewise.core.spec import Feature, Trial
from scalewise.core.summary import summarise

NAMES = tuple(f"f{k}" for k in range(412))
DATA = data_spec(100_000, features=tuple(Feature(name, "number") for name in NAMES))
PLAN = Plan((DUMMY, LINEAR, BOOSTING), 0.2, 3)
RISING = {"dummy": (0.5, 0.0), "linear": (0.70, 0.05), "boosting": (0.95, 1.2)}
FLAT = {"dummy": (0.5, 0.0), "linear": (0.70, 0.0), "boosting": (0.80, 0.02)}
LARGE, SMALL = Machine(64 * 10**9, 32 * 10**9, 2), Machine(10**9, 4 * 10**8, 2)


def summary_of(scores, machine, *, lost=0.001, ks=(1, 2, 3, 5)):
    """A study that has tried few features with boosting at its largest size."""
    state = finished(started(PLAN, study_spec(DATA)), scores, noise=0.0003)
    largest = max(trial.n_rows for trial in state.records)
    few = FeaturePlan("boosting", largest, ks, 2)
    state = fold(state, ev.PlanChanged(plan=replace(PLAN, features=few)))
    for repeat in range(2):
        whole = state.records[Trial("boosting", largest, repeat)]
        for k in ks:
            score = whole.score - (lost if k >= 3 else 0.2 / k)
            got = replace(record(score, noise=0.004, seed=1, seconds=0.02 * whole.fit_seconds), kept=NAMES[:k])
            state = fold(state, ev.TrialFinished(trial=Trial("boosting", largest, repeat, keep=k), record=got))
    return summarise(replace(state, machine=machine))


def way(verdict):
    return next((found for found in verdict.ways if found.action == "fewer_features"), None)


def test_it_has_a_loss_a_price_and_words():
    verdict = summary_of(RISING, LARGE).verdict
    found = way(verdict)
    assert found.low <= found.gain <= found.high
    assert found.gain == pytest.approx(-0.001, abs=1e-4)
    saved = "3 of 412 columns carry 99 % of the score, on 20,000 rows; all rows take 3.8 MB instead of 396 MB"
    assert found.words == saved
    here = next(w for w in verdict.ways if w.action == "use_more_rows")
    assert found.minutes < 0.1 * here.minutes
    assert 0 < found.bytes < here.bytes


def test_its_price_is_that_of_the_rows_on_which_its_loss_was_measured():
    summary = summary_of(RISING, LARGE)
    found, boosting = way(summary.verdict), summary.model("boosting")
    assert found.n_rows == 20_000
    assert found.minutes == pytest.approx(0.02 * boosting.seconds(20_000) / 60)
    assert found.bytes < boosting.worker_bytes(20_000)


def test_it_is_the_answer_where_all_columns_would_take_a_cluster():
    verdict = summary_of(RISING, SMALL).verdict
    assert verdict.action == "fewer_features"
    begins = "You do not need a cluster: 3 of 412 columns carry 99 % of the score, and those fit in 3.8 MB."
    assert verdict.sentence.startswith(begins)
    assert "More data still helps" in verdict.sentence


def test_it_is_evidence_where_no_cluster_is_needed():
    verdict = summary_of(FLAT, LARGE).verdict
    assert verdict.action == "stop"
    assert any("3 of 412 columns carry 99 % of the score" in line for line in verdict.evidence)


def test_where_every_feature_counts_the_cluster_stays_the_answer():
    summary = summary_of(RISING, SMALL, lost=0.05)
    assert summary.features.enough is None
    assert summary.verdict.action == "scale_out"
    found = way(summary.verdict)
    assert found.is_idle
    assert "no smaller set that was tried surely loses less than 0.005, on 20,000 rows" in found.words
