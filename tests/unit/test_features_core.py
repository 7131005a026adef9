"""Fewer features in the pure core: what is planned, what a curve of them says, importances, alarms, and sharing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies import BOOSTING, DUMMY, LINEAR, data_spec, record, started, study_spec

from scalewise.core import events as ev
from scalewise.core.events.codec import event_from_dict, event_to_dict
from scalewise.core.experimenting.asking import ask, current_agenda
from scalewise.core.features.feature_curve import feature_curve, table_bytes
from scalewise.core.features.feature_plan import feature_trials, keep_steps, plan_features
from scalewise.core.folding import fold
from scalewise.core.importance import importance_table, noise_line, probe_records
from scalewise.core.plan import FeaturePlan, Plan
from scalewise.core.results import FeatureImportance, GroupImportance, TrialRecord
from scalewise.core.sharing import lookup_keys, narrowed, shared_key
from scalewise.core.sizes import planned_trials
from scalewise.core.spec import Alarm, Feature, Trial, content_id
from scalewise.core.study import StudyState
from scalewise.core.summary import summarise
from scalewise.errors import InputError

NAMES = tuple("abcdefghij")
DATA = replace(data_spec(), features=tuple(Feature(name, "number") for name in NAMES))
STUDY = study_spec(DATA)
N = 1_000
FEW = FeaturePlan("linear", N, (1, 2, 3, 5, 8), repeats=3, probes=4)
PLAN = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.01, repeats=3, features=FEW)
SCORE = {1: 0.70, 2: 0.78, 3: 0.7990, 5: 0.7995, 8: 0.80, 10: 0.80}


def of(state: StudyState, trial: Trial, got: TrialRecord) -> StudyState:
    return fold(state, ev.TrialFinished(trial=trial, record=got, where="inline"))


def measured(trial: Trial, score: float) -> TrialRecord:
    wobble = 0.0002 * (trial.repeat - 1)
    return replace(record(score + wobble, noise=0.004, seed=1), kept=NAMES[: trial.keep])


def searched(score: dict[int, float] | None = None, plan: Plan = PLAN) -> StudyState:
    """A study whose search for few features is done."""
    state = started(plan, STUDY)
    for repeat in range(3):
        for model, flat in (("dummy", 0.5), ("linear", 0.8), ("boosting", 0.79)):
            trial = Trial(model, N, repeat)
            state = of(state, trial, measured(trial, flat))
        for k, value in (SCORE if score is None else score).items():
            if k < len(NAMES):
                trial = Trial("linear", N, repeat, keep=k)
                state = of(state, trial, measured(trial, value))
    return state


class TestTrials:
    def test_keys_of_plain_trials_stay_what_they_were(self):
        assert Trial("linear", 100, 2).key("s") == content_id(["s", "linear", 100, 2])

    def test_others_have_keys_of_their_own(self):
        trials = [Trial("linear", 100, 2, keep=k, probes=p) for k in (0, 1, 2) for p in (0, 1, 2)]
        assert len({trial.key("s") for trial in trials}) == 9

    def test_events_of_before_can_still_be_read(self):
        old = {"event": "TrialStarted", "at": 1.0, "trial": {"model": "m", "n_rows": 5, "repeat": 0}, "worker": ""}
        assert event_from_dict(old) == ev.TrialStarted(at=1.0, trial=Trial("m", 5))

    def test_a_plan_and_a_shared_trial_travel_as_json(self):
        shared = ev.TrialShared(trial=Trial("linear", 100), record=measured(Trial("linear", 100, keep=2), 0.7))
        for event in (ev.PlanChanged(plan=PLAN), shared):
            assert event_from_dict(json.loads(json.dumps(event_to_dict(event)))) == event

    def test_they_are_told_in_words(self):
        assert str(Trial("linear", 1_000, 0, keep=3)) == "linear on the best 3 features of 1,000 rows (repeat 1)"
        assert "beside 4 columns of noise" in str(Trial("linear", 1_000, 0, probes=4))


class TestPlanning:
    @given(st.integers(2, 100_000))
    def test_steps_are_ascending_few_and_below_all_features(self, n_features):
        steps = keep_steps(n_features)
        assert steps[0] == 1
        assert steps[-1] < n_features
        assert list(steps) == sorted(set(steps))
        assert len(steps) <= 14

    def test_steps_are_those_of_fibonacci(self):
        assert keep_steps(30) == (1, 2, 3, 5, 8, 13, 21)

    def test_a_number_asked_for_is_the_last_step(self):
        assert keep_steps(30, 6) == (1, 2, 3, 5, 6)
        assert keep_steps(30, 1) == (1,)

    @pytest.mark.parametrize("keep", [0, 30, -1])
    def test_a_number_that_cannot_be_kept_is_refused(self, keep):
        with pytest.raises(InputError, match="Give 1 to 29"):
            keep_steps(30, keep)

    def test_noise_goes_first_and_few_features_before_many(self):
        trials = feature_trials(PLAN)
        assert [trial.probes for trial in trials[:3]] == [4, 4, 4]
        assert [trial.keep for trial in trials[3:8]] == [1, 2, 3, 5, 8]
        assert len(trials) == 3 + 3 * 5

    def test_plans_without_a_search_are_as_before(self):
        assert all(trial.is_plain for trial in planned_trials(DATA, replace(PLAN, features=None)))

    def test_what_a_person_asked_for_is_run_before_what_is_left(self):
        asked = ask(started(PLAN, STUDY), 4)
        assert [trial.probes or trial.keep for trial in asked] == [4, 1, 2, 3]

    def test_a_study_with_its_answer_goes_on_until_the_search_is_done(self):
        agenda = current_agenda(searched({}))
        assert not agenda.ending
        assert {trial.probes for trial in agenda.trials[:3]} == {4, 0}
        assert all(not trial.is_plain for trial in agenda.trials[:18])

    def test_the_best_model_at_its_largest_cheap_size(self):
        few = plan_features(searched().records, PLAN, 10, model=None, keep=None)
        assert (few.model, few.n_rows, few.repeats) == ("linear", N, 3)

    def test_a_dear_size_gives_way_to_a_cheaper_one(self):
        records = {
            Trial("linear", n, repeat): record(0.8, seconds=seconds)
            for n, seconds in ((100, 0.1), (1_000, 1.0), (100_000, 100.0))
            for repeat in range(2)
        }
        assert plan_features(records, PLAN, 10, model=None, keep=None).n_rows == 1_000

    @pytest.mark.parametrize(("model", "words"), [("dummy", "dummy has no finished fit"), (None, "No model has no")])
    def test_a_model_without_a_fit_is_refused(self, model, words):
        with pytest.raises(InputError, match=words):
            plan_features({}, PLAN, 10, model=model, keep=None)

    def test_a_single_feature_cannot_be_left_out(self):
        with pytest.raises(InputError, match="only one feature"):
            plan_features(searched().records, PLAN, 1, model=None, keep=None)


class TestCurve:
    def test_learning_curves_do_not_see_its_trials(self):
        with_them, plain = summarise(searched()), summarise(searched({}))
        assert with_them.models == plain.models
        assert with_them.verdict.action == plain.verdict.action
        assert with_them.verdict.sentence == plain.verdict.sentence

    def test_points_are_the_numbers_of_features_and_all_of_them(self):
        curve = summarise(searched()).features
        assert [point.k for point in curve.points] == [1, 2, 3, 5, 8, 10]
        assert all(point.low <= point.score <= point.high for point in curve.points)
        assert curve.points[-1] is curve.whole
        assert curve.at(3).features == ("a", "b", "c")

    def test_losses_are_paired_so_that_shared_noise_cancels(self):
        point = summarise(searched()).features.at(3)
        assert point.loss.mean == pytest.approx(0.001)
        assert point.loss.high - point.loss.low < 0.1 * (point.high - point.low)

    def test_the_smallest_set_within_the_margin_is_enough(self):
        assert summarise(searched()).features.enough == 3

    @pytest.mark.parametrize(("margin", "enough"), [(0.03, 2), (0.0002, 8), (0.2, 1)])
    def test_it_follows_the_margin(self, margin, enough):
        assert summarise(searched(plan=replace(PLAN, min_gain=margin))).features.enough == enough

    def test_no_smaller_set_is_enough_where_all_features_count(self):
        curve = summarise(searched({k: 0.5 + 0.03 * k for k in (1, 2, 3, 5, 8)})).features
        assert curve.enough is None
        assert curve.keep is None

    def test_a_small_set_that_is_better_than_all_is_what_others_are_held_against(self):
        curve = summarise(searched({1: 0.70, 2: 0.80, 3: 0.85, 5: 0.82, 8: 0.81})).features
        assert curve.enough == 3

    def test_a_number_that_a_person_asked_for_is_kept(self):
        curve = summarise(searched(plan=replace(PLAN, features=replace(FEW, keep=5)))).features
        assert curve.keep.k == 5

    def test_shares_are_of_what_guessing_does_not_give(self):
        curve = summarise(searched()).features
        assert curve.share(1) == pytest.approx(2 / 3, rel=1e-3)
        assert curve.share(4) is None

    def test_repeats_that_disagree_vote(self):
        state = started(PLAN, STUDY)
        for repeat, kept in enumerate([("a", "b"), ("b", "a"), ("b", "c")]):
            state = of(state, Trial("linear", N, repeat), record(0.8))
            state = of(state, Trial("linear", N, repeat, keep=2), replace(record(0.79), kept=kept))
        assert summarise(state).features.at(2).features == ("b", "a")

    def test_it_waits_for_its_first_trial(self):
        assert summarise(searched({})).features is None
        assert feature_curve(StudyState(), ()) is None

    def test_bytes_follow_the_columns(self):
        assert table_bytes(DATA) == 8 * 11 * 120_000
        assert table_bytes(DATA, 3) == 8 * 4 * 120_000


class TestImportances:
    def state(self, drops_at: dict[int, dict[str, float]]) -> StudyState:
        state = started(replace(PLAN, features=None), STUDY)
        state = replace(state, groups=(("a", "b"),))
        for n_rows, drops in drops_at.items():
            items = tuple(FeatureImportance(name, drop, 0.001) for name, drop in drops.items())
            groups = (GroupImportance(("a", "b"), drops["a"] + drops["b"] + 0.1, 0.001),)
            state = of(state, Trial("linear", n_rows), replace(record(0.8), importances=items, groups=groups))
        return state

    def test_a_group_stands_for_its_members_and_can_be_opened(self):
        table = summarise(self.state({N: {"a": 0.01, "b": 0.02, "c": 0.05}})).model("linear").importances
        assert [unit.label for unit in table.units] == ["b + 1 like it", "c"]
        assert table.units[0].drop == pytest.approx(0.13)
        assert [member.feature for member in table.units[0].members] == ["b", "a"]
        assert [row.feature for row in table.rows] == ["c", "b", "a"]

    def test_ranks_tell_since_when_the_first_ones_are_the_same(self):
        sizes = {100: {"a": 0, "b": 0, "c": 0.5, "d": 0.6}, 500: {"a": 0, "b": 0, "c": 0.05, "d": 0.04}, N: {}}
        sizes[N] = {"a": 0, "b": 0, "c": 0.06, "d": 0.07}
        ranks = summarise(self.state(sizes)).model("linear").importances.ranks
        assert ranks.labels[0].endswith("1 like it")
        assert ranks.places[0] == (3, 1, 1)
        assert (ranks.top, ranks.since) == (1, 0.005)

    def test_a_single_size_has_no_ranks(self):
        assert summarise(self.state({N: {"a": 0, "b": 0}})).model("linear").importances.ranks is None

    def test_the_line_of_noise_is_that_of_the_largest_size_tried(self):
        state = self.state({N: {"a": 0.0, "b": 0.0, "c": 0.05}})
        for n_rows, drop in ((500, 9.0), (N, 0.002)):
            items = (FeatureImportance("noise 1", drop, 0.1), FeatureImportance("noise 2", -drop, 0.1))
            state = of(state, Trial("linear", n_rows, probes=2), replace(record(0.8), importances=items))
        assert len(probe_records(state.records, "linear")) == 1
        table = summarise(state).model("linear").importances
        assert 0.002 < table.noise_line < 0.05
        assert summarise(state).model("boosting") is None

    def test_no_noise_no_line(self):
        assert noise_line((), 5) is None
        assert importance_table(summarise(searched({})).models[1].curve).noise_line is None

    def test_noise_stays_below_the_line_in_nearly_all_tables(self):
        rng = np.random.default_rng(0)
        below = 0
        for _ in range(2_000):
            probes = tuple(FeatureImportance(f"noise {k}", d, 0.1) for k, d in enumerate(rng.normal(size=10)))
            line = noise_line((replace(record(0.8), importances=probes),), 20)
            below += bool((rng.normal(size=20) < line).all())
        assert below / 2_000 > 0.97


class TestAlarms:
    def test_a_feature_that_alone_gives_nearly_all_is_golden(self):
        found = summarise(searched({1: 0.799, 2: 0.8, 3: 0.8})).alarms
        assert [(alarm.kind, alarm.feature) for alarm in found] == [("golden", "a")]
        assert "a alone gives 100 % of the score of all 10 features" in found[0].words

    def test_none_is_golden_where_several_count(self):
        assert summarise(searched()).alarms == ()

    @pytest.mark.parametrize(("copies", "n_alarms"), [(5_000, 1), (20, 0), (-1, 0)])
    def test_held_out_rows_among_the_training_rows(self, copies, n_alarms):
        state = of(searched(), Trial("linear", N, probes=4), replace(record(0.8), n_copies=copies))
        found = summarise(state).alarms
        assert [alarm.kind for alarm in found] == ["duplicate_rows"] * n_alarms

    @pytest.mark.parametrize(("copies", "counts"), [(DATA.n_holdout_rows // 2, False), (20, True)])
    def test_no_score_counts_where_many_held_out_rows_are_copies(self, copies, counts):
        state = of(searched(), Trial("dummy", N), replace(record(0.5), n_copies=copies))
        assert ("copies of these" not in summarise(state).verdict.sentence) == counts

    def test_those_of_the_table_are_kept_through_a_start(self):
        seen = Alarm("target_sum", "a", "a and b add up to y.", ("b",))
        state = fold(StudyState(), ev.TablePrepared(data=DATA, groups=(("a", "b"),), alarms=(seen,)))
        state = fold(state, ev.StudyStarted(study=STUDY, plan=PLAN))
        assert summarise(state).alarms == (seen,)
        assert state.groups == (("a", "b"),)


class TestSharing:
    def test_a_trial_on_few_features_is_the_plain_one_of_a_narrower_study(self):
        trial = Trial("linear", N, 1, keep=2)
        narrow = narrowed(STUDY, ("b", "a"))
        assert [feature.name for feature in narrow.data.features] == ["a", "b"]
        assert shared_key(STUDY, trial, replace(record(0.8), kept=("b", "a")), 1) == Trial("linear", N, 1).key(
            narrow.id
        )

    def test_a_model_that_looks_at_no_feature_is_shared_by_all(self):
        trial = Trial("dummy", N)
        assert shared_key(STUDY, trial, replace(record(0.5), n_copies=30), 0) == ""
        key = shared_key(STUDY, trial, record(0.5), 0)
        assert key in lookup_keys(narrowed(STUDY, ("c",)), trial, 0)
        assert lookup_keys(STUDY, trial, 0)[0] == trial.key(STUDY.id)

    def test_other_trials_are_not(self):
        trial = Trial("linear", N)
        assert shared_key(STUDY, trial, record(0.8), 1) == ""
        assert lookup_keys(STUDY, trial, 1) == (trial.key(STUDY.id),)


def test_a_first_place_that_means_nothing_is_not_called_steady():
    state = started(replace(PLAN, features=None), STUDY)
    for n_rows in (100, 500, N):
        items = tuple(FeatureImportance(name, 0.0, 0.001) for name in "abc")
        state = of(state, Trial("linear", n_rows), replace(record(0.8), importances=items))
    ranks = summarise(state).model("linear").importances.ranks
    assert ranks.top == 0
    assert "still changes" in ranks.sentence
