"""The words of the scale-out panel, as HTML: what moving would bring, and how a cluster is doing."""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from scalewise.core.scaleout import Preview
from scalewise.core.study import StudyState
from scalewise.core.wording import byte_text, counted_text, duration_text, rows_text

if TYPE_CHECKING:
    from scalewise.engines.cluster_status import ClusterStatus, WorkerStatus

__all__ = ["CostMeter", "preview_html", "status_html"]

_MOST_WORKERS_SHOWN = 16
_HEAD = "<thead><tr>{}</tr></thead>"


class CostMeter:
    """Adds up the hours of workers, however many there are at each time."""

    def __init__(self) -> None:
        self.worker_hours = 0.0
        self._read = 0.0

    def reset(self) -> None:
        """Begin at nothing."""
        self.worker_hours = self._read = 0.0

    def read(self, n_workers: int) -> float:
        """Take the time since the last reading as that of so many workers; give all hours so far."""
        now = time.monotonic()
        if self._read:
            self.worker_hours += n_workers * (now - self._read) / 3600
        self._read = now
        return self.worker_hours


def preview_html(seen: Preview, closing: tuple[str, ...]) -> str:
    """Draw what would run, how long, what it takes, and what is said last, such as what is torn down when."""
    shares = "".join(
        f"<tr><th>{escape(share.label)}</th><td>{share.n_trials}</td>"
        f"<td>{rows_text(share.least_n_rows)} to {rows_text(share.most_n_rows)}</td>"
        f"<td>{duration_text(share.seconds)}</td></tr>"
        for share in seen.shares
    )
    table = _table(("left to run", "trials", "rows", "time of one worker"), shares)
    return _list((*seen.words, *closing)) + table


def status_html(state: StudyState, status: ClusterStatus, cost: float) -> str:
    """Draw how a cluster is doing: its tasks, its workers, and what it moved and cost."""
    n_failed = f"{len(state.failures)} failed"
    if status.address:
        counts = f"{counted_text(status.n_running, 'trial')} running, {status.n_queued} waiting, {n_failed}"
        first = f"{status.name}: {counted_text(len(status.workers), 'worker')}, {counts}"
    else:
        first = f"{status.name}: starting …"
    network = sum(worker.received_bytes_per_second + worker.sent_bytes_per_second for worker in status.workers)
    moved = f"{byte_text(status.shipped_bytes)} of samples sent, {byte_text(network)}/s on the workers' network now"
    check = "One finished trial is run again there first …" if state.check else ""
    spent = f"about {cost:.2f}" if cost >= 0.1 else f"about {cost:.2g}"
    lines = (first, moved if status.workers else "", f"{spent} spent so far" if cost else "", check)
    return f"{_warning(state)}{_list(filter(None, lines))}{_workers(status.workers)}{_link(status.dashboard)}"


def _list(lines: Iterable[str]) -> str:
    return "<ul class='sw-evidence'>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _table(heads: Iterable[str], rows: str) -> str:
    head = _HEAD.format("".join(f"<th>{name}</th>" for name in heads))
    return f"<div class='sw-wide'><table class='sw-table'>{head}<tbody>{rows}</tbody></table></div>" if rows else ""


def _warning(state: StudyState) -> str:
    return f"<p class='sw-note-warning'>{escape(state.difference)}</p>" if state.difference else ""


def _workers(workers: tuple[WorkerStatus, ...]) -> str:
    rows = "".join(map(_worker, workers[:_MOST_WORKERS_SHOWN]))
    more = len(workers) - _MOST_WORKERS_SHOWN
    said = f"<div class='sw-hint'>and {more} more</div>" if more > 0 else ""
    return _table(("worker", "running", "CPU", "memory", "network"), rows) + said


def _worker(worker: WorkerStatus) -> str:
    limit = worker.memory_limit_bytes
    memory = byte_text(worker.memory_bytes) + (f" of {byte_text(limit)}" if limit else "")
    moved = worker.received_bytes_per_second + worker.sent_bytes_per_second
    busy = worker.cpu_percent / (100 * max(worker.n_threads, 1))
    return (
        f"<tr><th>{escape(worker.address.rpartition('//')[2])}</th><td>{worker.n_running}</td>"
        f"<td>{_bar(busy, 'CPU')} {worker.cpu_percent:.0f} %</td>"
        f"<td>{_bar(worker.memory_bytes / limit, 'memory') if limit else ''} {memory}</td>"
        f"<td>{byte_text(moved)}/s</td></tr>"
    )


def _bar(share: float, what: str) -> str:
    percent = 100 * min(max(share, 0.0), 1.0)
    return (
        f"<span class='sw-bar' role='meter' aria-label='{what}' aria-valuemin='0' aria-valuemax='100' "
        f"aria-valuenow='{percent:.0f}'><span style='width:{percent:.0f}%'></span></span>"
    )


def _link(address: str) -> str:
    if not address:
        return ""
    return f"<p><a href='{escape(address)}' target='_blank' rel='noreferrer'>Dask's own dashboard</a></p>"
