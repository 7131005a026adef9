"""Calls and warm-ups that tests give to engines; they lie here so that worker processes can import them."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

from scalewise.core.results import TrialRecord
from scalewise.errors import MetricError


def record(score=0.5, remarks=()):
    return TrialRecord(score, (score,), score, 0.0, 0.0, remarks=remarks)


def measure(score=0.5):
    return record(score)


def measure_slowly():
    time.sleep(1.5)
    return record()


def measure_when(path):
    """Say that it has begun with one file, and end when another appears."""
    Path(f"{path}.begun").touch()
    while not Path(path).exists():
        time.sleep(0.005)
    return record()


def note_order(path, name):
    with Path(path).open("a") as file:
        file.write(name)
    return record()


def describe_process():
    return record(remarks=(os.environ["OMP_NUM_THREADS"], str("sklearn" in sys.modules)))


def fail(text):
    raise ValueError(text)


def refuse(text):
    raise MetricError(text)


def leave():
    sys.exit("enough")


def return_nothing():
    return None


def return_what_cannot_be_pickled():
    return record(remarks=(lambda: None,))


def return_much(megabytes):
    return record(remarks=("x" * (megabytes * 1_000_000),))


def die(signal_number=signal.SIGKILL):
    os.kill(os.getpid(), signal_number)
    time.sleep(60)


def die_once(path):
    """Die the first time; measure when the file that tells of it is there."""
    if not Path(path).exists():
        Path(path).touch()
        die()
    return record()


def hold_the_lock(path):
    """Spend hours inside one call that lets no other thread of the process run."""
    Path(path).touch()
    re.match(r"(a+)+$", "a" * 60 + "b")
    return record()


def read_standard_input():
    return record(remarks=(sys.stdin.read(),))


def no_warm_up():
    return None


def endless_warm_up():
    time.sleep(600)


def failing_warm_up():
    raise ImportError("the sky has no libraries")


def warm_up_that_fails_once():
    marker = Path(os.environ["SCALEWISE_TEST_MARKER"])
    if not marker.exists():
        marker.touch()
        failing_warm_up()


def warm_up_where_allowed():
    if not Path(os.environ["SCALEWISE_TEST_MARKER"]).exists():
        failing_warm_up()


def warm_up_of_one():
    """Only one process of all can warm up."""
    try:
        Path(os.environ["SCALEWISE_TEST_MARKER"]).touch(exist_ok=False)
    except FileExistsError:
        failing_warm_up()


def take_memory(megabytes):
    """Fill memory and hold it."""
    content = bytearray(os.urandom(1_000_000) * megabytes)
    time.sleep(60)
    return record(remarks=(str(len(content)),))
