"""What every engine promises."""

from __future__ import annotations

import threading
from functools import partial

import engine_tasks
import pytest
from engine_bench import Bench, kinds, task

from scalewise.core.events import TrialFailed, TrialFinished, TrialStarted
from scalewise.engines import engine_names, open_engine
from scalewise.engines.base import Report
from scalewise.engines.dask import DaskEngine, LocalPlace
from scalewise.engines.inline import InlineEngine
from scalewise.engines.local import LocalEngine
from scalewise.errors import EngineError, InputError

ENGINES = {
    "inline": InlineEngine,
    "local": partial(LocalEngine, 1, warm_up="engine_tasks:no_warm_up", spares=0),
    "dask": partial(DaskEngine, LocalPlace("dask", 1), warm_up="engine_tasks:no_warm_up"),
    "dask-threads": partial(DaskEngine, LocalPlace("dask-threads", 1, threads=True), warm_up="engine_tasks:no_warm_up"),
}


@pytest.fixture(params=ENGINES)
def engine(request):
    engine = ENGINES[request.param]()
    yield engine
    engine.close()


@pytest.fixture
def bench(engine):
    return Bench(engine)


def test_a_trial_is_reported_as_started_and_then_as_finished_with_its_record(bench):
    bench.submit(partial(engine_tasks.measure, 0.75))
    started, finished = bench.until_ended(1)
    assert started == TrialStarted(trial=started.trial, worker=started.worker)
    assert started.worker
    assert finished == TrialFinished(trial=started.trial, record=engine_tasks.measure(0.75), where=bench.engine.name)


def test_trials_run_in_the_order_of_their_submission(bench, tmp_path):
    bench.run(*(partial(engine_tasks.note_order, tmp_path / "order", name) for name in "abcdef"))
    assert (tmp_path / "order").read_text() == "abcdef"


def test_every_report_names_the_study_of_its_trial(bench):
    bench.submit(engine_tasks.measure, study_id="first")
    bench.submit(partial(engine_tasks.fail, "no"), study_id="second")
    bench.until_ended(2)
    assert [report.study_id for report in bench.reports] == ["first", "first", "second", "second"]


FAILURES = [
    (partial(engine_tasks.fail, "no\n  such luck"), "ValueError: no such luck"),
    (partial(engine_tasks.fail, ""), "ValueError"),
    (partial(engine_tasks.refuse, "Choose another metric."), "Choose another metric."),
    (engine_tasks.leave, "SystemExit: enough"),
    (engine_tasks.return_nothing, "TypeError: a trial returns a TrialRecord, and this one returned a NoneType"),
]


def test_trials_that_fail_say_why_in_one_line_and_stop_no_other(bench):
    for n_before, (call, reason) in enumerate(FAILURES):
        events = bench.run(call, engine_tasks.measure)[4 * n_before :]
        assert kinds(events) == ["TrialStarted", "TrialFailed", "TrialStarted", "TrialFinished"]
        assert events[1] == TrialFailed(trial=events[0].trial, reason=reason)


def test_a_reason_of_great_length_is_cut(bench):
    (_, failed) = bench.run(partial(engine_tasks.fail, "long " * 10_000))
    assert len(failed.reason) == 400
    assert failed.reason.endswith(" ...")


def test_a_report_may_be_answered_with_another_task(engine):
    reports, done = [], threading.Event()

    def outbox(report):
        reports.append(report)
        if isinstance(report.event, TrialFinished):
            (done.set if len(reports) > 2 else submit_second)()

    def submit_second():
        engine.submit(task(1, engine_tasks.measure))

    engine.start(outbox)
    engine.submit(task(0, engine_tasks.measure))
    assert done.wait(60)
    assert all(isinstance(report, Report) for report in reports)
    assert kinds(report.event for report in reports) == ["TrialStarted", "TrialFinished"] * 2


def test_cancel_leaves_an_engine_that_goes_on_working(bench):
    bench.run(engine_tasks.measure)
    bench.engine.cancel()
    events = bench.run(engine_tasks.measure)
    assert kinds(events) == ["TrialStarted", "TrialFinished"] * 2


def test_cancel_and_close_before_the_start_do_nothing(engine):
    engine.cancel()
    engine.close()
    assert engine.slots == 0


def test_an_engine_has_slots_from_its_start_to_its_close(engine):
    assert engine.slots == 0
    engine.start(print)
    assert engine.slots == 1
    engine.close()
    assert engine.slots == 0


def test_close_cancel_and_close_again_are_fine(bench):
    bench.run(engine_tasks.measure)
    bench.engine.close()
    bench.engine.cancel()
    bench.engine.close()
    assert kinds(bench.drain()) == ["TrialStarted", "TrialFinished"]


def test_submitting_before_the_start_or_after_the_close_says_what_to_do(engine):
    with pytest.raises(EngineError, match=r"call start\(\)"):
        engine.submit(task(0, engine_tasks.measure))
    engine.start(print)
    engine.close()
    with pytest.raises(EngineError, match="not running"):
        engine.submit(task(0, engine_tasks.measure))


def test_starting_twice_is_refused(bench):
    with pytest.raises(EngineError, match="started already"):
        bench.engine.start(print)


@pytest.mark.parametrize("name", ["inline", "local", "dask", "dask-threads", "tcp://10.0.0.1:8786"])
def test_engines_are_opened_by_name(name):
    assert name in engine_names() or "://" in name
    assert open_engine(name).name == name


def test_an_unknown_engine_is_refused_with_the_names_that_are_known():
    with pytest.raises(InputError, match=r"no engine 'locl'. Did you mean 'local'\? Valid: inline, local"):
        open_engine("locl")


@pytest.mark.parametrize(
    ("name", "workers"),
    [
        ("inline", 2),
        ("local", 0),
        ("local", -1),
        ("local", "two"),
        ("dask", 0),
        ("dask-threads", "two"),
        ("tcp://10.0.0.1:8786", 2),
    ],
)
def test_a_number_of_workers_that_cannot_be_is_refused(name, workers):
    with pytest.raises(InputError, match=str(workers)):
        open_engine(name, workers=workers)


def test_other_packages_bring_engines_by_an_entry_point(tmp_path, monkeypatch):
    (tmp_path / "cloud_engines.py").write_text(
        "from scalewise.engines.inline import InlineEngine\nclass Cloud(InlineEngine):\n    name = 'cloud'\n"
    )
    info = tmp_path / "cloud_engines-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cloud-engines\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[scalewise.engines]\ncloud = cloud_engines:Cloud\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert engine_names() == ("inline", "local", "dask", "dask-threads", "cloud")
    assert open_engine("cloud", workers=1).name == "cloud"
