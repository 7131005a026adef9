"""Schedulers and workers started by hand, as real processes, for tests of engines that join them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
from engine_bench import wait_until


class HandMadeCluster:
    """A scheduler, and workers that come and go.

    Parameters
    ----------
    folder : Path
    options : str
        Further options for every process, such as certificates.
    """

    def __init__(self, folder, *options):
        self.folder = folder
        self.options = options
        self.workers = []
        self._file = folder / "scheduler.json"
        self.scheduler = self._start("dask_scheduler", "--port", "0", "--scheduler-file", self._file)
        wait_until(self._told, "the scheduler")
        self.address = json.loads(self._file.read_text())["address"]

    def add_worker(self, *options, prefix=()):
        number = len(self.workers)
        worker = self._start(
            "dask_worker", "--scheduler-file", self._file, "--nthreads", "1", "--name", f"worker{number}",
            "--no-nanny", "--local-directory", self.folder / f"worker{number}", *options, prefix=prefix,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def close(self):
        for process in (*self.workers, self.scheduler):
            end(process, signal.SIGKILL)

    def _told(self):
        assert self.scheduler.poll() is None, (self.folder / "log").read_text()
        return self._file.exists() and self._file.read_text().endswith("}")

    def _start(self, module, *options, prefix=()):
        path = os.pathsep.join(map(os.path.abspath, sys.path))
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*prefix, sys.executable, "-m", f"distributed.cli.{module}", "--host", "127.0.0.1",
                 "--dashboard-address", "127.0.0.1:0", *map(str, self.options), *map(str, options)],
                env=environment, stdout=log, stderr=log,
            )  # fmt: skip


def end(process, signal_number):
    """End a process and all of its children."""
    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        family = []
    for member in family:
        if member.is_running():
            os.kill(member.pid, signal_number)
    process.wait(20)
