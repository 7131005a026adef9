"""How studies end by themselves: decided, out of time, or with everything done; and how a person goes on."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from scalewise import cli
from scalewise.data.sources import open_source
from scalewise.engines import open_engine
from scalewise.engines.base import Report, StreamTask, TrialTask
from scalewise.journal import Journal
from scalewise.options import StudyOptions
from scalewise.runner import StudyRunner

PATIENCE_SECONDS = 120
EASY = StudyOptions("y", models=("dummy", "linear"), max_fraction=0.5, repeats=3, min_gain=0.02)


def table(n_rows=20_000):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, n_rows))
    return pa.table({"a": a, "b": b, "y": np.where(a + rng.normal(size=n_rows) > 0, "yes", "no")})


@pytest.fixture
def open_runner():
    opened = []

    def opener(journal=None):
        runner = StudyRunner(open_engine("inline"), Journal(journal))
        opened.append(runner)
        runner.open("easy", lambda: open_source(table(), name="easy"))
        runner.prepare(EASY)
        assert runner.wait(PATIENCE_SECONDS)
        return runner

    yield opener
    for runner in opened:
        runner.close()


def finish(runner, options=EASY):
    runner.start(options)
    assert runner.wait(PATIENCE_SECONDS)
    return runner.state


def test_a_decided_study_stops_by_itself_and_says_so(open_runner):
    state = finish(open_runner())
    assert (state.phase, state.ending) == ("finished", "decided")
    assert "decided" in state.ending_reason
    assert len(state.records) < len(state.planned())


def test_run_everything_goes_on_after_that(open_runner):
    runner = open_runner()
    finish(runner)
    runner.change(StudyOptions(**{name: getattr(EASY, name) for name in EASY.__slots__} | {"everything": True}))
    assert runner.wait(PATIENCE_SECONDS)
    assert runner.state.ending == "done"
    assert set(runner.state.records) == set(runner.state.planned())


def test_trials_from_the_journal_count_and_the_answer_stays(open_runner, tmp_path):
    first = finish(open_runner(tmp_path / "j"))
    again = finish(open_runner(tmp_path / "j"))
    assert again.ending == "decided"
    assert set(again.records) == set(first.records)
    assert again.resumed == frozenset(first.records)


def test_a_spent_budget_ends_the_study_with_what_it_has(open_runner):
    # All of it takes far longer on any machine, while an answer may be found in time on a quick one.
    slow = ("dummy", "linear", "forest")
    options = StudyOptions("y", models=slow, max_fraction=1.0, budget_minutes=0.02, everything=True)
    runner, start = open_runner(), time.monotonic()
    state = finish(runner, options)
    assert (state.phase, state.ending) == ("finished", "budget")
    assert "budget" in state.ending_reason
    assert state.records
    assert len(state.records) < len(state.planned())
    assert time.monotonic() - start < PATIENCE_SECONDS


class Holding:
    """An engine that holds what it is given."""

    name, slots = "holding", 1

    def __init__(self):
        self.tasks, self.n_cancels = [], 0

    def start(self, outbox):
        self._outbox = outbox

    def submit(self, task):
        self.tasks.append(task)

    def cancel(self):
        self.n_cancels += 1

    def close(self):
        pass

    def held(self, kind):
        end = time.monotonic() + PATIENCE_SECONDS
        while not (found := [task for task in self.tasks if isinstance(task, kind)]):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)
        return found[0]

    def report(self, task, event):
        self._outbox(Report(task.study_id, event))


def test_a_stream_goes_on_where_the_budget_of_its_study_is_spent():
    engine = Holding()
    with contextlib.closing(StudyRunner(engine, Journal())) as runner:
        runner.open("easy", lambda: open_source(table(), name="easy"))
        runner.prepare(EASY)
        runner.start(replace(EASY, budget_minutes=0.02))
        trial = engine.held(TrialTask)
        runner.stream("sgd")
        stream, before = engine.held(StreamTask), engine.n_cancels
        engine.report(trial, trial.started("w"))
        end = time.monotonic() + PATIENCE_SECONDS
        while runner.state.phase == "running" and time.monotonic() < end:
            time.sleep(0.01)
        assert runner.state.ending == "budget"
        assert engine.n_cancels == before
        assert not runner.wait(0.1)
        engine.report(stream, stream.failed("Enough."))
        assert runner.wait(5)
        assert runner.state.streams["sgd"].phase == "failed"


def test_the_shell_tells_how_the_study_ended(capsys, tmp_path):
    path = tmp_path / "easy.csv"
    import pyarrow.csv

    pyarrow.csv.write_csv(table(), path)
    quick = ["run", str(path), "--target", "y", "--engine", "inline", "--quiet", "--models", "dummy,linear"]
    margin = ["--max-fraction", "0.5", "--min-gain", "0.02"]
    assert cli.main([*quick, *margin]) == 0
    out = capsys.readouterr().out
    assert "The answer is decided" in out
    assert "planned trials were not needed" in out
    assert cli.main([*quick, "--max-fraction", "0.05", "--everything", "--json", "-"]) == 0
    content = json.loads(capsys.readouterr().out)
    none = {"trials_saved": 0, "trials_left": 0}
    assert content["ending"] == {"why": "done", "reason": "Everything planned is done.", **none}
    assert content["dropped"] == []
