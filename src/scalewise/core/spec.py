"""What a study is: the table as the study sees it, the metric, the models, and the trials.

What is measured stands here: change a `StudySpec` and every score changes. How much of it is measured says a
`scalewise.core.plan.Plan`: change that, and finished trials stay valid.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from typing import Literal, get_args

from scalewise.core.model_names import base_of
from scalewise.core.span import Span
from scalewise.errors import InputError

__all__ = [
    "ROWS",
    "Alarm",
    "AlarmKind",
    "DataSpec",
    "Feature",
    "FeatureKind",
    "LeftOut",
    "MetricSpec",
    "ModelSpec",
    "SamplingUnit",
    "StudySpec",
    "Task",
    "Trial",
    "UnitCandidate",
    "UnitKind",
    "content_id",
]

Task = Literal["binary", "multiclass", "regression"]
FeatureKind = Literal["number", "category", "label", "date"]
UnitKind = Literal["row", "group", "time", "thinned"]
AlarmKind = Literal["golden", "identifier", "target_copy", "target_sum", "constant", "duplicate_rows"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column that models may use.

    Parameters
    ----------
    name : str
        The column's name in the table.
    kind : {"number", "category", "label", "date"}
        ``number``: numeric or boolean. ``category``: few distinct values, stored as their place in `categories`.
        ``label``: many distinct values, stored as stable hashes and target-encoded inside each trial.
        ``date``: a moment, stored as seconds since 1970 (UTC).
    categories : tuple of str
        The values of a ``category``, most frequent first; values not among them share one more code.
    """

    name: str
    kind: FeatureKind
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that models do not see, and why, in words a person reads."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something about the columns or rows that makes scores too good or a column useless.

    Parameters
    ----------
    kind : {"golden", "identifier", "target_copy", "target_sum", "constant", "duplicate_rows"}
    feature : str
        Empty where it is not about a column.
    words : str
    others : tuple of str
        Further columns where it is about several together.
    """

    kind: AlarmKind
    feature: str
    words: str
    others: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """All columns that it is about."""
        return (self.feature, *self.others) if self.feature else ()


@dataclass(frozen=True, slots=True)
class SamplingUnit:
    """What is drawn: single rows, whole groups of rows, or a stretch of time.

    Parameters
    ----------
    kind : {"row", "group", "time", "thinned"}
        For ``group`` all rows with the same value of `column` are drawn together; for ``time`` the holdout is the last
        stretch of `column` and training history grows backwards from it; for ``thinned`` the holdout is the same, and
        samples are spread evenly over the whole history before it.
    column : str or None
        The group or time column; None for rows. A time may be several columns with commas between them, the coarsest
        first: ``"year,month,day"``.
    """

    kind: UnitKind = "row"
    column: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(UnitKind):
            raise InputError(f"Sampling unit {self.kind!r} is not known. Valid: {', '.join(get_args(UnitKind))}.")
        if (self.kind == "row") != (self.column is None):
            raise InputError("A sampling unit of groups or time needs a column, and one of rows takes none.")

    @property
    def is_time(self) -> bool:
        """Whether the holdout is the last stretch of time."""
        return self.kind in ("time", "thinned")

    @property
    def is_one_sample(self) -> bool:
        """Whether all samples of one size are the same rows: going back from the holdout there is only one past."""
        return self.kind == "time"


_GROUP_BLOCKS = 2
"""Changes with how held-out groups of classes are put into blocks: scores of other blocks cannot be paired."""
_SMALL_HOLDOUT, _SMALL_BLOCKS = 90, 2
"""The same for holdouts of fewer rows."""

ROWS = SamplingUnit()
"""Single rows: the sampling unit where nothing else is known."""


@dataclass(frozen=True, slots=True)
class UnitCandidate:
    """A column that may be the true sampling unit, and why, in words a person reads.

    Parameters
    ----------
    column : str
        As in `SamplingUnit`.
    reason : str
        What speaks for it, as the end of a sentence.
    """

    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class DataSpec:
    """The table as a study sees it, settled once on its profile.

    Parameters
    ----------
    name : str
        What people call the table.
    fingerprint : str
        Changes when the table's content does.
    target : str
        The column to predict.
    task : {"binary", "multiclass", "regression"}
    classes : tuple of str
        Labels in the order of their codes; empty for regression.
    features : tuple of Feature
    n_train_rows, n_holdout_rows : int
        Rows that can be trained on at the most, and rows held out.
    smallest_n_rows : int
        The smallest sensible training size (all classes present).
    unit : SamplingUnit
    seed : int
        Decides the holdout and every sample.
    target_sd : float
        Standard deviation of a numeric target; 0 of classes.
    """

    name: str
    fingerprint: str
    target: str
    task: Task
    classes: tuple[str, ...]
    features: tuple[Feature, ...]
    n_train_rows: int
    n_holdout_rows: int
    smallest_n_rows: int
    unit: SamplingUnit = ROWS
    seed: int = 0
    target_sd: float = 0.0

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of a sample: its features and its target, as numbers."""
        return 8 * (len(self.features) + 1)

    def rows_at(self, fraction: float) -> int:
        """Training rows that a fraction of the table stands for."""
        return max(1, min(self.n_train_rows, round(fraction * self.n_train_rows)))


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """What scores mean; greater is always better.

    Parameters
    ----------
    name : str
        A scikit-learn scorer name.
    label : str
        What people read.
    best, worst : float or None
        The best and the worst score there can be, where there is one.
    target_power : int
        The power of the target's units that scores are in: 1 of a mean error, 2 of a squared one, 0 of a pure number.
    """

    name: str
    label: str
    best: float | None = None
    worst: float | None = None
    target_power: int = 0

    @property
    def span(self) -> Span:
        """All scores that there can be."""
        return Span(-math.inf if self.worst is None else self.worst, math.inf if self.best is None else self.best)


@dataclass(frozen=True)
class StudySpec:
    """What is measured. Two studies with the same content share every finished trial.

    Parameters
    ----------
    data : DataSpec
    metric : MetricSpec
    versions : str
        Versions of what computes the scores.
    """

    data: DataSpec
    metric: MetricSpec
    versions: str = ""

    @cached_property
    def id(self) -> str:
        """Content id, the same in every process; what the table is called is no part of it."""
        content = asdict(self)
        # Whatever follows from the rest.
        del content["data"]["name"], content["data"]["target_sd"]
        content["metric"] = self.metric.name
        if self.data.unit.kind == "group" and self.data.classes:
            content["blocks"] = _GROUP_BLOCKS
        if self.data.n_holdout_rows < _SMALL_HOLDOUT:
            content["small blocks"] = _SMALL_BLOCKS
        return content_id(content)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What the core needs to know of a model in the catalogue.

    Parameters
    ----------
    name : str
        Short name, as in trials and on the command line, with own settings in parentheses behind it.
    label : str
        What people read.
    rung : int
        Place on the ladder from simple (0, which looks at no feature) to complex.
    max_rows : int or None
        Not fitted on more rows than this, where its cost grows too fast.
    incremental : bool
        Whether it can learn a table block by block.
    tunable : bool
        Whether it has settings that can be tried.
    """

    name: str
    label: str
    rung: int
    max_rows: int | None = None
    incremental: bool = False
    tunable: bool = False

    @property
    def kind(self) -> str:
        """Its name in the catalogue, whatever its settings."""
        return base_of(self.name)

    @property
    def complexity(self) -> tuple[int, bool]:
        """What orders models from simple to complex: their rungs, and on one rung settings beside the recipe's own."""
        return self.rung, self.name != self.kind


@dataclass(frozen=True, slots=True, order=True)
class Trial:
    """One fit: a model on one sample.

    Parameters
    ----------
    model : str
    n_rows : int
        Training rows.
    repeat : int
        Which of the seeded samples of that size; samples of one repeat are nested.
    keep : int
        On the best so many features, ranked inside its own training rows; 0 means all.
    probes : int
        Columns of noise that are added, to see which importance noise has.
    settings : int
        With the best of so many settings, chosen inside its own training rows, where one of them beats the recipe's
        own; 0 takes the recipe's own.
    """

    model: str
    n_rows: int
    repeat: int = 0
    keep: int = 0
    probes: int = 0
    settings: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether it is the recipe on all features and nothing else: only such trials make learning curves."""
        return not (self.keep or self.probes or self.settings)

    def plain(self) -> Trial:
        """The trial of the same model on the same sample by its recipe with all features."""
        return self if self.is_plain else Trial(self.model, self.n_rows, self.repeat)

    def key(self, study_id: str) -> str:
        """Content id of this trial within a study; the journal and clusters know it by this."""
        return _trial_key(self, study_id)

    def __str__(self) -> str:
        kept = f"the best {self.keep} features of " if self.keep else ""
        noise = f" beside {self.probes} columns of noise" if self.probes else ""
        tuned = f" with the best of {self.settings} settings" if self.settings else ""
        return f"{self.model} on {kept}{self.n_rows:,} rows{noise}{tuned} (repeat {self.repeat + 1})"


@lru_cache(maxsize=2**14)
def _trial_key(trial: Trial, study_id: str) -> str:
    # Asked for at each move of the slider, for thousands of trials.
    beyond = [trial.keep, trial.probes] if trial.keep or trial.probes else []
    tuned = [f"settings {trial.settings}"] if trial.settings else []
    return content_id([study_id, trial.model, trial.n_rows, trial.repeat, *beyond, *tuned])


def content_id(content: object) -> str:
    """Hash plain data (numbers, text, lists, dicts) to 20 hex digits, the same in every process."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
