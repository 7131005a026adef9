"""Everything that can happen to a study, as frozen events: a file for each thing that they are about."""

from __future__ import annotations

from scalewise.core.events.base import Event
from scalewise.core.events.engines import EngineChecked, EngineLost, EngineMoved, WorkerLost
from scalewise.core.events.streams import StreamFailed, StreamFinished, StreamQueued, StreamScored, StreamStarted
from scalewise.core.events.study import (
    Ending,
    Level,
    Noted,
    PlanChanged,
    SampleReady,
    StudyFailed,
    StudyFinished,
    StudyStarted,
    StudyStopped,
)
from scalewise.core.events.table import TableOpened, TableOpening, TablePrepared, TablePreparing, TableRefused
from scalewise.core.events.trials import TrialFailed, TrialFinished, TrialShared, TrialStarted
from scalewise.core.events.units import UnitChecked, UnitCheckFailed, UnitCheckStarted, UnitCheckStopped

__all__ = [
    "Ending",
    "EngineChecked",
    "EngineLost",
    "EngineMoved",
    "Event",
    "Level",
    "Noted",
    "PlanChanged",
    "SampleReady",
    "StreamFailed",
    "StreamFinished",
    "StreamQueued",
    "StreamScored",
    "StreamStarted",
    "StudyFailed",
    "StudyFinished",
    "StudyStarted",
    "StudyStopped",
    "TableOpened",
    "TableOpening",
    "TablePrepared",
    "TablePreparing",
    "TableRefused",
    "TrialFailed",
    "TrialFinished",
    "TrialShared",
    "TrialStarted",
    "UnitCheckFailed",
    "UnitCheckStarted",
    "UnitCheckStopped",
    "UnitChecked",
    "WorkerLost",
]
