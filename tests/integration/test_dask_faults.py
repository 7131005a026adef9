"""Clusters that the engine joins, of real schedulers and workers: what goes wrong there, and what is left behind."""

from __future__ import annotations

import asyncio
import http.server
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial

import dask_studies
import engine_tasks
import numpy as np
import pyarrow as pa
import pytest
import trustme
from dask_processes import HandMadeCluster, end
from distributed import Client
from engine_bench import Bench, kinds, wait_for_file, wait_until

from scalewise.core.events import EngineLost, Noted, TrialFailed, TrialFinished
from scalewise.data.sources import open_source
from scalewise.engines import open_engine
from scalewise.engines.dask import AddressPlace, ClientPlace, DaskEngine, Tls
from scalewise.errors import EngineError, InputError
from scalewise.journal import Journal
from scalewise.options import StudyOptions
from scalewise.runner import StudyRunner

HIDING = ["unshare", "--user", "--map-root-user", "--mount"]
CAN_HIDE = (
    sys.platform == "linux" and subprocess.run([*HIDING, "true"], capture_output=True, check=False).returncode == 0
)


@pytest.fixture
def make_cluster(tmp_path_factory):
    """Start a scheduler, and as many workers as asked for; all are gone after the test."""
    clusters = []

    def made(n_workers=0, *options):
        clusters.append(HandMadeCluster(tmp_path_factory.mktemp("cluster"), *options))
        for _ in range(n_workers):
            clusters[-1].add_worker()
        return clusters[-1]

    yield made
    for cluster in clusters:
        cluster.close()


@pytest.fixture
def join():
    """Join a cluster; it is left again after the test."""
    engines = []

    def joined(place):
        place = AddressPlace(place) if isinstance(place, str) else place
        engines.append(DaskEngine(place, warm_up="engine_tasks:no_warm_up"))
        return Bench(engines[-1])

    yield joined
    for engine in engines:
        engine.close()


def told(bench, kind, words=""):
    """Wait for an event of a kind with some words."""

    def text(event):
        return event.reason if isinstance(event, EngineLost | TrialFailed) else event.text

    bench.until(lambda events: any(isinstance(event, kind) and words in text(event) for event in events))
    return next(text(event) for event in bench.events if isinstance(event, kind) and words in text(event))


def trial_kinds(events):
    return [kind for kind in kinds(events) if kind.startswith("Trial")]


def test_trials_wait_for_a_worker_and_go_on_when_one_comes(make_cluster, join, tmp_path):
    cluster = make_cluster()
    bench = join(cluster.address)
    told(bench, Noted, "Joined")
    assert bench.engine.slots == 0
    bench.submit(partial(engine_tasks.measure_when, tmp_path / "go"), engine_tasks.measure)
    worker = cluster.add_worker()
    bench.until(lambda events: "TrialStarted" in kinds(events))
    assert bench.engine.slots == 1
    end(worker, signal.SIGKILL)
    told(bench, Noted, "waiting for a worker")
    assert bench.engine.slots == 0
    (tmp_path / "go").touch()
    cluster.add_worker()
    events = bench.until_ended(2)
    told(bench, Noted, "1 trials can run at a time")
    first = [event for event in events if getattr(event, "trial", None) and event.trial.n_rows == 1]
    assert kinds(first) == ["TrialStarted", "TrialFailed", "TrialStarted", "TrialFinished"]
    assert first[1].retry


def test_a_trial_that_kills_two_workers_fails_however_often_dask_would_run_it(make_cluster, join):
    cluster = make_cluster(2)
    bench = join(cluster.address)
    wait_until(lambda: bench.engine.slots == 2, "the workers")
    events = bench.run(engine_tasks.die)
    assert [event.retry for event in events if isinstance(event, TrialFailed)] == [True, False]
    assert "second try" in events[-1].reason
    cluster.add_worker()
    assert isinstance(bench.run(engine_tasks.measure)[-1], TrialFinished)


def test_a_worker_that_is_retired_costs_its_trial_no_try(make_cluster, join, tmp_path):
    cluster = make_cluster(1)
    bench = join(cluster.address)
    bench.submit(partial(engine_tasks.measure_when, tmp_path / "go"))
    with Client(cluster.address, set_as_default=False) as client:
        for number in (1, 2):
            bench.until(lambda events, number=number: trial_kinds(events).count("TrialStarted") == number)
            (here,) = client.scheduler_info(n_workers=-1)["workers"]
            cluster.add_worker()
            client.wait_for_workers(2, timeout=60)
            client.retire_workers([here])
    bench.until(lambda events: trial_kinds(events).count("TrialStarted") == 3)
    (tmp_path / "go").touch()
    events = bench.until_ended(1)
    assert trial_kinds(events) == ["TrialStarted", "TrialFailed"] * 2 + ["TrialStarted", "TrialFinished"]
    assert {event.reason for event in events if isinstance(event, TrialFailed)} == {"Its worker left the cluster."}
    assert "WorkerLost" not in kinds(events)


def test_a_killed_scheduler_is_told_and_the_engine_has_no_slots_any_more(make_cluster, join, tmp_path):
    cluster = make_cluster(1)
    bench = join(cluster.address)
    bench.submit(partial(engine_tasks.measure_when, tmp_path / "go"), engine_tasks.measure)
    wait_for_file(tmp_path / "go.begun")
    end(cluster.scheduler, signal.SIGKILL)
    assert "is gone" in told(bench, EngineLost)
    assert bench.engine.slots == 0
    bench.engine.cancel()
    wait_until(lambda: not bench.engine._thread._thread.is_alive(), "the engine's thread to end")
    with pytest.raises(EngineError, match="open another one"):
        bench.submit(engine_tasks.measure)
    assert "TrialFailed" not in kinds(bench.drain())


OPTIONS = StudyOptions("y", models=("dummy", "linear", "forest"), max_fraction=1.0, repeats=3, everything=True)


def begun(runner, options):
    """Start a study on a table of some thousand rows."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 6_000))
    table = pa.table({"a": a, "b": b, "y": np.where(a > 0, "yes", "no")})
    runner.open("t", lambda: open_source(table))
    runner.prepare(options)
    runner.start(options)


def test_a_study_that_was_moved_goes_on_at_home_when_the_scheduler_is_killed(make_cluster):
    cluster = make_cluster(1)
    runner = StudyRunner(open_engine("inline"), Journal(None))
    try:
        begun(runner, replace(OPTIONS, max_fraction=0.1))
        assert runner.wait(60)
        runner.move(lambda: DaskEngine(AddressPlace(cluster.address)))
        wait_until(lambda: runner.state.away and runner.state.check is None, "the cluster to be checked")
        assert runner.state.difference == ""
        runner.change(OPTIONS)
        wait_until(lambda: cluster.address in runner.state.places.values(), "a point of the cluster")
        end(cluster.scheduler, signal.SIGKILL)
        wait_until(lambda: runner.state.phase == "finished", "the end at home")
        assert runner.state.away == ""
        assert set(runner.state.records) == set(runner.state.planned())
        assert set(runner.state.places.values()) == {"inline", cluster.address}
        assert any("The study goes on here" in note.text for note in runner.state.notes)
    finally:
        runner.close()


@pytest.mark.filterwarnings("ignore::distributed.versions.VersionMismatchWarning")  # Dask's own words, on the screen
def test_workers_with_other_versions_are_told_of_before_anything_runs(make_cluster, join, tmp_path):
    told_version = tmp_path / "cloudpickle-0.1.dist-info" / "METADATA"
    told_version.parent.mkdir()
    told_version.write_text("Metadata-Version: 2.1\nName: cloudpickle\nVersion: 0.1\n")
    (tmp_path / "older.py").write_text(f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n")
    cluster = make_cluster()
    cluster.add_worker("--preload", tmp_path / "older.py")
    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=60)
    bench = join(cluster.address)
    bench.run(engine_tasks.measure)
    words = [event.text for event in bench.events if isinstance(event, Noted) and event.level == "warning"]
    assert ["cloudpickle: " in text and "here, 0.1 on 1 of 1 workers" in text for text in words] == [True]
    assert kinds(bench.events).index("Noted") < kinds(bench.events).index("TrialStarted")


def test_workers_without_this_package_are_refused_and_stay_alive(make_cluster, join, tmp_path):
    (tmp_path / "without.py").write_text("import sys\nsys.modules['scalewise'] = None\n")
    cluster = make_cluster()
    cluster.add_worker("--preload", tmp_path / "without.py")
    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=60)
        bench = join(cluster.address)
        bench.submit(engine_tasks.measure)
        words = told(bench, EngineLost)
        assert "1 of 1 workers" in words
        assert "cannot run trials: " in words
        assert "Install scalewise there" in words
        assert client.submit(sum, [1, 2]).result(60) == 3
    assert cluster.workers[0].poll() is None
    assert trial_kinds(bench.events) == []


def test_a_study_whose_scheduler_is_killed_stops_and_keeps_its_points(make_cluster):
    cluster = make_cluster(1)
    runner = StudyRunner(DaskEngine(AddressPlace(cluster.address)), Journal(None))
    try:
        begun(runner, OPTIONS)
        wait_until(lambda: len(runner.state.records) > 2, "points")
        end(cluster.scheduler, signal.SIGKILL)
        assert runner.wait(60)
        assert runner.state.phase == "stopped"
        assert len(runner.state.records) > 2
        assert not runner.state.failures
        assert any("The scheduler of" in note.text for note in runner.state.notes)
    finally:
        runner.close()


def test_a_joined_cluster_is_left_as_it_was_found(make_cluster, join, tmp_path):
    cluster = make_cluster(1)
    bench = join(cluster.address)
    bench.run(engine_tasks.measure)
    bench.submit(partial(engine_tasks.measure_when, tmp_path / "go"), *[engine_tasks.measure] * 5)
    wait_for_file(tmp_path / "go.begun")
    bench.engine.close()
    (tmp_path / "go").touch()
    with Client(cluster.address, set_as_default=False) as client:
        wait_until(lambda: client.run_on_scheduler(tasks_of) == [], "the last task to go")
        assert client.run_on_scheduler(clients_of) == [client.id]
        assert len(client.scheduler_info(n_workers=-1)["workers"]) == 1
        assert client.submit(sum, [1, 2]).result(30) == 3


def tasks_of(dask_scheduler):
    return list(dask_scheduler.tasks)


def clients_of(dask_scheduler):
    return [name for name in dask_scheduler.clients if name.startswith("Client")]


def test_a_client_that_one_has_can_be_given_and_stays_as_it_is(make_cluster, join):
    cluster = make_cluster(1)
    with Client(cluster.address, set_as_default=False) as client:
        bench = join(ClientPlace(client))
        bench.run(engine_tasks.measure)
        bench.engine.close()
        assert client.submit(sum, [1, 2]).result(30) == 3


def test_a_client_of_a_cluster_in_this_process_can_be_given(join):
    options = {"processes": False, "n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with Client(**options, set_as_default=False) as client:
        bench = join(ClientPlace(client))
        assert isinstance(bench.run(engine_tasks.measure)[-1], TrialFinished)
        bench.engine.close()
        assert client.submit(sum, [1, 2]).result(30) == 3


@pytest.mark.skipif(not CAN_HIDE, reason="needs the right to make a mount namespace")
def test_samples_are_sent_once_to_a_worker_that_cannot_see_them_and_removed_at_the_end(make_cluster, join, tmp_path):
    cluster = make_cluster()
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    store = dask_studies.laid_out(hidden)
    script = f'mount -t tmpfs none {hidden} && exec "$0" "$@"'
    cluster.add_worker(prefix=(*HIDING, "sh", "-c", script))
    bench = join(cluster.address)
    tasks = [dask_studies.linear_task(store, n_rows) for n_rows in (500, 1_000, 1_500)]
    for task in tasks:
        bench.engine.submit(task)
    records = {event.trial: event.record for event in bench.until_ended(3) if isinstance(event, TrialFinished)}
    assert {trial: record.score for trial, record in records.items()} == {
        task.trial: task.call().score for task in tasks
    }
    wait_until(lambda: bench.engine.status.shipped_bytes, "the status")
    assert bench.engine.status.shipped_bytes == store.n_bytes
    assert shipped(cluster)
    bench.engine.close()
    assert not shipped(cluster)


def shipped(cluster):
    return [path for path in cluster.folder.glob("worker*/**/scalewise-*") if path.is_dir()]


def test_a_sample_that_is_gone_fails_its_trial_in_words(make_cluster, join, tmp_path):
    cluster = make_cluster(1)
    bench = join(cluster.address)
    store = dask_studies.laid_out(tmp_path)
    task = dask_studies.linear_task(store)
    bench.submit(partial(engine_tasks.measure_when, tmp_path / "go"))
    wait_for_file(tmp_path / "go.begun")
    bench.engine.submit(task)
    store.close()
    (tmp_path / "go").touch()
    assert "cannot be sent" in told(bench, TrialFailed)


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        ("tcp://127.0.0.1:1", EngineError, "No scheduler can be reached at tcp://127.0.0.1:1"),
        ("tcp://no.such.host.invalid:8786", EngineError, "No scheduler can be reached"),
        ("tcp://127.0.0.1", InputError, "is no address"),
        ("tls://127.0.0.1:1", EngineError, "asks for certificates"),
    ],
)
def test_a_scheduler_that_cannot_be_reached_is_said_with_what_to_check(address, error, words):
    with pytest.raises(error, match=words):
        asyncio.run(opened(AddressPlace(address)))


def test_an_engine_that_cannot_join_tells_it(join):
    bench = join("tcp://127.0.0.1:1")
    assert "No scheduler can be reached" in told(bench, EngineLost)
    assert kinds(bench.drain()) == ["EngineLost"]


def test_a_study_on_an_engine_that_cannot_join_is_refused_with_the_reason():
    numbers = np.random.default_rng(0).normal(size=500)
    table = pa.table({"a": numbers, "y": np.where(numbers > 0, "yes", "no")})
    runner = StudyRunner(DaskEngine(AddressPlace("tcp://127.0.0.1:1")), Journal(None))
    try:
        wait_until(lambda: runner.state.notes, "the word of it")
        runner.open("t", lambda: open_source(table))
        runner.prepare(StudyOptions("y"))
        runner.start(StudyOptions("y"))
        assert runner.wait(60)
        assert "No scheduler can be reached" in str(runner.last_error)
        assert runner.state.phase == "ready"
    finally:
        runner.close()


def test_a_web_server_is_no_scheduler():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with pytest.raises(EngineError, match="does not speak like a Dask scheduler"):
            asyncio.run(opened(AddressPlace(f"tcp://127.0.0.1:{server.server_port}")))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_worker_is_no_scheduler(make_cluster):
    cluster = make_cluster(1)
    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=60)
        (worker,) = client.scheduler_info(n_workers=-1)["workers"]
    with pytest.raises(EngineError, match="A Dask worker answers"):
        asyncio.run(opened(AddressPlace(worker)))


async def opened(place):
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as undo:
        await place.open(undo)


@pytest.fixture
def make_tls(tmp_path):
    """Certificates of an authority of its own for each name."""

    def made(name):
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        folder = tmp_path / name
        folder.mkdir()
        tls = Tls(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
        authority.cert_pem.write_to_path(tls.ca_file)
        certificate.cert_chain_pems[0].write_to_path(tls.cert)
        certificate.private_key_pem.write_to_path(tls.key)
        return tls

    return made


def test_a_cluster_with_certificates_lets_in_who_has_them_and_nobody_else(make_cluster, join, make_tls):
    ours, theirs = make_tls("ours"), make_tls("theirs")
    options = ("--protocol", "tls", "--tls-ca-file", ours.ca_file, "--tls-cert", ours.cert, "--tls-key", ours.key)
    cluster = make_cluster(1, *options)
    assert cluster.address.startswith("tls://")
    bench = join(AddressPlace(cluster.address, ours.security()))
    assert isinstance(bench.run(engine_tasks.measure)[-1], TrialFinished)
    mixed = Tls(ours.ca_file, theirs.cert, theirs.key)
    for stranger in (theirs, mixed):
        with pytest.raises(EngineError, match="do not accept each other's certificates"):
            asyncio.run(opened(AddressPlace(cluster.address, stranger.security())))
    with pytest.raises(EngineError, match="whether it is tcp:// or tls://"):
        asyncio.run(opened(AddressPlace(cluster.address.replace("tls", "tcp"))))


def test_certificates_that_are_not_there_are_named(tmp_path):
    with pytest.raises(InputError, match=r"no file .*ca\.pem"):
        Tls(tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem").security()
