"""What the Dask engine promises beyond the others, on clusters that it starts itself."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from functools import partial

import dask_studies
import engine_tasks
import psutil
import pytest
from engine_bench import Bench, kinds, wait_for_file, wait_until

from scalewise.core.events import EngineLost, TrialFailed, TrialFinished, TrialStarted, WorkerLost
from scalewise.engines.dask import ClassPlace, DaskEngine, LocalPlace
from scalewise.engines.versions import version_differences
from scalewise.errors import EngineError, InputError, MissingDependencyError

TrialEvent = TrialStarted | TrialFinished | TrialFailed
SMALL = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1"}


@pytest.fixture
def open_bench():
    """Start a Dask engine that is closed after the test."""
    engines = []

    def opened(place=None, *, warm_up="no_warm_up"):
        engines.append(DaskEngine(place or LocalPlace("dask", 1), warm_up=f"engine_tasks:{warm_up}"))
        return Bench(engines[-1])

    yield opened
    for engine in engines:
        engine.close()


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where temporary folders are made in this test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def seen(bench, holds):
    """Ask for the status until it is as awaited."""
    wait_until(lambda: holds(bench.engine.status), "the status")
    return bench.engine.status


def lost(events):
    return next((event.reason for event in events if isinstance(event, EngineLost)), None)


def test_a_trial_whose_worker_dies_once_is_reported_and_tried_again_and_no_other_is_blamed(open_bench, tmp_path):
    bench = open_bench()
    calls = [partial(engine_tasks.die_once, tmp_path / "died"), engine_tasks.measure]
    events = bench.run(*calls)
    *first, started, _ = (event for event in events if isinstance(event, TrialEvent) and event.trial.n_rows == 1)
    (failed,) = (event for event in first if isinstance(event, TrialFailed))
    assert failed.retry
    assert "its memory limit is" in failed.reason
    (lost_worker,) = (event.worker for event in events if isinstance(event, WorkerLost))
    assert lost_worker != started.worker
    other = [event for event in events if isinstance(event, TrialEvent) and event.trial.n_rows == 2]
    assert kinds(other) == ["TrialStarted", "TrialFinished"]


def test_a_trial_that_takes_too_much_memory_fails_after_two_tries_and_says_what_would_fit(open_bench):
    bench = open_bench(ClassPlace("distributed.LocalCluster", {**SMALL, "memory_limit": "600MB"}))
    events = bench.run(partial(engine_tasks.take_memory, 500), engine_tasks.measure)
    first, second = (event for event in events if isinstance(event, TrialFailed))
    assert first.retry
    assert not second.retry
    taken = r"Its worker is gone: it took 0\.\d+ GB of memory, and 0\.6 GB is its limit\."
    assert re.fullmatch(taken, first.reason)
    advice = r" It was the second try\. It is too large for this worker: workers with more memory than 0\.6 GB each, "
    assert re.match(taken + advice, second.reason)
    assert isinstance(events[-1], TrialFinished)


def test_cancel_kills_what_runs_and_what_follows_runs_on_a_new_worker(open_bench, tmp_path):
    bench = open_bench()
    bench.submit(partial(engine_tasks.hold_the_lock, tmp_path / "held"), engine_tasks.measure)
    wait_for_file(tmp_path / "held")
    (worker,) = workers()
    bench.engine.cancel()
    wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, "the worker to end")
    events = bench.run(engine_tasks.measure)
    assert kinds(events)[-2:] == ["TrialStarted", "TrialFinished"]
    assert [event.trial.n_rows for event in events if isinstance(event, TrialFinished)] == [3]
    assert bench.engine.slots == 1


def test_close_ends_what_runs_and_leaves_no_process_folder_or_port(open_bench, tmp_path, scratch):
    bench = open_bench()
    bench.submit(partial(engine_tasks.hold_the_lock, tmp_path / "held"))
    wait_for_file(tmp_path / "held")
    assert len(list(scratch.iterdir())) == 1
    family = workers()
    ports = [port for process in (psutil.Process(), *family) for port in listening(process)]
    assert {address for address, _ in ports} == {"127.0.0.1"}
    bench.engine.close()
    assert not any(process.is_running() for process in family)
    assert not list(scratch.iterdir())
    assert not any(is_open(port) for _, port in ports)
    assert bench.engine.slots == 0


def test_closing_while_the_cluster_starts_leaves_nothing(open_bench, scratch):
    bench = open_bench()
    bench.submit(engine_tasks.measure)
    bench.engine.close()
    assert bench.drain() == []
    assert not list(scratch.iterdir())
    assert not workers()


def test_a_cluster_can_be_scaled_while_it_runs(open_bench, tmp_path):
    bench = open_bench()
    bench.submit(*(partial(engine_tasks.measure_when, tmp_path / name) for name in "ab"))
    wait_for_file(tmp_path / "a.begun")
    bench.engine.scale(2)
    assert len(seen(bench, lambda status: len(status.workers) == 2).workers) == 2
    wait_for_file(tmp_path / "b.begun")
    for name in "ab":
        (tmp_path / name).touch()
    bench.until_ended(2)
    assert bench.engine.slots == 2
    bench.engine.scale(1)
    wait_until(lambda: bench.engine.slots == 1, "a worker to go")
    events = bench.run(engine_tasks.measure)
    assert isinstance(events[-1], TrialFinished)
    assert "WorkerLost" not in kinds(events)


def test_the_status_tells_of_workers_and_of_trials_that_run_and_wait(open_bench, tmp_path):
    bench = open_bench(LocalPlace("dask-threads", 1, threads=True))
    bench.submit(partial(engine_tasks.measure_when, tmp_path / "go"), engine_tasks.measure)
    wait_for_file(tmp_path / "go.begun")
    status = seen(bench, lambda status: status.n_running)
    assert (status.n_running, status.n_queued, len(status.workers)) == (1, 1, 1)
    assert status.workers[0].n_running == status.workers[0].n_threads == 1
    assert status.workers[0].memory_bytes > 10_000_000
    (tmp_path / "go").touch()
    bench.until_ended(2)
    bench.engine.close()
    assert bench.engine.status.workers == ()


def test_a_cluster_that_has_had_nothing_to_do_closes_itself_and_says_so(open_bench):
    bench = open_bench(LocalPlace("t", 1, threads=True, idle_seconds=0.3))
    # Longer than that, and than it takes to look twice.
    assert isinstance(bench.run(engine_tasks.measure_slowly)[-1], TrialFinished)
    bench.until(lost)
    assert "t had nothing to do for 0.3 s and was closed" in lost(bench.events)
    wait_until(lambda: not bench.engine._thread._thread.is_alive(), "the engine's thread to end")
    assert bench.engine.status.workers == ()


def test_dasks_own_dashboard_is_told_of_where_it_answers(open_bench):
    bench = open_bench(LocalPlace("t", 1, threads=True))
    wait_until(lambda: bench.engine._thread._session is not None, "the cluster")
    session = bench.engine._thread._session
    wait_until(lambda: seen(bench, lambda status: status.workers) and not session._aside, "the dashboard to be tried")
    has_bokeh = importlib.util.find_spec("bokeh") is not None
    assert bool(seen(bench, lambda status: status.workers).dashboard) == has_bokeh


def test_workers_use_one_thread_for_numbers(open_bench, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    (_, finished) = open_bench().run(engine_tasks.describe_process)
    assert finished.record.remarks[0] == "1"


def test_a_warm_up_that_fails_fails_trials_in_its_words(open_bench):
    (failed,) = open_bench(LocalPlace("t", 1, threads=True), warm_up="failing_warm_up").run(engine_tasks.measure)
    assert failed.reason == "ImportError: the sky has no libraries"


def test_results_come_while_others_are_outstanding(open_bench, tmp_path):
    bench = open_bench(LocalPlace("t", 2, threads=True))
    bench.submit(partial(engine_tasks.measure_when, tmp_path / "last"), *[engine_tasks.measure] * 5)
    events = bench.until_ended(5)
    assert {event.trial.n_rows for event in events if isinstance(event, TrialFinished)} == {2, 3, 4, 5, 6}
    (tmp_path / "last").touch()
    bench.until_ended(6)


def test_a_real_trial_scores_the_same_on_a_cluster(open_bench, tmp_path):
    store = dask_studies.laid_out(tmp_path)
    task = dask_studies.linear_task(store)
    bench = open_bench()
    bench.engine.submit(task)
    record, here = bench.until_ended(1)[-1].record, task.call()
    assert (record.score, record.block_scores, record.importances) == (here.score, here.block_scores, here.importances)
    assert seen(bench, lambda status: status.workers).shipped_bytes == 0


def test_any_cluster_class_can_be_named(open_bench):
    path = "distributed.SpecCluster"
    from distributed import Nanny, Scheduler

    options = {
        "scheduler": {"cls": Scheduler, "options": {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}},
        "worker": {"cls": Nanny, "options": {"nthreads": 1, "host": "127.0.0.1"}},
    }
    bench = open_bench(ClassPlace(path, options, n_workers=1))
    events = bench.run(engine_tasks.measure)
    assert events[-1].where == bench.engine.name == "SpecCluster"


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("no_such_package.Cluster", MissingDependencyError, "pip install no-such-package"),
        ("distributed.NoSuchCluster", InputError, "NoSuchCluster"),
        ("LocalCluster", MissingDependencyError, "'LocalCluster' cannot be imported"),
        ("distributed.config.config", InputError, "is no class"),
    ],
)
def test_a_class_that_cannot_be_imported_is_refused_with_what_to_do(path, kind, words):
    with pytest.raises(kind, match=words):
        ClassPlace(path).check()


def test_a_cluster_that_does_not_start_is_told_with_its_first_cause(open_bench):
    bench = open_bench(ClassPlace("distributed.LocalCluster", {"no_such_option": 1, "processes": False}))
    bench.until(lost)
    assert "did not start: TypeError" in lost(bench.events)
    assert "no_such_option" in lost(bench.events)
    wait_until(lambda: bench.engine.slots == 0, "the engine to notice")


def test_a_cluster_that_was_joined_cannot_be_scaled_here():
    from scalewise.engines import open_engine

    with pytest.raises(EngineError, match="scale it where it was started"):
        open_engine("tcp://127.0.0.1:1").scale(2)
    with pytest.raises(InputError, match="from 1 on"):
        DaskEngine().scale(0)


def machine(python="3.11.7.final.0", **packages):
    content = {"scikit-learn": "1.9.1", "numpy": "2.4", "scalewise": "0.1.0", **packages}
    return {"host": {"python": python}, "packages": content}


def test_versions_that_are_alike_are_not_mentioned():
    assert version_differences(machine(), {"a": machine(python="3.11.9.final.0"), "b": machine()}) == ()


def test_versions_that_differ_are_told_with_how_many_workers_have_them():
    workers = {"a": machine(), "b": machine("3.12.1.final.0", numpy="2.3"), "c": machine(scalewise=None)}
    assert version_differences(machine(), workers) == (
        "python: 3.11 here, 3.12 on 1 of 3 workers",
        "scalewise: 0.1.0 here, not installed on 1 of 3 workers",
        "numpy: 2.4 here, 2.3 on 1 of 3 workers",
    )


PROGRAM = """
import os, sys
from functools import partial
import engine_tasks
from engine_bench import Bench, wait_for_file
from scalewise.engines.dask import DaskEngine, LocalPlace

if {guarded} or __name__ == "__main__":
    bench = Bench(DaskEngine(LocalPlace("dask", 1), warm_up="engine_tasks:no_warm_up"))
    bench.submit(partial(engine_tasks.hold_the_lock, sys.argv[1]))
    wait_for_file(sys.argv[1])
    {ending}
"""


@pytest.mark.parametrize(
    ("ending", "status"),
    [("os.kill(os.getpid(), 9)", -signal.SIGKILL), ("pass", 0), ("raise KeyboardInterrupt", -signal.SIGINT)],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the endings are those of POSIX")
def test_no_worker_outlives_the_process_that_started_the_cluster(tmp_path, ending, status):
    held = tmp_path / "held"
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(guarded=False, ending=ending))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, program, held], env=environment, timeout=120, check=False, capture_output=True
    )
    assert done.returncode == status, done.stderr.decode()
    wait_until(lambda: not any(str(program) in line or str(tmp_path) in line for line in commands()), "all to end")
    if status != -signal.SIGKILL:
        assert not list(tmp_path.glob("scalewise-*"))


def test_a_program_without_a_guard_is_told_to_have_one(monkeypatch):
    from multiprocessing import process

    monkeypatch.setattr(process.current_process(), "_inheriting", True, raising=False)
    with pytest.raises(EngineError, match="__name__ == '__main__'"):
        DaskEngine().start(print)


def workers():
    """Worker processes of clusters started by this one."""
    return [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]


def listening(process):
    return [tuple(c.laddr) for c in process.net_connections() if c.status == psutil.CONN_LISTEN]


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def commands():
    """Command lines and folders of all processes of this user."""
    found = []
    for process in psutil.process_iter():
        try:
            found.append(" ".join(process.cmdline()) + process.environ().get("TMPDIR", ""))
        except psutil.Error:
            continue
    return found
