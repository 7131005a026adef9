"""What makes scores too good or columns useless, as far as a study's trials and a look at its table show it."""

from __future__ import annotations

from collections.abc import Sequence

from scalewise.core.features.feature_curve import FeatureCurve
from scalewise.core.spec import Alarm, Trial
from scalewise.core.study import StudyState

__all__ = ["alarms", "leak_words"]

_LEAKS = ("golden", "target_copy", "target_sum")
_GOLDEN = 0.95
_FEWEST_FEATURES = 3
_COPIED = 0.01
"""Share of the holdout from which copies among the training rows are worth an alarm."""
_MOSTLY_COPIED = 0.25
"""The same from which they speak against every score."""


def alarms(state: StudyState, curve: FeatureCurve | None) -> tuple[Alarm, ...]:
    """All alarms of a study, those about its scores first.

    Parameters
    ----------
    state : StudyState
    curve : FeatureCurve or None
        Score against number of features.
    """
    found = (_golden(curve) if curve else None, _copied_rows(state))
    return (*(alarm for alarm in found if alarm is not None), *state.alarms)


def leak_words(state: StudyState, found: Sequence[Alarm]) -> str:
    """What speaks against every score, in a sentence: a feature or copied rows may give the target away; else empty."""
    seen = {feature.name for feature in state.data.features} if state.data else set()
    alarm = next((a for a in found if a.kind in _LEAKS and seen.issuperset(a.features)), None)
    if alarm is None:
        return "Unless rows to come are copies of these too, no score here counts." if _is_copied(state) else ""
    names = f"{', '.join(alarm.features[:-1])} and {alarm.others[-1]} are" if alarm.others else f"{alarm.feature} is"
    return f"Unless {names} known before {state.data.target if state.data else 'the target'} is, no score here counts."


def _golden(curve: FeatureCurve) -> Alarm | None:
    """A feature that alone gives nearly the whole score: mostly one that is not known when it is needed."""
    share, alone = curve.share(1), curve.at(1)
    if share is None or alone is None or share < _GOLDEN or curve.n_features < _FEWEST_FEATURES:
        return None
    name = alone.features[0]
    return Alarm(
        "golden",
        name,
        f"{name} alone gives {100 * min(share, 1):.0f} % of the score of all {curve.n_features:,} features. If it is "
        "only known after what is to be predicted, the score means nothing: exclude it.",
    )


def _copied_rows(state: StudyState) -> Alarm | None:
    """Rows that are held out and trained on at once: mostly the same thing, recorded twice."""
    most, trial = _most_copies(state)
    if state.data is None or trial is None or most < _COPIED * state.data.n_holdout_rows:
        return None
    return Alarm(
        "duplicate_rows",
        "",
        f"{most:,} of the {state.data.n_holdout_rows:,} held-out rows stand word for word among {trial.n_rows:,} "
        "training rows. Where they are the same thing recorded twice, scores are too good: remove the copies, or "
        "sample by a column that holds them together.",
    )


def _most_copies(state: StudyState) -> tuple[int, Trial | None]:
    """The most held-out rows that stand among the rows of a trial, and that trial; None where no trial looked."""
    looked = [(record.n_copies, trial) for trial, record in state.records.items() if record.n_copies >= 0]
    return max(looked, default=(0, None))


def _is_copied(state: StudyState) -> bool:
    return state.data is not None and _most_copies(state)[0] >= _MOSTLY_COPIED * state.data.n_holdout_rows
