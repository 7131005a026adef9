"""Trials on the best few features and beside noise: ranked inside their own rows, the same as on a narrower table."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_tables import frame, store

from scalewise.core.spec import Feature, Trial
from scalewise.data.store import load_holdout, load_sample
from scalewise.models import fitting, sight
from scalewise.models.catalog import get_model
from scalewise.models.fitting import run_trial
from scalewise.models.importance import HoldoutPart
from scalewise.models.preprocessing import Problem
from scalewise.models.racing import race
from scalewise.models.ranking import n_checked, n_copies, noise_sources, ranked_columns, shuffled_columns
from scalewise.models.scoring import Scoring, predict


def numbers(n_rows=2_000, n_noise=6, seed=0):
    """Two true features, the first with a copy, and noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 2 + n_noise))
    columns = {"main": X[:, 0], "second": X[:, 1], **{f"noise{k}": X[:, 2 + k] for k in range(n_noise)}}
    y = (2 * X[:, 0] + X[:, 1] + 0.5 * rng.normal(size=n_rows) > 0).astype(int)
    return pd.DataFrame({**columns, "y": y})


@pytest.fixture(scope="module")
def samples():
    made = store(numbers(), 1_000, repeats=2)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def fresh_ranking():
    sight._ranked.cache_clear()
    fitting.own_holdout.cache_clear()


def without_times(record):
    return dataclasses.replace(record, fit_seconds=0.0, score_seconds=0.0, peak_bytes=0, worker_bytes=0)


class TestKeeping:
    @pytest.mark.parametrize("model", ["linear", "forest", "boosting"])
    def test_the_true_features_are_kept(self, samples, model):
        record = run_trial(samples.ref, Trial(model, 1_000, 0, keep=2), "roc_auc", 0)
        assert record.kept == ("main", "second")
        assert run_trial(samples.ref, Trial(model, 1_000, 0, keep=1), "roc_auc", 0).kept == ("main",)

    def test_it_is_the_plain_trial_of_a_table_with_only_these(self, samples):
        few = run_trial(samples.ref, Trial("boosting", 1_000, 1, keep=3), "roc_auc", 0)
        rest = set(numbers().columns) - {*few.kept, "y"}
        narrow = store(numbers(), 1_000, repeats=2, exclude=rest)
        plain = run_trial(narrow.ref, Trial("boosting", 1_000, 1), "roc_auc", 0)
        narrow.close()
        assert dataclasses.replace(without_times(few), kept=()) == without_times(plain)

    def test_the_holdout_has_no_part_in_the_choice(self, samples):
        trial = Trial("linear", 1_000, 0, keep=2)
        before = run_trial(samples.ref, trial, "roc_auc", 0)
        path = Path(samples.ref.folder) / "holdout.x.npy"
        kept = path.read_bytes()
        spoiled = np.load(path)
        spoiled[:2] = np.random.default_rng(0).normal(size=spoiled[:2].shape)
        np.save(path, spoiled)
        fresh = dataclasses.replace(samples.ref, folder=str(Path(samples.ref.folder) / "."))
        sight._ranked.cache_clear()
        fitting.own_holdout.cache_clear()
        after = run_trial(fresh, trial, "roc_auc", 0)
        path.write_bytes(kept)
        assert after.kept == before.kept
        assert after.score < before.score - 0.2

    def test_every_kind_of_feature_and_task_can_be_ranked(self):
        for task, metric in (("regression", "r2"), ("multiclass", "neg_log_loss")):
            made = store(frame(task, 800), 500, task=task)
            assert "signal" in run_trial(made.ref, Trial("linear", 500, 0, keep=2), metric, 0).kept
            made.close()

    def test_few_rows_are_split_all_the_same(self):
        assert n_checked(50) == 20
        assert n_checked(30) == 15
        assert n_checked(10_000) == 2_500


class TestCopies:
    def test_a_copy_does_not_hide_an_important_feature(self):
        table = numbers(n_noise=2)
        made, twin = (store(t, 1_500) for t in (table, table.assign(copy=table["main"])))
        alone = run_trial(made.ref, Trial("forest", 1_500, 0), "roc_auc", 0)
        both = run_trial(twin.ref, Trial("forest", 1_500, 0), "roc_auc", 0)
        made.close()
        twin.close()
        true = next(item.drop for item in alone.importances if item.feature == "main")
        hidden = next(item.drop for item in both.importances if item.feature == "main")
        assert [group.features for group in both.groups] == [("main", "copy")]
        assert both.groups[0].drop == pytest.approx(true, rel=0.1)
        assert hidden < 0.8 * true

    def test_one_of_a_group_is_kept_before_the_other(self):
        table = numbers(n_noise=2)
        twin = store(table.assign(copy=table["main"]), 1_500)
        kept = run_trial(twin.ref, Trial("forest", 1_500, 0, keep=2), "roc_auc", 0).kept
        twin.close()
        assert kept[0] in ("main", "copy")
        assert kept[1] == "second"


class TestNoise:
    def test_its_importances_lie_around_zero_and_no_others_are_told(self, samples):
        record = run_trial(samples.ref, Trial("boosting", 1_000, 0, probes=5), "roc_auc", 0)
        assert [item.feature for item in record.importances] == [f"noise {k}" for k in range(1, 6)]
        assert max(abs(item.drop) for item in record.importances) < 0.03

    def test_plain_trials_stay_as_they_are(self, samples):
        trial = Trial("forest", 500, 0)
        before = run_trial(samples.ref, trial, "roc_auc", 0)
        run_trial(samples.ref, Trial("forest", 500, 0, probes=5), "roc_auc", 0)
        assert without_times(run_trial(samples.ref, trial, "roc_auc", 0)) == without_times(before)

    def test_columns_of_noise_are_shuffled_copies(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(50, 3))
        sources = noise_sources(3, 7, rng)
        noisy = shuffled_columns(X, sources, rng)
        assert sorted(sources[:3]) == [0, 1, 2]
        np.testing.assert_array_equal(noisy[:, :3], X)
        for at, source in enumerate(sources, start=3):
            np.testing.assert_array_equal(np.sort(noisy[:, at]), np.sort(X[:, source]))


class TestCopiedRows:
    def test_held_out_rows_that_were_trained_on_are_counted(self):
        table = numbers(1_000)
        made = store(pd.concat([table, table.iloc[:200]], ignore_index=True), 800)
        holdout, (X, y) = load_holdout(made.ref), load_sample(made.ref, 0, 800)
        rows = {(*x, t) for x, t in zip(X.tolist(), y.tolist(), strict=True)}
        expected = sum((*x, t) in rows for x, t in zip(holdout.X.tolist(), holdout.y.tolist(), strict=True))
        for trial in (Trial("linear", 800, 0, probes=2), Trial("dummy", 800)):
            assert run_trial(made.ref, trial, "roc_auc", 0).n_copies == expected > 0
        # The fits that matter lose no time with it.
        assert run_trial(made.ref, Trial("linear", 800), "roc_auc", 0).n_copies == -1
        made.close()

    def test_rows_that_are_alike_by_chance_are_not_counted(self):
        X = np.random.default_rng(0).integers(0, 2, size=(400, 3)).astype(float)
        assert n_copies(X[:100], np.zeros(100), X[100:], np.zeros(300)) == -1


@pytest.fixture(scope="module")
def wide():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4_000, 300))
    y = X[:, :10] @ np.linspace(2, 0.5, 10)
    features = tuple(Feature(str(k), "number") for k in range(300))
    estimator = get_model("linear").build(Problem("regression", features, 0, 2_000, 0)).fit(X[:2_000], y[:2_000])
    return estimator, HoldoutPart(X[2_000:], y[2_000:], predict(estimator, X[2_000:], 0))


class TestRace:
    def test_the_best_come_first_and_every_unit_has_one_place(self, wide):
        estimator, exam = wide
        units = [(k,) for k in range(300)]
        scoring = Scoring("r2", "regression", 0)
        places, drops = race(estimator, exam, units, scoring, np.random.default_rng(1), n_best=10, n_repeats=3)
        assert set(places[:10].tolist()) == set(range(10))
        assert sorted(places.tolist()) == list(range(300))
        assert drops.shape == (15, 3)
        assert (np.diff(drops.mean(axis=1)) <= 0).all()

    def test_few_units_run_the_last_heat_only(self, wide):
        estimator, exam = wide
        _, drops = race(
            estimator, exam, [(0,), (1, 2)], Scoring("r2", "regression", 0), np.random.default_rng(1), n_best=10
        )
        assert drops.shape == (2, 5)

    def test_what_cannot_be_scored_keeps_the_order_of_the_table(self):
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(200, 4)), np.array([0, 1] * 100)
        features = tuple(Feature(str(k), "number") for k in range(4))
        estimator = get_model("linear").build(Problem("binary", features, 2, 200, 0)).fit(X, y)
        one_class = HoldoutPart(X, np.zeros(200, dtype=np.int32), predict(estimator, X, 2))
        ranked = ranked_columns(estimator, one_class, [], Scoring("roc_auc", "binary", 2), rng, lambda column: np.nan)
        assert ranked == (0, 1, 2, 3)

    def test_the_first_is_the_best_by_a_fit_of_its_own(self):
        """The hour of the week tells all, but a model that has weekday and hour beside it makes little of it."""
        rng = np.random.default_rng(0)
        day, hour, junk = rng.integers(0, 7, 4_000), rng.integers(0, 24, 4_000), rng.normal(size=4_000)
        X = np.column_stack([junk, day, hour, 24 * day + hour]).astype(float)
        y = rng.normal(size=7)[day] + rng.normal(size=24)[hour] + 0.1 * rng.normal(size=4_000)
        scoring = Scoring("r2", "regression", 0)

        def fitted(columns):
            features = tuple(Feature(str(k), "number") for k in range(len(columns)))
            estimator = get_model("boosting").build(Problem("regression", features, 0, 3_000, 0))
            estimator.fit(X[1_000:, columns], y[1_000:])
            own = np.ascontiguousarray(X[:1_000, columns])
            return estimator, HoldoutPart(own, y[:1_000], predict(estimator, own, 0))

        def alone(column):
            exam = fitted([column])[1]
            return scoring.one(exam.y, exam.predictions)

        ranked = ranked_columns(*fitted([0, 1, 2, 3]), [], scoring, rng, alone)
        assert ranked[0] == 3
        assert ranked[-1] == 0
