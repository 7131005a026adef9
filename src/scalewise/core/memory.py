"""How much memory a worker needs for a fit, and which machines have that much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from scalewise.core.cost import CostCurve, memory_curve
from scalewise.core.curves import Curve
from scalewise.core.machine import Machine

__all__ = ["PLACES", "WorkerMemory", "fitting_places", "usable_bytes", "worker_memory"]

_BARE_WORKER = 220_000_000
"""A process with scikit-learn imported, where nothing was measured."""
_COPIES = 3
"""The sample and what preprocessing makes of it, where nothing was measured."""
_SPARE = 0.75
"""The system and other programs take the rest of a machine's memory."""

PLACES: tuple[tuple[str, float], ...] = (("a 16 GB laptop", 16e9), ("a 64 GB machine", 64e9))
"""Machines that people have, with their memory in bytes."""


@dataclass(frozen=True, slots=True)
class WorkerMemory:
    """Memory of a whole worker against training rows: itself and its holdout, the sample, and every copy of it.

    Parameters
    ----------
    base_bytes : int
        What it holds before it reads a sample.
    row_bytes : int
        Of one row of the sample.
    growth : CostCurve or None
        Bytes on top of `base_bytes`; None with fewer than four measured sizes.
    largest : tuple of (int, int)
        The largest measured size in rows, and the bytes on top there; zeros where nothing could be measured.
    """

    base_bytes: int
    row_bytes: int
    growth: CostCurve | None
    largest: tuple[int, int]

    def predict(self, n_rows: int) -> int:
        """Bytes of a worker that fits `n_rows` training rows; no less for more rows."""
        return round(self.base_bytes + max(self._on_top(n_rows), self.row_bytes * n_rows))

    def _on_top(self, n_rows: int) -> float:
        measured_rows, measured = self.largest
        in_proportion = measured * n_rows / measured_rows if measured_rows else 0.0
        if self.growth is not None:
            return max(float(self.growth.predict(n_rows)), in_proportion)
        return max(_COPIES * self.row_bytes * n_rows, in_proportion)

    def most_rows(self, n_bytes: float, most: int) -> int:
        """The largest size of at most `most` rows that fits in `n_bytes`; 0 where none does."""
        if self.predict(most) <= n_bytes:
            return most
        fitting, too_large = 0, most
        while too_large - fitting > 1:
            middle = (fitting + too_large) // 2
            fitting, too_large = (middle, too_large) if self.predict(middle) <= n_bytes else (fitting, middle)
        return fitting


def worker_memory(curve: Curve | None, row_bytes: int, n_holdout_rows: int) -> WorkerMemory:
    """Work out from a model's trials how much memory larger ones will take.

    Parameters
    ----------
    curve : Curve or None
        None where the model has no trial yet.
    row_bytes : int
        Of one row as workers hold it.
    n_holdout_rows : int
    """
    points = curve.points if curve else ()
    records = [record for point in points for _, record in point.trials]
    bases = [r.worker_bytes - r.peak_bytes for r in records if r.worker_bytes > r.peak_bytes > 0]
    base = median(bases) if bases else _BARE_WORKER + row_bytes * n_holdout_rows
    growth = memory_curve([p.n_rows for p in points], [p.peak_bytes for p in points])
    largest = max(((p.n_rows, p.peak_bytes) for p in points if p.peak_bytes), default=(0, 0))
    return WorkerMemory(round(base), row_bytes, growth, largest)


def usable_bytes(memory_bytes: float) -> float:
    """What work may take of a machine's memory."""
    return _SPARE * memory_bytes


def fitting_places(n_bytes: float, machine: Machine | None) -> tuple[str, ...]:
    """The places where a worker of `n_bytes` fits, from small to large; a cluster with workers that large always."""
    here: Iterable[tuple[str, bool]] = [("this machine", n_bytes <= machine.free_bytes)] if machine else []
    others = ((name, n_bytes <= usable_bytes(size)) for name, size in PLACES)
    return tuple(name for name, fits in (*here, *others) if fits)
