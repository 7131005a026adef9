"""A study taken to another engine and back, with real worker processes on both sides."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from lean_engines import lean_engine

from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.scaleout import check_trial, difference, preview, stream_words
from scalewise.data.sources import open_source
from scalewise.engines import open_engine
from scalewise.engines.base import Report
from scalewise.errors import EngineError
from scalewise.journal import Journal
from scalewise.options import StudyOptions
from scalewise.runner import StudyRunner

PATIENCE_SECONDS = 120
SMALL = StudyOptions("y", models=("dummy", "linear"), max_fraction=0.2, repeats=2, everything=True)
LARGE = replace(SMALL, max_fraction=1.0)


@pytest.fixture
def runner():
    made = StudyRunner(open_engine("inline"), Journal())
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3_000))
    table = pa.table({"a": a, "b": b, "y": np.where(a + rng.normal(size=3_000) > 0, "yes", "no")})
    made.open("t", lambda: open_source(table))
    made.prepare(SMALL)
    made.start(SMALL)
    assert made.wait(PATIENCE_SECONDS)
    yield made
    made.close()


def until(condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_the_rest_of_a_study_is_fitted_on_the_other_engine_and_points_stay(runner):
    before = runner.state
    runner.move(lean_engine)
    until(lambda: runner.state.away == "local")
    runner.change(LARGE)
    until(lambda: runner.state.phase == "finished" and len(runner.state.records) > len(before.records))
    after = runner.state
    assert all(after.records[t] is before.records[t] for t in before.records)
    assert {after.places[t] for t in before.records} == {"inline"}
    assert {after.places[t] for t in after.records if t not in before.records} == {"local"}
    assert after.difference == ""
    runner.come_home()
    until(lambda: runner.state.away == "")
    assert runner.engine.name == "inline"


def test_a_finished_trial_is_run_again_there_first(runner):
    runner.move(lean_engine)
    until(lambda: runner.state.check is not None)
    assert runner.state.check == check_trial(runner.state)
    assert runner.state.check.model == "linear"
    until(lambda: runner.state.check is None)
    assert runner.state.difference == ""


class Skewed:
    """An engine whose scores are off, as those of other versions would be."""

    name = "skewed"
    slots = 1

    def start(self, outbox):
        self._outbox = outbox
        self._inner = open_engine("inline")
        self._inner.start(self._skew)

    def _skew(self, report):
        event = report.event
        if isinstance(event, ev.TrialFinished):
            record = replace(event.record, score=event.record.score + 0.01)
            report = Report(report.study_id, replace(event, record=record, where=self.name))
        self._outbox(report)

    def submit(self, task):
        self._inner.submit(task)

    def cancel(self):
        pass

    def close(self):
        self._inner.close()


def test_scores_that_differ_hold_the_study_until_a_person_decides(runner):
    runner.move(Skewed)
    until(lambda: runner.state.difference)
    assert "versions" in runner.state.difference
    runner.change(LARGE)
    runner.answered()
    time.sleep(0.2)
    assert "skewed" not in runner.state.places.values()
    runner.accept()
    until(lambda: runner.state.phase == "finished")
    assert "skewed" in runner.state.places.values()


class Holding(Skewed):
    """An engine that holds what it is given until it is let go."""

    name = "holding"

    def __init__(self):
        self.tasks = []

    def _skew(self, report):
        self._outbox(report)

    def submit(self, task):
        self.tasks.append(task)

    def cancel(self):
        self.tasks = []

    def let_go(self):
        tasks, self.tasks = self.tasks, []
        for task in tasks:
            self._inner.submit(task)


@pytest.fixture
def held(runner):
    """An engine that is being checked, and has not run the trial for it yet."""
    engine = Holding()
    runner.move(lambda: engine)
    until(lambda: engine.tasks)
    return engine


def test_a_check_that_was_stopped_is_made_when_the_study_goes_on(runner, held):
    for go_on in (runner.tune, runner.features, lambda: runner.start(LARGE)):
        runner.stop()
        runner.answered()
        assert held.tasks == []
        go_on()
        runner.answered()
        assert runner.last_error is None
        until(lambda: held.tasks)
        assert [task.trial for task in held.tasks] == [runner.state.check]
    held.let_go()
    until(lambda: runner.state.check is None)
    until(lambda: held.tasks)
    assert runner.state.difference == ""


def test_a_check_that_was_stopped_is_made_when_a_finished_study_is_to_measure_more(runner, held):
    assert runner.state.phase == "finished"
    runner.stop()
    runner.answered()
    assert held.tasks == []
    runner.change(LARGE)
    until(lambda: held.tasks)
    assert [task.trial for task in held.tasks] == [runner.state.check]


def test_a_check_on_its_way_is_not_made_twice(runner, held):
    runner.start(LARGE)
    runner.answered()
    assert [task.trial for task in held.tasks] == [runner.state.check]


@pytest.mark.parametrize("stopped", [False, True])
def test_an_engine_after_one_that_was_left_is_checked_too(runner, held, stopped):
    if stopped:
        runner.stop()
    else:
        held.let_go()
        until(lambda: runner.state.check is None)
    runner.come_home()
    until(lambda: runner.state.away == "")
    other = Holding()
    runner.move(lambda: other)
    until(lambda: other.tasks)
    assert [task.trial for task in other.tasks] == [runner.state.check]


def test_a_budget_keeps_nobody_busy_while_another_engine_is_checked(runner, held, monkeypatch):
    runner.start(replace(LARGE, budget_minutes=1e-4))
    runner.answered()
    n_turns, step = [], runner._conductor.step
    monkeypatch.setattr(runner._conductor, "step", lambda: (n_turns.append(1), step()))
    time.sleep(0.3)
    assert runner.state.check is not None
    assert len(n_turns) < 5


def test_a_difference_that_nobody_saw_is_not_taken(runner, held):
    runner.accept()
    runner.answered()
    assert runner.state.check is not None


class Lost(Skewed):
    """An engine that goes away by itself, as one does whose scheduler is killed."""

    name = "lost"

    def submit(self, task):
        self._outbox(Report("", ev.EngineLost(where=self.name, reason="The scheduler is gone.")))


def test_where_the_other_engine_is_lost_the_study_goes_on_here(runner):
    runner.move(Lost)
    until(lambda: any("goes on here" in note.text for note in runner.state.notes))
    runner.change(LARGE)
    until(lambda: runner.state.phase == "finished" and len(runner.state.records) > 30)
    assert set(runner.state.places.values()) == {"inline"}


class LostAndStuck(Lost):
    """One that cannot even be closed."""

    def close(self):
        super().close()
        raise OSError("no such machine")


def test_where_the_other_engine_cannot_be_closed_the_study_goes_on_here_and_says_so(runner):
    runner.move(LostAndStuck)
    until(lambda: any("goes on here" in note.text for note in runner.state.notes))
    assert any(note.text.startswith("lost could not be closed") for note in runner.state.notes)
    runner.change(LARGE)
    until(lambda: runner.state.phase == "finished" and len(runner.state.records) > 30)
    assert set(runner.state.places.values()) == {"inline"}


class LostLate(Skewed):
    """An engine whose end is only told while it is being left."""

    name = "lost late"

    def close(self):
        self._outbox(Report("", ev.EngineLost(where=self.name, reason="The scheduler is gone.")))
        super().close()


def test_the_late_word_of_an_engine_that_was_left_ends_nothing_here(runner):
    runner.move(LostLate)
    until(lambda: runner.state.difference)
    runner.come_home()
    until(lambda: runner.state.away == "")
    runner.start(LARGE)
    runner.answered()
    assert runner.last_error is None
    assert runner.wait(PATIENCE_SECONDS)
    assert runner.state.phase == "finished"


def lose(engine):
    engine._outbox(Report("", ev.EngineLost(where=engine.name, reason="The scheduler is gone.")))


def test_engines_of_the_same_name_are_told_apart_where_one_is_lost(runner, held):
    home = runner._conductor._engines.home
    held.name = home.name
    held.let_go()
    until(lambda: runner.state.check is None)
    lose(home)
    runner.change(LARGE)
    until(lambda: held.tasks)
    assert runner.engine is held


def test_the_late_word_of_an_engine_of_the_same_name_ends_nothing_here(runner, held):
    home = runner._conductor._engines.home
    held.name = home.name
    runner.come_home()
    until(lambda: runner.engine is home)
    lose(held)
    runner.start(LARGE)
    runner.answered()
    assert runner.last_error is None
    assert runner.wait(PATIENCE_SECONDS)
    assert runner.state.phase == "finished"


def test_the_late_check_of_an_engine_that_was_left_is_not_taken_for_that_of_another(runner, held):
    runner.come_home()
    other = Holding()
    runner.move(lambda: other)
    until(lambda: other.tasks)
    (task,) = other.tasks
    held._outbox(Report(task.study_id, task.failed("It is too late.")))
    runner.note("info", "Seen.")
    runner.answered()
    assert runner.state.check is not None
    assert runner.state.difference == ""


def test_where_the_first_engine_is_lost_meanwhile_the_other_one_goes_on(runner):
    runner.move(lean_engine)
    until(lambda: runner.state.away == "local" and runner.state.check is None)
    runner._inbox.put(Report("", ev.EngineLost(where="inline", reason="It was closed.")))
    runner.change(LARGE)
    until(lambda: runner.state.phase == "finished" and len(runner.state.records) > 30)
    assert runner.state.away == "local"
    assert "local" in runner.state.places.values()


def test_an_engine_that_cannot_start_is_said_and_nothing_moves(runner):
    def broken():
        raise EngineError("No scheduler answers at tcp://nowhere:1.")

    runner.move(broken)
    runner.answered()
    assert runner.state.away == ""
    assert "No scheduler answers" in runner.state.notes[-1].text
    runner.come_home()
    runner.answered()
    assert "runs here already" in runner.state.notes[-1].text
    runner.scale(3)
    runner.answered()
    assert "cannot be changed" in runner.state.notes[-1].text


def test_the_preview_says_what_is_left_and_how_long_it_takes(runner):
    runner.stop()
    runner.answered()
    state = fold(runner.state, ev.PlanChanged(plan=replace(runner.state.plan, max_fraction=1.0)))
    seen = preview(state, workers_here=1, workers_there=4)
    assert seen.n_trials == len(state.open_trials()) > 0
    assert seen.largest_n_rows == state.data.n_train_rows
    assert seen.seconds_here > 0
    assert seen.bytes_each > 8 * 3 * state.data.n_train_rows
    assert any("left" in line for line in seen.words)
    assert sum(share.n_trials for share in seen.shares) == seen.n_trials
    assert {share.label for share in seen.shares} == {model.label for model in state.plan.models}
    assert max(share.most_n_rows for share in seen.shares) == seen.largest_n_rows
    assert "blocks of at most 1,000" in stream_words(state, "sgd", 1_000)
    assert "one block" in stream_words(state, "sgd", 100_000)
    done = preview(runner.state, workers_here=1, workers_there=4)
    assert done.n_trials == 0
    assert "Nothing is left" in done.words[0]


def test_scores_are_the_same_up_to_rounding():
    from studies import record

    assert difference(record(0.7), record(0.7 + 1e-9)) == ""
    assert "0.7100" in difference(record(0.7), record(0.71))
