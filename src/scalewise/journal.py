"""The journal: an append-only SQLite record of what happened to studies, from which they are resumed.

Written by one runner at a time, but several processes may share a file. In WAL mode a process killed at any moment
loses at most the event that it was writing.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path

from scalewise.core.events import Event, StreamQueued, TrialFinished, TrialShared
from scalewise.core.events.codec import event_from_dict, event_to_dict
from scalewise.errors import JournalError

__all__ = ["JOURNAL_VARIABLE", "Journal", "default_journal_path"]

JOURNAL_VARIABLE = "SCALEWISE_JOURNAL"
"""Names the dashboard's journal in the environment."""

_MOST_EVENTS = 100_000
_QUERY_SIZE = 500

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    study TEXT NOT NULL,
    trial TEXT NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_trial ON events (trial) WHERE trial <> '';
PRAGMA user_version = 1;
"""


def default_journal_path() -> Path:
    """Where the dashboard keeps its journal: ``SCALEWISE_JOURNAL``, or a file in the user's cache folder."""
    named = os.environ.get(JOURNAL_VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "scalewise" / "journal.sqlite"


class Journal:
    """Events of studies on disk.

    Parameters
    ----------
    path : path or None
        The file, made with its folder if it is not there; None keeps events in memory only.
    most_events : int
        The oldest events beyond this many are dropped when the journal is opened.

    Raises
    ------
    JournalError
        If the file cannot be opened or is no journal.
    """

    def __init__(self, path: Path | str | None = None, *, most_events: int = _MOST_EVENTS) -> None:
        self.path = Path(path) if path is not None else None
        try:
            with ExitStack() as unless_done:
                self._db = self._connect()
                # A file that is no journal has to be free to be moved away.
                unless_done.callback(self._db.close)
                self._begin(most_events)
                unless_done.pop_all()
        except (sqlite3.Error, OSError) as error:
            raise JournalError(
                f"The journal {self.path} cannot be used: {error}. Name another file, or move this one away."
            ) from error

    def _connect(self) -> sqlite3.Connection:
        if self.path is not None:
            if self.path.is_dir():
                raise JournalError(f"The journal {self.path} is a folder. Name a file.")
            self.path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(self.path or ":memory:", timeout=10, isolation_level=None, check_same_thread=False)

    def _begin(self, most_events: int) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        self._db.execute(
            "DELETE FROM events WHERE seq <= (SELECT seq FROM events ORDER BY seq DESC LIMIT 1 OFFSET ?)",
            (most_events,),
        )

    def append(self, study_id: str, event: Event, *, trial_key: str = "") -> None:
        """Write one event.

        Raises
        ------
        JournalError
            If it cannot be written, such as on a full disk.
        """
        content = json.dumps(event_to_dict(event), separators=(",", ":"))
        try:
            self._db.execute(
                "INSERT INTO events (study, trial, content) VALUES (?, ?, ?)", (study_id, trial_key, content)
            )
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self.path} cannot be written: {error}.") from error

    def finished(self, trial_keys: Collection[str]) -> Iterator[tuple[str, TrialFinished | TrialShared]]:
        """Give the finished trials among `trial_keys`, each with its key, the latest where one is there twice.

        Raises
        ------
        JournalError
            If they cannot be read.
        """
        keys = list(trial_keys)
        for start in range(0, len(keys), _QUERY_SIZE):
            yield from self._finished(keys[start : start + _QUERY_SIZE])

    def stream(self, key: str) -> list[Event]:
        """Give what is known of the latest stream by its key, from its `StreamQueued` on; nothing where there is none.

        Raises
        ------
        JournalError
            If it cannot be read.
        """
        events = [event for _, content in self._rows([key]) if (event := _read(content)) is not None]
        begins = [place for place, event in enumerate(events) if isinstance(event, StreamQueued)]
        return events[begins[-1] :] if begins else []

    def _rows(self, keys: list[str]) -> list[tuple[str, str]]:
        marks = ",".join("?" * len(keys))
        query = f"SELECT trial, content FROM events WHERE trial IN ({marks}) ORDER BY seq"
        try:
            return self._db.execute(query, keys).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self.path} cannot be read: {error}.") from error

    def _finished(self, keys: list[str]) -> Iterator[tuple[str, TrialFinished | TrialShared]]:
        events = ((key, _read(content)) for key, content in self._rows(keys))
        latest = {key: event for key, event in events if isinstance(event, TrialFinished | TrialShared)}
        yield from latest.items()

    def close(self) -> None:
        """Close the file. Closing twice is fine."""
        self._db.close()


def _read(content: str) -> Event | None:
    """An event from the journal; None for one that this version does not know, which is then measured again."""
    try:
        return event_from_dict(json.loads(content))
    except (ValueError, TypeError, KeyError):
        return None
