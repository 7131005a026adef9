"""Blocks of a whole table, and learning from them: exact, seeded, bounded, and never a holdout row."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import sparse
from sklearn.base import is_classifier

from scalewise.core.spec import SamplingUnit, Trial
from scalewise.data import blocks
from scalewise.data.blocks import block_rows, first_block_rows, lay_out_table, read_blocks
from scalewise.data.prepare import prepare
from scalewise.data.sources import open_source
from scalewise.data.store import SampleStore, load_holdout, load_sample
from scalewise.errors import InputError, TableError
from scalewise.models.catalog import MODELS, get_model
from scalewise.models.fitting import fit_model, run_trial
from scalewise.models.preprocessing import Problem
from scalewise.models.scoring import Scoring, predict
from scalewise.models.sight import derived_seed
from scalewise.models.streaming import run_stream, stream_order

STREAMED = [
    pytest.param(entry.name, task, id=f"{entry.name}-{task}")
    for entry in MODELS
    if entry.build_stream
    for task in entry.tasks
]
METRICS = {"binary": "roc_auc", "multiclass": "neg_log_loss", "regression": "r2"}


def frame(n_rows=6_000, task="binary", seed=0):
    """Rows whose number stands in a column, sorted by class, with gaps and a few rows without a target."""
    rng = np.random.default_rng(seed)
    signal, noise = rng.normal(size=(2, n_rows))
    y = np.sort(signal + 0.5 * noise)
    signal = signal[np.argsort(signal + 0.5 * noise)]
    colour = np.where(signal > 0, "red", "blue").astype(object)
    colour[rng.random(n_rows) < 0.1] = None
    target = y if task == "regression" else np.digitize(y, [0.0] if task == "binary" else [-0.5, 0.5])
    table = pd.DataFrame(
        {
            "number": np.arange(n_rows) + 0.5 * rng.random(n_rows),
            "signal": np.where(rng.random(n_rows) < 0.05, np.nan, signal),
            "colour": colour,
            "street": rng.choice([f"street {k}" for k in range(90)], n_rows),
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**7, n_rows), unit="s"),
        }
    )
    table["y"] = pd.Series(target).where(rng.random(n_rows) > 0.01)
    return table


class Laid:
    """A study's table as workers see it."""

    def __init__(self, table, **options):
        self.prepared = prepare(open_source(table), "y", **options)
        self.store = SampleStore(self.prepared)
        self.store.ensure({0: first_block_rows(self.prepared.data)})
        self.ref = self.store.ref
        (self.table,) = [table for table in lay_out_table(self.prepared, Path(self.ref.folder)) if table]

    def blocks(self, seed=0, n_rows=None):
        return list(read_blocks(self.table, self.ref.folder, seed, n_rows=n_rows))

    def order(self, model, passes=1):
        return stream_order(model, METRICS[self.prepared.data.task], self.prepared.data, passes)

    def stream(self, model, passes=1):
        points = []
        return run_stream(self.ref, self.table, self.order(model, passes), points.append), points


@pytest.fixture(autouse=True)
def small_first_block(monkeypatch):
    monkeypatch.setattr(blocks, "_FIRST_BLOCK_ROWS", 1_000)


@pytest.fixture
def laid():
    opened = []

    def lay(table, **options):
        opened.append(Laid(table, **options))
        return opened[-1]

    yield lay
    for member in opened:
        member.store.close()


@pytest.fixture
def folder(tmp_path):
    """Three files of several row groups."""
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    for number, start in enumerate(range(0, len(table), 2_500)):
        pq.write_table(table.slice(start, 2_500), tmp_path / f"{number}.parquet", row_group_size=700)
    return tmp_path


SOURCES = ["frame", "folder"]


@pytest.fixture(params=SOURCES)
def table(request, folder):
    return frame() if request.param == "frame" else folder


def test_blocks_and_first_block_hold_every_training_row_once_and_no_other(laid, table):
    made = laid(table)
    draw = made.prepared.draw
    first = draw.training_rows(0, first_block_rows(made.prepared.data))
    rows = np.concatenate([first, *(block.rows for block in made.blocks(n_rows=500))])
    assert len(np.unique(rows)) == len(rows) == made.prepared.data.n_train_rows
    assert not np.isin(rows, draw.holdout_rows).any()
    assert not np.isin(rows, draw.untrained_rows()).any()


@pytest.mark.parametrize("unit", [SamplingUnit("group", "street"), SamplingUnit("time", "when")], ids=["group", "time"])
def test_groups_and_stretches_of_time_that_are_held_out_are_in_no_block(laid, unit):
    made = laid(frame(), unit=unit)
    draw = made.prepared.draw
    first = draw.training_rows(0, first_block_rows(made.prepared.data))
    rows = np.sort(np.concatenate([first, *(block.rows for block in made.blocks(n_rows=500))]))
    np.testing.assert_array_equal(rows, np.sort(draw.training_rows(0, made.prepared.data.n_train_rows)))


def test_rows_of_blocks_are_encoded_as_samples_are(laid, table):
    made = laid(table)
    n_train_rows = made.prepared.data.n_train_rows
    made.store.ensure({0: n_train_rows})
    X, y = load_sample(made.ref, 0, n_train_rows)
    places = {row: place for place, row in enumerate(made.prepared.draw.training_rows(0, n_train_rows).tolist())}
    for block in made.blocks(n_rows=700):
        at = [places[row] for row in block.rows.tolist()]
        np.testing.assert_array_equal(block.X, X[at])
        np.testing.assert_array_equal(block.y, y[at])


def test_blocks_have_the_rows_asked_for_but_for_the_last(laid, folder):
    sizes = [len(block.y) for block in laid(folder).blocks(n_rows=512)]
    assert set(sizes[:-1]) == {512}
    assert 0 < sizes[-1] <= 512


def test_the_order_of_blocks_follows_from_the_seed(laid, folder):
    made = laid(folder)
    once, again, other = (np.concatenate([b.rows for b in made.blocks(seed)]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()
    np.testing.assert_array_equal(np.sort(once), np.sort(other))


def test_a_block_mixes_stretches_so_that_a_sorted_table_is_not_learned_in_order(laid, folder):
    first = laid(folder).blocks(n_rows=2_000)[0]
    assert len(np.unique(first.rows // 700)) >= 3


def test_a_table_that_is_no_longer_than_the_first_block_has_no_further_one(laid):
    made = laid(frame(900))
    assert made.blocks() == []
    assert made.table.beside == ("table.skipped.npy",)
    assert made.stream("sgd")[1][-1].n_rows == made.prepared.data.n_train_rows


def test_columns_told_by_folders_are_read(laid, tmp_path):
    for number, year in enumerate((2024, 2025)):
        (tmp_path / f"year={year}").mkdir()
        pq.write_table(
            pa.Table.from_pandas(frame(3_000, seed=number), preserve_index=False),
            tmp_path / f"year={year}" / "part.parquet",
        )
    made = laid(tmp_path)
    assert "year" in [feature.name for feature in made.prepared.data.features]
    assert sum(len(block.y) for block in made.blocks()) > 0


def test_a_table_that_has_changed_is_refused(laid, folder):
    made = laid(folder)
    pq.write_table(pa.Table.from_pandas(frame(100), preserve_index=False), folder / "9.parquet")
    paths = (*made.table.paths, str(folder / "9.parquet"))
    changed = made.table.__class__(**{**{f: getattr(made.table, f) for f in made.table.__slots__}, "paths": paths})
    with pytest.raises(TableError, match="rows, not 6,000 as when it was opened"):
        list(read_blocks(changed, made.ref.folder, 0))


def test_a_table_that_does_not_fit_onto_the_disk_is_refused(laid, monkeypatch):
    monkeypatch.setattr(blocks, "_FILL", 0.0)
    with pytest.raises(InputError, match="Save it as Parquet"):
        laid(frame())


@pytest.mark.parametrize(("n_features", "rows"), [(1, 100_000), (30, 100_000), (300, 10_000), (100_000, 1_000)])
def test_blocks_of_wide_tables_have_fewer_rows(n_features, rows):
    assert block_rows(n_features) == rows


def learned_by_hand(made, model):
    """A pipeline that has learned the first block and the others, one after the other."""
    data, seed = made.prepared.data, derived_seed(0, "stream", model)
    problem = Problem(data.task, data.features, len(data.classes), data.n_train_rows, seed)
    pipeline = get_model(model).build_stream(problem)
    columns, last = pipeline[0], pipeline[-1]
    classes = {"classes": np.arange(len(data.classes))} if is_classifier(last) else {}
    X, y = load_sample(made.ref, 0, 1_000)
    last.partial_fit(columns.fit_transform(X, y), y, **classes)
    for block in read_blocks(made.table, made.ref.folder, seed):
        last.partial_fit(columns.transform(block.X), block.y, **classes)
    return pipeline


@pytest.mark.parametrize(("model", "task"), STREAMED)
def test_one_pass_equals_a_loop_of_partial_fit_written_by_hand(laid, model, task):
    made = laid(frame(task=task))
    data, pipeline = made.prepared.data, learned_by_hand(made, model)
    holdout = load_holdout(made.ref)
    by_hand = predict(pipeline, holdout.X, len(data.classes))
    score = Scoring(METRICS[task], task, len(data.classes)).one(holdout.y, by_hand)

    result, points = made.stream(model)
    assert result.point.score == score
    np.testing.assert_array_equal(predict(pickle.loads(result.model), holdout.X, len(data.classes)), by_hand)
    assert [p.n_rows for p in points] == [1_000, data.n_train_rows]
    assert len(result.point.block_scores) == int(holdout.blocks.max()) + 1
    assert result.remarks == ()


@pytest.mark.parametrize("columns", [["signal", "colour"], ["colour", "door"]], ids=["dense", "sparse"])
def test_blocks_that_are_seen_part_by_part_teach_what_whole_ones_do(laid, monkeypatch, columns):
    monkeypatch.setattr(blocks, "_BLOCK_ROWS", 2_000)
    table = frame()
    table["door"] = [f"door {k % 50}" for k in range(len(table))]
    made = laid(table[[*columns, "y"]])
    n_train_rows = made.prepared.data.n_train_rows
    result, points = made.stream("sgd")
    assert [p.n_rows for p in points] == [1_000, 3_000, n_train_rows]
    X = load_holdout(made.ref).X
    pipelines = pickle.loads(result.model), learned_by_hand(made, "sgd")
    assert sparse.issparse(pipelines[0][0].transform(X)) == ("door" in columns)
    streamed, by_hand = (predict(pipeline, X, 2) for pipeline in pipelines)
    np.testing.assert_array_equal(streamed, by_hand)


@pytest.mark.parametrize(("model", "task"), STREAMED)
def test_a_stream_is_the_same_twice_and_beats_guessing(laid, model, task):
    made = laid(frame(task=task))
    (once, _), (again, _) = made.stream(model), made.stream(model)
    assert (once.point.score, once.point.block_scores) == (again.point.score, again.point.block_scores)
    guess = run_trial(made.ref, Trial("dummy", 1_000), METRICS[task], 0)
    assert once.point.score > guess.score + 0.05


def test_each_pass_reads_every_row_again(laid):
    made = laid(frame())
    _, points = made.stream("sgd", passes=3)
    n_train_rows = made.prepared.data.n_train_rows
    assert [p.n_rows for p in points if p.n_rows % n_train_rows == 0] == [k * n_train_rows for k in (1, 2, 3)]


def test_naive_bayes_counts_in_blocks_what_it_would_have_counted_at_once(laid, monkeypatch):
    made = laid(frame())
    result, _ = made.stream("bayes")
    last = pickle.loads(result.model)[-1]
    assert last.class_count_.sum() == made.prepared.data.n_train_rows


def test_a_model_that_cannot_learn_block_by_block_is_refused(laid):
    with pytest.raises(InputError, match="block by block"):
        laid(frame()).stream("boosting")


def test_the_model_of_a_trial_can_be_fitted_again(laid):
    made = laid(frame())
    trial = Trial("linear", 800)
    holdout = load_holdout(made.ref)
    predictions = predict(fit_model(made.ref, trial, 0), holdout.X, 2)
    assert Scoring("roc_auc", "binary", 2).one(holdout.y, predictions) == run_trial(made.ref, trial, "roc_auc", 0).score


def test_memory_does_not_grow_with_the_table(laid, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "_BLOCK_ROWS", 2_000)

    def peak_bytes(n_copies):
        path = tmp_path / str(n_copies)
        path.mkdir()
        table = pa.Table.from_pandas(frame(10_000), preserve_index=False)
        for number in range(n_copies):
            pq.write_table(table, path / f"{number}.parquet", row_group_size=1_000)
        made = laid(path)
        made.stream("sgd")
        tracemalloc.start()
        made.stream("sgd")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak - made.prepared.data.n_holdout_rows * 300

    assert peak_bytes(8) < 1.3 * peak_bytes(2)
