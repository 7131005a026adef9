"""Studies from Python, with everything real."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

from scalewise import Study
from scalewise.core.events import EngineLost, Noted
from scalewise.engines import open_engine
from scalewise.engines.base import Report
from scalewise.errors import EngineError, InputError, MetricError, StudyError, TargetError
from scalewise.options import StudyOptions

QUICK = StudyOptions("elsewhere", models=("dummy", "linear"), max_fraction=1.0, repeats=2, everything=True)


def frame(n_rows=600):
    rng = np.random.default_rng(0)
    a = rng.normal(size=n_rows)
    return pd.DataFrame({"a": a, "late": np.where(a + rng.normal(size=n_rows) > 0, "yes", "no")})


def test_a_study_gives_its_numbers_as_frames():
    with Study(frame(), "late", options=QUICK, engine="inline") as study:
        study.run().wait()
        curves, importances = study.curves(), study.importances()
    assert study.options.target == "late"
    assert set(curves["model"]) == {"dummy", "linear"}
    assert curves["n_rows"].max() == 480
    assert (curves["low"] <= curves["score"]).all()
    assert importances.query("model == 'linear'")["feature"].tolist() == ["a"]


def test_a_study_can_be_awaited():
    async def ask():
        with Study(frame(), "late", options=QUICK, engine="inline") as study:
            return (await study.run()).verdict

    assert asyncio.run(ask()).sentence


def test_a_wait_is_no_longer_than_asked_for_however_long_telling_of_it_takes(monkeypatch):
    told = []

    def tell_slowly(_state):
        told.append(True)
        time.sleep(0.3)

    with Study(frame(), "late", options=QUICK, engine="inline") as study:
        monkeypatch.setattr(study._runner, "wait", lambda _timeout: False)
        study.wait(0.5, on_progress=tell_slowly)
    assert 1 <= len(told) <= 2


def test_a_study_runs_on_the_cluster_of_a_client_and_leaves_it_as_it_was():
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        with Study(frame(), "late", options=QUICK, engine=client) as study:
            study.run().wait()
            assert study.state.phase == "finished"
            assert not study.state.failures
            assert set(study.state.places.values()) == {cluster.scheduler_address}
        assert client.submit(sum, [1, 2]).result(timeout=30) == 3


@pytest.mark.parametrize(
    ("options", "error"),
    [(StudyOptions("x", metric="r2"), MetricError), (StudyOptions("x", task="regression"), TargetError)],
)
def test_what_cannot_be_used_is_raised(options, error):
    with Study(frame(), "late", options=options, engine="inline") as study, pytest.raises(error):
        study.run()


def test_what_goes_wrong_while_a_table_is_looked_at_is_raised(monkeypatch):
    def fail(*_arguments):
        raise OverflowError("too large")

    monkeypatch.setattr(StudyOptions, "preparing", fail)
    with (
        Study(frame(), "late", options=QUICK, engine="inline") as study,
        pytest.raises(StudyError, match="OverflowError: too large"),
    ):
        study.run()


def test_an_engine_that_is_lost_while_a_table_is_looked_at_is_said(monkeypatch):
    engine = open_engine("inline")

    def look(*_arguments):
        engine._outbox(Report("", EngineLost(where="inline", reason="The scheduler is gone.")))
        while True:
            yield 0, 1

    monkeypatch.setattr(StudyOptions, "preparing", look)
    with (
        Study(frame(), "late", options=QUICK, engine=engine) as study,
        pytest.raises(EngineError, match="The scheduler is gone"),
    ):
        study.run()


@pytest.mark.parametrize("after", [Noted(level="info", text="later"), Noted(level="error", text="late complaint")])
def test_the_failure_of_a_study_is_raised_whatever_was_said_after_it(after):
    with Study(frame(), "late", options=QUICK, engine="inline") as study:
        study.run().wait()
        conductor = study._runner._conductor
        study._runner._send(lambda: conductor.fail("The disk is full."))
        study._runner._send(lambda: conductor.tell(after))
        with pytest.raises(StudyError, match="disk is full"):
            study.wait()


def test_an_engine_that_is_not_known_leaves_no_journal_behind(tmp_path):
    with pytest.raises(InputError, match="Did you mean 'local'"):
        Study(pd.DataFrame({"a": [1], "y": [0]}), "y", engine="locl", journal=tmp_path / "j.sqlite")
    assert not list(tmp_path.iterdir())
