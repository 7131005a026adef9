"""Streams that tests give to engines; they lie here so that worker processes can import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from scalewise.core.results import StreamPoint, StreamResult
from scalewise.engines.base import StreamTask


def stream_task(call, study_id="study"):
    return StreamTask("stream key", study_id, "sgd", call)


def point(n_rows):
    return StreamPoint(n_rows, 1.0 - 1.0 / n_rows, (0.5,), 0.0)


def tell_some(n_points, tell):
    for number in range(1, n_points + 1):
        tell(point(number))
    return StreamResult(point(n_points), b"model", remarks=("a remark",))


def tell_and_fail(tell):
    tell(point(1))
    raise ValueError("no such block")


def tell_for_ever(path, tell):
    """Tell until the engine ends it; the file says that it has begun, another one that it ended in good order."""
    number = 0
    Path(path).touch()
    try:
        while True:
            number += 1
            tell(point(number))
            time.sleep(0.01)
    finally:
        Path(f"{path}.ended").touch()


def tell_and_die_once(path, tell):
    tell(point(1))
    tell(point(2))
    if not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    return StreamResult(point(2), b"model")


def die_at_once_then_end(path, tell):
    """Die before any word of it can leave the process; the second try ends well."""
    if not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return StreamResult(point(1), b"model")


def tell_and_die(tell):
    tell(point(1))
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
