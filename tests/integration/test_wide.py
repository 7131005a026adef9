"""Wide tables from end to end: screened bit by bit, then studied like any other."""

from __future__ import annotations

import json
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from scalewise import SparseTable, Study, cli
from scalewise.data.sources import open_source
from scalewise.engines import open_engine
from scalewise.errors import StudyError, TableError
from scalewise.journal import Journal
from scalewise.options import StudyOptions
from scalewise.runner import StudyRunner

PATIENCE_SECONDS = 120
OPTIONS = StudyOptions("y", models=("dummy", "linear"), max_fraction=1.0, repeats=1, max_features=20)


def sparse_table(n_rows=800, n_columns=30_000):
    rng = np.random.default_rng(0)
    X = sp.random_array((n_rows, n_columns), density=0.01, format="csc", rng=1)
    signal = X[:, [100]].toarray()[:, 0] > 0
    signal |= rng.uniform(size=n_rows) < 0.3
    dense = sp.csc_array(signal[:, None].astype(float))
    return SparseTable(sp.hstack([dense, X]), np.where(signal ^ (rng.uniform(size=n_rows) < 0.05), "yes", "no"))


def narrow_table():
    rng = np.random.default_rng(0)
    return pa.table({"a": rng.normal(size=200), "y": rng.normal(size=200)})


class Slow:
    """A wide table whose blocks come only when they are let through."""

    def __init__(self):
        rng = np.random.default_rng(0)
        columns = {f"x{place}": rng.normal(size=300).astype(np.float32) for place in range(2_500)}
        self._source = open_source(pa.table({**columns, "y": rng.normal(size=300)}))
        self.name, self.takes, self.most = "slow", 0, 2

    def __getattr__(self, name):
        return getattr(self._source, name)

    def schema(self):
        return self._source.schema()

    def n_rows(self):
        return self._source.n_rows()

    def n_bytes(self):
        return self._source.n_bytes()

    def fingerprint(self):
        return self._source.fingerprint()

    def scan(self, columns):
        return self._source.scan(columns)

    def take(self, rows, columns):
        self.takes += 1
        return self._source.take(rows, columns)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr("scalewise.data.column_blocks._BLOCK_BYTES", 4 * 240 * 10)


@pytest.fixture
def runner(small_blocks):
    made = StudyRunner(open_engine("inline"), Journal(None))
    yield made
    made.close()


def wait_until(condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def test_a_sparse_table_is_studied_with_the_columns_that_carry_most(tmp_path):
    journal = tmp_path / "journal.sqlite"
    with Study(sparse_table(), "y", options=OPTIONS, engine="inline", journal=journal) as study:
        study.run().wait()
        state, found, importances = study.state, study.screening(), study.importances()
        content = json.dumps(study.report())
    assert state.phase == "finished"
    assert len(state.data.features) == 20
    assert importances.sort_values("importance")["feature"].iloc[-1] == "x0"
    assert importances["importance"].max() > 0.2
    assert found["feature"][0] == "x0"
    assert found["studied"].sum() == 20
    assert len(found) == 30_001
    assert found.query("not studied")["reason"].str.len().min() > 10
    # Neither grows with the columns that are left out.
    assert len(content) < 30_000
    assert journal.stat().st_size < 200_000


def test_a_wide_table_is_resumed_without_fitting_anything_twice(tmp_path):
    states = []
    for _ in range(2):
        with Study(sparse_table(), "y", options=OPTIONS, engine="inline", journal=tmp_path / "j") as study:
            states.append(study.run().wait().state)
    assert states[1].resumed == frozenset(states[0].records)


def test_a_study_tells_how_far_the_table_is_looked_at_and_says_when_it_was_stopped(small_blocks):
    with Study(Slow(), "y", options=OPTIONS, engine="inline") as study:
        seen = []

        def stop(state):
            seen.append(state.phase)
            if state.looked_at:
                study.stop()

        with pytest.raises(StudyError, match="stopped while its table was looked at"):
            study.run(on_progress=stop)
        assert seen[-1] == "preparing"
        assert study.run().wait().state.phase == "finished"


def test_the_shell_ends_with_130_when_interrupted_while_it_looks(small_blocks, tmp_path, monkeypatch, capsys):
    columns = {f"x{place}": np.random.default_rng(place).normal(size=300) for place in range(1_100)}
    pq.write_table(pa.table({**columns, "y": columns["x3"]}), tmp_path / "wide.parquet")

    def interrupted(self, *, on_progress=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(Study, "run", interrupted)
    assert cli.main(["run", str(tmp_path / "wide.parquet"), "--target", "y", "--engine", "inline", "--quiet"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_sparse_table_can_be_streamed_and_predicted(tmp_path):
    table = sparse_table()
    with Study(table, "y", options=OPTIONS, engine="inline") as study:
        study.run().wait()
        study.stream("sgd").wait()
        assert study.state.streams["sgd"].phase == "finished"
        assert study.predict(table, "linear", tmp_path / "predictions") == 800
    found = pq.read_table(tmp_path / "predictions").to_pandas().sort_values("row")
    truth = pa.Table.from_batches(table.scan(["y"]))["y"].to_pylist()
    assert (found["prediction"] == truth).mean() > 0.9


def test_narrow_tables_have_no_screening():
    with Study(narrow_table(), "y", options=StudyOptions("y", models=("dummy",)), engine="inline") as study:
        assert study.screening().empty
        study.run().wait()
        assert list(study.screening()) == ["feature", "alone", "beyond", "studied", "reason"]
        assert study.screening().empty


def test_an_error_while_a_wide_table_is_looked_at_is_raised():
    constant = SparseTable(sp.csc_array((100, 2_000)), np.arange(100.0))
    with Study(constant, "y", engine="inline") as study:
        with pytest.raises(TableError, match="None of the 2,000 columns varies"):
            study.run()
        assert study.state.phase == "refused"


def test_progress_is_told_and_stopping_gives_the_table_back(runner):
    slow, seen = Slow(), []
    runner._on_publish = lambda: seen.append(runner.state)
    runner.open("slow", lambda: slow)
    runner.prepare(OPTIONS)
    wait_until(lambda: runner.state.looked_at > 0)
    runner.stop()
    assert runner.wait(PATIENCE_SECONDS)
    assert runner.state.phase == "opened"
    # 500 takes would be needed for all blocks of both passes.
    assert slow.takes < 400
    assert runner.state.n_columns == 2_501
    assert len(runner.state.columns) == 1_000
    assert runner.state.columns[-1] == "y"
    told = [state.looked_at for state in seen if state.phase == "preparing"]
    assert told == sorted(told)


def test_another_table_can_be_opened_meanwhile(runner):
    runner.open("slow", Slow)
    runner.prepare(OPTIONS)
    wait_until(lambda: runner.state.looked_at > 0)
    runner.open("narrow", lambda: open_source(narrow_table(), name="narrow"))
    runner.prepare(OPTIONS)
    assert runner.wait(PATIENCE_SECONDS)
    assert (runner.state.phase, runner.state.table) == ("ready", "narrow")
    assert runner.screening is None


def test_a_start_before_the_end_is_refused_in_words_and_disturbs_nothing(runner):
    runner.open("slow", Slow)
    runner.prepare(OPTIONS)
    wait_until(lambda: runner.state.looked_at > 0)
    runner.start(OPTIONS)
    runner.answered()
    assert "still being looked at" in str(runner.last_error)
    assert runner.wait(PATIENCE_SECONDS)
    assert runner.state.phase == "ready"
    assert len(runner.state.data.features) == 20


def test_the_shell_studies_as_many_columns_as_asked(tmp_path, capsys):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1_200, 500))
    table = pa.table({**{f"x{place}": X[place] for place in range(len(X))}, "y": X[9] + rng.normal(size=500)})
    pq.write_table(table, tmp_path / "wide.parquet")
    asked = ["run", str(tmp_path / "wide.parquet"), "--target", "y", "--models", "dummy,linear", "--engine", "inline"]
    assert cli.main([*asked, "--max-features", "5", "--quiet", "--json", "-"]) == 0
    content = json.loads(capsys.readouterr().out)["table"]
    assert len(content["features"]) == 5
    assert "x9" in content["features"]
    assert content["remarks"][0].startswith("1,200 columns: screened on 400 training rows; the 5 that carry most")
    assert cli.main([*asked, "--max-features", "0", "--quiet"]) == 2
    assert "it must be 1 or more" in capsys.readouterr().err
