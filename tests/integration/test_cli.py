"""The command as a shell would run it: its words, its status, its JSON."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from scalewise import cli
from scalewise.core.events import EngineLost
from scalewise.core.spec import SamplingUnit
from scalewise.engines.base import Report
from scalewise.errors import JournalError
from scalewise.journal import Journal
from scalewise.shell import opening

QUICK = ("--engine", "inline", "--quiet", "--models", "dummy,linear", "--max-fraction", "1", "--repeats", "2")


def frame(n_rows=800):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, n_rows))
    kind = rng.choice(["x", "y", "z"], n_rows)
    late = a + (kind == "x") + rng.normal(size=n_rows) > 0
    return pd.DataFrame({"a": a, "b": b, "kind": kind, "late": np.where(late, "yes", "no")})


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.parquet"
    frame().to_parquet(path)
    return str(path)


def run(capsys, *arguments):
    """Status, standard output and the lines on standard error."""
    try:
        status = cli.main(["run", *arguments])
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    return status, out, err.splitlines()


def test_a_study_prints_curves_and_the_verdict_and_writes_json(capsys, table, tmp_path):
    status, out, err = run(
        capsys, table, "--target", "late", *QUICK, "--everything", "--json", str(tmp_path / "out.json")
    )
    assert (status, err) == (0, [])
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["verdict"]["sentence"] in out
    assert "ROC AUC" in out.splitlines()[0]
    assert "roc_auc" not in out
    assert content["schema"] == "scalewise/2"
    assert content["verdict"]["action"] in {"use_more_rows", "collect_rows", "stop", "cannot_tell"}
    assert content["verdict"]["evidence"]
    assert content["verdict"]["next_doubling"]["n_rows"] == 1280
    ways = content["verdict"]["ways"]
    assert ways[0]["action"] == "stop"
    assert all({"action", "gain", "low", "high", "minutes", "bytes", "money"} <= set(way) for way in ways)
    assert all(line in out for line in content["verdict"]["would_change"])
    assert all(way["words"] in out for way in ways)
    assert content["trials"]["fitted"] > 10
    assert content["trials"]["failed"] == content["trials"]["resumed"] == 0
    curve = content["curves"][1]
    assert (curve["model"], curve["metric"]) == ("linear", "roc_auc")
    point = curve["points"][-1]
    assert point["n_rows"] == 640
    assert point["fraction"] == 1.0
    assert point["low"] < point["score"] < point["high"]
    assert {"train_score", "repeats", "fit_seconds"} <= set(point)
    assert content["importances"][0]["features"][0]["feature"] == "a"


def test_ctrl_c_in_a_check_of_a_sampling_unit_keeps_the_result(capsys, table, monkeypatch):
    def interrupted(study, unit):
        raise KeyboardInterrupt

    monkeypatch.setattr("scalewise.shell.following.proposed_units", lambda state: (SamplingUnit("group", "kind"),))
    monkeypatch.setattr("scalewise.running.conductor.cheap_check", lambda state: None)
    monkeypatch.setattr("scalewise.study.Study.check_unit", interrupted)
    status, out, _ = run(capsys, table, "--target", "late", *QUICK, "--check-unit")
    assert status == 130
    assert "Linear" in out


def test_the_same_journal_resumes_and_fits_nothing_twice(capsys, table, tmp_path):
    journal = ("--journal", str(tmp_path / "j.sqlite"), "--json", "-")
    first = json.loads(run(capsys, table, "--target", "late", *QUICK, *journal)[1])
    second = json.loads(run(capsys, table, "--target", "late", *QUICK, *journal)[1])
    assert second["trials"]["fitted"] == 0
    assert second["trials"]["resumed"] == first["trials"]["fitted"]
    assert second["curves"] == first["curves"]


def test_a_built_in_example_brings_its_own_target(capsys):
    status, out, _ = run(capsys, "breast cancer", *QUICK)
    assert status == 0
    assert "linear" in out


def test_alarms_about_columns_are_printed_unasked(capsys, tmp_path):
    late = frame()["late"]
    frame().assign(leak=np.where(late == "yes", 1.0, 0.0)).to_parquet(tmp_path / "t.parquet")
    out = run(capsys, str(tmp_path / "t.parquet"), "--target", "late", *QUICK)[1]
    assert "alarm: leak is nearly a copy of late" in out


def test_csv_works_as_parquet_does(capsys, tmp_path):
    frame().to_csv(tmp_path / "t.csv", index=False)
    status, out, _ = run(capsys, str(tmp_path / "t.csv"), "--target", "late", *QUICK)
    assert status == 0
    assert "640" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no.parquet", "--target", "y"], "no file"),
        (["TABLE"], "--target"),
        (["flightz"], "Did you mean 'flights'"),
        (["TABLE", "--target", "late", "--exclude", "a,late"], "'late' is the column to be predicted"),
        (["TABLE", "--target", "lat"], "Did you mean 'late'"),
        (["TABLE", "--target", "late", "--metric", "r2"], "r2"),
        (["TABLE", "--target", "late", "--metric", "roc_acu"], "Did you mean 'roc_auc'"),
        (["TABLE", "--target", "late", "--models", "lineer"], "Did you mean 'linear'"),
        (["TABLE", "--target", "late", "--max-fraction", "2"], "must be above 0"),
        (["TABLE", "--target", "late", "--repeats", "0"], "from 1 to 50"),
        (["TABLE", "--target", "late", "--repeats", "many"], "invalid int"),
        (["TABLE", "--target", "late", "--pin", "linnear"], "Did you mean 'linear'"),
        (["TABLE", "--target", "late", "--models", "linear", "--pin", "boosting"], "is pinned, but not studied"),
        (["TABLE", "--target", "late", "--min-gain", "inf"], "must be a number of 0 or more"),
        (["TABLE", "--target", "late", "--engine", "warp"], "engine"),
        (["TABLE", "--target", "late", "--budget", "0"], "budget is 0.0 minutes"),
        (["TABLE", "--target", "late", "--budget", "nan"], "budget is nan minutes"),
        (["TABLE", "--target", "late", "--price-per-hour=-1"], "price of an hour is -1.0"),
        (["TABLE", "--target", "late", "--exclude", "colour"], "colour"),
        (["TABLE", "--target", "late", "--group", "a", "--time", "b"], "not both"),
        (["TABLE", "--target", "late", "--json", "/no/such/folder/x.json"], "no folder '/no/such/folder'"),
        (["TABLE", "--target", "late", "--json", "/"], "cannot be written"),
        (["TABLE", "--target", "late", "--journal", "/no/such/folder/j.sqlite"], "no folder '/no/such/folder'"),
        (["TABLE", "--target", "a", "--task", "multiclass"], "fewer than 10 rows"),
    ],
)
def test_a_mistake_is_one_line_and_status_two(capsys, table, arguments, says):
    status, out, err = run(capsys, *[table if a == "TABLE" else a for a in arguments], "--quiet")
    assert status == 2
    assert out == ""
    assert len(err) == 1
    assert says in err[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "is a folder. Name a file."),
        (b"no database at all", "file is not a database"),
    ],
)
def test_a_journal_that_cannot_be_used_is_a_mistake(capsys, table, tmp_path, content, says):
    journal = tmp_path / "j.sqlite"
    journal.mkdir() if content is None else journal.write_bytes(content)
    status, out, err = run(capsys, table, "--target", "late", *QUICK, "--journal", str(journal))
    assert (status, out, len(err)) == (2, "", 1)
    assert says in err[0]


@pytest.mark.parametrize("greets", [False, True])
def test_an_address_without_a_scheduler_is_a_mistake_and_one_line(capsys, table, tmp_path, greets):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        if greets:
            # It takes whoever comes, and says nothing: that is found out when the study has begun already.
            other.listen()
        where = ("--engine", address, "--journal", str(tmp_path / "j.sqlite"))
        status, out, err = run(capsys, table, "--target", "late", *QUICK[2:], *where)
    assert (status, out, len(err)) == (2, "", 1)
    assert address in err[0]


def test_an_engine_that_is_lost_before_anything_was_fitted_is_a_failure_and_one_line(capsys, table, monkeypatch):
    from scalewise.engines.inline import InlineEngine

    def lose(self, task):
        self._outbox(Report("", EngineLost(where=self.name, reason="It is gone.")))

    monkeypatch.setattr(InlineEngine, "submit", lose)
    assert run(capsys, table, "--target", "late", *QUICK) == (1, "", ["scalewise: It is gone."])


@pytest.mark.parametrize("before", [None, "{}"])
def test_a_refused_study_leaves_the_file_for_its_result_as_it_was(capsys, table, tmp_path, before):
    out_file = tmp_path / "out.json"
    if before is not None:
        out_file.write_text(before)
    status, _, err = run(capsys, table, "--target", "lat", *QUICK, "--json", str(out_file))
    assert (status, len(err)) == (2, 1)
    assert (out_file.read_text() if out_file.exists() else None) == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "0 bytes"),
        (b"PAR1 but nothing else", "t.parquet"),
        (b"\x00\x01\x02\xff" * 100, "t.parquet"),
    ],
)
def test_a_file_that_is_no_parquet_is_one_line(capsys, tmp_path, content, says):
    (tmp_path / "t.parquet").write_bytes(content)
    status, _, err = run(capsys, str(tmp_path / "t.parquet"), "--target", "y", "--quiet")
    assert status == 2
    assert len(err) == 1
    assert says in err[0]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"late": "yes"}, "nothing to learn"),
        ({"late": None}, "no value in any row"),
        ({"late": ["once", *["no"] * 799]}, "once"),
    ],
)
def test_a_target_that_cannot_be_learned_is_one_line(capsys, tmp_path, changed, says):
    frame().assign(**changed).to_parquet(tmp_path / "t.parquet")
    status, _, err = run(capsys, str(tmp_path / "t.parquet"), "--target", "late", "--quiet")
    assert status == 2
    assert len(err) == 1
    assert says in err[0]


def test_odd_columns_are_left_out_and_said(capsys, tmp_path):
    odd = frame().assign(constant=1, id=[f"row-{i}" for i in range(800)], empty=None, far=np.inf)
    odd.to_parquet(tmp_path / "t.parquet")
    status, out, _ = run(capsys, str(tmp_path / "t.parquet"), "--target", "late", *QUICK, "--json", "-")
    assert status == 0
    content = json.loads(out)
    assert {"constant", "id", "empty", "far"} == {column["name"] for column in content["table"]["left_out"]}
    assert all(column["reason"] for column in content["table"]["left_out"])
    assert content["table"]["features"] == ["a", "b", "kind"]
    status, out, _ = run(capsys, str(tmp_path / "t.parquet"), "--target", "late", *QUICK)
    assert status == 0
    assert "not used: constant (is the same everywhere: 1)" in out.splitlines()


def test_rows_that_cannot_be_used_are_said(capsys, tmp_path):
    frame().assign(when=[None, *range(799)]).to_parquet(tmp_path / "t.parquet")
    status, out, _ = run(capsys, str(tmp_path / "t.parquet"), "--target", "late", "--time", "when", *QUICK)
    assert status == 0
    assert "when" in out.splitlines()[0]
    assert "left out" in out.splitlines()[0]


def test_trials_that_fail_are_counted_and_said(capsys, tmp_path):
    numbers = frame().assign(y=lambda df: df["a"])[["b", "kind", "y"]]
    numbers.to_parquet(tmp_path / "t.parquet")
    arguments = [str(tmp_path / "t.parquet"), "--target", "y", "--metric", "neg_mean_squared_log_error", *QUICK]
    status, out, _ = run(capsys, *arguments)
    assert status == 1
    assert "failed: " in out


def _full(path, *_arguments, **_options):
    path.touch()
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("earlier", [None, b"{}"])
def test_a_result_that_does_not_fit_onto_the_disk_is_printed_and_one_line_says_so(
    capsys, table, tmp_path, monkeypatch, earlier
):
    monkeypatch.setattr(Path, "write_text", _full)
    out_file = tmp_path / "out.json"
    if earlier is not None:
        out_file.write_bytes(earlier)
    status, out, err = run(capsys, table, "--target", "late", *QUICK, "--json", str(out_file))
    assert (status, len(err)) == (1, 1)
    assert err[0].startswith(f"scalewise: {out_file} cannot be written: No space left on device. Make room, or ")
    assert out_file.exists() == (earlier is not None)
    assert earlier is None or out_file.read_bytes() == earlier
    assert {path.name for path in tmp_path.iterdir()} <= {"table.parquet", "out.json"}
    assert "what would overturn this answer:" in out


def test_a_journal_that_cannot_be_written_any_more_is_told(capsys, table, tmp_path, monkeypatch):
    def refuse(self, *_arguments, **_options):
        if self.path is not None:
            raise JournalError(f"The journal {self.path} cannot be written: database or disk is full.")

    monkeypatch.setattr(Journal, "append", refuse)
    status, _, err = run(capsys, table, "--target", "late", *QUICK, "--journal", str(tmp_path / "j.sqlite"))
    assert (status, len(err)) == (0, 1)
    assert err[0].endswith("disk is full. The study goes on, but what follows will not be there after a restart.")


def test_an_interrupt_before_the_study_is_no_traceback(capsys, table, monkeypatch):
    def interrupt(_asked):
        raise KeyboardInterrupt

    monkeypatch.setattr(opening, "_table_and_options", interrupt)
    assert run(capsys, table, "--target", "late") == (130, "", [])


def test_an_interrupt_of_the_check_of_units_leaves_the_verdict(capsys, table, monkeypatch):
    def interrupt(_state):
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        return ()

    monkeypatch.setattr("scalewise.shell.following.proposed_units", interrupt)
    status, out, err = run(capsys, table, "--target", "late", *QUICK, "--check-unit")
    assert (status, err) == (130, [])
    assert "what would overturn this answer:" in out


def _command(*arguments):
    return [sys.executable, "-m", "scalewise.cli", *arguments]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_study_killed_in_the_middle_goes_on_where_it_was(table, tmp_path):
    journal, out = tmp_path / "j.sqlite", tmp_path / "out.json"
    arguments = ("run", table, "--target", "late", "--models", "dummy,linear,forest", "--max-fraction", "1", "--quiet")
    arguments += ("--journal", str(journal), "--workers", "1", "--json", str(out))
    with subprocess.Popen(_command(*arguments), stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 90
        while _finished(journal) < 10:
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.05)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
    known = _finished(journal)
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    subprocess.run(_command(*arguments), check=True, stdout=subprocess.DEVNULL)
    trials = json.loads(out.read_text())["trials"]
    assert trials["resumed"] == known
    assert trials["fitted"] > 0
    assert trials["failed"] == 0


def _finished(journal):
    """Finished trials in a journal that another process may be writing."""
    import sqlite3

    if not journal.exists():
        return 0
    db = sqlite3.connect(journal)
    try:
        return db.execute("SELECT count(*) FROM events WHERE content LIKE '%TrialFinished%'").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()


def test_the_dashboard_takes_another_port_where_the_asked_one_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(
            _command("app", "--no-browser", "--port", str(port)), stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            said = process.stdout.readline()
            process.terminate()
    assert "http://127.0.0.1:" in said
    assert f":{port}/" not in said
    assert "token=" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.csv"], "no file"),
        (["TABLE", "--target", "lat"], "late"),
        (["--target", "late"], "needs a table"),
        (["--port", "99999"], "port"),
    ],
)
def test_mistakes_are_found_before_a_server_starts(capsys, table, arguments, says):
    status = cli.main(["app", "--no-browser", *[table if a == "TABLE" else a for a in arguments]])
    err = capsys.readouterr().err.splitlines()
    assert status == 2
    assert len(err) == 1
    assert says in err[0]
