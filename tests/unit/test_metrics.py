"""Which metrics fit which task, and scores of cached predictions against scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.naive_bayes import GaussianNB

from scalewise.errors import MetricError
from scalewise.models.metrics import check_metric, default_metric, metric_label, metric_spec, metrics_for
from scalewise.models.scoring import Scoring, predict

TASKS = ("binary", "multiclass", "regression")
N_CLASSES = {"binary": 2, "multiclass": 4, "regression": 0}
FITTING = [(task, metric) for task in TASKS for metric in metrics_for(task)]

FOR_CLUSTERS_OR_LABEL_SETS = {
    "adjusted_mutual_info_score",
    "adjusted_rand_score",
    "completeness_score",
    "f1_samples",
    "fowlkes_mallows_score",
    "homogeneity_score",
    "jaccard_samples",
    "mutual_info_score",
    "normalized_mutual_info_score",
    "precision_samples",
    "rand_score",
    "recall_samples",
    "v_measure_score",
}
QUICK = [
    ("binary", "roc_auc"),
    ("binary", "neg_log_loss"),
    ("multiclass", "neg_log_loss"),
    ("binary", "accuracy"),
    ("multiclass", "accuracy"),
    ("regression", "r2"),
    ("regression", "neg_mean_squared_error"),
    ("regression", "neg_root_mean_squared_error"),
    ("regression", "neg_mean_absolute_error"),
]


def some_rows(task, n_rows=120, seed=0):
    """Rows, positive targets and a fitted model whose predictions are not perfect."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3))
    if task == "regression":
        y = np.exp(0.3 * X[:, 0]) + 5 + rng.uniform(0, 1, n_rows)
        return X, y, LinearRegression().fit(X, y)
    y = (np.arange(n_rows) + (X[:, 0] > 0)) % N_CLASSES[task]
    return X, y, GaussianNB().fit(X, y)


def some_predictions(task, n_rows, seed):
    rng = np.random.default_rng(seed)
    if task == "regression":
        return rng.normal(size=n_rows), np.round(rng.normal(size=n_rows), 1)
    # Rounding makes ties, and a point mass makes probabilities of exactly 0 and 1.
    chances = np.round(rng.dirichlet(np.ones(N_CLASSES[task]), n_rows), 1)
    chances /= chances.sum(axis=1, keepdims=True)
    chances[0] = np.eye(N_CLASSES[task])[0]
    return rng.integers(0, N_CLASSES[task], n_rows), chances


class TestWhichMetricFits:
    def test_every_scorer_of_scikit_learn_is_either_offered_or_not_meant_for_one_target(self):
        offered = {metric for task in TASKS for metric in metrics_for(task)}
        assert offered == set(get_scorer_names()) - FOR_CLUSTERS_OR_LABEL_SETS

    @pytest.mark.parametrize("task", TASKS)
    def test_the_default_is_offered_first_and_once(self, task):
        names = metrics_for(task)
        assert names[0] == default_metric(task)
        assert len(set(names)) == len(names)

    @pytest.mark.parametrize(("task", "metric"), FITTING)
    def test_a_metric_that_is_offered_passes_and_scores(self, task, metric):
        check_metric(metric, task, N_CLASSES[task])
        X, y, model = some_rows(task)
        assert np.isfinite(Scoring(metric, task, N_CLASSES[task]).one(y, predict(model, X, N_CLASSES[task])))

    def test_a_misspelt_metric_is_named_with_the_nearest_one(self):
        with pytest.raises(MetricError, match=r"no metric 'roc_auk'\. Did you mean 'roc_auc'"):
            check_metric("roc_auk", "binary", 2)

    @pytest.mark.parametrize(
        ("metric", "task", "n_classes", "words"),
        [
            ("r2", "binary", 2, "'r2' is for numbers, but this target has 2 classes"),
            ("roc_auc", "multiclass", 5, "'roc_auc' is for two classes, but this target has 5 classes"),
            ("accuracy", "regression", 0, "is for two classes or three or more classes, but this target has numbers"),
            ("adjusted_rand_score", "binary", 2, "no metric 'adjusted_rand_score'"),
        ],
    )
    def test_a_metric_for_another_task_is_refused_with_those_that_fit(self, metric, task, n_classes, words):
        with pytest.raises(MetricError, match=words):
            check_metric(metric, task, n_classes)

    @pytest.mark.parametrize(("task", "metric"), FITTING)
    def test_no_score_is_above_the_best_one(self, task, metric):
        best = metric_spec(metric).best
        if task == "regression":
            y = np.arange(1.0, 31.0)
            score = Scoring(metric, task, 0).one(y, y)
        else:
            y = np.arange(30) % N_CLASSES[task]
            score = Scoring(metric, task, N_CLASSES[task]).one(y, np.eye(N_CLASSES[task])[y])
        if best is None:
            assert metric == "positive_likelihood_ratio"
        else:
            assert score == pytest.approx(best, abs=1e-9)

    @pytest.mark.parametrize(("task", "metric"), FITTING)
    def test_no_score_is_below_the_worst_one(self, task, metric):
        worst = metric_spec(metric).worst
        if task == "regression":
            y = np.arange(1.0, 31.0)
            score = Scoring(metric, task, 0).one(y, y[::-1].copy())
            assert worst is None
        else:
            y = np.arange(30) % N_CLASSES[task]
            score = Scoring(metric, task, N_CLASSES[task]).one(y, np.eye(N_CLASSES[task])[y - 1])
            assert worst is None or np.isnan(score) or score >= worst - 1e-9

    @pytest.mark.parametrize("metric", metrics_for("regression"))
    def test_errors_are_in_units_of_the_target_to_the_power_that_is_said(self, metric):
        y = 100 * np.arange(1.0, 31.0)
        off = y * np.linspace(0.8, 1.3, 30)
        once, tenfold = (Scoring(metric, "regression", 0).one(unit * y, unit * off) for unit in (1, 10))
        assert tenfold == pytest.approx(once * 10 ** metric_spec(metric).target_power, rel=0.05)

    def test_labels_are_for_people_and_unknown_names_stay(self):
        assert metric_label("roc_auc") == "ROC AUC"
        assert metric_label("mine") == "mine"
        assert metric_spec("mine").best is None


class TestScoresOfCachedPredictions:
    @pytest.mark.parametrize(("task", "metric"), FITTING)
    def test_they_equal_those_of_the_scorer_on_the_estimator(self, task, metric):
        X, y, model = some_rows(task)
        scoring = Scoring(metric, task, N_CLASSES[task])
        predictions = predict(model, X, N_CLASSES[task])
        expected = get_scorer(metric)(model, X, y)
        assert scoring.one(y, predictions) == pytest.approx(expected, rel=1e-9)
        assert scoring.slow(y, predictions) == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize(("task", "metric"), QUICK)
    @settings(max_examples=30, deadline=None)
    @given(n_rows=st.integers(20, 60), seed=st.integers(0, 10_000))
    def test_quick_scores_equal_slow_ones_with_ties_and_certainties(self, task, metric, n_rows, seed):
        y, predictions = some_predictions(task, n_rows, seed)
        y[: N_CLASSES[task]] = range(N_CLASSES[task])
        scoring = Scoring(metric, task, N_CLASSES[task])
        assert scoring.one(y, predictions) == pytest.approx(scoring.slow(y, predictions), rel=1e-9, abs=1e-12)

    @pytest.mark.parametrize(("task", "metric"), [*QUICK, ("multiclass", "f1_macro")])
    def test_many_versions_score_as_each_alone(self, task, metric):
        y, _ = some_predictions(task, 50, 0)
        versions = np.stack([some_predictions(task, 50, seed)[1] for seed in range(4)])
        scoring = Scoring(metric, task, N_CLASSES[task])
        np.testing.assert_allclose(scoring.many(y, versions), [scoring.one(y, version) for version in versions])

    @pytest.mark.parametrize("metric", ["roc_auc", "roc_auc_ovr", "d2_log_loss_score"])
    def test_rows_that_cannot_be_scored_alone_give_nan(self, metric):
        n_classes = 2 if metric == "roc_auc" else 4
        task = "binary" if n_classes == 2 else "multiclass"
        scoring = Scoring(metric, task, n_classes)
        assert np.isnan(scoring.one(np.zeros(5, dtype=int), np.full((5, n_classes), 1 / n_classes)))

    def test_the_log_loss_of_rows_without_some_class_counts_the_classes_that_are_there(self):
        scoring = Scoring("neg_log_loss", "multiclass", 4)
        assert scoring.one(np.array([0, 1, 1]), np.full((3, 4), 0.25)) == pytest.approx(np.log(0.25))

    def test_classes_that_the_estimator_never_saw_get_no_probability(self):
        X = np.arange(20.0)[:, None]
        model = LogisticRegression().fit(X, np.where(X[:, 0] < 10, 0, 3))
        chances = predict(model, X, 4)
        assert chances.shape == (20, 4)
        assert (chances[:, [1, 2]] == 0).all()
        np.testing.assert_allclose(chances.sum(axis=1), 1.0)


CLASS_METRICS = ["roc_auc", "neg_log_loss", "accuracy"]
ERROR_METRICS = ["r2", "neg_mean_squared_error", "neg_root_mean_squared_error", "neg_mean_absolute_error"]


def in_blocks(metric, n_rows=4_000, n_blocks=20):
    """Rows whose every block is another stretch of time: what is asked, and how well it is answered, drift."""
    rng = np.random.default_rng(0)
    blocks = np.arange(n_rows) * n_blocks // n_rows
    drift = 0.3 * rng.normal(size=n_blocks)[blocks]
    if metric in ERROR_METRICS:
        y = rng.normal(size=n_rows) + drift
        return y, y + (0.3 + 0.3 * np.abs(drift)) * rng.normal(size=n_rows), blocks
    chances = np.round(1 / (1 + np.exp(-rng.normal(size=n_rows) - drift)), 2)
    y = (rng.random(n_rows) < chances).astype(np.int32)
    return y, np.column_stack([1 - chances, chances]), blocks


def scoring_of(metric):
    return Scoring(metric, "regression", 0) if metric in ERROR_METRICS else Scoring(metric, "binary", 2)


@pytest.mark.parametrize("metric", CLASS_METRICS + ERROR_METRICS)
def test_the_mean_of_the_blocks_is_the_score_and_their_spread_that_of_leaving_each_out(metric):
    y, predictions, blocks = in_blocks(metric)
    scoring = scoring_of(metric)
    score, on_blocks = scoring.with_blocks(y, predictions, blocks)
    assert score == pytest.approx(scoring.one(y, predictions), rel=1e-12)
    assert np.mean(on_blocks) == pytest.approx(score, rel=1e-12)
    without = [scoring.one(y[blocks != block], predictions[blocks != block]) for block in range(20)]
    jackknife = 19 / 20 * np.square(without - np.mean(without)).sum()
    assert np.var(on_blocks, ddof=1) / 20 == pytest.approx(jackknife, rel=0.1)


def test_a_quiet_stretch_does_not_make_the_score_of_all_rows_unsure():
    y, predictions, blocks = in_blocks("r2")
    y[blocks == 19], predictions[blocks == 19] = 0.01 * y[blocks == 19], 0.1 * predictions[blocks == 19]
    _, on_blocks = scoring_of("r2").with_blocks(y, predictions, blocks)
    assert np.std(on_blocks) < 0.2


@pytest.mark.parametrize("metric", CLASS_METRICS + ERROR_METRICS)
def test_blocks_of_other_sizes_and_of_one_class_alone_count_as_the_rows_they_are(metric):
    y, predictions, blocks = in_blocks(metric, 900, 9)
    blocks = np.minimum(blocks, 6)
    y[blocks == 2] = 1
    score, on_blocks = scoring_of(metric).with_blocks(y, predictions, blocks)
    assert np.isfinite(on_blocks).all()
    assert np.mean(on_blocks) == pytest.approx(score, rel=1e-12)


def test_a_block_is_scored_alone_where_it_is_not_known_how_a_metric_moves_with_its_rows():
    y, predictions, blocks = in_blocks("accuracy")
    scoring = Scoring("f1", "binary", 2)
    alone = [scoring.one(y[blocks == block], predictions[blocks == block]) for block in range(20)]
    assert scoring.with_blocks(y, predictions, blocks) == (scoring.one(y, predictions), tuple(alone))


@pytest.mark.parametrize("metric", CLASS_METRICS + ERROR_METRICS)
def test_nothing_is_unsure_where_all_predictions_are_right(metric):
    y, _, blocks = in_blocks(metric)
    predictions = np.eye(2)[y] if metric in CLASS_METRICS else y
    assert np.std(scoring_of(metric).with_blocks(y, predictions, blocks)[1]) < 1e-9


def test_predictions_that_are_no_numbers_give_no_score():
    predictions = np.column_stack([np.full(6, np.nan), [0.1, np.nan, 0.3, 0.4, 0.5, 0.6]])
    whole, _ = Scoring("roc_auc", "binary", 2).with_blocks(np.arange(6) % 2, predictions, np.zeros(6, dtype=int))
    assert np.isnan(whole)
