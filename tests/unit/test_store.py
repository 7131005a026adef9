"""Samples laid out for workers: right values, nested growth, refusals, and nothing left behind."""

from __future__ import annotations

import errno
import gc
import pickle
import shutil
from types import SimpleNamespace

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalewise.data import store as store_module
from scalewise.data.prepare import prepare
from scalewise.data.sources import open_source
from scalewise.data.store import SampleStore, load_holdout, load_sample
from scalewise.errors import InputError, StudyError

N = 2000


def table(task="binary"):
    random = np.random.default_rng(0)
    x = random.normal(size=N)
    labels = random.choice(["no", "yes"], N)
    return pa.table(
        {
            # A float of the row number: any row that is read back can be told.
            "row": np.arange(N) + 0.5,
            "city": pa.array(random.choice(["Oslo", "Bergen"], N), mask=random.uniform(size=N) < 0.1),
            "x": x,
            "y": labels if task == "binary" else 3 * x,
        }
    )


@pytest.fixture(params=["binary", "regression"])
def prepared(request):
    return prepare(open_source(table(request.param)), "y")


@pytest.fixture
def store(prepared, tmp_path):
    store = SampleStore(prepared, tmp_path)
    yield store
    store.close()


def rows_of(X):
    return (X[:, 0] - 0.5).astype(int)


def test_a_sample_holds_the_drawn_rows_in_drawing_order(store, prepared):
    store.ensure({0: 100, 3: 50})
    for repeat, n_rows in ((0, 100), (3, 50), (0, 1)):
        X, y = load_sample(store.ref, repeat, n_rows)
        assert X.shape == (n_rows, 3)
        np.testing.assert_array_equal(rows_of(X), prepared.draw.training_rows(repeat, n_rows))
        assert len(y) == n_rows


def test_features_and_target_have_the_canonical_values(store, prepared):
    store.ensure({0: 300})
    X, y = load_sample(store.ref, 0, 300)
    raw = table(prepared.data.task).take(pa.array(rows_of(X))).to_pydict()
    categories = prepared.data.features[1].categories
    np.testing.assert_array_equal(X[:, 2], raw["x"])
    assert [None if np.isnan(code) else categories[int(code)] for code in X[:, 1]] == raw["city"]
    if prepared.data.task == "binary":
        assert y.dtype == np.int32
        assert [prepared.data.classes[code] for code in y] == raw["y"]
    else:
        np.testing.assert_array_equal(y, raw["y"])


def test_the_holdout_comes_with_the_first_sample_and_its_blocks(store, prepared):
    store.ensure({0: 10})
    holdout = load_holdout(store.ref)
    np.testing.assert_array_equal(rows_of(holdout.X), prepared.draw.holdout_rows)
    np.testing.assert_array_equal(holdout.blocks, prepared.draw.holdout_blocks)
    assert len(holdout.y) == len(holdout.X) == prepared.data.n_holdout_rows


def test_samples_grow_piece_by_piece_and_stay_the_same(store):
    store.ensure({0: 40})
    small = load_sample(store.ref, 0, 40)[0].copy()
    store.ensure({0: 90})
    store.ensure({0: 700, 1: 20})
    X, y = load_sample(store.ref, 0, 700)
    np.testing.assert_array_equal(X[:40], small)
    assert len(np.unique(rows_of(X))) == 700 == len(y)
    np.testing.assert_array_equal(load_sample(store.ref, 0, 60)[0], X[:60])
    assert (store.ready(0), store.ready(1), store.ready(2)) == (700, 20, 0)


def test_what_is_there_already_is_not_read_again(store, prepared, monkeypatch):
    store.ensure({0: 100})
    monkeypatch.setattr(prepared.source, "take", lambda *_: pytest.fail("read again"))
    store.ensure({0: 100})
    store.ensure({0: 7})
    assert store.ready(0) == 100


def test_all_repeats_are_read_together(prepared, tmp_path, monkeypatch):
    reads = []
    take = prepared.source.take
    monkeypatch.setattr(prepared.source, "take", lambda rows, columns: reads.append(columns) or take(rows, columns))
    store = SampleStore(prepared, tmp_path)
    store.ensure(dict.fromkeys(range(5), 200))
    store.close()
    assert sorted(name for columns in reads for name in columns if name != "y") == ["city", "row", "x"]


def test_asking_for_more_than_there_is_gives_all(store, prepared):
    store.ensure({0: 10**9})
    assert store.ready(0) == prepared.data.n_train_rows
    assert len(load_sample(store.ref, 0, prepared.data.n_train_rows)[0]) == prepared.data.n_train_rows


def test_wide_tables_are_read_a_few_columns_at_a_time(prepared, tmp_path, monkeypatch):
    whole, narrow = SampleStore(prepared, tmp_path), SampleStore(prepared, tmp_path)
    whole.ensure({0: 500})
    monkeypatch.setattr(store_module, "_GROUP_BYTES", 1)
    narrow.ensure({0: 500})
    np.testing.assert_array_equal(load_sample(whole.ref, 0, 500)[0], load_sample(narrow.ref, 0, 500)[0])
    whole.close()
    narrow.close()


def test_samples_from_parquet_equal_those_from_memory(tmp_path):
    pq.write_table(table(), tmp_path / "t.parquet", row_group_size=300)
    stores = [SampleStore(prepare(open_source(t), "y"), tmp_path) for t in (table(), tmp_path / "t.parquet")]
    for store in stores:
        store.ensure({0: 200})
    first, second = (load_sample(store.ref, 0, 200)[0] for store in stores)
    np.testing.assert_array_equal(first, second)
    for store in stores:
        store.close()


def test_samples_are_shared_read_only(store):
    store.ensure({0: 50})
    X, y = load_sample(store.ref, 0, 50)
    for array in (X, y, load_holdout(store.ref).X):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_reference_can_be_sent_to_another_process(store, prepared):
    ref = pickle.loads(pickle.dumps(store.ref))
    assert ref == store.ref
    assert (ref.features, ref.task, ref.classes) == (
        prepared.data.features,
        prepared.data.task,
        prepared.data.classes,
    )


def test_filling_pauses_and_nothing_can_be_read_before_its_end(store):
    steps = store.fill({0: 100})
    next(steps)
    assert store.ready(0) == 0
    with pytest.raises(StudyError, match=r"sample of 100 rows \(repeat 1\) does not lie in"):
        load_sample(store.ref, 0, 100)
    assert len(list(steps)) >= 2
    assert len(load_sample(store.ref, 0, 100)[0]) == 100


def test_filling_that_is_dropped_leaves_no_trace_and_can_be_begun_again(store, tmp_path):
    steps = store.fill({0: 100})
    for _ in range(4):
        next(steps)
    assert list(tmp_path.rglob("*.part"))
    steps.close()
    assert not list(tmp_path.rglob("*.part"))
    store.ensure({0: 80})
    assert len(load_sample(store.ref, 0, 80)[0]) == 80


def test_bytes_on_disk_are_counted(store, prepared):
    store.ensure({0: 100})
    rows = 100 + prepared.data.n_holdout_rows
    assert 3 * 8 * rows < store.n_bytes < 7 * 8 * rows + 2000


def test_closing_removes_everything_and_twice_is_fine(store, tmp_path):
    store.ensure({0: 10})
    store.close()
    store.close()
    assert not list(tmp_path.iterdir())
    with pytest.raises(StudyError, match="removed already"):
        store.ensure({0: 20})
    with pytest.raises(StudyError, match="holdout does not lie in"):
        load_holdout(store.ref)


def test_a_forgotten_store_removes_itself(prepared, tmp_path):
    SampleStore(prepared, tmp_path).ensure({0: 10})
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_samples_that_do_not_fit_into_memory_are_refused(store, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10_000))
    with pytest.raises(InputError, match=r"would take \d+ kB of memory, and 10 kB are free\. .*smaller largest sample"):
        store.ensure({0: 1000})
    store.ensure({0: 100})


def test_samples_that_do_not_fit_onto_the_disk_are_refused(store, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10_000))
    with pytest.raises(InputError, match=r"would take \d+ kB of space in .*, and 10 kB are free\. .*fewer repeats"):
        store.ensure({0: 1000})


@pytest.mark.parametrize(
    ("code", "message"), [(errno.ENOSPC, "is full. Free some"), (errno.EIO, "cannot be written to .* Set TMPDIR")]
)
def test_a_disk_that_fails_meanwhile_is_told(store, monkeypatch, tmp_path, code, message):
    def fail(*_):
        raise OSError(code, "no")

    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(StudyError, match=message):
        store.ensure({0: 100})
    assert not list(tmp_path.rglob("*.part"))
    monkeypatch.undo()
    store.ensure({0: 100})
    assert store.ready(0) == 100


def test_a_place_that_cannot_be_written_is_told(prepared, tmp_path):
    with pytest.raises(StudyError, match=r"No folder for samples can be made.*TMPDIR"):
        SampleStore(prepared, tmp_path / "nowhere")
