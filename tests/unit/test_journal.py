from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from studies import record

from scalewise.core import events as ev
from scalewise.core.spec import Trial
from scalewise.errors import JournalError
from scalewise.journal import Journal, default_journal_path


def event(n_rows=100, score=0.7):
    return ev.TrialFinished(trial=Trial("linear", n_rows), record=record(score))


def test_finished_trials_come_back_by_key_in_another_session(tmp_path):
    first = Journal(tmp_path / "deep" / "journal.sqlite")
    first.append("s", event(), trial_key="k1")
    first.append("s", ev.StudyStopped())
    first.close()
    second = Journal(tmp_path / "deep" / "journal.sqlite")
    assert list(second.finished(["k1", "unknown"])) == [("k1", event())]
    second.close()


def test_the_latest_of_two_measurements_wins(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.append("s", event(score=0.1), trial_key="k")
    journal.append("s", event(score=0.2), trial_key="k")
    assert [e.record.score for _, e in journal.finished(["k"])] == [0.2]
    journal.close()


def test_a_failed_trial_does_not_hide_that_it_finished_before(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.append("s", event(), trial_key="k")
    journal.append("s", ev.TrialFailed(trial=Trial("linear", 100), reason="x"), trial_key="k")
    assert [e.record.score for _, e in journal.finished(["k"])] == [0.7]
    journal.close()


def test_many_keys_are_looked_up_at_once():
    journal = Journal()
    for number in range(1_300):
        journal.append("s", event(n_rows=number + 1), trial_key=f"k{number}")
    assert len(list(journal.finished([f"k{number}" for number in range(2_000)]))) == 1_300
    journal.close()


def test_its_size_is_bounded(tmp_path):
    journal = Journal(tmp_path / "j")
    for number in range(30):
        journal.append("s", event(), trial_key=f"k{number}")
    journal.close()
    journal = Journal(tmp_path / "j", most_events=10)
    assert {key for key, _ in journal.finished([f"k{n}" for n in range(30)])} == {f"k{n}" for n in range(20, 30)}
    journal.close()


def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, not a database\n" * 100)
    with pytest.raises(JournalError, match=r"notes\.txt.*Name another file"):
        Journal(path)
    assert path.read_text().startswith("these are my notes")


def test_a_file_that_is_no_journal_is_not_held_open(tmp_path, monkeypatch):
    path, opened, connect = tmp_path / "notes.txt", [], sqlite3.connect
    path.write_text("these are my notes, not a database " * 100)
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **kwargs: opened.append(connect(*args, **kwargs)) or opened[0]
    )
    with pytest.raises(JournalError, match="move this one away"):
        Journal(path)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be used"):
        Journal(tmp_path / "file" / "journal.sqlite")


def test_a_full_disk_is_said(tmp_path):
    journal = Journal(tmp_path / "j")
    journal._db.execute("PRAGMA max_page_count = 8")
    with pytest.raises(JournalError, match="full"):
        for number in range(1_000):
            journal.append("s", event(), trial_key=f"k{number}")
    journal.close()


def test_events_of_another_version_are_measured_again(tmp_path):
    journal = Journal(tmp_path / "j")
    journal._db.execute("INSERT INTO events (study, trial, content) VALUES ('s', 'k', '{\"event\": \"Gone\"}')")
    assert list(journal.finished(["k"])) == []
    journal.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_process_killed_while_writing_loses_nothing_that_was_written(tmp_path):
    writer = textwrap.dedent(
        """
        import sys
        from studies import record
        from scalewise.core import events as ev
        from scalewise.core.spec import Trial
        from scalewise.journal import Journal
        journal = Journal(sys.argv[1])
        for number in range(100_000):
            done = ev.TrialFinished(trial=Trial("linear", number + 1), record=record(0.5))
            journal.append("s", done, trial_key=f"k{number}")
            print(number, flush=True)
        """
    )
    support = Path(__file__).parents[1] / "support"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(support)])}
    path = tmp_path / "j"
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        for line in process.stdout:
            if int(line) >= 200:
                break
        process.send_signal(signal.SIGKILL)
        told = max([200, *(int(line) for line in process.stdout if line.endswith("\n"))])
    journal = Journal(path)
    assert len(list(journal.finished([f"k{n}" for n in range(told + 1)]))) == told + 1
    journal.close()


def test_the_default_path_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SCALEWISE_JOURNAL", str(tmp_path / "mine"))
    assert default_journal_path() == tmp_path / "mine"
    monkeypatch.delenv("SCALEWISE_JOURNAL")
    assert default_journal_path().name == "journal.sqlite"
