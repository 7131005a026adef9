"""Screening of wide tables: what is planted is found, the holdout is never read, and what is said of the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from scalewise.data.prepare import prepare, preparing
from scalewise.data.screening import Screening
from scalewise.data.sources import open_source
from scalewise.data.sparse import SparseTable
from scalewise.errors import InputError, TableError, TargetError

N_ROWS = 1500


def columns(n_columns, n_rows=N_ROWS, seed=0):
    """Noise, shape (n_columns, n_rows)."""
    return np.random.default_rng(seed).normal(size=(n_columns, n_rows)).astype(np.float32)


def target(X, seed=1):
    """A target with a trend, a hump, and a partner that shows only together with the trend."""
    noise = np.random.default_rng(seed).normal(size=X.shape[1])
    return X[7] + 1.2 * np.abs(X[-3]) + X[7] * X[len(X) // 2] + 0.5 * noise


def table(X, y, **more):
    return pa.table({**{f"x{place}": column for place, column in enumerate(X)}, **more, "y": y})


def features(prepared):
    return [feature.name for feature in prepared.data.features]


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """5,000 columns in a Parquet file, three of which matter."""
    X = columns(5000)
    path = tmp_path_factory.mktemp("wide") / "wide.parquet"
    pq.write_table(table(X, target(X)), path, row_group_size=400)
    return path


@pytest.fixture(scope="module")
def small():
    """1,100 columns in memory, three of which matter."""
    X = columns(1100)
    return open_source(table(X, target(X)))


def test_planted_columns_are_found_among_noise(planted):
    prepared = prepare(open_source(planted), "y")
    assert len(features(prepared)) == 300
    assert {"x7", "x4997", "x2500"} <= set(features(prepared))
    names = [prepared.screening.names[place] for place in prepared.screening.ranking[:5]]
    assert set(names[:2]) == {"x7", "x4997"}
    assert "x2500" in names
    assert prepared.notes[0] == (
        "5,000 columns: screened on 1,200 training rows; the 300 that carry most are studied; "
        "the rest are left out: search the features to see why."
    )
    assert prepared.left_out == ()


def test_a_class_is_found_as_a_number_is():
    X = columns(1200)
    y = np.digitize(X[3] + X[1000] * X[3] + 0.3 * columns(1, seed=3)[0], [-0.8, 0.8])
    prepared = prepare(open_source(table(X, y)), "y", max_features=20)
    assert prepared.data.task == "multiclass"
    assert {"x3", "x1000"} <= set(features(prepared))


def test_copies_of_the_strongest_column_do_not_crowd_out_the_others():
    X = columns(1500)
    y = X[0] + 0.4 * X[1400] + 0.5 * columns(1, seed=2)[0]
    X[1:600] = X[0] + 0.05 * X[1:600]
    prepared = prepare(open_source(table(X, y)), "y", max_features=30)
    assert "x1400" in features(prepared)


@pytest.mark.parametrize("unit", ["rows", "time"])
def test_the_holdout_decides_nothing(unit):
    from scalewise.core.spec import ROWS, SamplingUnit

    X = columns(1300)
    day = np.random.default_rng(4).permutation(N_ROWS)
    y = target(X)
    options = {"unit": ROWS if unit == "rows" else SamplingUnit("time", "day"), "max_features": 40}
    before = prepare(open_source(table(X, y, day=day)), "y", **options)
    held = before.draw.holdout_rows
    poisoned, lies = X.copy(), y.copy()
    poisoned[200, held] = 1000 * y[held]
    poisoned[300, held] = np.nan
    poisoned[7, held] = np.inf
    lies[held] = 50 * X[400, held]
    after = prepare(open_source(table(poisoned, lies, day=day)), "y", **options)
    assert after.draw.holdout_rows.tolist() == held.tolist()
    assert after.data.features == before.data.features
    np.testing.assert_array_equal(after.screening.alone, before.screening.alone)
    np.testing.assert_array_equal(after.screening.beyond, before.screening.beyond)


class Watched:
    """A source that notes which rows are taken of columns other than the target."""

    def __init__(self, source):
        self._source, self.rows = source, []
        self.name = source.name

    def __getattr__(self, name):
        return getattr(self._source, name)

    def take(self, rows, names):
        if list(names) != ["y"]:
            self.rows.append(rows)
        return self._source.take(rows, names)


def test_no_row_that_is_held_out_is_read():
    X = columns(1100)
    watched = Watched(open_source(table(X, target(X))))
    prepared = prepare(watched, "y")
    assert len(watched.rows) > 4
    assert not any(np.isin(rows, prepared.draw.holdout_rows).any() for rows in watched.rows)


def said(path):
    prepared = prepare(open_source(path), "y", seed=5)
    return [features(prepared), prepared.screening.ranking.tolist(), prepared.screening.alone.astype(float).tolist()]


def test_the_same_is_found_again_and_in_another_process(tmp_path):
    planted, X = tmp_path / "wide.parquet", columns(1100)
    pq.write_table(table(X, target(X)), planted, row_group_size=400)
    here = said(planted)
    assert said(planted) == here
    code = "import json, sys; import test_screening as t; print(json.dumps(t.said(sys.argv[1])))"
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code, str(planted)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == here


def test_another_seed_looks_at_other_rows(small):
    first, other = (prepare(small, "y", seed=seed) for seed in (0, 1))
    assert first.screening.alone.tolist() != other.screening.alone.tolist()


def test_columns_of_every_type_are_screened_and_useless_ones_are_told_from_weak_ones():
    rng = np.random.default_rng(6)
    X = columns(1100)
    town = rng.choice(["Oslo", "Bergen", "Bodø"], N_ROWS)
    shop = rng.integers(0, 100, N_ROWS)
    y = X[0] + 2.0 * (town == "Bergen") + np.where(shop == 3, 4.0, 0.0) + 0.5 * rng.normal(size=N_ROWS)
    when = [date(2026, 1, 1) + timedelta(days=int(day)) for day in np.argsort(np.argsort(y + rng.normal(size=N_ROWS)))]
    more = {
        "town": town,
        "dictionary": pa.array(town).dictionary_encode(),
        "shop": [f"shop {number}" for number in np.where(rng.uniform(size=N_ROWS) < 0.1, 3, shop)],
        "when": when,
        "flag": pa.array(y > 1, mask=rng.uniform(size=N_ROWS) < 0.3),
        "price": [f"{value:.3f}" for value in y],
        "row": np.argsort(np.argsort(y)),
        "key": [f"k{row}" for row in range(N_ROWS)],
        "same": ["x"] * N_ROWS,
        "nearly": np.where(np.arange(N_ROWS) < 2, 1, 0),
        "nothing": pa.nulls(N_ROWS, pa.float64()),
        "lists": [[1]] * N_ROWS,
    }
    prepared = prepare(open_source(table(X, y, **more)), "y", max_features=15)
    kinds = {feature.name: feature.kind for feature in prepared.data.features}
    wanted = {"town": "category", "dictionary": "category", "when": "date", "flag": "number", "price": "number"}
    assert wanted.items() <= kinds.items()
    assert "x0" in kinds
    screening = prepared.screening
    why = {name: screening.why(screening.names.index(name)) for name in ("key", "same", "nearly", "nothing", "lists")}
    assert "identifier" in why["key"]
    assert why["same"] == "is the same everywhere: x"
    assert why["nearly"] == why["nothing"] == "is the same in nearly all of the 1,200 training rows looked at"
    assert "holds values of type list" in why["lists"]
    weak = screening.why(screening.names.index("x500"))
    assert weak.startswith("carries less than the columns that are studied: number ")
    assert weak.endswith("of 1,112 by itself")
    # A whole number that numbers the rows goes with the target here, and is left out all the same.
    assert "row" not in kinds
    assert [column.name for column in prepared.left_out] == ["row"]
    assert prepared.time_candidates[0].column == "when"
    assert "2 of them are the same in all but at most 4 of these rows; 3 hold nothing that models" in prepared.notes[0]


def test_why_each_of_many_among_a_million_columns_was_left_out_is_told_before_the_time_of_a_test_is_up():
    alone = np.random.default_rng(0).permutation(1_000_000).astype(np.float32)
    alone[:2] = 7.0
    same = np.zeros(len(alone), dtype=bool)
    names = [f"x{place}" for place in range(len(alone))]
    screening = Screening(names, alone, alone, np.arange(3), {}, same, 100)
    told = [screening.why(place) for place in range(200_000)]
    above = int((alone > 7.0).sum())
    assert f"number {above + 1:,} of 1,000,000" in told[0] == told[1]
    assert f"number {int((alone > alone[5]).sum()) + 1:,} of" in told[5]


def test_far_offsets_huge_numbers_and_gaps_are_borne():
    X = columns(1100).astype(np.float64)
    y = X[5] + 0.3 * X[6]
    X[5] += 1e12
    X[6, ::3] = np.nan
    X[7] = np.where(np.arange(N_ROWS) % 2, 1e300, -1e300)
    prepared = prepare(open_source(table(X, y)), "y", max_features=10)
    assert {"x5", "x6"} <= set(features(prepared))


def test_text_that_is_found_says_its_columns_in_the_search():
    X = columns(1050)
    prepared = prepare(open_source(table(X, target(X))), "y", max_features=5)
    found = prepared.screening.left_out("X10", set(features(prepared)))
    assert len(found) == 20
    assert found[0].name == "x10"
    assert "number " in found[0].reason


def test_a_golden_column_is_found_among_a_million_sparse_ones():
    rng = np.random.default_rng(7)
    n_rows, n_columns, golden = 3000, 1_000_000, 777_777
    at = rng.integers(0, n_columns, 1_500_000, dtype=np.int32)
    rows = rng.integers(0, n_rows, len(at), dtype=np.int32)
    hits = rng.choice(n_rows, 300, replace=False).astype(np.int32)
    at, rows = np.append(at[at != golden], np.full(300, golden, np.int32)), np.append(rows[at != golden], hits)
    X = sp.csr_array((np.ones(len(at), np.float32), (rows, at)), shape=(n_rows, n_columns))
    y = np.isin(np.arange(n_rows), hits) ^ (rng.uniform(size=n_rows) < 0.02)
    prepared = prepare(SparseTable(X, y), "y", max_features=50)
    assert prepared.screening.ranking[0] == golden
    assert f"x{golden}" in features(prepared)
    assert prepared.notes[0].startswith("1,000,000 columns: screened on 2,400 training rows; the 50 that carry most")


def test_a_sparse_table_is_scored_as_the_same_table_in_full():
    rng = np.random.default_rng(8)
    X = np.where(rng.uniform(size=(1200, 1100)) < 0.1, rng.integers(-3, 4, (1200, 1100)), 0)
    y = X[:, 3] + X[:, 900] + rng.normal(size=1200)
    named = {f"x{place}": X[:, place] for place in range(X.shape[1])}
    dense = prepare(open_source(pd.DataFrame({**named, "y": y})), "y", max_features=10)
    sparse = prepare(SparseTable(sp.csr_array(X), y), "y", max_features=10)
    assert set(dense.screening.ranking[:2]) == set(sparse.screening.ranking[:2]) == {3, 900}
    assert sparse.screening.same.sum() == dense.screening.same.sum() == 0
    assert np.corrcoef(dense.screening.alone, sparse.screening.alone)[0, 1] > 0.9


def test_columns_left_out_by_a_person_stay_out_and_are_said(small):
    prepared = prepare(small, "y", exclude={"x7": "is known too late"})
    assert "x7" not in features(prepared)
    assert [(column.name, column.reason) for column in prepared.left_out] == [("x7", "is known too late")]
    assert prepared.notes[0].startswith("1,099 columns")


def test_tables_up_to_a_thousand_columns_are_studied_as_a_whole():
    X = columns(1000, 60)
    prepared = prepare(open_source(table(X, X[0])), "y")
    assert len(features(prepared)) == 1000
    assert prepared.screening is None


def test_looking_at_a_wide_table_can_be_broken_off_after_a_block(small):
    steps = preparing(small, "y")
    assert next(steps) == (1100, 2200)
    steps.close()


def test_how_far_it_is_never_goes_back_and_ends_with_everything():
    X = columns(1100, 9000)
    more = {"town": np.resize(["a", "b", "c"], 9000), "lists": [[1]] * 9000}
    steps = list(preparing(open_source(table(X, target(X), **more)), "y"))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert len(steps) > 2
    assert steps[-1][0] <= steps[-1][1] == 2 * 1102


REFUSED = {
    "no feature": (lambda: table(columns(3), columns(1)[0]), {"max_features": 0}, InputError, "is 0; it must be 1 or"),
    "nothing varies": (
        lambda: table(np.ones((1100, 100)), np.arange(100)),
        {},
        TableError,
        "None of the 1,100 columns varies in the 80 training rows",
    ),
    "unknown target": (
        lambda: table(columns(1100, 50), np.arange(50)),
        {"target": "x01"},
        TargetError,
        "no column .x01.. Did you mean .x",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_screened_is_refused_in_clear_words(case):
    make, options, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        prepare(open_source(make()), **{"target": "y", **options})
