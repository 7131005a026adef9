"""What a person asks for, checked against the table."""

from __future__ import annotations

import pytest
from studies import data_spec

from scalewise.errors import InputError
from scalewise.options import StudyOptions


def test_a_pinned_model_is_one_of_those_studied():
    asked = StudyOptions("y", models=("linear", "boosting"), pinned=("boosting",))
    assert asked.plan(data_spec()).pinned == ("boosting",)
    with pytest.raises(InputError, match=r"'boosting' is pinned, but not studied\. Valid: dummy, linear\.$"):
        StudyOptions("y", models=("linear", "dummy"), pinned=("boosting",)).plan(data_spec())
