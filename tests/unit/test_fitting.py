"""Running one trial: what it measures, what it refuses, what it remarks on."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from tiny_tables import frame, store

from scalewise.core.spec import Feature, Trial
from scalewise.data.store import DataRef, load_holdout, load_sample
from scalewise.errors import InputError, MetricError
from scalewise.models import catalog
from scalewise.models.catalog import ModelEntry, get_model
from scalewise.models.fitting import run_trial
from scalewise.models.importance import (
    HoldoutPart,
    holdout_parts,
    n_shuffled,
    permutation_importances,
    promising_features,
)
from scalewise.models.memory import PeakMemory
from scalewise.models.preprocessing import Problem
from scalewise.models.scoring import Scoring, predict
from scalewise.models.target_means import TargetMeans
from scalewise.models.warmup import warm_up


@pytest.fixture(scope="module")
def binary():
    samples = store(frame("binary", 3_000), 2_000, repeats=2)
    yield samples.ref
    samples.close()


@pytest.fixture(scope="module")
def regression():
    samples = store(frame("regression", 1_500), 1_000, task="regression")
    yield samples.ref
    samples.close()


def laid_out(folder, X, y, X_holdout, y_holdout, classes, *, task="binary", n_blocks=2):
    """Lay out a sample and a holdout by hand, as the store does."""
    for name, (rows, codes) in {f"train-0-{0:012d}-{len(X):012d}": (X, y), "holdout": (X_holdout, y_holdout)}.items():
        np.save(folder / f"{name}.x.npy", np.ascontiguousarray(rows.T))
        np.save(folder / f"{name}.y.npy", codes)
    np.save(folder / "holdout.blocks.npy", np.arange(len(X_holdout)) % n_blocks)
    return DataRef(str(folder), tuple(Feature(f"f{at}", "number") for at in range(X.shape[1])), task, classes)


def by_hand(ref, trial, seed_free_model):
    """Fit and predict outside `run_trial`, for models without randomness."""
    X, y = load_sample(ref, trial.repeat, trial.n_rows)
    n_classes = len(ref.classes)
    estimator = get_model(seed_free_model).build(Problem(ref.task, ref.features, n_classes, len(y), 0)).fit(X, y)
    holdout = load_holdout(ref)
    return holdout, predict(estimator, holdout.X, n_classes)


class TestWhatATrialMeasures:
    def test_the_score_is_that_of_all_holdout_rows_and_blocks_are_parts_of_it(self, regression):
        trial = Trial("linear", 500, 0)
        record = run_trial(regression, trial, "neg_mean_squared_error", 0)
        holdout, predictions = by_hand(regression, trial, "linear")
        squares = np.square(holdout.y - predictions)
        assert record.score == pytest.approx(-squares.mean())
        n_blocks = int(holdout.blocks.max()) + 1
        expected = [-squares[holdout.blocks == block].mean() for block in range(n_blocks)]
        np.testing.assert_allclose(record.block_scores, expected)

    def test_the_train_score_is_on_the_rows_it_was_trained_on(self, binary):
        record = run_trial(binary, Trial("forest", 100, 0), "accuracy", 0)
        assert record.train_score > 0.9 > record.score

    def test_a_richer_sample_scores_better(self, binary):
        small, large = (run_trial(binary, Trial("linear", n_rows, 0), "roc_auc", 0) for n_rows in (60, 2_000))
        assert large.score > small.score

    def test_samples_and_seeds_of_other_repeats_differ(self, binary):
        records = [run_trial(binary, Trial("forest", 200, repeat), "roc_auc", 0) for repeat in (0, 1)]
        assert records[0].score != records[1].score

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a stretch of work")
    def test_the_memory_of_the_whole_worker_is_told_beside_that_of_the_fit(self, binary):
        record = run_trial(binary, Trial("forest", 200, 0), "roc_auc", 0)
        assert record.worker_bytes > record.peak_bytes + 20_000_000

    def test_another_seed_grows_another_forest(self, binary):
        records = [run_trial(binary, Trial("forest", 200, 0), "roc_auc", seed) for seed in (0, 1)]
        assert records[0].score != records[1].score

    def test_seconds_are_positive_and_a_baseline_looks_at_no_feature(self, binary):
        record = run_trial(binary, Trial("dummy", 200, 0), "roc_auc", 0)
        assert record.score == 0.5
        assert record.fit_seconds > 0
        assert record.score_seconds > 0
        assert record.importances == ()

    def test_rare_metrics_go_through_scikit_learn_and_give_importances_too(self, binary):
        record = run_trial(binary, Trial("linear", 500, 0), "matthews_corrcoef", 0)
        assert max(record.importances, key=lambda importance: importance.drop).feature == "signal"

    def test_blocks_of_one_class_have_a_score_unless_a_metric_can_only_score_them_alone(self, tmp_path):
        rng = np.random.default_rng(0)
        X, X_holdout = rng.normal(size=(100, 2)), rng.normal(size=(40, 2))
        y_holdout = np.zeros(40, dtype=np.int32)
        y_holdout[::4] = 1  # only even rows, and so only the first of the two blocks
        ref = laid_out(tmp_path, X, (X[:, 0] > 0).astype(np.int32), X_holdout, y_holdout, ("no", "yes"))
        assert np.isfinite(run_trial(ref, Trial("linear", 100, 0), "roc_auc", 0).block_scores).all()
        first, second = run_trial(ref, Trial("linear", 100, 0), "average_precision", 0).block_scores
        assert np.isfinite(first)
        assert not second

    def test_a_sample_that_lacks_a_class_can_still_be_scored(self, tmp_path):
        rng = np.random.default_rng(0)
        X, X_holdout = rng.normal(size=(100, 2)), rng.normal(size=(60, 2))
        y = np.where(X[:, 0] > 0, 2, 0).astype(np.int32)
        ref = laid_out(tmp_path, X, y, X_holdout, (np.arange(60) % 3).astype(np.int32), ("a", "b", "c"))
        ref = replace(ref, task="multiclass")
        for model in ("dummy", "linear", "sgd", "bayes", "forest", "boosting"):
            assert np.isfinite(run_trial(ref, Trial(model, 100, 0), "neg_log_loss", 0).score)

    def test_a_tiny_holdout_gives_scores_without_importances(self, tmp_path):
        X = np.random.default_rng(0).normal(size=(50, 2))
        y = (X[:, 0] > 0).astype(np.int32)
        ref = laid_out(tmp_path, X, y, X[:8], np.arange(8, dtype=np.int32) % 2, ("no", "yes"))
        record = run_trial(ref, Trial("linear", 50, 0), "roc_auc", 0)
        assert np.isfinite(record.score)
        assert record.importances == ()


class TestWhatATrialRefuses:
    def test_a_model_that_is_not_known(self, binary):
        with pytest.raises(InputError, match=r"no model 'linaer'\. Did you mean 'linear'"):
            run_trial(binary, Trial("linaer", 100, 0), "roc_auc", 0)

    def test_a_model_for_another_task(self, regression):
        with pytest.raises(InputError, match="Naive Bayes cannot learn a regression target"):
            run_trial(regression, Trial("bayes", 100, 0), "r2", 0)

    def test_more_rows_than_a_model_takes(self, regression):
        with pytest.raises(InputError, match="Nearest neighbours takes at most 20,000 training rows, not 30,000"):
            run_trial(regression, Trial("neighbors", 30_000, 0), "r2", 0)

    def test_a_metric_for_another_task(self, binary):
        with pytest.raises(MetricError, match="'r2' is for numbers"):
            run_trial(binary, Trial("linear", 100, 0), "r2", 0)

    def test_a_sample_of_one_class(self, tmp_path):
        X = np.random.default_rng(0).normal(size=(50, 2))
        y = np.zeros(50, dtype=np.int32)
        ref = laid_out(tmp_path, X, y, X, np.arange(50, dtype=np.int32) % 2, ("no", "yes"))
        with pytest.raises(MetricError, match="All 50 rows of this sample are of class 'no'"):
            run_trial(ref, Trial("linear", 50, 0), "roc_auc", 0)

    def test_a_metric_that_is_not_defined_for_the_predictions(self, regression):
        # The target has both signs, and the gamma deviance is for positive numbers.
        with pytest.raises(MetricError, match=r"gamma deviance \(negated\) cannot be computed: the predictions"):
            run_trial(regression, Trial("linear", 100, 0), "neg_mean_gamma_deviance", 0)


class TestRemarks:
    @pytest.fixture
    def noisy(self, monkeypatch):
        """A model that warns of five things, one of them often, while it is built."""

        def build(problem):
            for _ in range(10):
                warnings.warn("The solver did not converge.\nSee the manual.", ConvergenceWarning, stacklevel=1)
            for number in range(4):
                warnings.warn(f"Thing {number} is odd.", UserWarning, stacklevel=1)
            warnings.warn("This will go away.", FutureWarning, stacklevel=1)
            return get_model("dummy").build(problem)

        entry = ModelEntry("noisy", "Noisy", 0, ("binary",), "Warns.", build)
        monkeypatch.setattr(catalog, "MODELS", (*catalog.MODELS, entry))

    def test_warnings_are_told_once_each_by_their_first_line_and_not_printed(self, noisy, binary, capsys):
        record = run_trial(binary, Trial("noisy", 100, 0), "roc_auc", 0)
        assert record.remarks == ("The solver did not converge.", "Thing 0 is odd.", "Thing 1 is odd.")
        assert capsys.readouterr() == ("", "")

    def test_a_usual_trial_has_none(self, binary):
        assert run_trial(binary, Trial("boosting", 500, 0), "roc_auc", 0).remarks == ()


class TestImportance:
    def test_it_equals_shuffling_one_column_at_a_time(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(500, 3))
        y = 2 * X[:, 0] + X[:, 1]
        estimator = get_model("linear").build(Problem("regression", tuple(map(number, "abc")), 0, 500, 0)).fit(X, y)
        scoring = Scoring("r2", "regression", 0)
        whole = HoldoutPart(X, y, predict(estimator, X, 0))
        parts = holdout_parts(whole, 10_000, np.random.default_rng(1))
        found = permutation_importances(estimator, parts, dict(enumerate("abc")), scoring, np.random.default_rng(2))
        shuffles = np.random.default_rng(2)
        drops = np.empty((len(parts), 3))
        for at, part in enumerate(parts):
            for column in range(3):
                shuffled = part.X.copy()
                shuffled[:, column] = shuffles.permutation(part.X[:, column])
                drops[at, column] = scoring.one(part.y, part.predictions)
                drops[at, column] -= scoring.one(part.y, predict(estimator, shuffled, 0))
        np.testing.assert_allclose([one.drop for one in found], drops.mean(axis=0))
        np.testing.assert_allclose([one.drop_se for one in found], drops.std(axis=0, ddof=1) / np.sqrt(len(parts)))

    @pytest.mark.parametrize(
        ("n_train_rows", "n_features", "n_rows"), [(300, 10, 106), (100_000, 10, 400), (300, 90, 40)]
    )
    def test_parts_are_disjoint_and_grow_with_the_fit(self, n_train_rows, n_features, n_rows):
        X = np.arange(10_000.0)[:, None] * np.ones(n_features)
        parts = holdout_parts(HoldoutPart(X, X[:, 0], X[:, 0]), n_train_rows, np.random.default_rng(0))
        rows = np.concatenate([part.y for part in parts])
        assert [len(part.y) for part in parts] == [n_rows] * 5
        assert len(np.unique(rows)) == len(rows)

    @pytest.mark.parametrize("n_classes", [0, 2, 4])
    def test_the_promising_features_of_a_wide_table_hold_the_true_one(self, n_classes):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(400, 350))
        X[:, 7] = np.nan
        X[:, 8] = 1.0
        signal = np.exp(3 * X[:, 333])
        X[rng.random(400) < 0.2, 333] = np.nan
        y = signal if n_classes == 0 else np.digitize(signal, np.quantile(signal, np.arange(1, n_classes) / n_classes))
        kept = promising_features(X, y, n_classes)
        assert len(kept) == 300
        assert kept == sorted(kept)
        assert 333 in kept
        assert not {7, 8} & set(kept)

    @pytest.mark.parametrize(("n_features", "n_measured"), [(1, 1), (300, 300), (500, 300), (1_000, 150), (20_000, 50)])
    def test_very_wide_tables_have_fewer_features_shuffled(self, n_features, n_measured):
        assert n_shuffled(n_features) == n_measured

    def test_a_wide_table_is_measured_in_part_and_says_so(self, tmp_path):
        X = np.random.default_rng(0).normal(size=(200, 320))
        y = (X[:, 5] > 0).astype(np.int32)
        ref = laid_out(tmp_path, X, y, X, y, ("no", "yes"))
        record = run_trial(ref, Trial("forest", 200, 0), "roc_auc", 0)
        assert len(record.importances) == 300
        assert max(record.importances, key=lambda importance: importance.drop).feature == "f5"
        assert record.remarks[0].startswith("Only the 300 of 320 features")


PEAKS = """
import json
import numpy as np
from scalewise.models.memory import PeakMemory

def seen():
    np.ones(20_000_000)
    peak = PeakMemory.start()
    np.ones(8_000_000)
    return peak.bytes(), peak.process_bytes()

print(json.dumps([seen() for _ in range(5)]))
"""


class TestPeakMemory:
    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a stretch of work")
    def test_it_sees_memory_that_was_given_back_and_forgets_earlier_peaks(self):
        # In a process of its own: threads of earlier tests' libraries may give memory back just then.
        found = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True)
        tries = json.loads(found.stdout)
        # A system short of memory may take idle pages away meanwhile, and hide a part of what was taken.
        assert any(60_000_000 < taken < 110_000_000 and held > taken + 20_000_000 for taken, held in tries), tries

    def test_it_is_zero_where_the_system_cannot_tell(self, monkeypatch, tmp_path):
        monkeypatch.setattr("scalewise.models.memory._CLEAR", tmp_path / "absent" / "clear_refs")
        assert PeakMemory.start().bytes() == PeakMemory.start().process_bytes() == 0


class TestTargetMeans:
    def test_values_get_their_mean_target_and_new_ones_the_overall_mean(self):
        X = np.repeat([1.0, 2.0, np.nan], 1_000)[:, None]
        y = np.repeat([10.0, 20.0, 60.0], 1_000) + np.tile([-1.0, 1.0], 1_500)
        encoder = TargetMeans(classes=False).fit(X, y)
        encoded = encoder.transform(np.array([[1.0], [2.0], [np.nan], [7.0]]))[:, 0]
        np.testing.assert_allclose(encoded * y.std() + y.mean(), [10.0, 20.0, 60.0, 30.0], atol=0.01 * y.std())

    def test_rare_values_are_drawn_to_the_overall_mean_and_frequent_ones_are_not(self):
        rng = np.random.default_rng(0)
        often = np.repeat(np.arange(10.0), 500)
        X = np.concatenate([often, np.arange(100.0, 105.0)])[:, None]
        y = np.concatenate([often % 2 + rng.normal(0.0, 3.0, len(often)), np.full(5, 9.0)])
        rare, frequent = TargetMeans(classes=False).fit(X, y).transform(np.array([[100.0], [1.0]]))[:, 0] * y.std()
        assert 0 < rare < 2 < 9.0 - y.mean()
        assert frequent == pytest.approx(y[X[:, 0] == 1.0].mean() - y.mean(), rel=0.1)

    @pytest.mark.parametrize(("classes", "n_columns"), [([0, 1], 2), ([0, 2], 2), ([0, 1, 2], 6)])
    def test_more_than_two_classes_get_a_column_each(self, classes, n_columns):
        X = np.random.default_rng(0).integers(0, 9, (90, 2)).astype(float)
        y = np.array(classes)[np.arange(90) % len(classes)]
        encoder = TargetMeans(classes=True)
        assert encoder.fit_transform(X, y).shape == encoder.transform(X).shape == (90, n_columns)

    def test_columns_of_values_that_occur_once_are_not_learned_backwards(self, tmp_path):
        rng = np.random.default_rng(0)
        X = rng.permutation(2_000).astype(float)[:, None]
        y = rng.integers(0, 2, 2_000).astype(np.int32)
        ref = laid_out(tmp_path, X[:1_000], y[:1_000], X[1_000:], y[1_000:], ("no", "yes"))
        ref = replace(ref, features=(Feature("ticket", "label"),))
        record = run_trial(ref, Trial("linear", 1_000, 0), "roc_auc", 0)
        assert record.score == pytest.approx(0.5, abs=0.01)
        assert record.train_score >= 0.5

    def test_labels_that_say_nothing_leave_no_trace_that_ranks_would_show(self):
        rng = np.random.default_rng(0)
        X = np.repeat(np.arange(500.0), 2)[:, None]
        y = np.tile([0, 1], 500)
        encoder = TargetMeans(classes=True)
        assert (encoder.fit_transform(X, y) == 0).all()
        y[rng.choice(1_000, 3, replace=False)] = 1
        assert (encoder.fit(X, y).transform(X) == 0).all()


def test_strings_and_dates_of_a_real_frame_go_all_the_way(tmp_path):
    table = frame("multiclass", 900)
    table["street"] = pd.Series(np.arange(900) % 150).map("street {}".format)
    samples = store(table, 500)
    kinds = {feature.name: feature.kind for feature in samples.ref.features}
    record = run_trial(samples.ref, Trial("boosting", 500, 0), "neg_log_loss", 0)
    samples.close()
    assert kinds == {"amount": "number", "colour": "category", "signal": "number", "seen": "date", "street": "label"}
    assert record.score > run_dummy_score(table)


def run_dummy_score(table):
    samples = store(table, 500)
    score = run_trial(samples.ref, Trial("dummy", 500, 0), "neg_log_loss", 0).score
    samples.close()
    return score


def number(name):
    return Feature(name, "number")


def test_warming_up_twice_is_silent(capsys):
    warm_up()
    warm_up()
    assert capsys.readouterr() == ("", "")
