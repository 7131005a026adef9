"""What a person asks for, checked against the table."""

from __future__ import annotations

import numpy as np
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


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"budget_minutes": "x"}, "budget_minutes is 'x'; give a number"),
        ({"price_per_hour": "1"}, "price_per_hour is '1'; give a number"),
        ({"min_gain": True}, "min_gain is True; give a number"),
        ({"max_fraction": [0.1]}, "max_fraction is"),
        ({"repeats": 2.5}, r"repeats is 2\.5; give a whole number"),
        ({"unit": ("group", "patient")}, r"SamplingUnit\(\"group\", \"patient\"\)"),
        ({"unit": "patient"}, "unit is 'patient'; give a sampling unit"),
        ({"exclude": ("id",)}, r"exclude is \('id',\); give a tuple, such as \(scalewise.LeftOut"),
        ({"models": "linear"}, r"models is 'linear'; give a tuple, such as \(\"linear\", \"boosting\"\)"),
        ({"pinned": 3}, "pinned is 3; give a tuple"),
    ],
)
def test_a_choice_of_another_kind_is_told_at_once(choice, words):
    with pytest.raises(InputError, match=words):
        StudyOptions("y", **choice)


def test_numbers_of_numpy_and_lists_will_do():
    asked = StudyOptions("y", models=["linear"], repeats=np.int64(2), min_gain=np.float32(0.01), budget_minutes=1)
    assert asked.plan(data_spec()).repeats == 2


def test_a_pinned_model_is_one_of_those_studied():
    asked = StudyOptions("y", models=("linear", "boosting"), pinned=("boosting",))
    assert asked.plan(data_spec()).pinned == ("boosting",)
    with pytest.raises(InputError, match=r"'boosting' is pinned, but not studied\. Valid: dummy, linear\.$"):
        StudyOptions("y", models=("linear", "dummy"), pinned=("boosting",)).plan(data_spec())


def test_the_choices_of_a_study_are_public_names():
    assert scalewise.StudyOptions is StudyOptions
    assert scalewise.SamplingUnit("group", "patient") == SamplingUnit("group", "patient")
    assert scalewise.LeftOut("id", "a number of ours").name == "id"
    assert {"StudyOptions", "SamplingUnit", "LeftOut"} <= set(dir(scalewise))


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
