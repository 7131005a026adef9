"""The files that the command line writes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from scalewise.errors import InputError, StudyError

__all__ = ["check_folder", "check_writable", "write_result"]


def check_folder(path: Path | None, option: str) -> None:
    """Make no folder: where one is missing, its name is more likely misspelt.

    Raises
    ------
    InputError
        If the folder of a file is missing; it names the option that names the file.
    """
    if path is not None and not path.parent.is_dir():
        raise InputError(
            f"{path} cannot be written: there is no folder {str(path.parent)!r}. Make it, or name another file with "
            f"{option}."
        )


def check_writable(path: Path | None) -> None:
    """Find out before the study, not after it, that its result cannot be written; no file is left behind.

    Raises
    ------
    InputError
        If it cannot.
    """
    if path is None or str(path) == "-":
        return
    check_folder(path, "--json")
    is_new = not path.exists()
    try:
        path.open("a").close()
        if is_new:
            path.resolve().unlink()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Name another file with --json.") from error


def write_result(path: Path | None, text: str) -> StudyError | None:
    """Write the result; an error is to be raised once all has been printed at least."""
    if path is None or str(path) == "-":
        return None
    # Written whole and then put in place: where there is no room for it, no earlier result is lost.
    place = path.resolve()
    is_device = place.exists() and not place.is_file()
    is_direct = is_device or not os.access(place.parent, os.W_OK)
    aside = place if is_direct else place.with_name(f".{place.name}.{os.getpid()}")
    try:
        aside.write_text(text + "\n", encoding="utf-8")
        if aside != place:
            aside.replace(place)
    except OSError as error:
        if aside != place:
            with contextlib.suppress(OSError):
                aside.unlink()
        hint = "Make room, or name another file with --json; on the same --journal nothing is fitted twice."
        return StudyError(f"{path} cannot be written: {error.strerror}. {hint}")
    return None
