"""What a person asks for, checked against the table."""

from __future__ import annotations

import pytest
from studies import data_spec

import scalewise
from scalewise.core.margin import usual_words
from scalewise.core.spec import SamplingUnit
from scalewise.errors import InputError
from scalewise.options import StudyOptions, metric_spec


@pytest.mark.parametrize(("metric", "gain", "words"), [("roc_auc", 1.5, "from 0 to 1"), ("accuracy", 2, "from 0 to 1")])
def test_a_gain_that_no_scores_can_show_is_refused(metric, gain, words):
    with pytest.raises(InputError, match=words):
        StudyOptions("y", metric=metric, min_gain=gain).plan(data_spec())
    assert StudyOptions("y", metric="neg_log_loss", min_gain=gain).plan(data_spec()).min_gain == gain


def test_a_pinned_model_is_one_of_those_studied():
    asked = StudyOptions("y", models=("linear", "boosting"), pinned=("boosting",))
    assert asked.plan(data_spec()).pinned == ("boosting",)
    with pytest.raises(InputError, match=r"'boosting' is pinned, but not studied\. Valid: dummy, linear\.$"):
        StudyOptions("y", models=("linear", "dummy"), pinned=("boosting",)).plan(data_spec())


def test_the_choices_of_a_study_are_public_names():
    assert scalewise.StudyOptions is StudyOptions
    assert scalewise.SamplingUnit("group", "patient") == SamplingUnit("group", "patient")
    assert {"StudyOptions", "SamplingUnit"} <= set(dir(scalewise))


@pytest.mark.parametrize(
    ("metric", "sd", "usual"),
    [
        ("r2", 4000.0, 0.005),
        ("neg_mean_absolute_percentage_error", 4000.0, 0.005),
        ("neg_root_mean_squared_error", 4000.0, 20.0),
        ("neg_mean_absolute_error", 0.0123, 0.00006),
        ("neg_mean_squared_error", 4000.0, 80000.0),
        ("neg_root_mean_squared_error", 0.0, 0.005),
    ],
)
def test_the_least_gain_is_in_units_of_the_metric_unless_it_is_given(metric, sd, usual):
    data = data_spec(task="regression", classes=(), target_sd=sd)
    assert StudyOptions("y", metric=metric).plan(data).min_gain == pytest.approx(usual)
    assert StudyOptions("y", metric=metric, min_gain=0.3).plan(data).min_gain == 0.3


@pytest.mark.parametrize(
    ("metric", "margin", "words"),
    [
        ("neg_mean_absolute_error", 20.0, "is 20, about 0.5 % of the standard deviation of y."),
        ("neg_mean_squared_error", 80_000.0, "is 80,000, about 0.5 % of the variance of y."),
        ("neg_mean_absolute_error", 30.0, ""),
        ("r2", 0.005, ""),
    ],
)
def test_where_a_margin_comes_from_that_nobody_chose_is_told(metric, margin, words):
    data = data_spec(task="regression", classes=(), target_sd=4000.0)
    told = usual_words(margin, metric_spec(metric, data), data)
    assert told.endswith(words)
    assert bool(told) == bool(words)
