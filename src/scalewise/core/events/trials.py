"""What happens to single trials."""

from __future__ import annotations

from dataclasses import dataclass

from scalewise.core.events.base import Event
from scalewise.core.results import TrialRecord
from scalewise.core.spec import Trial

__all__ = ["TrialFailed", "TrialFinished", "TrialShared", "TrialStarted"]


@dataclass(frozen=True, kw_only=True)
class TrialStarted(Event):
    """A worker began a trial."""

    trial: Trial
    worker: str = ""


@dataclass(frozen=True, kw_only=True)
class TrialFinished(Event):
    """A trial was measured.

    Parameters
    ----------
    trial : Trial
    record : TrialRecord
    where : str
        The engine that ran it.
    resumed : bool
        Whether it came back from the journal instead of being fitted now.
    """

    trial: Trial
    record: TrialRecord
    where: str = ""
    resumed: bool = False


@dataclass(frozen=True, kw_only=True)
class TrialShared(Event):
    """A finished trial as other studies of the same table, which leave columns out, would have it.

    It stands in journals only, beside the `TrialFinished` of the study that ran it.

    Parameters
    ----------
    trial : Trial
    record : TrialRecord
    where : str
        The engine that ran it.
    """

    trial: Trial
    record: TrialRecord
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class TrialFailed(Event):
    """A trial could not be measured.

    Parameters
    ----------
    trial : Trial
    reason : str
    retry : bool
        Whether it will be tried again.
    """

    trial: Trial
    reason: str
    retry: bool = False
