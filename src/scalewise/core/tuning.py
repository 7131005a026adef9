"""What other settings of a model bring, as far as they were tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from scalewise.core.cost import tuning_fits
from scalewise.core.curves import Curve, Finished, Gain, curve_of, paired_gain
from scalewise.core.model_names import named_with, settings_text
from scalewise.core.plan import TuningPlan
from scalewise.core.prospects import ModelSummary
from scalewise.core.results import Setting
from scalewise.core.spec import ModelSpec, StudySpec
from scalewise.core.study import StudyState
from scalewise.core.wording import gain_text, rows_text

__all__ = ["Tuning", "tuning", "tuning_seconds"]


@dataclass(frozen=True, slots=True)
class Tuning:
    """A model with the best of some settings, chosen inside each sample, beside the same model by its recipe.

    Parameters
    ----------
    model : ModelSpec
    n_rows : int
        Training rows.
    n_settings : int
        How many were tried on each sample, beside the recipe's own.
    repeats : int
        Samples.
    gain : Gain
        What tuning brought on the holdout, paired; it counts the samples that stayed with the recipe as well.
    n_better : int
        Samples on which some settings beat the recipe's own by more than chance, on rows that neither was fitted on.
    chosen : tuple of Setting
        Those chosen most often, where any were; of equals, those of the first sample.
    seconds : float
        Median wall time of the search and the fit on one sample.
    """

    model: ModelSpec
    n_rows: int
    n_settings: int
    repeats: int
    gain: Gain
    n_better: int
    chosen: tuple[Setting, ...]
    seconds: float

    def sentence(self, metric: str) -> str:
        """What came of it, in a sentence or two."""
        tried = f"Tuning {self.model.label} ({self.n_settings} settings on {rows_text(self.n_rows)} rows)"
        if not self.n_better:
            return f"{tried}: none beats the recipe's own by more than chance."
        span = f"{gain_text(self.gain.low)} to {gain_text(self.gain.high)}"
        gain = f"{gain_text(self.gain.mean)} {metric} ({span}), paired"
        return f"{tried}: {gain}, with {settings_text(self._settings)}."

    def studied_as(self, label: str) -> str:
        """Say where the model with those settings stands by now, and why its lead there is another figure."""
        return (
            f"It is studied as {label}: its curve has these settings on every sample, while the gain told here is of "
            "the settings that each sample chose for itself."
        )

    @property
    def tuned(self) -> str:
        """The name of the model with those settings; its own where none were chosen."""
        return named_with(self.model.name, self._settings)

    @property
    def _settings(self) -> dict[str, float]:
        return {setting.name: setting.value for setting in self.chosen}


def tuning(state: StudyState, curves: Sequence[Curve]) -> Tuning | None:
    """What tuning brought, as far as its trials are done; None without one.

    Parameters
    ----------
    state : StudyState
    curves : sequence of Curve
        Those of the plan's models.
    """
    asked = state.plan.tuning if state.plan else None
    tried = [trial for trial in state.records if trial.settings]
    if state.study is None or not tried:
        return None
    wanted = (asked.model, asked.n_rows) if asked else ("", 0)
    places = {(trial.model, trial.n_rows) for trial in tried}
    model, n_rows = wanted if wanted in places else max(places, key=lambda place: (place[1], place[0]))
    curve = next((curve for curve in curves if curve.model.name == model), None)
    if curve is None or curve.at(n_rows) is None:
        return None
    finished = ((trial, state.records[trial], "") for trial in tried if (trial.model, trial.n_rows) == (model, n_rows))
    return _tuning(state.study, curve, tuple(sorted(finished)))


@lru_cache(maxsize=32)
def _tuning(study: StudySpec, curve: Curve, finished: tuple[Finished, ...]) -> Tuning | None:
    n_rows, records = finished[0][0].n_rows, [record for _, record, _ in finished]
    gain = paired_gain(curve, n_rows, n_rows, other=curve_of(study, curve.model, finished))
    if gain is None:
        return None
    # In the order of the samples: who scores best on the holdout must not decide what is then scored on it.
    changed = [record for record in records if record.chosen]
    often = Counter(record.chosen for record in changed).most_common(1)
    return Tuning(
        model=curve.model,
        n_rows=n_rows,
        n_settings=finished[0][0].settings,
        repeats=len(records),
        gain=gain,
        n_better=len(changed),
        chosen=often[0][0] if often else (),
        seconds=median(r.search_seconds + r.fit_seconds + r.score_seconds for r in records),
    )


def tuning_seconds(model: ModelSummary, asked: TuningPlan) -> float:
    """What trying the settings of a plan on one sample will take, and a fit with the best, in seconds."""
    point = model.curve.at(asked.n_rows) or model.curve.last
    scoring = median(record.score_seconds for _, record in point.trials)
    return tuning_fits(asked.settings) * point.fit_seconds + scoring
