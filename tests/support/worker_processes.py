"""The processes behind the workers of the local engine."""

from __future__ import annotations

import re


def process_of(worker):
    """The process number that a worker's name tells."""
    return int(re.search(r"process (\d+)", worker)[1])
