"""Models with a person's own settings: their names, what they change, and every way in which they cannot be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalewise.core.model_names import base_of, named_with, parted, spelled, split_names
from scalewise.core.spec import Feature
from scalewise.errors import InputError
from scalewise.models.catalog import MODELS, get_model
from scalewise.models.preprocessing import Problem
from scalewise.options import model_specs

NAMES = st.text("abcdefghij_", min_size=1, max_size=8)
VALUES = st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.6g}")))
PROBLEM = Problem("binary", (Feature("x", "number"),), 2, 1000, 0)


@given(NAMES, st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_name_holds_its_settings(base, settings):
    name = named_with(base, settings)
    assert parted(name) == (base, settings)
    assert base_of(name) == base
    assert named_with(*parted(name)) == name
    assert spelled(name.replace("=", " = ")) == name


@given(st.lists(st.tuples(NAMES, st.dictionaries(NAMES, VALUES, max_size=3)), max_size=4))
def test_commas_between_settings_part_no_names(models):
    names = tuple(named_with(*model) for model in models)
    assert split_names(" , ".join(names)) == names


def test_the_recipe_stays_but_for_the_settings():
    own, recipe = get_model("boosting(max_iter=7, learning_rate=0.5)"), get_model("boosting")
    assert (
        own is get_model("boosting(learning_rate=0.5,  max_iter=7.0)")
        or own.name == "boosting(learning_rate=0.5, max_iter=7)"
    )
    made, plain = own.build(PROBLEM)[-1].get_params(), recipe.build(PROBLEM)[-1].get_params()
    assert {name for name in made if made[name] is not plain[name] and made[name] != plain[name]} == {
        "max_iter",
        "learning_rate",
    }
    assert (made["max_iter"], made["learning_rate"]) == (7, 0.5)
    assert isinstance(made["max_iter"], int)
    assert own.spec.kind == "boosting"
    assert not (own.spec.tunable or own.spec.incremental)


def test_a_whole_number_stays_what_the_recipe_has():
    assert isinstance(get_model("linear(C=2)").build(PROBLEM)[-1].C, float)
    assert isinstance(get_model("boosting(max_depth=3)").build(PROBLEM)[-1].max_depth, int)


def test_one_is_all_of_what_can_be_a_share_for_every_task():
    for task, n_classes in (("binary", 2), ("regression", 0)):
        problem = Problem(task, PROBLEM.features, n_classes, 1000, 0)
        for text, features in (("1", 1.0), ("0.5", 0.5), ("2", 2)):
            made = get_model(f"forest(max_features={text})").build(problem)[-1].max_features
            assert (type(made), made) == (type(features), features)


def test_a_small_sample_has_no_more_neighbours_than_rows():
    from dataclasses import replace

    regression = replace(PROBLEM, task="regression", n_classes=0)
    entry = get_model("neighbors(n_neighbors=200)")
    assert [entry.build(replace(regression, n_rows=n))[-1].n_neighbors for n in (100, 1000)] == [100, 200]
    forest = get_model("forest(max_samples=200)")
    assert [forest.build(replace(PROBLEM, n_rows=n))[-1].max_samples for n in (100, 1000)] == [100, 200]


def test_a_switch_is_turned_by_0_and_1():
    assert get_model("linear(fit_intercept=0)").build(PROBLEM)[-1].fit_intercept is False
    assert model_specs(("linear(fit_intercept=0)", "boosting(early_stopping=1)"), "binary")


def test_what_a_few_made_up_rows_warn_of_is_kept_back():
    assert model_specs(("linear(max_iter=1)",), "binary")[0].kind == "linear"


def test_finding_out_takes_no_longer_where_a_fit_would():
    assert model_specs(("boosting(max_iter=1e9)",), "binary")[0].kind == "boosting"


def test_few_settings_are_told_in_the_label():
    assert get_model("linear(C=0.1)").label == "Linear (C=0.1)"
    assert get_model("boosting(learning_rate=0.05, max_iter=120)").label == "Gradient boosting (2 settings)"


@pytest.mark.parametrize(
    ("name", "task", "says"),
    [
        ("linear(C=much)", "binary", "cannot be read. Write numbers"),
        ("linear(CC=1)", "binary", "no setting 'CC'. Did you mean 'C'"),
        ("linear(C=-1)", "binary", "These settings are not possible: The 'C' parameter"),
        ("linear(C=1)", "regression", "no setting 'C'"),
        ("liner(C=1)", "binary", "no model 'liner'. Did you mean 'linear'"),
        ("dummy(C=1)", "binary", "Baseline has no settings"),
        ("neighbors(p=1)", "binary", "cannot learn binary"),
        ("boosting(max_iter=1e400)", "binary", "not possible"),
        ("boosting(max_iter=0)", "binary", "not possible"),
        ("linear(c=1)", "binary", "no setting 'c'. Did you mean 'C'"),
        ("Linear(C=1)", "binary", "no model 'Linear'. Did you mean 'linear'"),
        ("linear(C=1", "binary", "cannot be read"),
        ("linear(C=1)2", "binary", "cannot be read"),
        ("linear(C=1, C=2)", "binary", "given twice"),
        ("forest(random_state=1)", "binary", "random_state is no setting of a model here"),
        ("sgd(regressor__verbose=1)", "regression", "the study takes care of it"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_fitted(name, task, says):
    with pytest.raises(InputError, match=re.escape(says)):
        model_specs((name,), task)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_whatever_tuning_draws_can_be_asked_for(task):
    from scalewise.models.tuning import drawn_settings

    n_classes = {"binary": 2, "multiclass": 3, "regression": 0}[task]
    problem = Problem(task, (Feature("x", "number"),), n_classes, 60, 0)
    for entry in MODELS:
        if task in entry.tasks and entry.settings is not None:
            names = [named_with(entry.name, drawn) for drawn in drawn_settings(entry, problem, 3, 1)]
            assert len(model_specs(tuple(names), task)) == len(set(names))


def test_models_of_one_study_are_told_apart_by_their_labels():
    names = ("boosting(learning_rate=0.03, max_iter=100)", "boosting(learning_rate=0.3, max_iter=100)", "boosting")
    labels = {spec.name: spec.label for spec in model_specs(names, "binary")}
    assert labels == {
        names[0]: "Gradient boosting (learning_rate=0.03, ...)",
        names[1]: "Gradient boosting (learning_rate=0.3, ...)",
        "boosting": "Gradient boosting",
    }
    mixed = ("forest(max_depth=3, max_features=0.5)", "forest(max_depth=3, max_leaf_nodes=40)")
    assert {spec.label for spec in model_specs(mixed, "binary")} == {
        "Random forest (max_depth=3, max_features=0.5)",
        "Random forest (max_depth=3, max_leaf_nodes=40)",
    }
