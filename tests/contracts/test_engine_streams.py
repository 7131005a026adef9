"""What every engine promises of streams and calls: progress in order, failures in words, and an end when asked."""

from __future__ import annotations

import os
import threading
import time
from functools import partial

import pytest
import stream_tasks
from engine_bench import Bench, kinds, wait_for_file, wait_until

from scalewise.core.events import StreamFailed, StreamFinished, StreamScored, StreamStarted, WorkerLost
from scalewise.engines.base import CallFailed, CallFinished, CallTask
from scalewise.engines.dask import DaskEngine, LocalPlace
from scalewise.engines.inline import InlineEngine
from scalewise.engines.local import LocalEngine

ENGINES = {
    "inline": InlineEngine,
    "local": partial(LocalEngine, 1, warm_up="engine_tasks:no_warm_up", spares=0),
    "dask": partial(DaskEngine, LocalPlace("dask", 1), warm_up="engine_tasks:no_warm_up"),
    "dask-threads": partial(DaskEngine, LocalPlace("dask-threads", 1, threads=True), warm_up="engine_tasks:no_warm_up"),
}
OWN_PROCESSES = ["local", "dask"]
ENDS = (StreamFinished, StreamFailed, CallFinished, CallFailed)


@pytest.fixture
def start():
    engines = []

    def started(name):
        engines.append(ENGINES[name]())
        return Bench(engines[-1])

    yield started
    for engine in engines:
        engine.close()


@pytest.fixture(params=ENGINES)
def bench(request, start):
    return start(request.param)


def run(bench, call):
    bench.engine.submit(stream_tasks.stream_task(call))
    return bench.until(lambda events: any(ended(event) for event in events))


def ended(event):
    return isinstance(event, ENDS) and not getattr(event, "retry", False)


def test_a_stream_tells_its_scores_in_order_and_then_its_end_which_brings_its_model(bench):
    events = run(bench, partial(stream_tasks.tell_some, 20))
    streamed = [event for event in events if isinstance(event, StreamStarted | StreamScored | StreamFinished)]
    assert isinstance(streamed[0], StreamStarted)
    assert streamed[0].worker
    scored = streamed[1:-1]
    name = bench.engine.name
    assert scored == [StreamScored(model="sgd", point=stream_tasks.point(n), where=name) for n in range(1, 21)]
    assert streamed[-1] == StreamFinished(model="sgd", point=stream_tasks.point(20), where=name, remarks=("a remark",))
    (report,) = [report for report in bench.reports if isinstance(report.event, StreamFinished)]
    assert (report.study_id, report.result.model) == ("study", b"model")


def test_a_stream_that_fails_says_why(bench):
    assert run(bench, stream_tasks.tell_and_fail)[-1] == StreamFailed(model="sgd", reason="ValueError: no such block")


def test_a_stream_ends_within_two_seconds_of_cancel_and_nothing_more_is_told_of_it(bench, tmp_path):
    path = tmp_path / "begun"
    bench.engine.submit(stream_tasks.stream_task(partial(stream_tasks.tell_for_ever, path)))
    bench.until(lambda events: any(isinstance(event, StreamScored) for event in events))
    bench.engine.cancel()
    bench.drain()
    before = len(bench.reports)
    if bench.engine.name in ("inline", "dask-threads"):
        wait_for_file(f"{path}.ended")
    time.sleep(0.3)
    assert [event for event in bench.drain()[before:] if isinstance(event, StreamScored | StreamFinished)] == []


def test_trials_run_after_a_cancelled_stream(bench, tmp_path):
    path = tmp_path / "begun"
    bench.engine.submit(stream_tasks.stream_task(partial(stream_tasks.tell_for_ever, path)))
    wait_for_file(path)
    bench.engine.cancel()
    assert "StreamFinished" in kinds(run(bench, partial(stream_tasks.tell_some, 2)))


def test_close_ends_a_stream_and_leaves_no_thread(start, tmp_path):
    bench = start("inline")
    path = tmp_path / "begun"
    bench.engine.submit(stream_tasks.stream_task(partial(stream_tasks.tell_for_ever, path)))
    wait_for_file(path)
    bench.engine.close()
    wait_until(lambda: "scalewise-inline-engine" not in {t.name for t in threading.enumerate()}, "the thread's end")


@pytest.mark.parametrize("name", OWN_PROCESSES)
def test_a_stream_whose_worker_is_killed_starts_again_once_and_says_so(start, tmp_path, name):
    events = run(start(name), partial(stream_tasks.tell_and_die_once, tmp_path / "died"))
    of_stream = [event for event in events if isinstance(event, StreamStarted | StreamFailed | StreamFinished)]
    assert kinds(of_stream) == ["StreamStarted", "StreamFailed", "StreamStarted", "StreamFinished"]
    assert of_stream[1].retry
    assert of_stream[1].reason
    assert any(isinstance(event, WorkerLost) for event in events)


@pytest.mark.parametrize("name", OWN_PROCESSES)
def test_a_stream_whose_worker_dies_before_a_word_of_it_comes_has_started_all_the_same(start, tmp_path, name):
    events = run(start(name), partial(stream_tasks.die_at_once_then_end, tmp_path / "died"))
    of_stream = [event for event in events if isinstance(event, StreamStarted | StreamFailed | StreamFinished)]
    assert kinds(of_stream) == ["StreamStarted", "StreamFailed", "StreamStarted", "StreamFinished"]
    assert of_stream[0].worker


@pytest.mark.parametrize("name", OWN_PROCESSES)
def test_a_stream_that_takes_two_workers_with_it_is_given_up(start, name):
    last = run(start(name), stream_tasks.tell_and_die)[-1]
    assert isinstance(last, StreamFailed)
    assert "second try" in last.reason


def test_a_call_brings_back_what_it_returns_or_why_it_did_not(bench):
    bench.engine.submit(CallTask("one", "", partial(pow, 2, 10)))
    bench.engine.submit(CallTask("two", "", partial(os.stat, "/no/such/file")))
    bench.until(lambda events: sum(map(ended, events)) == 2)
    ends = {report.event.key: report for report in bench.reports if ended(report.event)}
    assert (ends["one"].event, ends["one"].result) == (CallFinished(key="one"), 1024)
    assert isinstance(ends["two"].event, CallFailed)
    assert "No such file" in ends["two"].event.reason
