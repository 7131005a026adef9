"""Streams in a study's state, in its curves, and in its journal."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies import BOOSTING, record, started, study_spec

from scalewise.core import events as ev
from scalewise.core.curves import stream_curves
from scalewise.core.events.codec import event_from_dict, event_to_dict
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.results import StreamPoint
from scalewise.core.spec import ModelSpec, Trial
from scalewise.core.streams import MOST_POINTS, thinned
from scalewise.core.summary import summarise
from scalewise.journal import Journal

SGD = ModelSpec("sgd", "Linear, stochastic", 2, incremental=True)
QUEUED = ev.StreamQueued(model=SGD, n_rows=100_000)
STARTED = ev.StreamStarted(model="sgd", worker="w", at=5.0)


def point(n_rows, score=0.7):
    return StreamPoint(n_rows, score, (score - 0.01, score, score + 0.01), 0.1)


def scored(n_rows, score=0.7):
    return ev.StreamScored(model="sgd", point=point(n_rows, score), where="local")


def after(*events, state=None):
    state = state or started()
    for event in events:
        state = fold(state, event)
    return state


def test_a_stream_goes_from_waiting_to_finished():
    state = after(QUEUED)
    assert (state.streams["sgd"].phase, state.open_streams()) == ("waiting", ("sgd",))
    state = after(STARTED, scored(1_000), scored(2_000), state=state)
    stream = state.streams["sgd"]
    assert (stream.phase, stream.worker, stream.since, stream.fraction) == ("running", "w", 5.0, 0.02)
    state = after(ev.StreamFinished(model="sgd", point=point(100_000), where="local"), state=state)
    assert [p.n_rows for p in state.streams["sgd"].points] == [1_000, 2_000, 100_000]
    assert (state.streams["sgd"].phase, state.open_streams()) == ("finished", ())


def test_the_last_score_told_twice_stands_once():
    state = after(QUEUED, STARTED, scored(1_000), ev.StreamFinished(model="sgd", point=point(1_000)))
    assert [p.n_rows for p in state.streams["sgd"].points] == [1_000]


def test_a_stream_that_starts_again_forgets_its_scores_and_says_so():
    state = after(QUEUED, STARTED, scored(1_000), ev.StreamFailed(model="sgd", reason="It died.", retry=True))
    assert state.streams["sgd"].phase == "waiting"
    assert "starts again from its first block" in state.notes[-1].text
    assert after(STARTED, state=state).streams["sgd"].points == ()


def test_a_failed_stream_keeps_its_scores_and_says_why():
    state = after(QUEUED, STARTED, scored(1_000), ev.StreamFailed(model="sgd", reason="It died."))
    assert (state.streams["sgd"].phase, len(state.streams["sgd"].points)) == ("failed", 1)
    assert "It died." in state.notes[-1].text


def test_stop_ends_streams_without_ending_a_finished_study():
    state = after(ev.StudyFinished(), QUEUED, STARTED, scored(1_000), ev.StudyStopped())
    assert (state.phase, state.streams["sgd"].phase) == ("finished", "stopped")
    assert state.streams["sgd"].points


def test_a_finished_stream_stays_finished_when_the_study_is_stopped():
    state = after(QUEUED, STARTED, ev.StreamFinished(model="sgd", point=point(1_000)), ev.StudyStopped())
    assert state.streams["sgd"].phase == "finished"


def test_events_of_an_unknown_stream_change_nothing():
    assert not after(STARTED, scored(5), ev.StreamFailed(model="sgd", reason="x")).streams


def test_another_study_has_no_streams_and_the_same_one_keeps_them():
    state = after(QUEUED, STARTED, scored(1_000))
    again = after(ev.StudyStarted(study=state.study, plan=state.plan), state=state)
    assert again.streams == state.streams
    other = ev.StudyStarted(study=study_spec(state.study.data.__class__(**_changed(state.study.data))), plan=state.plan)
    assert not after(other, state=state).streams


def _changed(data):
    return {**{name: getattr(data, name) for name in data.__dataclass_fields__}, "seed": 7}


@given(st.lists(st.integers(1, 10**9), min_size=1, unique=True), st.integers(2, 50))
def test_thinning_bounds_the_points_and_keeps_both_ends(sizes, most):
    points = [point(n) for n in sorted(sizes)]
    kept = thinned(points, most)
    assert len(kept) == min(len(points), most)
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert list(kept) == sorted(kept, key=lambda p: p.n_rows)


def test_a_long_stream_keeps_few_points_spread_over_all_its_sizes():
    state = after(QUEUED, STARTED, *(scored(100_000 * k) for k in range(1, 1_001)))
    rows = [p.n_rows for p in state.streams["sgd"].points]
    assert len(rows) == MOST_POINTS
    assert (rows[0], rows[-1]) == (100_000, 100_000_000)
    assert sum(n <= 1_000_000 for n in rows) == 10
    assert max(b / a for a, b in pairwise(rows)) == 2


def test_the_interval_of_a_stream_is_that_of_the_holdout_and_no_better_than_the_best():
    (curve,) = stream_curves(after(QUEUED, STARTED, scored(1_000, 0.999)))
    assert curve.low[0] < 0.999 < curve.high[0] <= 1.0


def test_streams_change_no_curve_and_no_verdict():
    state = after(*(ev.TrialFinished(trial=trial, record=record(0.7)) for trial in started().planned()))
    before, with_stream = summarise(state), summarise(after(QUEUED, STARTED, scored(1_000, 0.99), state=state))
    assert with_stream.models == before.models
    assert with_stream.verdict == before.verdict
    assert [curve.stream.model.name for curve in with_stream.streams] == ["sgd"]


@pytest.mark.parametrize("event", [QUEUED, STARTED, scored(5), ev.StreamFinished(model="sgd", point=point(7))])
def test_events_of_streams_survive_json(event):
    assert event_from_dict(json.loads(json.dumps(event_to_dict(event)))) == event


def test_a_block_that_could_not_be_scored_survives_the_journal():
    event = ev.StreamScored(model="sgd", point=StreamPoint(1, 0.5, (math.nan, 0.5), 0.0))
    journal = Journal()
    journal.append("study", QUEUED, trial_key="key")
    journal.append("study", event, trial_key="key")
    (_, again) = journal.stream("key")
    assert math.isnan(again.point.block_scores[0])
    journal.close()


def test_the_journal_gives_the_latest_stream_alone(tmp_path):
    journal = Journal(tmp_path / "j")
    for event in (QUEUED, scored(1), QUEUED, scored(2), scored(3)):
        journal.append("study", event, trial_key="key")
    assert journal.stream("key") == [QUEUED, scored(2), scored(3)]
    assert journal.stream("other") == []
    journal.close()


def test_a_plan_from_before_streams_can_still_be_read():
    content = event_to_dict(ev.PlanChanged(plan=Plan((BOOSTING,))))
    del content["plan"]["models"][0]["incremental"]
    assert event_from_dict(content).plan.models == (BOOSTING,)


def test_a_trial_of_the_streamed_model_is_another_thing():
    trial = Trial("sgd", 1_000)
    state = after(QUEUED, STARTED, ev.TrialStarted(trial=trial), ev.StreamFailed(model="sgd", reason="x"))
    assert trial in state.running
