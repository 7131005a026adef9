"""However the process that holds a local engine ends, its workers end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from engine_bench import wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the endings are those of POSIX")

PROGRAM = Path(__file__).parents[1] / "support" / "engine_parent.py"


@pytest.mark.parametrize("state", ["warming up", "idle", "busy"])
@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("kill -9", -signal.SIGKILL),
        ("no close", 0),
        ("interrupt", -signal.SIGINT),
    ],
)
def test_no_worker_outlives_its_parent(tmp_path, state, ending, status):
    assert end_a_parent(tmp_path, state, ending) == status
    workers = worker_pids(tmp_path)
    assert len(workers) == 2
    wait_until(lambda: not any(map(is_running, workers)), "the workers to end")


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_no_worker_outlives_its_parent_while_a_forked_child_of_the_parent_lives(tmp_path, state):
    end_a_parent(tmp_path, state, "forked child lives")
    forked = int((tmp_path / "forked").read_text())
    try:
        wait_until(lambda: not any(map(is_running, worker_pids(tmp_path))), "the workers to end")
        assert is_running(forked)
    finally:
        os.kill(forked, signal.SIGKILL)


@pytest.mark.parametrize("ending", ["forked child ends", "ctrl-c"])
def test_workers_go_on_where_only_something_else_ended(tmp_path, ending):
    assert end_a_parent(tmp_path, "idle", ending) == 0
    assert not any(map(is_running, worker_pids(tmp_path)))


def test_workers_do_not_run_the_main_program_again(tmp_path):
    end_a_parent(tmp_path, "idle", "no close")
    assert (tmp_path / "runs").read_text() == "run\n"


def end_a_parent(folder, state, ending):
    command = [sys.executable, str(PROGRAM), str(folder), state, ending]
    path = os.pathsep.join(map(os.path.abspath, sys.path))
    with (folder / "errors").open("wb") as errors:
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": path}, stderr=errors, process_group=0, timeout=120, check=False
        )
    sys.stderr.write((folder / "errors").read_text())
    return done.returncode


def worker_pids(folder):
    return [int(pid) for pid in (folder / "workers").read_text().split()]


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
