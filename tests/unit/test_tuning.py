"""Tuning: which settings are chosen, which trials tell what they bring, and how that stands among the ways forward."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from studies import BOOSTING, DUMMY, LINEAR, data_spec, finished, record, started, study_spec
from tiny_tables import matrix, problem, target

from scalewise.core import events as ev
from scalewise.core.cost import Expectation, tuning_fits
from scalewise.core.curves import curves
from scalewise.core.events.codec import event_from_dict, event_to_dict
from scalewise.core.experimenting.experiment import agenda
from scalewise.core.folding import fold
from scalewise.core.plan import Plan, TuningPlan
from scalewise.core.results import Setting
from scalewise.core.spec import Trial
from scalewise.core.summary import summarise
from scalewise.core.tuning_plan import SETTINGS, plan_tuning
from scalewise.errors import InputError
from scalewise.models.catalog import get_model
from scalewise.models.scoring import Scoring
from scalewise.models.tuning import best_settings, drawn_settings
from scalewise.report import report

TREES, LINES = replace(BOOSTING, tunable=True), replace(LINEAR, tunable=True)
PLAN = Plan((DUMMY, LINES, TREES), max_fraction=0.2, repeats=5)
FLAT = {"dummy": (0.5, 0.0), "linear": (0.70, 0.0), "boosting": (0.80, 0.02)}
CHOSEN = (Setting("learning_rate", 0.05), Setting("max_iter", 120.0))
DATA = data_spec(100_000)


def studied(plan=PLAN):
    return finished(started(plan, study_spec(DATA)), FLAT, noise=0.0003)


def tuned(gains, *, chosen=lambda repeat: CHOSEN):
    """A study that has tried settings of boosting on as many samples as there are gains."""
    state = studied()
    asked = plan_tuning(curves(state), "boosting")
    state = fold(state, ev.PlanChanged(plan=replace(PLAN, tuning=asked)))
    for trial, gain in zip(asked.tuned, gains, strict=False):
        whole = state.records[trial.plain()]
        got = replace(
            whole,
            score=whole.score + gain,
            block_scores=tuple(score + gain for score in whole.block_scores),
            chosen=chosen(trial.repeat),
            search_seconds=8.0,
        )
        state = fold(state, ev.TrialFinished(trial=trial, record=got))
    return state


def way(summary):
    return next((found for found in summary.verdict.ways if found.action == "tune"), None)


class TestChoosing:
    """Of settings of a real model, on rows of which what is right is known."""

    X, y = matrix(600), target("binary", matrix(600))

    def chosen(self, y, tried):
        def build(n_rows):
            return get_model("boosting").build(problem("binary", n_rows))

        return best_settings(build, tried, self.X, y, Scoring("neg_log_loss", "binary", 2), 2)

    def test_the_recipe_stays_where_nothing_beats_it(self):
        assert self.chosen(self.y, [{"learning_rate": 1e-4}, {"max_iter": 1}]) == {}

    def test_settings_that_beat_it_surely_are_taken(self):
        noise = np.random.default_rng(0).integers(0, 2, len(self.y)).astype(self.y.dtype)
        # Nothing can be learned, and the recipe learns the noise.
        assert self.chosen(noise, [{"learning_rate": 0.5}, {"learning_rate": 1e-4}]) == {"learning_rate": 1e-4}

    def test_rows_that_cannot_be_judged_leave_the_recipe(self):
        constant = np.zeros_like(self.y)
        constant[-200::2] = 1  # the first rows, which judge, are all of one class
        scoring = Scoring("roc_auc", "binary", 2)
        found = best_settings(
            lambda n: get_model("linear").build(problem("binary", n)), [{"C": 0.1}], self.X, constant, scoring, 2
        )
        assert found == {}

    def test_they_are_drawn_the_same_for_a_seed_as_plain_numbers(self):
        entry, asked = get_model("boosting"), problem("binary", 10_000)
        one, two, other = (drawn_settings(entry, asked, 5, seed) for seed in (3, 3, 4))
        assert one == two != other
        assert all(type(value) in (int, float) for settings in one for value in settings.values())


class TestTrials:
    def test_a_tuned_trial_is_another_one_and_says_so(self):
        plain, other = Trial("boosting", 500, 1), Trial("boosting", 500, 1, settings=10)
        assert plain.key("s") != other.key("s") != Trial("boosting", 500, 1, keep=10).key("s")
        assert not other.is_plain
        assert other.plain() == plain
        assert str(other) == "boosting on 500 rows with the best of 10 settings (repeat 2)"

    def test_the_size_is_the_largest_that_is_cheap(self):
        (curve,) = [curve for curve in curves(studied()) if curve.model.name == "boosting"]
        asked = plan_tuning([curve], "boosting")
        assert (asked.n_rows, asked.settings, asked.repeats) == (curve.last.n_rows, SETTINGS, 3)
        dear = replace(curve, points=(*curve.points[:-1], replace(curve.last, fit_seconds=3600.0)))
        assert plan_tuning([dear], "boosting").n_rows == curve.points[-2].n_rows
        dearest = replace(curve, points=tuple(replace(point, fit_seconds=3600.0) for point in curve.points))
        assert plan_tuning([dearest], "boosting").n_rows == curve.points[0].n_rows

    def test_what_they_are_compared_with_is_fitted_too(self):
        state = started(PLAN, study_spec(DATA))
        asked = TuningPlan("boosting", 20_000, 10, 3)
        first = Trial("boosting", 20_000)
        state = fold(state, ev.TrialFinished(trial=first, record=record(0.7)))
        state = fold(state, ev.PlanChanged(plan=replace(PLAN, tuning=asked)))
        summary = summarise(state)
        assert len(state.planned()) == len(set(state.planned()))
        first_five = summary.agenda.trials[:5]
        assert set(first_five) == set(asked.trials) - {first}

    @pytest.mark.parametrize("name", ["dummy", "forest", ""])
    def test_a_model_that_cannot_be_tuned_is_refused_with_those_that_can(self, name):
        with pytest.raises(InputError, match=r"no finished fit that could be tuned\. Models that have: linear, boost"):
            plan_tuning(curves(studied()), name)

    def test_they_come_before_all_others_and_keep_the_study_going(self):
        state = tuned(())
        summary = summarise(state)
        asked = state.plan.tuning.tuned
        found = agenda(state, summary.models, summary.verdict)
        assert found.trials[:3] == asked
        assert not found.ending
        assert summarise(tuned((0.0, 0.0, 0.0))).agenda.ending

    def test_they_are_expected_to_take_as_many_fits_as_they_try(self):
        plain, asked = Trial("boosting", 1_000), Trial("boosting", 1_000, settings=4)
        known = Expectation({plain: replace(record(0.7, seconds=2.0), score_seconds=0.0)})
        assert known.seconds(asked) == pytest.approx(2.0 * tuning_fits(4))
        assert tuning_fits(0) == 1.0
        seen = replace(record(0.7, seconds=3.0), score_seconds=0.0, search_seconds=9.0)
        assert known.including(asked, seen).seconds(replace(asked, n_rows=2_000)) == pytest.approx(24.0)

    def test_they_make_no_learning_curve(self):
        assert curves(tuned((0.1, 0.1, 0.1))) == curves(studied())


class TestWay:
    def test_before_it_was_tried_it_has_a_price_and_no_gain(self):
        summary = summarise(studied())
        found = way(summary)
        assert math.isnan(found.gain)
        assert not found.is_known
        assert found.minutes > 0 < found.bytes
        assert "10 settings of" in found.words
        assert found.words.endswith("not tried yet")
        assert summary.tuning is None

    def test_afterwards_its_gain_is_the_paired_one(self):
        summary = summarise(tuned((0.011, 0.010, 0.012)))
        found = way(summary)
        assert found.gain == pytest.approx(0.011)
        assert 0.005 < found.low < found.gain < found.high
        assert found.minutes > 8 / 60
        words = summary.tuning.sentence("ROC AUC")
        assert "paired, with learning_rate=0.05, max_iter=120." in words
        assert "Tuning Gradient boosting helps: +0.011 (" in summary.verdict.sentence

    def test_the_report_tells_where_the_settings_are_studied_by_now(self):
        state = tuned((0.011, 0.010, 0.012))
        found = summarise(state)
        assert "studied" not in report(found)["tuning"]["sentence"]
        own = replace(TREES, name=found.tuning.tuned, label="Gradient boosting (2 settings)")
        more = fold(state, ev.PlanChanged(plan=replace(state.plan, models=(*PLAN.models, own))))
        assert "studied as Gradient boosting (2 settings): " in report(summarise(more))["tuning"]["sentence"]

    def test_a_gain_that_may_be_chance_is_not_in_the_headline(self):
        summary = summarise(tuned((0.02, -0.01, 0.0)))
        assert "Tuning" not in summary.verdict.sentence
        assert way(summary).low < 0 < way(summary).high

    def test_where_the_recipe_stays_nothing_is_gained(self):
        summary = summarise(tuned((0.0, 0.0, 0.0), chosen=lambda repeat: ()))
        assert (way(summary).gain, way(summary).low, way(summary).high) == (0.0, 0.0, 0.0)
        assert "none beats the recipe's own by more than chance" in summary.tuning.sentence("ROC AUC")

    def test_which_of_the_chosen_settings_are_told_does_not_hang_on_the_holdout(self):
        of_sample = [(Setting("max_iter", float(n)),) for n in (10, 20, 30)]
        for gains in ((0.0, 0.01, 0.02), (0.02, 0.01, 0.0)):
            assert summarise(tuned(gains, chosen=of_sample.__getitem__)).tuning.chosen == of_sample[0]
        often = [of_sample[0], of_sample[1], of_sample[1]]
        assert summarise(tuned((0.02, 0.01, 0.0), chosen=often.__getitem__)).tuning.chosen == of_sample[1]

    def test_a_model_without_settings_has_no_such_way(self):
        state = finished(started(Plan((DUMMY, LINEAR, BOOSTING), 0.2, 5), study_spec(DATA)), FLAT, noise=0.0003)
        assert way(summarise(state)) is None

    def test_another_model_counts_from_where_it_stands(self):
        state = studied()
        asked = TuningPlan("linear", max(t.n_rows for t in state.records), 10, 2)
        state = fold(state, ev.PlanChanged(plan=replace(PLAN, tuning=asked)))
        for trial in asked.tuned:
            got = replace(state.records[trial.plain()], chosen=CHOSEN)
            state = fold(state, ev.TrialFinished(trial=trial, record=got))
        assert way(summarise(state)).gain == pytest.approx(-0.1, abs=0.02)


def test_records_of_tuned_trials_survive_the_journal():
    event = ev.TrialFinished(trial=Trial("boosting", 500, settings=10), record=replace(record(0.7), chosen=CHOSEN))
    assert event_from_dict(event_to_dict(event)) == event
