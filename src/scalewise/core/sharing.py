"""Which finished trials another study of the same table shares: those that do not depend on what it leaves out.

A trial's score depends on its study, its model and its sample. Two kinds depend on less than all features: a model that
looks at none, and a trial on the best few, which is the plain trial of a study that has only these. Both are journaled
under a second key as well, by which a study that leaves columns out finds them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache

from scalewise.core.results import TrialRecord
from scalewise.core.spec import StudySpec, Trial

__all__ = ["lookup_keys", "narrowed", "shared_key"]


def narrowed(study: StudySpec, names: Collection[str]) -> StudySpec:
    """The study of the same table with some of its features."""
    features = tuple(feature for feature in study.data.features if feature.name in names)
    return replace(study, data=replace(study.data, features=features))


def shared_key(study: StudySpec, trial: Trial, record: TrialRecord, rung: int) -> str:
    """The second key of a finished trial; empty where other studies cannot share it."""
    if record.kept:
        return trial.plain().key(_id(study, frozenset(record.kept)))
    # With fewer columns more rows are copies of one another.
    is_alike = rung == 0 and trial.is_plain and record.n_copies <= 0
    return trial.key(_id(study, frozenset())) if is_alike else ""


def lookup_keys(study: StudySpec, trial: Trial, rung: int) -> tuple[str, ...]:
    """Keys by which a journal may know a trial, its own first."""
    own = trial.key(_id(study, None))
    return (own, trial.key(_id(study, frozenset()))) if rung == 0 and trial.is_plain else (own,)


@lru_cache(maxsize=64)
def _id(study: StudySpec, names: frozenset[str] | None) -> str:
    """Id of a study, narrowed to some features; a study asks for it again and again."""
    return (study if names is None else narrowed(study, names)).id
