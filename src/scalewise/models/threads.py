"""One thread for each fit: processes run side by side instead, and OpenMP threads on a busy machine only wait."""

from __future__ import annotations

from scalewise.data.threads import one_thread

__all__ = ["one_thread"]
