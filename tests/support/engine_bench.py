"""A bench for engines: it submits calls, collects the reports and waits for them."""

from __future__ import annotations

import time
from pathlib import Path
from queue import SimpleQueue

from scalewise.core.events import TrialFailed, TrialFinished
from scalewise.core.spec import Trial
from scalewise.engines.base import TrialTask

PATIENCE_SECONDS = 150.0


class Bench:
    """Stands where the runner stands."""

    def __init__(self, engine):
        self.engine = engine
        self.inbox = SimpleQueue()
        self.reports = []
        self.n_submitted = 0
        engine.start(self.inbox.put)

    def submit(self, *calls, study_id="study"):
        for call in calls:
            self.engine.submit(task(self.n_submitted, call, study_id=study_id))
            self.n_submitted += 1

    def until(self, holds):
        """Take reports until what has been reported satisfies a condition; return the events."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(self.events):
            self.reports.append(self.inbox.get(timeout=max(0.0, deadline - time.monotonic())))
        return self.events

    def until_ended(self, n_trials):
        return self.until(lambda events: sum(map(ends, events)) >= n_trials)

    def run(self, *calls):
        """Submit calls, and return the events up to the end of the last one."""
        n_before = sum(map(ends, self.events))
        self.submit(*calls)
        return self.until_ended(n_before + len(calls))

    def drain(self):
        while not self.inbox.empty():
            self.reports.append(self.inbox.get())
        return self.events

    @property
    def events(self):
        return [report.event for report in self.reports]


def task(number, call, *, study_id="study"):
    return TrialTask(f"key {number}", study_id, Trial("model", number + 1), call)


def ends(event):
    return isinstance(event, TrialFinished) or (isinstance(event, TrialFailed) and not event.retry)


def kinds(events):
    return [type(event).__name__ for event in events]


def wait_for_file(path):
    wait_until(Path(path).exists, f"{path} to appear")


def wait_until(holds, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)
