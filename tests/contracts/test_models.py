"""What every entry of the model catalogue must hold, for every task that it says it can learn."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from tiny_tables import FEATURES, frame, matrix, problem, store, target

from scalewise.core.spec import Feature, Trial
from scalewise.errors import InputError
from scalewise.models.catalog import MODELS, models_for
from scalewise.models.fitting import run_trial
from scalewise.models.metrics import default_metric
from scalewise.models.scoring import Scoring, predict
from scalewise.models.threads import one_thread

CASES = [pytest.param(entry, task, id=f"{entry.name}-{task}") for entry in MODELS for task in entry.tasks]
LEARNERS = [case for case in CASES if case.values[0].rung > 0]
N_CLASSES = {"binary": 2, "multiclass": 3, "regression": 0}

ODD_TABLES = {
    "only numbers": [0, 3],
    "only a category": [1],
    "only a label": [2],
    "only a date": [4],
    "two labels and two categories": [1, 2, 1, 2],
}


def fitted(entry, task, X, y, features=FEATURES):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return entry.build(problem(task, len(X), features)).fit(X, y)


def scored(estimator, task, X, y):
    predictions = predict(estimator, X, N_CLASSES[task])
    return Scoring(default_metric(task), task, N_CLASSES[task]).one(y, predictions)


@pytest.fixture(autouse=True)
def as_workers_do():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def stores():
    made = {task: store(frame(task, 2_000), 800, task=task) for task in N_CLASSES}
    yield made
    for samples in made.values():
        samples.close()


@pytest.mark.parametrize(("entry", "task"), CASES)
class TestEveryModel:
    def test_fits_fifty_rows_with_every_kind_of_feature_and_gaps_without_a_warning(self, entry, task):
        X, X_new = matrix(50), matrix(200, seed=1)
        predictions = predict(fitted(entry, task, X, target(task, X)), X_new, N_CLASSES[task])
        assert np.isfinite(predictions).all()
        if task == "regression":
            assert predictions.shape == (200,)
        else:
            assert predictions.shape == (200, N_CLASSES[task])
            np.testing.assert_allclose(predictions.sum(axis=1), 1.0)

    def test_leaves_the_rows_it_is_given_as_they_are(self, entry, task):
        X = matrix(60)
        before = X.copy()
        X.flags.writeable = False
        y = target(task, X)
        y.flags.writeable = False
        predict(fitted(entry, task, X, y), X, N_CLASSES[task])
        np.testing.assert_array_equal(X, before)

    def test_is_the_same_twice_under_one_seed(self, entry, task):
        X, X_new = matrix(80), matrix(50, seed=1)
        once, again = (predict(fitted(entry, task, X, target(task, X)), X_new, N_CLASSES[task]) for _ in range(2))
        np.testing.assert_array_equal(once, again)

    def test_can_be_cloned_and_pickled(self, entry, task):
        X, y = matrix(80), target(task, matrix(80))
        estimator = fitted(entry, task, X, y)
        expected = predict(estimator, X, N_CLASSES[task])
        copies = clone(estimator).fit(X, y), pickle.loads(pickle.dumps(estimator))
        for copy in copies:
            np.testing.assert_array_equal(predict(copy, X, N_CLASSES[task]), expected)

    @pytest.mark.parametrize("columns", ODD_TABLES.values(), ids=ODD_TABLES)
    def test_fits_tables_of_few_kinds(self, entry, task, columns):
        X = matrix(120)
        estimator = fitted(entry, task, X[:, columns], target(task, X), tuple(FEATURES[at] for at in columns))
        assert np.isfinite(predict(estimator, matrix(30, seed=1)[:, columns], N_CLASSES[task])).all()

    def test_survives_huge_constant_and_empty_columns(self, entry, task):
        X = matrix(100)
        X[:, 0] *= 1e300
        X[0, 0] = -1.7e308
        X = np.column_stack([X, np.full(100, 7.0), np.full(100, np.nan)])
        features = (*FEATURES, Feature("constant", "number"), Feature("empty", "number"))
        estimator = fitted(entry, task, X, target(task, X), features)
        assert np.isfinite(predict(estimator, X, N_CLASSES[task])).all()

    def test_takes_gaps_and_values_that_no_training_row_had(self, entry, task):
        X = matrix(100, gaps=0.0)
        X[:, 1] = np.minimum(X[:, 1], 1)
        estimator = fitted(entry, task, X, target(task, X))
        new = np.array([[np.nan] * 5, [-1e9, 3.0, 5.0, 1e9, 4e9], [0.0, 2.0, 5.0, 0.0, -1e9]])
        assert np.isfinite(predict(estimator, new, N_CLASSES[task])).all()

    def test_runs_a_trial_and_says_the_same_twice(self, entry, task, stores):
        trial = Trial(entry.name, 300, 0)
        once, again = (run_trial(stores[task].ref, trial, default_metric(task), 3) for _ in range(2))
        assert (once.score, once.block_scores, once.train_score) == (again.score, again.block_scores, again.train_score)
        assert once.importances == again.importances
        assert once.remarks == ()


@pytest.mark.parametrize(("entry", "task"), LEARNERS)
class TestEveryModelThatLooks:
    def test_beats_guessing(self, entry, task):
        X, X_new = matrix(400), matrix(1_000, seed=1)
        baseline = models_for(task)[0]
        score, guess = (
            scored(fitted(model, task, X, target(task, X)), task, X_new, target(task, X_new, seed=1))
            for model in (entry, baseline)
        )
        assert score > guess

    def test_names_the_importance_of_every_feature_and_finds_the_strongest(self, entry, task, stores):
        ref = stores[task].ref
        record = run_trial(ref, Trial(entry.name, 800, 0), default_metric(task), 0)
        assert [importance.feature for importance in record.importances] == [feature.name for feature in ref.features]
        strongest = max(record.importances, key=lambda importance: importance.drop)
        assert strongest.feature == "signal"
        assert strongest.drop > 3 * strongest.drop_se > 0


@pytest.mark.parametrize(("entry", "task"), [case for case in LEARNERS if case.values[0].settings])
def test_settings_that_tuning_draws_can_be_fitted_and_those_chosen_are_told(stores, entry, task):
    ref = stores[task].ref
    metric = default_metric(task)
    tuned = run_trial(ref, Trial(entry.name, 400, settings=3), metric, 0)
    plain = run_trial(ref, Trial(entry.name, 400), metric, 0)
    assert np.isfinite(tuned.score)
    assert tuned.search_seconds > 0 == plain.search_seconds
    assert (tuned.score == plain.score) == (not tuned.chosen)
    again = run_trial(ref, Trial(entry.name, 400, settings=3), metric, 0)
    assert (again.score, again.chosen) == (tuned.score, tuned.chosen)


def test_a_model_without_settings_refuses_to_be_tuned(stores):
    with pytest.raises(InputError, match="has no settings that could be tried"):
        run_trial(stores["binary"].ref, Trial("dummy", 400, settings=3), default_metric("binary"), 0)
