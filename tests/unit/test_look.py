"""Alarms of a look at the table, and that held-out rows have no part in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scalewise.data.prepare import prepare
from scalewise.data.sources import open_source


def table(n_rows=3_000, seed=0, **columns):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_rows)
    y = (x + rng.normal(size=n_rows) > 0).astype(int)
    return pd.DataFrame({"x": x, "z": rng.normal(size=n_rows), "y": y}).assign(**columns)


def alarms(frame, target="y", **options):
    return {alarm.feature: alarm for alarm in prepare(open_source(frame), target, **options).look.alarms}


def test_a_clean_table_raises_none():
    assert alarms(table()) == {}


@pytest.mark.parametrize("scale", [1.0, -3.0])
def test_a_near_copy_of_a_number(scale):
    frame = table().drop(columns="y").rename(columns={"z": "y"})
    found = alarms(frame.assign(leak=scale * frame["y"] + 1e-6), "y")
    assert found.keys() == {"leak"}
    assert found["leak"].kind == "target_copy"
    assert "leak is nearly a copy of y (rank correlation 1.000)" in found["leak"].words


def test_a_renamed_copy_of_classes():
    frame = table()
    found = alarms(frame.assign(outcome=np.where(frame["y"] == 1, "won", "lost")))
    assert found["outcome"].kind == "target_copy"


def test_columns_that_add_up_to_the_target_are_named_together():
    rng = np.random.default_rng(4)
    casual, registered = rng.poisson(30, 3_000), rng.poisson(120, 3_000)
    frame = table(y=casual + registered, casual=casual, registered=registered)
    (found,) = prepare(open_source(frame), "y").look.alarms
    assert (found.kind, found.features) == ("target_sum", ("casual", "registered"))
    assert found.words.startswith("casual and registered add up to y:")
    assert alarms(frame.assign(y=frame["y"] + rng.normal(0, 1, 3_000))) == {}
    assert alarms(frame.drop(columns="casual")) == {}


def test_identifiers_by_name_and_by_values():
    rng = np.random.default_rng(1)
    ids = rng.choice(10**9, 3_000, replace=False)
    labels = [f"item {k}" for k in rng.integers(0, 4_000, 3_000)]
    found = alarms(table(customer_id=ids, amount_cents=ids[::-1].copy(), article=labels))
    assert {name: alarm.kind for name, alarm in found.items()} == {"customer_id": "identifier", "article": "identifier"}
    assert "distinct values in 3,000 rows" in found["article"].words


def test_columns_that_are_constant_or_nearly_so():
    nearly = np.zeros(3_000)
    nearly[7] = 1.0
    found = alarms(table(nearly=nearly, always=5))
    assert {name: alarm.kind for name, alarm in found.items()} == {"nearly": "constant", "always": "constant"}
    assert "is the same everywhere: 5" in found["always"].words


def test_correlated_features_become_groups():
    frame = table()
    assert prepare(open_source(frame.assign(copy=2 * frame["x"])), "y").look.groups == (("x", "copy"),)


def test_held_out_rows_have_no_part_in_it():
    frame = table()
    before = prepare(open_source(frame), "y")
    # A copy of the target on held-out rows alone would be one of the whole table if they were looked at.
    leak = np.random.default_rng(3).normal(size=len(frame))
    leak[before.draw.holdout_rows] = 100 * frame["y"].to_numpy()[before.draw.holdout_rows]
    changed = frame.assign(z=leak)
    after = prepare(open_source(changed), "y")
    assert after.draw.holdout_rows.tolist() == before.draw.holdout_rows.tolist()
    assert after.look == before.look
