"""What the local engine promises beyond the others: workers that die, are killed, or cannot be started."""

from __future__ import annotations

import gc
import os
import signal
import sys
import types
from functools import partial

import engine_tasks
import psutil
import pytest
from engine_bench import Bench, kinds, wait_for_file, wait_until

from scalewise.core.events import Noted, TrialFailed, WorkerLost
from scalewise.core.machine import Machine
from scalewise.engines import resources
from scalewise.engines.local import LocalEngine
from scalewise.engines.process import WorkerProcess
from scalewise.errors import EngineError


@pytest.fixture
def open_bench():
    """Start a local engine that is closed after the test."""
    engines = []

    def opened(workers=1, *, warm_up="no_warm_up", spares=0):
        engines.append(LocalEngine(workers, warm_up=f"engine_tasks:{warm_up}", spares=spares))
        return Bench(engines[-1])

    yield opened
    for engine in engines:
        engine.close()


def worker_pids():
    living = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child.pid for child in living if "scalewise.engines.worker" in child.cmdline()]


def test_trials_run_at_the_same_time_one_in_each_worker(open_bench, tmp_path):
    bench = open_bench(2)
    bench.submit(*(partial(engine_tasks.measure_when, tmp_path / name) for name in "ab"))
    for name in "ab":
        wait_for_file(tmp_path / f"{name}.begun")
    for name in "ab":
        (tmp_path / name).touch()
    events = bench.until_ended(2)
    assert kinds(events) == ["TrialStarted"] * 2 + ["TrialFinished"] * 2
    assert len({event.worker for event in events[:2]}) == 2


def test_starting_does_not_wait_for_workers_and_tasks_may_be_queued_meanwhile(open_bench):
    bench = open_bench(2, warm_up="endless_warm_up")
    assert bench.engine.slots == 2
    bench.submit(engine_tasks.measure)
    assert bench.drain() == []


def test_workers_use_one_thread_and_import_no_more_than_their_warm_up(open_bench, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    (_, finished) = open_bench().run(engine_tasks.describe_process)
    assert finished.record.remarks == ("1", "False")


def test_the_warm_up_of_the_catalogue_makes_workers_ready_to_fit():
    engine = LocalEngine(1)
    (_, finished) = Bench(engine).run(engine_tasks.describe_process)
    engine.close()
    assert finished.record.remarks == ("1", "True")


def test_a_trial_cannot_take_the_line_that_tells_of_the_parent(open_bench):
    (_, finished, *_) = open_bench().run(engine_tasks.read_standard_input)
    assert finished.record.remarks == ("",)


def test_a_record_of_many_megabytes_comes_back_whole(open_bench):
    (_, finished) = open_bench().run(partial(engine_tasks.return_much, 20))
    assert len(finished.record.remarks[0]) == 20_000_000


def test_a_record_that_cannot_be_pickled_fails_its_trial_only(open_bench):
    events = open_bench().run(engine_tasks.return_what_cannot_be_pickled, engine_tasks.measure)
    assert kinds(events) == ["TrialStarted", "TrialFailed", "TrialStarted", "TrialFinished"]
    assert "pickle" in events[1].reason


def test_a_call_that_cannot_be_pickled_fails_at_once(open_bench):
    bench = open_bench(warm_up="endless_warm_up")
    (failed,) = bench.run(lambda: None)
    assert isinstance(failed, TrialFailed)
    assert failed.reason.startswith("It cannot be sent to a worker process: ")


def test_a_call_that_workers_cannot_import_fails_its_trial_only(open_bench, monkeypatch):
    module = types.ModuleType("only_here")
    exec("def measure(): pass", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    events = open_bench().run(module.measure, engine_tasks.measure)
    assert kinds(events) == ["TrialStarted", "TrialFailed", "TrialStarted", "TrialFinished"]
    assert events[1].reason == "ModuleNotFoundError: No module named 'only_here'"


def test_a_trial_whose_worker_dies_once_is_reported_and_tried_again(open_bench, tmp_path):
    bench = open_bench()
    bench.submit(partial(engine_tasks.die_once, tmp_path / "died"), engine_tasks.measure)
    events = bench.until_ended(2)
    retried = ["TrialStarted", "WorkerLost", "TrialFailed", "TrialStarted", "TrialFinished"]
    assert kinds(events) == [*retried, "TrialStarted", "TrialFinished"]
    assert events[1].worker == events[0].worker != events[3].worker
    assert events[2].retry
    assert "SIGKILL" in events[2].reason
    assert events[4].trial == events[0].trial


def test_a_trial_whose_worker_dies_twice_fails_for_good_and_stops_no_other(open_bench):
    events = open_bench().run(engine_tasks.die, engine_tasks.measure)
    died = ["TrialStarted", "WorkerLost", "TrialFailed"]
    assert kinds(events) == [*died, *died, "TrialStarted", "TrialFinished"]
    assert [events[2].retry, events[5].retry] == [True, False]
    assert "second try" in events[5].reason


def test_the_cause_of_a_crash_is_told(open_bench):
    events = open_bench().run(partial(engine_tasks.die, signal.SIGSEGV))
    assert events[1] == WorkerLost(worker=events[0].worker, reason="it was ended by signal SIGSEGV")


def test_a_worker_killed_while_idle_is_replaced_and_no_trial_suffers(open_bench):
    bench = open_bench()
    bench.run(engine_tasks.measure)
    os.kill(worker_pids()[0], signal.SIGKILL)
    bench.until(lambda events: isinstance(events[-1], WorkerLost))
    assert bench.reports[-1].study_id == ""
    events = bench.run(engine_tasks.measure)
    assert kinds(events) == ["TrialStarted", "TrialFinished", "WorkerLost", "TrialStarted", "TrialFinished"]


class DiesWhileSending(WorkerProcess):
    """Is killed when the first bytes of its first record have come, of many more than a line holds at a time."""

    def hear(self):
        if self.job is not None and self.job.task.attempt == 1:
            self.kill()
        return super().hear()


def test_a_worker_killed_while_it_sends_a_large_record_is_lost_and_its_trial_tried_again(open_bench, monkeypatch):
    monkeypatch.setattr("scalewise.engines.local.WorkerProcess", DiesWhileSending)
    events = open_bench().run(partial(engine_tasks.return_much, 20))
    assert kinds(events) == ["TrialStarted", "WorkerLost", "TrialFailed", "TrialStarted", "TrialFinished"]
    assert len(events[-1].record.remarks[0]) == 20_000_000


def test_cancel_ends_a_fit_that_holds_the_interpreter_and_reports_no_more_of_it(open_bench, tmp_path):
    bench = open_bench()
    bench.submit(partial(engine_tasks.hold_the_lock, tmp_path / "busy"), engine_tasks.measure)
    wait_for_file(tmp_path / "busy")
    (busy,) = worker_pids()
    bench.engine.cancel()
    assert not psutil.pid_exists(busy)
    assert kinds(bench.drain()) == ["TrialStarted"]
    assert bench.engine.slots == 1
    assert kinds(bench.run(engine_tasks.measure)[1:]) == ["TrialStarted", "TrialFinished"]


def test_cancel_keeps_the_workers_that_are_idle(open_bench, tmp_path):
    bench = open_bench(2)
    bench.run(engine_tasks.measure)
    wait_until(lambda: len(worker_pids()) == 2, "two workers")
    before = worker_pids()
    bench.submit(partial(engine_tasks.hold_the_lock, tmp_path / "busy"))
    wait_for_file(tmp_path / "busy")
    bench.engine.cancel()
    assert len(set(before) & set(worker_pids())) == 1


def test_a_spare_worker_takes_the_place_of_one_that_is_ended(open_bench, tmp_path):
    bench = open_bench(spares=1)
    wait_until(lambda: len(worker_pids()) == 2, "the spare")
    bench.submit(partial(engine_tasks.measure_when, tmp_path / "first"), engine_tasks.measure)
    wait_for_file(tmp_path / "first.begun")
    assert kinds(bench.drain()) == ["TrialStarted"]
    before = worker_pids()
    bench.engine.cancel()
    (spare,) = set(before) & set(worker_pids())
    _, started, _ = bench.run(engine_tasks.measure)
    assert str(spare) in started.worker


def test_there_is_no_spare_worker_where_memory_has_no_room(open_bench, monkeypatch):
    monkeypatch.setattr(resources, "available_bytes", lambda: 400_000_000)
    bench = open_bench(spares=1)
    bench.run(engine_tasks.measure, engine_tasks.measure)
    assert len(worker_pids()) == 1


def test_cancel_during_the_warm_up_drops_the_queue_and_keeps_the_workers(open_bench):
    bench = open_bench(2, warm_up="endless_warm_up")
    wait_until(lambda: len(worker_pids()) == 2, "two workers")
    before = worker_pids()
    bench.submit(engine_tasks.measure)
    bench.engine.cancel()
    assert worker_pids() == before
    assert bench.drain() == []


def test_close_during_the_warm_up_or_a_fit_ends_all_workers(open_bench, tmp_path):
    warming, busy = open_bench(2, warm_up="endless_warm_up"), open_bench()
    busy.submit(partial(engine_tasks.hold_the_lock, tmp_path / "busy"))
    wait_for_file(tmp_path / "busy")
    wait_until(lambda: len(worker_pids()) == 3, "three workers")
    warming.engine.close()
    busy.engine.close()
    assert worker_pids() == []
    assert kinds(warming.drain() + busy.drain()) == ["TrialStarted"]


def test_an_engine_that_is_forgotten_ends_its_workers():
    bench = Bench(LocalEngine(1, warm_up="engine_tasks:no_warm_up"))
    bench.run(engine_tasks.measure)
    del bench
    gc.collect()
    assert worker_pids() == []


def test_workers_that_cannot_warm_up_are_reported_once_and_not_started_for_ever(open_bench):
    bench = open_bench(2, warm_up="failing_warm_up")
    bench.submit(engine_tasks.measure, engine_tasks.measure)
    note, *failed = bench.until_ended(2)
    assert isinstance(note, Noted)
    assert note.level == "error"
    assert "status 1: ImportError: the sky has no libraries. Choose the engine 'inline'" in note.text
    assert [event.reason for event in failed] == [note.text] * 2
    assert bench.engine.slots == 0
    assert worker_pids() == []
    assert kinds(bench.run(engine_tasks.measure)[3:]) == ["TrialFailed"]


def test_workers_that_could_not_be_started_are_tried_again_after_cancel(open_bench, tmp_path, monkeypatch):
    monkeypatch.setenv("SCALEWISE_TEST_MARKER", str(tmp_path / "allowed"))
    bench = open_bench(warm_up="warm_up_where_allowed")
    assert kinds(bench.run(engine_tasks.measure)) == ["Noted", "TrialFailed"]
    (tmp_path / "allowed").touch()
    bench.engine.cancel()
    assert bench.engine.slots == 1
    assert kinds(bench.run(engine_tasks.measure)[2:]) == ["TrialStarted", "TrialFinished"]


def test_a_system_that_starts_no_process_is_reported_too(open_bench, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    note, failed = open_bench().run(engine_tasks.measure)
    assert (note.level, failed.reason) == ("error", note.text)
    assert "FileNotFoundError" in note.text


def test_a_python_without_an_executable_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(EngineError, match="'inline'"):
        LocalEngine(1).start(print)


def test_a_worker_that_fails_to_warm_up_once_is_replaced_without_a_word(open_bench, tmp_path, monkeypatch):
    monkeypatch.setenv("SCALEWISE_TEST_MARKER", str(tmp_path / "failed"))
    events = open_bench(warm_up="warm_up_that_fails_once").run(engine_tasks.measure)
    assert (tmp_path / "failed").exists()
    assert kinds(events) == ["TrialStarted", "TrialFinished"]


def test_an_engine_makes_do_with_the_workers_that_it_gets(open_bench, tmp_path, monkeypatch):
    monkeypatch.setenv("SCALEWISE_TEST_MARKER", str(tmp_path / "warm"))
    bench = open_bench(2, warm_up="warm_up_of_one")
    (note,) = bench.until(lambda events: "Noted" in kinds(events))
    assert note.level == "warning"
    assert note.text.startswith("Only 1 of 2 worker processes can be started: it exited with status 1: ImportError")
    assert bench.engine.slots == 1
    assert kinds(bench.run(engine_tasks.measure)[1:]) == ["TrialStarted", "TrialFinished"]


def test_default_workers_heed_the_limits_of_a_container(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "_CGROUP", tmp_path)
    here = resources.default_workers()
    assert 1 <= here <= 8
    (tmp_path / "memory.max").write_text("500000000\n")
    (tmp_path / "memory.current").write_text("100000000\n")
    assert resources.available_bytes() == 400_000_000
    (tmp_path / "memory.stat").write_text("anon 60000000\ninactive_file 30000000\n")
    assert resources.available_bytes() == 430_000_000
    assert resources.this_machine(3) == Machine(500_000_000, 430_000_000, 3)
    assert resources.default_workers() == 1
    (tmp_path / "memory.max").write_text("max\n")
    assert resources.default_workers() == here
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert resources.available_cpus() == 0.5
    assert resources.default_workers() == 1
