"""Streams, models to keep and predictions, through the runner and real engines."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lean_engines import lean_engine
from worker_processes import process_of

from scalewise.cli import main
from scalewise.core.spec import SamplingUnit
from scalewise.core.summary import summarise
from scalewise.data.prepare import prepare
from scalewise.data.sources import open_source
from scalewise.engines import open_engine
from scalewise.errors import InputError, StudyError
from scalewise.journal import Journal
from scalewise.models.fitted import FittedModel
from scalewise.models.streaming import stream_order
from scalewise.options import StudyOptions
from scalewise.runner import StudyRunner
from scalewise.study import Study

PATIENCE_SECONDS = 120
OPTIONS = StudyOptions("y", models=("linear",), max_fraction=0.02, repeats=1, everything=True)
N_ROWS = 60_000


def frame(n_rows=N_ROWS, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n_rows))
    colour = rng.choice(["red", "green", "blue"], n_rows)
    return pd.DataFrame({"a": a, "b": b, "colour": colour, "y": a + (colour == "red") + rng.logistic(size=n_rows) > 0})


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "table"
    path.mkdir()
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    for number, start in enumerate(range(0, N_ROWS, 20_000)):
        pq.write_table(table.slice(start, 20_000), path / f"{number}.parquet", row_group_size=2_000)
    return path


@pytest.fixture(scope="module")
def long_folder(tmp_path_factory):
    """A table whose stream takes many seconds."""
    path = tmp_path_factory.mktemp("long")
    table = pa.Table.from_pandas(frame(200_000), preserve_index=False)
    first = path / "0.parquet"
    pq.write_table(table, first, row_group_size=100_000)
    for number in range(1, 20):
        os.link(first, path / f"{number}.parquet")
    return path


@pytest.fixture(params=["inline", "local"])
def engine(request):
    return request.param


@pytest.fixture
def start():
    studies = []

    def started(table, engine, journal=None, options=OPTIONS, workers=1):
        engine = lean_engine(workers) if engine == "local" else engine
        studies.append(Study(table, "y", options=options, engine=engine, journal=journal))
        return studies[-1].run()

    yield started
    for study in studies:
        study.close()


def wait_until(condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def stream(study, model="sgd", **options):
    study.stream(model, **options).wait(PATIENCE_SECONDS)
    return study.state.streams[model]


@pytest.mark.parametrize("kind", ["frame", "folder"])
def test_the_rest_of_a_table_is_streamed_into_the_same_study(start, folder, engine, kind):
    study = start(frame() if kind == "frame" else folder, engine)
    done = stream(study)
    assert (done.phase, done.where) == ("finished", engine)
    assert done.points[-1].n_rows == done.n_rows == study.state.data.n_train_rows
    assert len(done.points) >= 5
    assert done.points[-1].score == pytest.approx(study.summary.models[0].curve.last.score, abs=0.02)
    assert study.state.phase == "finished"


def test_a_stream_runs_beside_the_trials_of_its_study(start, folder, engine):
    options = StudyOptions("y", models=("linear", "sgd"), max_fraction=0.2, repeats=2, everything=True)
    study = start(folder, engine, options=options, workers=2)
    done = stream(study)
    assert done.phase == "finished"
    assert set(study.state.records) == set(study.state.planned())
    assert [curve.stream.model.name for curve in summarise(study.state).streams] == ["sgd"]


def test_a_streams_model_may_be_spelled_in_any_way(start, folder):
    study = start(folder, "inline")
    study.stream("sgd()").wait(PATIENCE_SECONDS)
    assert study.state.streams["sgd"].phase == "finished"
    assert study.model("sgd()").incremental


def test_the_end_of_the_budget_amid_trials_ends_no_stream_and_no_check(start, engine):
    options = StudyOptions("y", models=("linear", "forest"), max_fraction=0.2, everything=True, budget_minutes=0.05)
    study = start(frame(), engine, options=options, workers=2)
    study.stream("sgd").check_unit(SamplingUnit("time", "a")).wait(PATIENCE_SECONDS)
    assert (study.state.phase, study.state.ending) == ("finished", "budget")
    assert study.state.streams["sgd"].phase == "finished"
    assert study.state.open_check() is None
    assert [check.unit.column for check in study.state.unit_checks] == ["a"]


def test_two_models_stream_at_once(start, folder):
    study = start(folder, "local", workers=2)
    study.stream("sgd").stream("bayes").wait(PATIENCE_SECONDS)
    assert {name: s.phase for name, s in study.state.streams.items()} == {"sgd": "finished", "bayes": "finished"}


def test_the_model_of_a_stream_can_be_taken_out_and_predicts_tables(start, folder, engine):
    study = start(folder, engine)
    done = stream(study)
    model = study.model("sgd")
    assert (model.incremental, model.n_rows) == (True, done.n_rows)
    new = frame(500, seed=1)
    assert model.classes_.tolist() == [False, True]
    assert (model.predict(new) == new["y"]).mean() > 0.65
    by_arrow = model.predict_proba(pa.Table.from_pandas(new[["colour", "b", "a"]]))
    np.testing.assert_array_equal(model.predict_proba(new), by_arrow)


def test_the_model_of_the_largest_trial_is_fitted_again(start, folder, engine):
    study = start(folder, engine)
    study.wait(PATIENCE_SECONDS)
    model = study.model("linear")
    largest = study.summary.model("linear").curve.last
    assert (model.incremental, model.n_rows) == (False, largest.n_rows)
    prepared = prepare(open_source(folder), "y")
    holdout = frame().iloc[prepared.draw.holdout_rows]
    chances = model.predict_proba(holdout)[:, 1]
    order = np.argsort(chances)
    truth = holdout["y"].to_numpy()[order]
    auc = (np.flatnonzero(truth) + 1 - np.arange(1, truth.sum() + 1)).sum() / (truth.sum() * (~truth).sum())
    assert auc == pytest.approx(largest.score, abs=1e-6)


def test_a_model_from_a_resumed_study_is_fitted_again(start, folder, tmp_path):
    start(folder, "inline", tmp_path / "j").wait(PATIENCE_SECONDS)
    again = start(folder, "inline", tmp_path / "j")
    again.wait(PATIENCE_SECONDS)
    assert again.state.resumed
    assert again.model("linear").n_rows == again.summary.model("linear").curve.last.n_rows


@pytest.mark.parametrize("kept", [False, True])
def test_a_model_that_cannot_be_read_here_is_told_to_whoever_asked_for_it(start, folder, monkeypatch, kept):
    # Such as one that a cluster with another version of scikit-learn has pickled.
    monkeypatch.setattr("scalewise.running.whole_table.fit_pickled", lambda *_: b"no model")
    study = start(folder, "inline")
    study.wait(PATIENCE_SECONDS)
    if kept:
        study._runner._conductor._work.whole.keep("linear", b"no model", 100)
    with pytest.raises(StudyError, match=r"cannot be read here: UnpicklingError"):
        study._runner.model("linear").result(10)
    assert study.state.phase == "finished"


def test_a_missing_column_is_named(start, folder):
    study = start(folder, "inline")
    study.wait(PATIENCE_SECONDS)
    with pytest.raises(InputError, match="no column 'colour'"):
        study.model("linear").predict(frame(5).drop(columns="colour"))


@pytest.mark.parametrize("name", ["boosting", "nothing"])
def test_a_model_without_a_fit_cannot_be_taken_out(start, folder, name):
    with pytest.raises(InputError, match=name):
        start(folder, "inline").model(name)


@pytest.mark.parametrize("kind", ["frame", "folder"])
def test_a_whole_table_is_predicted_part_by_part(start, folder, engine, tmp_path, kind, monkeypatch):
    monkeypatch.setattr("scalewise.running.whole_table._PART_ROWS", 15_000)
    study = start(folder, engine)
    stream(study)
    table = folder if kind == "folder" else frame()
    assert study.predict(table, "sgd", tmp_path / "out") == N_ROWS
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(files) > 2 or kind == "frame"
    assert all(name.startswith("part-") for name in files)
    found = pa.concat_tables([pq.read_table(tmp_path / "out" / name) for name in files]).to_pandas()
    assert found.columns.tolist() == ["row", "prediction", "probability False", "probability True"]
    np.testing.assert_array_equal(found["row"], np.arange(N_ROWS))
    whole = study.model("sgd")
    np.testing.assert_array_equal(found["prediction"], whole.predict(frame()))
    np.testing.assert_allclose(found["probability True"], whole.predict_proba(frame())[:, 1], rtol=1e-12)


def test_a_part_that_cannot_be_predicted_leaves_no_file_of_any_so_that_all_can_be_asked_for_again(
    start, folder, tmp_path, monkeypatch
):
    monkeypatch.setattr("scalewise.running.whole_table._PART_ROWS", 15_000)
    study = start(folder, "inline").wait(PATIENCE_SECONDS)
    predicted, batches = FittedModel.predicted_columns, []

    def last_fails(model, batch):
        batches.append(batch.num_rows)
        if sum(batches) > 0.9 * N_ROWS:
            raise ValueError("no more")
        return predicted(model, batch)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(FittedModel, "predicted_columns", last_fails)
        with pytest.raises(StudyError, match="no more"):
            study.predict(folder, "linear", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert study.predict(folder, "linear", tmp_path / "out") == N_ROWS


def test_predictions_are_not_mixed_with_other_files(start, folder):
    with pytest.raises(InputError, match="holds Parquet files already"):
        study = start(folder, "inline")
        study.wait(PATIENCE_SECONDS)
        study.predict(folder, "linear", folder)


def test_a_model_that_cannot_stream_is_refused_in_words(start, folder):
    with pytest.raises(InputError, match=r"cannot learn a binary target block by block. Valid: sgd, bayes"):
        start(folder, "inline").stream("boosting")
    with pytest.raises(InputError, match=r"without settings of their own\. Ask for 'sgd' instead"):
        start(folder, "inline").stream("sgd(alpha=0.01)")
    with pytest.raises(InputError, match=r"A stream of 1\.5 passes was asked for; give a whole number"):
        start(folder, "inline").stream("sgd", passes=1.5)


def test_a_stream_needs_a_study():
    runner = StudyRunner(open_engine("inline"), Journal())
    runner.stream("sgd")
    assert runner.wait(PATIENCE_SECONDS)
    assert "Start one first" in str(runner.last_error)
    with pytest.raises(InputError, match="Start one first"):
        runner.model("sgd").result(PATIENCE_SECONDS)
    runner.close()


def test_streams_come_back_from_the_journal(start, folder, tmp_path):
    first = stream(start(folder, "inline", tmp_path / "j"))
    again = start(folder, "inline", tmp_path / "j")
    again.wait(PATIENCE_SECONDS)
    assert again.state.streams["sgd"].phase == "finished"
    assert again.state.streams["sgd"].points == first.points


def test_stop_ends_a_stream_soon_and_keeps_its_scores(start, long_folder, engine, tmp_path):
    study = start(long_folder, engine, tmp_path / "j")
    study.stream("sgd")
    wait_until(lambda: len(study.state.streams["sgd"].points) > 6)
    began = time.monotonic()
    study.stop()
    study.wait(PATIENCE_SECONDS)
    assert time.monotonic() - began < PATIENCE_SECONDS / 2
    stopped = study.state.streams["sgd"]
    assert stopped.phase == "stopped"
    assert len(stopped.points) > 6
    time.sleep(0.5)
    assert study.state.streams["sgd"] == stopped
    again = start(long_folder, "inline", tmp_path / "j")
    assert again.state.streams["sgd"].phase == "stopped"
    assert again.state.streams["sgd"].points[:6] == stopped.points[:6]


def test_a_stream_goes_from_the_start_after_a_stop(start, folder, engine):
    study = start(folder, engine)
    study.stream("sgd")
    study.stop()
    study.run().wait(PATIENCE_SECONDS)
    assert stream(study).phase == "finished"


def test_closing_in_mid_stream_leaves_nothing(start, long_folder, engine):
    study = start(long_folder, engine)
    study.stream("sgd")
    wait_until(lambda: study.state.streams["sgd"].points)
    study.close()


def test_those_who_wait_for_a_call_are_told_of_a_stop(start, folder):
    study = start(folder, "local")
    study.wait(PATIENCE_SECONDS)
    waiting = study._runner.call(partial(time.sleep, 600))
    study.stop()
    with pytest.raises(StudyError, match="stopped"):
        waiting.result(PATIENCE_SECONDS)


def test_another_table_drops_the_stream(start, long_folder):
    study = start(long_folder, "local")
    study.stream("sgd")
    wait_until(lambda: study.state.streams["sgd"].points)
    runner = study._runner
    runner.open("other", lambda: open_source(frame(2_000)))
    runner.prepare(OPTIONS)
    assert runner.wait(PATIENCE_SECONDS)
    assert (runner.state.phase, dict(runner.state.streams)) == ("ready", {})
    time.sleep(0.3)
    assert not runner.state.streams


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_worker_killed_in_mid_stream_is_told_and_the_stream_starts_again(start, long_folder):
    study = start(long_folder, open_engine("local"))
    study.wait(PATIENCE_SECONDS)
    study.stream("sgd")
    wait_until(lambda: len(study.state.streams["sgd"].points) > 6)
    # Others may be as busy: those that wait to take its place, warming up.
    os.kill(process_of(study.state.streams["sgd"].worker), signal.SIGKILL)
    study.wait(4 * PATIENCE_SECONDS)
    done = study.state.streams["sgd"]
    assert done.phase == "finished"
    assert done.points[-1].n_rows == done.n_rows
    assert any("starts again from its first block" in note.text for note in study.state.notes)


def test_a_table_that_vanishes_fails_the_stream_and_not_the_study(start, folder, engine):
    study = start(folder, engine)
    study.wait(PATIENCE_SECONDS)
    for path in folder.iterdir():
        path.unlink()
    failed = stream(study)
    assert failed.phase == "failed"
    assert "cannot be read" in failed.reason
    assert study.state.phase == "finished"


def test_the_order_of_a_stream_follows_from_the_study(folder):
    data = prepare(open_source(folder), "y", seed=5).data
    order = stream_order("sgd", "roc_auc", data, 2)
    assert (order.n_train_rows, order.n_first, order.passes, order.seed) == (data.n_train_rows, 20_000, 2, 5)


def test_the_command_line_streams_and_prints_the_scores(folder, capsys):
    asked = ["--target", "y", "--models", "dummy", "--max-fraction", "0.02", "--repeats", "1", "--engine", "inline"]
    assert main(["run", str(folder), *asked, "--stream", "sgd,bayes", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "Linear, stochastic, incremental, 1 x the whole table (finished):" in printed
    assert "Naive Bayes, incremental" in printed


def test_the_report_keeps_streams_apart_from_curves(start, folder):
    study = start(folder, "inline")
    done = stream(study)
    (told,) = study.report()["streams"]
    assert (told["model"], told["phase"], told["n_rows"]) == ("sgd", "finished", done.n_rows)
    assert [point["n_rows"] for point in told["points"]] == [point.n_rows for point in done.points]
    assert told["points"][-1]["low"] < done.points[-1].score < told["points"][-1]["high"]
    assert [curve["model"] for curve in study.report()["curves"]] == ["linear"]
