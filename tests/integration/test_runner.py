"""The runner with every engine: real processes, real tables, a real journal."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from lean_engines import lean_engine
from worker_processes import process_of

from scalewise.core.summary import summarise
from scalewise.data.sources import open_source
from scalewise.data.store import SampleStore
from scalewise.engines import open_engine
from scalewise.engines.inline import InlineEngine
from scalewise.errors import EngineError, StudyError
from scalewise.journal import Journal
from scalewise.options import StudyOptions
from scalewise.runner import StudyRunner

PATIENCE_SECONDS = 120
OPTIONS = StudyOptions("y", models=("dummy", "linear"), max_fraction=1.0, repeats=2, everything=True)


def table(n_rows=2_000, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n_rows))
    y = np.where(a + rng.normal(size=n_rows) > 0, "yes", "no")
    return pa.table({"a": a, "b": b, "y": y})


SLOW = StudyOptions("y", models=("forest",), max_fraction=1.0, repeats=1, everything=True)
"""The larger fits take seconds."""


@pytest.fixture(params=["inline", "local"])
def start_runner(request):
    runners = []

    def start(journal=None, workers=1):
        engine = lean_engine(workers) if request.param == "local" else open_engine(request.param)
        runner = StudyRunner(engine, Journal(journal))
        runners.append(runner)
        return runner

    yield start
    for runner in runners:
        runner.close()


@pytest.fixture
def start_local():
    runners = []

    def start(journal=None, engine=None):
        runner = StudyRunner(engine or lean_engine(2), Journal(journal))
        runners.append(runner)
        return runner

    yield start
    for runner in runners:
        runner.close()


def take_up(runner, content=None, options=OPTIONS):
    content = table() if content is None else content
    runner.open("tiny", lambda: open_source(content, name="tiny"))
    runner.prepare(options)
    assert runner.wait(PATIENCE_SECONDS)
    return runner


def wait_until(condition):
    """What the condition gives once it gives something."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


def finish(runner, options=OPTIONS):
    runner.start(options)
    assert runner.wait(PATIENCE_SECONDS)
    return runner.state


def test_a_study_runs_from_a_table_to_a_verdict(start_runner):
    state = finish(take_up(start_runner(workers=2)))
    assert state.phase == "finished"
    assert set(state.records) == set(state.planned())
    assert not state.failures
    best = summarise(state).model("linear").curve.last
    assert best.score > 0.7
    assert best.n_rows == state.data.n_train_rows


def test_points_come_one_by_one(start_runner):
    seen = []
    runner = take_up(start_runner(workers=2))
    runner._on_publish = lambda: seen.append(len(runner.state.records))
    finish(runner)
    steps = np.diff(sorted(set(seen)))
    assert steps.max() == 1


def test_the_same_study_on_the_same_journal_fits_nothing_twice(start_runner, tmp_path):
    first = finish(take_up(start_runner(tmp_path / "j")))
    second = finish(take_up(start_runner(tmp_path / "j")))
    assert second.records == first.records
    assert second.resumed == frozenset(first.records)
    assert any("came back from the journal" in note.text for note in second.notes)


def test_another_seed_shares_nothing(start_runner, tmp_path):
    finish(take_up(start_runner(tmp_path / "j")))
    other = StudyOptions("y", models=("dummy", "linear"), max_fraction=1.0, repeats=2, seed=1, everything=True)
    state = finish(take_up(start_runner(tmp_path / "j"), options=other), other)
    assert not state.resumed


def test_the_slider_extends_and_narrows_without_fitting_again(start_runner):
    small = StudyOptions("y", models=("dummy", "linear"), max_fraction=0.2, repeats=2, everything=True)
    runner = take_up(start_runner())
    before = finish(runner, small)
    runner.change(OPTIONS)
    assert runner.wait(PATIENCE_SECONDS)
    after = runner.state
    assert after.phase == "finished"
    assert set(before.records) < set(after.records)
    assert all(after.records[trial] is before.records[trial] for trial in before.records)
    runner.change(small)
    assert runner.wait(PATIENCE_SECONDS)
    assert runner.state.records == after.records
    assert summarise(runner.state).model("linear").curve.last.n_rows == before.data.rows_at(0.2)


def test_more_repeats_are_drawn_where_only_few_were(start_runner):
    runner = take_up(start_runner())
    finish(runner, StudyOptions("y", models=("dummy",), max_fraction=0.2, repeats=1, everything=True))
    runner.change(StudyOptions("y", models=("dummy",), max_fraction=0.2, repeats=4, everything=True))
    assert runner.wait(PATIENCE_SECONDS)
    assert {trial.repeat for trial in runner.state.records} == {0, 1, 2, 3}
    assert not runner.state.failures


def test_repeats_asked_for_while_samples_are_laid_out_have_theirs_too(start_runner, monkeypatch):
    fill, may_end = SampleStore.fill, threading.Event()

    def fill_slowly(store, wanted):
        yield from fill(store, wanted)
        while not may_end.is_set():
            yield

    monkeypatch.setattr(SampleStore, "fill", fill_slowly)
    runner = take_up(start_runner())
    runner.start(StudyOptions("y", models=("dummy",), max_fraction=0.2, repeats=1, everything=True))
    runner.answered()
    runner.change(StudyOptions("y", models=("dummy",), max_fraction=0.2, repeats=4, everything=True))
    runner.answered()
    may_end.set()
    assert runner.wait(PATIENCE_SECONDS)
    assert {trial.repeat for trial in runner.state.records} == {0, 1, 2, 3}
    assert not runner.state.failures


def test_trials_that_fail_are_told_and_do_not_stop_the_others(start_runner):
    rng = np.random.default_rng(0)
    numbers = pa.table({"a": rng.normal(size=500), "y": rng.normal(size=500)})
    options = StudyOptions(
        "y", metric="neg_mean_squared_log_error", models=("dummy", "linear"), repeats=1, everything=True
    )
    state = finish(take_up(start_runner(), numbers, options), options)
    assert state.phase == "finished"
    assert set(state.failures) == set(state.planned())
    assert "failed" in state.notes[-1].text


def test_a_target_that_cannot_be_learned_is_refused_in_words(start_runner):
    runner = start_runner()
    runner.open("t", lambda: open_source(table()))
    runner.prepare(StudyOptions("z"))
    assert runner.wait(PATIENCE_SECONDS)
    assert runner.state.phase == "refused"
    assert "'z'" in runner.state.notes[-1].text
    assert "'z'" in str(runner.last_error)


def test_a_metric_that_does_not_fit_is_said_and_nothing_starts(start_runner):
    runner = take_up(start_runner())
    runner.start(StudyOptions("y", metric="r2"))
    assert runner.wait(PATIENCE_SECONDS)
    assert runner.state.phase == "ready"
    assert "r2" in runner.state.notes[-1].text


def test_another_table_drops_what_ran(start_runner):
    runner = take_up(start_runner())
    runner.start(OPTIONS)
    take_up(runner, table(seed=1))
    assert runner.state.phase == "ready"
    assert not runner.state.records
    assert finish(runner).phase == "finished"


def test_clear_takes_the_points_off_and_the_journal_brings_them_back(start_runner, tmp_path):
    runner = take_up(start_runner(tmp_path / "j"))
    finish(runner)
    runner.clear()
    assert runner.wait(PATIENCE_SECONDS)
    assert runner.state.phase == "ready"
    assert not runner.state.records
    assert finish(runner).resumed == frozenset(runner.state.planned())


def test_commands_before_a_table_do_nothing(start_runner):
    runner = start_runner()
    for command in (runner.start, runner.change, runner.prepare):
        command(OPTIONS)
    runner.stop()
    runner.clear()
    assert runner.wait(PATIENCE_SECONDS)
    assert runner.state.phase == "empty"


def test_closing_twice_is_fine_and_leaves_no_thread(start_runner):
    runner = take_up(start_runner())
    runner.start(OPTIONS)
    runner.close()
    runner.close()
    assert not runner._thread.is_alive()


class Unstartable:
    """An engine that does not start, for a reason of its own or by a mistake in it."""

    name, slots = "unstartable", 0

    def __init__(self, error):
        self._error = error

    def start(self, outbox):
        raise self._error

    def cancel(self):
        pass

    close = cancel


@pytest.mark.parametrize(
    ("error", "words"),
    [(EngineError("There is no licence for it."), "no licence"), (RuntimeError("oops"), "could not be started")],
)
def test_a_study_on_an_engine_that_did_not_start_says_so_when_it_is_to_begin(error, words):
    runner = StudyRunner(Unstartable(error), Journal())
    take_up(runner)
    runner.start(OPTIONS)
    runner.answered()
    assert isinstance(runner.last_error, EngineError)
    assert words in str(runner.last_error)
    runner.close()
    assert not runner._thread.is_alive()


class Unstoppable(InlineEngine):
    """An engine whose `cancel` has a mistake in it."""

    def cancel(self):
        raise OSError("no such machine")


def test_an_engine_that_cannot_cancel_ends_the_study_and_neither_the_runner_nor_its_close():
    engine = Unstoppable()
    runner = StudyRunner(engine, Journal())
    runner.stop()
    runner.answered()
    assert runner.wait(PATIENCE_SECONDS)
    wait_until(lambda: runner.state.phase == "failed")
    assert "no such machine" in runner.state.failure
    runner.note("info", "the runner still listens")
    runner.answered()
    assert runner.state.notes[-1].text == "the runner still listens"
    runner.close()
    assert not runner._thread.is_alive()


def test_a_mistake_in_what_is_told_of_new_states_is_shown_and_survived():
    def mistaken():
        raise RuntimeError("no page there")

    runner = StudyRunner(open_engine("inline"), Journal(), on_publish=mistaken)
    runner.note("info", "first")
    wait_until(lambda: "no page there" in runner.state.failure)
    runner.note("info", "second")
    runner.answered()
    assert any(note.text == "second" for note in runner.state.notes)
    runner.close()
    assert not runner._thread.is_alive()


def test_whatever_is_asked_after_the_close_is_refused_at_once(start_runner):
    runner = take_up(start_runner())
    runner.close()
    with pytest.raises(StudyError, match="is closed"):
        runner.model("linear")
    with pytest.raises(StudyError, match="is closed"):
        runner.start(OPTIONS)
    runner.answered()
    assert runner.wait(1)


def test_a_full_disk_ends_the_journal_but_not_the_study(start_runner, tmp_path):
    runner = take_up(start_runner(tmp_path / "j"))
    runner._ledger._journal._db.execute("PRAGMA max_page_count = 9")
    state = finish(runner)
    assert state.phase == "finished"
    assert set(state.records) == set(state.planned())
    assert any("full" in note.text for note in state.notes)


def test_a_journal_that_cannot_be_read_is_told_and_given_up_but_not_the_study(tmp_path):
    runner = take_up(StudyRunner(open_engine("inline"), Journal(tmp_path / "j")))
    # Its events can still be written, as where the pages of an index are damaged.
    runner._ledger._journal._db.execute("ALTER TABLE events RENAME COLUMN trial TO trail")
    runner._ledger._journal.append = lambda *_, **__: None
    state = finish(runner)
    assert runner.last_error is None
    assert state.phase == "finished"
    assert any("cannot be read" in note.text and "goes on" in note.text for note in state.notes)
    runner.close()


def test_stop_ends_running_fits_and_keeps_finished_points(start_local):
    runner = take_up(start_local(), table(20_000), SLOW)
    runner.start(SLOW)
    wait_until(lambda: len(runner.state.records) >= 2)
    runner.stop()
    assert runner.wait(PATIENCE_SECONDS)
    state = runner.state
    assert state.phase == "stopped"
    assert len(state.records) >= 2
    assert not state.running
    time.sleep(0.5)
    assert runner.state is state


def test_a_stopped_study_goes_on_where_it_was(start_local):
    options = StudyOptions("y", models=("dummy", "linear"), max_fraction=1.0, repeats=3, everything=True)
    runner = take_up(start_local(), table(20_000), options)
    runner.start(options)
    wait_until(lambda: len(runner.state.records) >= 5)
    runner.stop()
    runner.wait(PATIENCE_SECONDS)
    before = runner.state.records
    after = finish(runner, options)
    assert after.phase == "finished"
    assert all(after.records[trial] is before[trial] for trial in before)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_worker_killed_in_mid_fit_is_told_replaced_and_its_trial_tried_again(start_local):
    runner = take_up(start_local(engine=open_engine("local", workers=2)), table(6_000), SLOW)
    runner.start(SLOW)
    working = wait_until(lambda: (state := runner.state).records and state.running)
    os.kill(process_of(next(iter(working.values())).worker), signal.SIGKILL)
    assert runner.wait(PATIENCE_SECONDS)
    assert runner.state.phase == "finished"
    assert set(runner.state.records) == set(runner.state.planned())
    assert any("lost" in note.text for note in runner.state.notes)
