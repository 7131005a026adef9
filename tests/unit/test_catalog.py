"""The ladder of models as a whole."""

from __future__ import annotations

import pytest

from scalewise.errors import InputError
from scalewise.models.catalog import MODELS, default_models, get_model, models_for, versions

TASKS = ("binary", "multiclass", "regression")


def test_names_and_labels_are_distinct():
    assert len({entry.name for entry in MODELS}) == len({entry.label for entry in MODELS}) == len(MODELS)


@pytest.mark.parametrize("task", TASKS)
def test_a_ladder_goes_from_a_baseline_up_one_rung_at_a_time(task):
    rungs = [entry.rung for entry in models_for(task)]
    assert rungs[0] == 0
    assert rungs == sorted(set(rungs))


@pytest.mark.parametrize("task", TASKS)
def test_a_study_has_a_baseline_and_simple_and_rich_models_by_default(task):
    assert default_models(task) == ("dummy", "linear", "forest", "boosting")


def test_an_unknown_model_is_named_with_the_nearest_known_one():
    with pytest.raises(InputError, match=r"no model 'bosting'\. Did you mean 'boosting'"):
        get_model("bosting")


def test_versions_name_what_computes_the_scores():
    assert all(word in versions() for word in ("scikit-learn 1.", "numpy 2.", "recipes"))
