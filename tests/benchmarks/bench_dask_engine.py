"""The Dask engine against a bare loop of `Client.map` and `as_completed`: the same trials on the same kind of cluster.

Run ``python tests/benchmarks/bench_dask_engine.py``. Both have a cluster of worker processes of their own, warm. Each
round runs both, one after the other, in an order that changes from round to round; the ratio of their wall times is
told for real fits, and for trials that only sleep, which a busy machine disturbs less. At most 1.10 is asked for.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from queue import SimpleQueue

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]  # for worker processes too

from contest import compare, tell_ratio, verdict  # noqa: E402 - found by that path

MOST = 1.10


class Scalewise:
    """The engine, with a consumer of its reports where the runner would be."""

    def __init__(self, n_workers):
        from scalewise.engines.dask import DaskEngine, LocalPlace

        self.inbox = SimpleQueue()
        self.engine = DaskEngine(LocalPlace("dask", n_workers), warm_up="bench_engine:warm_up")
        self.engine.start(self.inbox.put)
        while len(self.engine.status.workers) < n_workers:
            time.sleep(0.1)
        self.round = 0

    def run(self, calls):
        from scalewise.core.events import TrialFailed, TrialFinished
        from scalewise.core.spec import Trial
        from scalewise.engines.base import TrialTask

        self.round += 1
        for number, call in enumerate(calls):
            key = f"{self.round}-{number}"
            self.engine.submit(TrialTask(key, "study", Trial("boosting", number + 1), call))
        n_left = len(calls)
        while n_left:
            event = self.inbox.get().event
            if isinstance(event, TrialFailed):
                raise SystemExit(event.reason)
            n_left -= isinstance(event, TrialFinished)

    def close(self):
        self.engine.close()


class Bare:
    """What one would write by hand."""

    def __init__(self, n_workers):
        from distributed import Client, LocalCluster

        self.cluster = LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
        )
        self.client = Client(self.cluster, set_as_default=False)

    def run(self, calls):
        from distributed import as_completed

        futures = self.client.map(_call, calls, pure=False)
        for _, _ in as_completed(futures, with_results=True, loop=self.client.loop):
            pass

    def close(self):
        self.client.close()
        self.cluster.close()


def _call(call):
    return call()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    import bench_dask_engine as own
    import bench_engine

    contestants = {"scalewise": own.Scalewise(options.workers), "bare": own.Bare(options.workers)}
    for contestant in contestants.values():
        contestant.run([partial(bench_engine.fit, 5, seed) for seed in range(10 * options.workers)])
    worst = 0.0
    for kind, length, n_trials in (("fits", 0.05, 60), ("fits", 0.2, 20), ("sleeps", 0.05, 60), ("sleeps", 0.2, 20)):
        calls = [partial(own.sleep, length)] * n_trials
        if kind == "fits":
            calls = [partial(bench_engine.fit, bench_engine.trees_that_take(length), seed) for seed in range(n_trials)]
        seconds = compare(contestants, calls, options.rounds)
        what = f"{n_trials} {kind} of {1000 * length:.0f} ms, {options.workers} processes"
        worst = max(worst, tell_ratio(what, seconds))
    print(f"median time from the end of a trial to its report: {1000 * latency(contestants['scalewise']):.1f} ms")
    for contestant in contestants.values():
        contestant.close()
    sys.exit(verdict(worst, MOST))


def latency(contestant):
    """Seconds from the end of a trial on its worker to its report here."""
    import bench_dask_engine as own

    from scalewise.core.events import TrialFinished
    from scalewise.core.spec import Trial
    from scalewise.engines.base import TrialTask

    delays = []
    for number in range(40):
        task = TrialTask(f"late-{number}", "study", Trial("boosting", number + 1), own.note_end)
        contestant.engine.submit(task)
        while not isinstance(event := contestant.inbox.get().event, TrialFinished):
            pass
        delays.append(time.time() - event.record.score)
    return statistics.median(delays)


def sleep(seconds):
    """A trial that takes the same time however busy the machine is."""
    from scalewise.core.results import TrialRecord

    time.sleep(seconds)
    return TrialRecord(0.5, (0.5,) * 20, 0.5, seconds, 0.0)


def note_end():
    from scalewise.core.results import TrialRecord

    time.sleep(0.02)
    return TrialRecord(time.time(), (), 0.0, 0.0, 0.0)


if __name__ == "__main__":
    main()
