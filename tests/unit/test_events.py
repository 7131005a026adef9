from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies import LINEAR, record, study_spec

from scalewise.core import events as ev
from scalewise.core.events.codec import event_from_dict, event_to_dict
from scalewise.core.machine import Machine
from scalewise.core.plan import Plan
from scalewise.core.results import FeatureImportance, TrialRecord
from scalewise.core.spec import LeftOut, SamplingUnit, Trial

finite = st.floats(-1e6, 1e6)
trials = st.builds(Trial, st.sampled_from(["linear", "boosting"]), st.integers(1, 10**9), st.integers(0, 49))
records = st.builds(
    TrialRecord,
    finite,
    st.lists(finite, max_size=20).map(tuple),
    finite,
    finite,
    finite,
    st.integers(0, 10**12),
    st.lists(st.builds(FeatureImportance, st.text(), finite, finite), max_size=3).map(tuple),
    st.lists(st.text(), max_size=3).map(tuple),
    st.integers(0, 10**12),
)
EVENTS = st.one_of(
    st.builds(ev.TrialFinished, trial=trials, record=records, where=st.text(), resumed=st.booleans(), at=finite),
    st.builds(ev.TrialFailed, trial=trials, reason=st.text(), retry=st.booleans()),
    st.builds(ev.Noted, level=st.sampled_from(["info", "warning", "error"]), text=st.text()),
    st.builds(ev.SampleReady, n_rows=st.integers(0, 10**10)),
)


@given(EVENTS)
def test_every_event_survives_json(event):
    assert event_from_dict(json.loads(json.dumps(event_to_dict(event)))) == event


@pytest.mark.parametrize(
    "event",
    [
        ev.StudyStarted(study=study_spec(), plan=Plan((LINEAR,))),
        ev.StudyStarted(study=study_spec(), plan=Plan((LINEAR,), price_per_hour=0.5), machine=Machine(16, 8, 2)),
        ev.TablePrepared(data=study_spec().data, left_out=(LeftOut("id", "one value a row"),), remarks=("a",)),
        ev.PlanChanged(plan=Plan((LINEAR,), max_fraction=0.5)),
        ev.StudyStopped(at=3.0),
    ],
)
def test_specs_survive_json(event):
    assert event_from_dict(json.loads(json.dumps(event_to_dict(event)))) == event


def test_a_sampling_unit_survives_json():
    study = study_spec()
    grouped = ev.TablePrepared(data=study.data.__class__(**{**_fields(study.data), "unit": SamplingUnit("group", "g")}))
    assert event_from_dict(event_to_dict(grouped)) == grouped


def test_a_missing_score_comes_back_as_not_a_number():
    content = event_to_dict(ev.TrialFinished(trial=Trial("linear", 5), record=record(0.5)))
    content["record"]["train_score"] = None
    event = event_from_dict(content)
    assert math.isnan(event.record.train_score)


@pytest.mark.parametrize("content", [{}, {"event": "Gone"}, {"event": "SampleReady", "n_rows": 1, "colour": "red"}])
def test_what_is_no_event_is_refused(content):
    with pytest.raises(ValueError, match="n"):
        event_from_dict(content)


def _fields(data):
    return {name: getattr(data, name) for name in data.__dataclass_fields__}
