"""Every error scalewise raises on purpose.

::

    ScalewiseError
    ├── InputError (ValueError)          what a person gave cannot be used
    │   ├── TableError                   the table: missing, unreadable, empty
    │   ├── TargetError                  the target column
    │   └── MetricError                  the metric does not fit the task
    ├── StudyError                       a study cannot go on
    │   ├── JournalError                 the journal cannot be read or written
    │   └── EngineError                  workers cannot be started or reached
    └── MissingDependencyError (ImportError)   an optional package is needed

Messages say what was got, what is valid and what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "EngineError",
    "InputError",
    "JournalError",
    "MetricError",
    "MissingDependencyError",
    "ScalewiseError",
    "StudyError",
    "TableError",
    "TargetError",
    "unknown_name",
]


class ScalewiseError(Exception):
    """Base of every error that scalewise raises on purpose."""


class InputError(ScalewiseError, ValueError):
    """What a person gave cannot be used as it is."""


class TableError(InputError):
    """The table is missing, unreadable, empty or of an unknown kind."""


class TargetError(InputError):
    """The target column cannot be learned as asked."""


class MetricError(InputError):
    """The metric does not fit the task, or cannot be computed."""


class StudyError(ScalewiseError):
    """A study cannot go on."""


class JournalError(StudyError):
    """The journal cannot be read or written."""


class EngineError(StudyError):
    """The workers cannot be started or reached."""


class MissingDependencyError(ScalewiseError, ImportError):
    """An optional package is needed for what was asked."""


_COMPARED_NAMES = 10_000
"""Names that one which is not known is compared with, at the most; more would take seconds."""


def unknown_name(what: str, got: str, valid: Iterable[str], *, most: int = 8) -> str:
    """Word the message for a name that is not among the valid ones.

    Parameters
    ----------
    what : str
        What the name should be, such as ``"column"``.
    got : str
        The name that was given.
    valid : iterable of str
        The names that would do.
    most : int
        How many valid names to list at the most.
    """
    names = [str(name) for name in valid]
    close = [name for name in names[:_COMPARED_NAMES] if name.lower() == got.lower()]
    close = close or get_close_matches(got, names[:_COMPARED_NAMES], n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(names[:most]) + (f", ... ({len(names)} in all)" if len(names) > most else "")
    return f"There is no {what} {got!r}.{hint} Valid: {listed or 'none'}."
