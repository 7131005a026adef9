"""How busy the runner keeps many workers: 200 within this process, with trials that only sleep.

Run ``python tests/benchmarks/bench_dask_runner.py``. First the engine alone is fed as the runner feeds it, then a whole
study runs through the runner. Told are the share of time that workers were busy between the first start and the last
one, and how much of one core the runner's thread took, and the engine's, in whose event loop the scheduler and all of
the workers live too. What workers measure of themselves is turned down, since 200 real ones would do that elsewhere.
At least 95 % is asked for.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import dask
import psutil

sys.path.insert(0, str(Path(__file__).parent))

LEAST = 0.95
AHEAD = 2
QUIET = {
    "distributed.admin.system-monitor.interval": "1h",
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "10s",
    "distributed.worker.memory.monitor-interval": "1h",
}


def slept(seconds):
    """A trial that only takes time."""
    from scalewise.core.results import FeatureImportance, TrialRecord

    began = time.time()
    time.sleep(seconds)
    importances = tuple(FeatureImportance(f"f{i}", 0.1, 0.01) for i in range(10))
    return TrialRecord(0.5, (0.5,) * 20, 0.5, seconds, 0.0, importances=importances, remarks=(repr(began),))


def sleeping_trial(seconds, ref, trial, metric, seed):
    """What stands for `run_trial`."""
    return slept(seconds)


def nothing():
    pass


def place(n_workers):
    from scalewise.engines.dask import LocalPlace

    return LocalPlace("dask-threads", n_workers, threads=True)


def engine_of(n_workers):
    from scalewise.engines.dask import DaskEngine

    return DaskEngine(place(n_workers), warm_up="bench_dask_runner:nothing")


def busy_share(records, seconds, n_workers):
    """Share of the workers' time between the first start and the last one that was spent in trials."""
    begins = sorted(float(record.remarks[0]) for record in records)
    first, last = begins[0], begins[-1]
    spent = sum(max(0.0, min(begin + seconds, last) - begin) for begin in begins)
    return spent / (n_workers * (last - first)), len(records) / (last - first)


def feed_engine(n_workers, n_trials, seconds):
    """Submit as the runner does: some for each worker, and one more for each that ends."""
    from scalewise.core.events import EngineLost, TrialFinished
    from scalewise.core.spec import Trial
    from scalewise.engines.base import TrialTask

    inbox, engine = SimpleQueue(), engine_of(n_workers)
    tasks = (TrialTask(f"t{i}", "s", Trial("m", i + 1), partial(slept, seconds)) for i in range(n_trials))
    engine.start(inbox.put)
    wait_for_workers(engine, n_workers)
    for _ in range(n_workers * (1 + AHEAD)):
        engine.submit(next(tasks))
    records, spent = [], {}
    with measured_threads(spent):
        while len(records) < n_trials:
            event = inbox.get().event
            if isinstance(event, EngineLost):
                raise SystemExit(event.reason)
            if isinstance(event, TrialFinished):
                records.append(event.record)
                if (task := next(tasks, None)) is not None:
                    engine.submit(task)
    engine.close()
    return records, spent


def run_study(n_workers, seconds, repeats):
    """A study whose trials only sleep, through the runner."""
    import bench_dask_runner as own
    import numpy as np
    import pyarrow as pa

    import scalewise.running.work as work
    from scalewise.data.sources import open_source
    from scalewise.journal import Journal
    from scalewise.options import StudyOptions
    from scalewise.runner import StudyRunner

    work.run_trial = partial(own.sleeping_trial, seconds)
    rng = np.random.default_rng(0)
    a = rng.normal(size=120_000)
    table = pa.table({"a": a, "b": rng.normal(size=len(a)), "y": np.where(a > 0, "yes", "no")})
    models = ("dummy", "linear", "sgd", "bayes", "forest", "boosting")
    options = StudyOptions("y", models=models, max_fraction=1.0, repeats=repeats, everything=True)
    engine = engine_of(n_workers)
    runner, spent = StudyRunner(engine, Journal(None)), {}
    wait_for_workers(engine, n_workers)
    runner.open("t", lambda: open_source(table))
    runner.prepare(options)
    runner.wait()
    with measured_threads(spent):
        runner.start(options)
        runner.wait()
    records = list(runner.state.records.values())
    runner.close()
    return records, spent


def wait_for_workers(engine, n_workers):
    while len(engine.status.workers) < n_workers:
        time.sleep(0.5)


class measured_threads:
    """Share of a core that the runner's and the engine's thread took meanwhile."""

    def __init__(self, spent):
        self.spent = spent

    def __enter__(self):
        self.names = {t.native_id: t.name for t in threading.enumerate() if t.name.startswith("scalewise-")}
        self.names[threading.main_thread().native_id] = "main"
        self.before, self.began = self.used(), time.perf_counter()

    def __exit__(self, *_):
        seconds, after = time.perf_counter() - self.began, self.used()
        for number, name in self.names.items():
            self.spent[name] = (after.get(number, 0.0) - self.before.get(number, 0.0)) / seconds

    def used(self):
        return {t.id: t.user_time + t.system_time for t in psutil.Process().threads()}


def tell(what, records, spent, seconds, n_workers):
    share, rate = busy_share(records, seconds, n_workers)
    used = ", ".join(f"{name} {100 * part:.0f} %" for name, part in spent.items())
    print(
        f"{what}: {len(records)} trials of {seconds:g} s on {n_workers} workers, busy {100 * share:.1f} %, "
        f"{rate:.0f} trials a second; of one core: {used}"
    )
    return share


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=200)
    parser.add_argument("--seconds", type=float, nargs="+", default=[5.0])
    parser.add_argument("--repeats", type=int, default=12)
    options = parser.parse_args()
    import bench_dask_runner as own

    dask.config.set(QUIET)
    n_workers = options.workers
    shares = []
    for seconds in options.seconds:
        records, spent = own.feed_engine(n_workers, 6 * n_workers, seconds)
        own.tell("engine", records, spent, seconds, n_workers)
        records, spent = own.run_study(n_workers, seconds, options.repeats)
        shares.append(own.tell("runner", records, spent, seconds, n_workers))
    print(f"runner busy {100 * shares[0]:.1f} %, at least {100 * LEAST:.0f} % is asked for")
    sys.exit(shares[0] < LEAST)


if __name__ == "__main__":
    main()
