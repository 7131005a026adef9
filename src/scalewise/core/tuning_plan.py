"""Where it is found out what other settings of a model bring: at a size that is large, and yet cheap enough."""

from __future__ import annotations

from collections.abc import Sequence

from scalewise.core.cost import tuning_fits
from scalewise.core.curves import Curve
from scalewise.core.model_names import base_of, parted
from scalewise.core.plan import TuningPlan
from scalewise.core.sizes import repeats_at
from scalewise.errors import InputError

__all__ = ["SETTINGS", "plan_tuning"]

SETTINGS = 10
"""As many as a person would wait for; what random settings have not found among ten, more of them seldom do."""

_REPEATS = 3
_PATIENT_SECONDS = 60.0
"""So long may trying the settings on one sample take, so that all of it is a matter of minutes."""


def plan_tuning(curves: Sequence[Curve], model: str) -> TuningPlan:
    """Choose the size and the samples on which settings of a model are tried.

    Parameters
    ----------
    curves : sequence of Curve
        Those of the study so far.
    model : str
        Its name.

    Raises
    ------
    InputError
        If the model has no finished fit, or nothing that could be tuned.
    """
    able = {curve.model.name: curve for curve in curves if curve.model.tunable}
    if parted(model)[1]:
        raise InputError(f"{model} has settings of its own already. Tune {base_of(model)} to find out about others.")
    if model not in able:
        known = ", ".join(able) or "none yet"
        raise InputError(f"{model or 'No model'} has no finished fit that could be tuned. Models that have: {known}.")
    points, fits = able[model].points, tuning_fits(SETTINGS)
    # Settings that are best on few rows need not be best on many.
    cheap = [point.n_rows for point in points if fits * point.fit_seconds <= _PATIENT_SECONDS]
    n_rows = max(cheap, default=points[0].n_rows)
    return TuningPlan(model, n_rows, SETTINGS, repeats_at(n_rows, _REPEATS))
