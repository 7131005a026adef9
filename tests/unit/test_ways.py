"""Ways forward and their prices, on studies made by hand."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from studies import BOOSTING, DUMMY, LINEAR, data_spec, finished, record, started, study_spec

from scalewise.core import events as ev
from scalewise.core.curves import paired_gain
from scalewise.core.deciding.answer import answer, scene_of
from scalewise.core.deciding.ways_table import ways_table
from scalewise.core.deciding.would_change import would_change
from scalewise.core.folding import fold
from scalewise.core.machine import Machine
from scalewise.core.memory import WorkerMemory, fitting_places, worker_memory
from scalewise.core.plan import Plan
from scalewise.core.prospects import Outlook
from scalewise.core.sizes import planned_trials
from scalewise.core.spec import ROWS, Feature, SamplingUnit, Trial
from scalewise.core.summary import summarise

PLAN = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.2, repeats=5)
RISING = {"dummy": (0.5, 0.0), "linear": (0.70, 0.05), "boosting": (0.95, 1.2)}
FLAT = {"dummy": (0.5, 0.0), "linear": (0.70, 0.0), "boosting": (0.80, 0.02)}
LARGE = Machine(64 * 10**9, 32 * 10**9, workers=2)


def summary_of(scores, *, plan=PLAN, machine=LARGE, noise=0.0003, n_train_rows=100_000):
    state = finished(started(plan, study_spec(data_spec(n_train_rows))), scores, noise=noise)
    return summarise(replace(state, machine=machine))


def verdict_of(scores, **options):
    return summary_of(scores, **options).verdict


def way(verdict, action):
    return next(w for w in verdict.ways if w.action == action)


def words_of(verdict):
    return (verdict.sentence, verdict.next_doubling, *verdict.evidence, *verdict.would_change, *verdict.memory)


ends = st.floats(0.5, 0.95)
gaps = st.floats(0.0, 1.5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    linear=st.tuples(ends, gaps),
    boosting=st.tuples(ends, gaps),
    noise=st.sampled_from([0.0, 0.0005, 0.01]),
    fraction=st.sampled_from([0.05, 0.2, 1.0]),
    rows=st.sampled_from([3_000, 400_000, 60_000_000]),
    price=st.none() | st.floats(0, 10),
    free=st.none() | st.sampled_from([10**8, 10**9, 10**11]),
)
def test_every_way_has_a_gain_and_a_price_and_no_sentence_has_a_hole(
    linear, boosting, noise, fraction, rows, price, free
):
    plan = Plan((LINEAR, BOOSTING), max_fraction=fraction if rows < 10**7 else 1e-4, repeats=2, price_per_hour=price)
    machine = None if free is None else Machine(2 * free, free, 2)
    summary = summary_of(
        {"linear": linear, "boosting": boosting}, plan=plan, machine=machine, noise=noise, n_train_rows=rows
    )
    verdict = summary.verdict
    assert verdict.ways[0].action == "stop"
    for found in (*verdict.ways, verdict.doubling):
        is_beyond = found is verdict.doubling or found.action == "collect_rows"
        refused = is_beyond and any(m.doubling and m.doubling.refusal for m in summary.models)
        untried = found.action == "fewer_features" and found.words.endswith("not tried yet")
        assert found.low <= found.gain <= found.high or ((refused or untried) and math.isnan(found.gain))
        assert 0 <= found.minutes < math.inf
        assert found.bytes >= 0
        assert (found.money is None) == (price is None)
        if price is not None and found.action != "more_repeats" and not untried:
            assert found.money == pytest.approx(price * found.minutes / 60)
    for model in summary.models:
        for outlook in (model.outlook, model.doubling):
            assert 0 <= outlook.p_gain <= 1
        sizes = [model.curve.last.n_rows * 2**k for k in range(8)]
        assert sorted(map(model.seconds, sizes)) == [model.seconds(n) for n in sizes]
        assert sorted(map(model.worker_bytes, sizes)) == [model.worker_bytes(n) for n in sizes]
    for text in words_of(verdict):
        assert "nan" not in text
        assert "inf" not in text
        assert text.endswith(".")


def test_a_cluster_is_offered_only_where_there_is_no_room_here_and_needs_its_start():
    roomy, cramped = (
        verdict_of(RISING, n_train_rows=20_000, machine=machine) for machine in (LARGE, Machine(4 * 10**8, 10**8, 2))
    )
    here, there = way(roomy, "use_more_rows"), way(cramped, "scale_out")
    idle = way(roomy, "scale_out")
    assert (idle.is_idle, there.is_idle) == (True, False)
    assert idle.words == "no gain: Gradient boosting on all 20,000 rows fits on this machine"
    assert (here.gain, here.n_rows) == (there.gain, there.n_rows)
    assert here.n_rows == 20_000
    assert here.minutes < there.minutes
    assert "You do not need a cluster." in roomy.sentence


def test_a_fit_that_memory_has_no_room_for_is_scaled_out_and_says_why():
    verdict = verdict_of(RISING, n_train_rows=20_000, machine=Machine(4 * 10**8, 10**8, 2))
    assert verdict.action == "scale_out"
    assert "100 MB are free here" in verdict.sentence
    assert "You do not need a cluster." not in verdict.sentence
    assert all(w.action != "use_more_rows" for w in verdict.ways)


def test_where_more_rows_bring_nothing_a_small_machine_is_enough():
    verdict = verdict_of(FLAT, machine=Machine(4 * 10**8, 10**8, 2))
    assert verdict.action == "stop"
    assert "You do not need a cluster." in verdict.sentence


def test_a_machine_with_room_for_a_part_offers_that_part():
    def with_memory(machine):
        state = finished(started(PLAN, study_spec(data_spec(20_000))), RISING)
        for trial, got in state.records.items():
            larger = replace(got, peak_bytes=100_000 * trial.n_rows, worker_bytes=10**8 + 100_000 * trial.n_rows)
            state = fold(state, ev.TrialFinished(trial=trial, record=larger))
        return summarise(replace(state, machine=machine))

    needed = with_memory(LARGE).model("boosting").worker_bytes(10_000)
    verdict = with_memory(Machine(4 * 10**9, needed, 1)).verdict
    assert verdict.action == "scale_out"
    part = way(verdict, "use_more_rows")
    assert 10_000 <= part.n_rows < 20_000
    assert part.gain < way(verdict, "scale_out").gain


@pytest.mark.parametrize(("lead", "action"), [(0.002, "use_more_rows"), (-0.03, "scale_out")])
def test_a_cluster_is_not_asked_for_where_a_model_as_good_has_room_here(lead, action):
    scores = RISING | {"linear": (0.95, 1.2), "boosting": (0.95 + lead, 1.2)}
    state = finished(started(PLAN, study_spec(data_spec(20_000))), scores)
    for trial, got in state.records.items():
        each = 100_000 if trial.model == "linear" else 1_000
        larger = replace(got, peak_bytes=each * trial.n_rows, worker_bytes=10**8 + each * trial.n_rows)
        state = fold(state, ev.TrialFinished(trial=trial, record=larger))
    verdict = summarise(replace(state, machine=Machine(2 * 10**9, 10**9, 1))).verdict
    assert verdict.action == action
    assert verdict.model == ("Gradient boosting" if action == "use_more_rows" else "Linear")


def test_a_fit_longer_than_a_night_is_called_so_and_no_cluster_is_offered_that_takes_as_long():
    def slow(plan):
        state = finished(started(plan, study_spec(data_spec(20_000))), RISING)
        for trial, got in state.records.items():
            slower = replace(got, fit_seconds=2.0 * trial.n_rows)
            state = fold(state, ev.TrialFinished(trial=trial, record=slower))
        return summarise(replace(state, machine=LARGE)).verdict

    for plan in (PLAN, replace(PLAN, budget_minutes=60.0)):
        assert slow(plan).action == "use_more_rows"
        assert "more than a night, and one fit takes as long on a cluster" in slow(plan).sentence
        assert "You do not need a cluster." not in slow(plan).sentence
        assert way(slow(plan), "scale_out").is_idle
    assert "a night" not in slow(replace(PLAN, budget_minutes=6_000.0)).sentence
    every_row = slow(replace(PLAN, max_fraction=1.0))
    assert every_row.action == "collect_rows"
    assert "One fit of so many takes about" in every_row.sentence


def test_without_knowledge_of_the_machine_nothing_is_said_against_it():
    assert verdict_of(RISING, n_train_rows=20_000, machine=None).action == "use_more_rows"


def test_the_price_of_the_next_doubling_is_known_from_the_first_point_on():
    state = started(replace(PLAN, price_per_hour=3.0))
    state = fold(state, ev.TrialFinished(trial=Trial("linear", 100), record=record(0.7)))
    verdict = summarise(state).verdict
    assert not verdict.doubling.is_known
    assert verdict.doubling.n_rows == 200
    assert verdict.doubling.minutes > 0
    assert "what it brings cannot be told yet" in verdict.next_doubling
    assert "nan" not in verdict.next_doubling


def test_the_money_for_the_next_doubling_is_told_in_one_sentence_with_its_time_and_memory():
    found = verdict_of(RISING, plan=replace(PLAN, price_per_hour=3.0), n_train_rows=20_000)
    assert re.search(r"One fit and its scoring take about .+ and .+B, and cost under 0\.01\.$", found.next_doubling)


def test_the_next_doubling_beyond_the_table_says_how_many_rows_are_missing():
    verdict = verdict_of(RISING, plan=replace(PLAN, max_fraction=1.0), n_train_rows=5_000)
    assert verdict.action == "collect_rows"
    assert "10,000 rows, 5,000 more than the table has" in verdict.next_doubling


def test_the_next_doubling_of_a_model_that_is_behind_counts_as_the_other_ways_do():
    plan = replace(PLAN, max_fraction=1.0)
    scores = {"dummy": (0.5, 0.0), "linear": (0.80, 0.0), "boosting": (0.85, 0.4)}
    verdict = verdict_of(scores, plan=plan, n_train_rows=5_000)
    assert verdict.doubling.model == "Gradient boosting"
    collected = way(verdict, "collect_rows")
    assert (verdict.doubling.gain, verdict.doubling.high) == (collected.gain, collected.high)


def test_where_the_pick_is_enough_the_ways_are_about_the_pick_too():
    scores = {"dummy": (0.5, 0.0), "linear": (0.80, 0.0), "boosting": (0.806, 0.02)}
    verdict = verdict_of(scores, noise=0.001, n_train_rows=20_000)
    assert (verdict.action, verdict.model) == ("stop", "Linear")
    assert {w.model for w in verdict.ways if w.action != "richer_model"} == {"Linear"}
    assert verdict.doubling.model == "Linear"
    assert f"{way(verdict, 'use_more_rows').gain:+.4f}" in verdict.sentence


def test_a_richer_model_is_compared_on_the_same_rows():
    verdict = verdict_of({"dummy": (0.5, 0), "linear": (0.799, 0.02), "boosting": (0.80, 0.02)})
    assert verdict.model == "Linear"
    richer = way(verdict, "richer_model")
    assert richer.model == "Gradient boosting"
    assert richer.gain == pytest.approx(0.001, abs=1e-6)


def test_a_richer_model_that_is_surely_worse_is_no_way_forward():
    verdict = verdict_of({"dummy": (0.5, 0.0), "linear": (0.80, 0.0), "boosting": (0.60, 0.0)})
    assert verdict.model == "Linear"
    assert "richer_model" not in {way.action for way in verdict.ways}


@pytest.mark.parametrize(("blocks", "listed"), [(0.045, False), (0.3, True)])
def test_a_richer_model_that_probably_loses_what_counts_is_no_way_forward_though_it_is_not_surely_worse(blocks, listed):
    state = started(PLAN, study_spec(data_spec(20_000)))
    for trial in state.planned():
        got = record({"dummy": 0.5, "linear": 0.80, "boosting": 0.78}[trial.model])
        scattered = blocks * np.tile([-1.0, 1.0], 5) if trial.model == "boosting" else np.zeros(10)
        scores = tuple((got.score + scattered).tolist())
        state = fold(state, ev.TrialFinished(trial=trial, record=replace(got, block_scores=scores)))
    summary = summarise(state)
    linear, boosting = (summary.model(name).curve for name in ("linear", "boosting"))
    lead = paired_gain(linear, linear.last.n_rows, linear.last.n_rows, other=boosting)
    assert lead.mean < 0 < lead.high
    assert ("richer_model" in {way.action for way in summary.verdict.ways}) == listed


def test_a_model_that_is_no_richer_and_yet_ahead_is_a_way_of_its_own():
    own = replace(LINEAR, name="linear(C=0.1)", label="Linear (C=0.1)")
    plan = replace(PLAN, models=(DUMMY, LINEAR, own, BOOSTING))
    scores = {"dummy": (0.5, 0), "linear": (0.799, 0.02), own.name: (0.80, 0.02), "boosting": (0.798, 0.02)}
    verdict = verdict_of(scores, plan=plan)
    assert verdict.model == "Linear"
    other = way(verdict, "other_model")
    assert (other.model, other.words) == ("Linear (C=0.1)", "Linear (C=0.1) on the same 20,000 rows")
    assert other.gain == pytest.approx(0.001, abs=1e-6)
    assert "Another model" in {row[0] for row in ways_table(verdict.ways)}
    behind = verdict_of(scores | {own.name: (0.798, 0.02)}, plan=plan)
    assert "other_model" not in {way.action for way in behind.ways}


@pytest.mark.parametrize("fraction", [0.2, 1.0])
@pytest.mark.parametrize("scores", [RISING, FLAT])
def test_fewer_features_and_a_cluster_are_never_left_unsaid_nor_the_answer_where_nothing_asks_for_them(
    fraction, scores
):
    verdict = verdict_of(scores, plan=replace(PLAN, max_fraction=fraction, price_per_hour=3.0), n_train_rows=20_000)
    few, cluster = way(verdict, "fewer_features"), way(verdict, "scale_out")
    assert not few.is_known
    assert few.words.startswith(f"the best column alone with {verdict.model} on ")
    assert few.words.endswith(" rows; not tried yet")
    # Nine fits, five of them one after another on either of two workers.
    assert few.money == pytest.approx(3.0 * few.minutes / 60 * 9 / 5)
    assert (cluster.gain, cluster.minutes, cluster.bytes, cluster.money) == (0.0, 0.0, 0, 0.0)
    assert verdict.action not in ("fewer_features", "scale_out")
    rows = {row[0]: row[1:-1] for row in ways_table(verdict.ways)}
    assert rows["Fewer features"][:2] == ("not known", "")
    assert rows["Scale out"] == ("none", "", "", "", "")


def test_without_a_second_feature_there_are_no_fewer():
    study = study_spec(data_spec(20_000, features=(Feature("a", "number"),)))
    verdict = summarise(finished(started(PLAN, study), FLAT)).verdict
    assert "fewer_features" not in {way.action for way in verdict.ways}


def test_repeats_are_offered_where_noise_hides_the_margin():
    noisy = verdict_of({"dummy": (0.5, 0), "linear": (0.7, 0.05), "boosting": (0.7, 0.1)}, noise=0.03)
    assert way(noisy, "more_repeats").gain == 0
    assert way(noisy, "more_repeats").minutes > 0
    assert all(w.action != "more_repeats" for w in verdict_of(FLAT).ways)


def test_no_repeats_are_offered_where_there_is_one_past_alone():
    noisy = {"dummy": (0.5, 0), "linear": (0.7, 0.05), "boosting": (0.7, 0.1)}
    plan, verdicts = replace(PLAN, repeats=1), []
    for unit in (ROWS, SamplingUnit("thinned", "day"), SamplingUnit("time", "day")):
        # Of a model that cannot be fitted on more rows, only repeats could tell.
        models = tuple(replace(model, max_rows=20_000) for model in plan.models)
        study = study_spec(data_spec(100_000, unit=unit))
        state = finished(started(replace(plan, models=models), study), noisy, noise=0.03)
        verdicts.append(summarise(replace(state, machine=LARGE)).verdict)
    assert {verdict.action for verdict in verdicts} == {"cannot_tell"}
    offered = [any(w.action == "more_repeats" for w in verdict.ways) for verdict in verdicts]
    assert offered == [True, True, False]
    assert [verdict.experiment is not None for verdict in verdicts] == [True, True, False]


def test_no_repeats_are_offered_where_the_answer_is_sure_in_spite_of_noise():
    summary = summary_of(RISING, n_train_rows=20_000, noise=0.008)
    boosting = summary.model("boosting")
    assert summary.verdict.action == "use_more_rows"
    assert math.sqrt(boosting.noise / boosting.curve.last.repeats) > 0.5 * PLAN.min_gain
    assert all(w.action != "more_repeats" for w in summary.verdict.ways)


def test_what_cannot_be_told_names_an_experiment_with_model_size_and_time():
    verdict = verdict_of({"dummy": (0.5, 0), "linear": (0.7, 0.05), "boosting": (0.7, 0.1)}, noise=0.03)
    assert verdict.action == "cannot_tell"
    asked = verdict.experiment
    assert 0 < asked.chance <= 1
    assert asked.minutes > 0
    assert asked.words in verdict.sentence
    assert f"{asked.n_rows:,} rows" in asked.words


@pytest.mark.parametrize(
    ("unit", "more", "priced"),
    [
        (ROWS, "new rows", "collecting them"),
        (SamplingUnit("group", "patient"), "more groups of patient", "collecting more groups of patient"),
        (SamplingUnit("time", "day"), "rows from further back in day, or newer ones", "going further back in day"),
    ],
)
def test_where_all_rows_are_used_and_a_curve_swings_collecting_more_is_a_way_of_unknown_gain(unit, more, priced):
    plan = Plan((LINEAR,), max_fraction=1.0, repeats=2, price_per_hour=3.0)
    state = started(plan, study_spec(data_spec(5_000, unit=unit)))
    for trial in planned_trials(state.data, plan):
        swing = 0.03 * (-1) ** round(2 * math.log2(trial.n_rows))
        state = fold(state, ev.TrialFinished(trial=trial, record=record(0.8 + swing)))
    verdict = summarise(replace(state, machine=LARGE)).verdict
    assert (verdict.action, verdict.experiment) == ("cannot_tell", None)
    found = way(verdict, "collect_rows")
    assert not found.is_known
    assert (found.n_rows, found.minutes > 0, found.money > 0) == (10_000, True, True)
    assert found.words == f"Linear on twice the table, 10,000 rows; {priced} is not priced"
    assert verdict.sentence.endswith("look at another model." if unit == ROWS else f"{more[1:]} may tell.")
    used = "Linear was fitted on all rows there are, and repeats would be of the same rows"
    last = f"{more[:1].upper()}{more[1:]}: {used}."
    assert verdict.would_change[-1] == last


def turned(verdict):
    """The least gain at which an answer says that it would turn."""
    line = next(line for line in verdict.would_change if line.startswith("A least gain of"))
    return float(line.split()[4])


@pytest.mark.parametrize(("scores", "rows", "factor"), [(RISING, 20_000, 1.1), (FLAT, 100_000, 0.5)])
def test_the_margin_that_would_overturn_the_answer_does(scores, rows, factor):
    before = verdict_of(scores, n_train_rows=rows)
    plan = replace(PLAN, min_gain=factor * turned(before))
    assert verdict_of(scores, plan=plan, n_train_rows=rows).action != before.action


@pytest.mark.parametrize("gain", [0.0026, 0.0031])
def test_a_margin_that_could_be_reached_lies_within_a_lopsided_interval(gain):
    summary = summary_of(FLAT)
    plan = replace(PLAN, min_gain=0.1)
    scene = scene_of(replace(summary.state, plan=plan), [m for m in summary.models if m.curve.model.rung])
    found = answer(scene)
    lopsided = Outlook(100_000, gain, gain - 0.003, 0.0031, 0.04, None, None)
    words = would_change(replace(found, gain=lopsided, gains=((found.model, lopsided),)))
    assert gain <= float(words[0].split()[4]) <= 0.0031


@pytest.mark.parametrize("chance", [0.02, 0.07, 0.19])
def test_the_margin_that_could_be_reached_agrees_with_the_chance_of_the_one_asked_for(chance):
    summary = summary_of(FLAT)
    scene = scene_of(summary.state, [m for m in summary.models if m.curve.model.rung])
    found = answer(scene)
    # By its interval alone a gain of 0.0047 would be as probable as it takes.
    skewed = Outlook(100_000, -0.0033, -0.037, 0.0123, chance, None, None)
    words = would_change(replace(found, gain=skewed, gains=((found.model, skewed),)))
    told = NormalDist().inv_cdf(1 - chance)
    expected = -0.0033 + 0.0083 * NormalDist().inv_cdf(0.8) / told
    assert words[0].startswith("A least gain of ")
    assert float(words[0].split()[4]) == pytest.approx(expected, rel=0.05)


class TestMemory:
    memory = WorkerMemory(200, 8, None, (10, 500))

    @given(st.integers(1, 10**6), st.integers(0, 10**8))
    def test_the_most_rows_fit_and_one_more_does_not(self, most, n_bytes):
        rows = self.memory.most_rows(n_bytes, most)
        assert 0 <= rows <= most
        assert rows == 0 or self.memory.predict(rows) <= n_bytes
        assert rows == most or self.memory.predict(rows + 1) > n_bytes

    def test_the_whole_worker_counts_and_not_the_fit_alone(self):
        state = started(PLAN)
        for n_rows in (1_000, 2_000, 4_000, 8_000, 16_000):
            got = replace(record(0.7), peak_bytes=1_000 * n_rows, worker_bytes=300_000_000 + 1_000 * n_rows)
            state = fold(state, ev.TrialFinished(trial=Trial("linear", n_rows), record=got))
        (model,) = summarise(state).models
        assert model.memory.base_bytes == 300_000_000
        assert model.worker_bytes(100_000) == pytest.approx(400_000_000, rel=0.02)

    def test_where_nothing_was_measured_the_sample_and_its_copies_are_counted(self):
        state = started(PLAN)
        got = replace(record(0.7), peak_bytes=0)
        state = fold(state, ev.TrialFinished(trial=Trial("linear", 1_000), record=got))
        (model,) = summarise(state).models
        found = worker_memory(model.curve, 800, 1_000)
        assert found.predict(1_000_000) > 2 * 800 * 1_000_000

    def test_places_are_named_from_small_to_large(self):
        assert fitting_places(10**9, LARGE) == ("this machine", "a 16 GB laptop", "a 64 GB machine")
        assert fitting_places(40 * 10**9, LARGE) == ("a 64 GB machine",)
        assert fitting_places(10**11, LARGE) == ()
        assert fitting_places(10**9, None)[0] == "a 16 GB laptop"


@pytest.mark.parametrize(("chance", "told"), [(0.1999, "0.00499"), (0.19, "0.0049 ")])
def test_a_margin_that_is_nearly_the_one_asked_for_is_told_with_the_digits_that_differ(chance, told):
    summary = summary_of(FLAT)
    scene = scene_of(summary.state, [m for m in summary.models if m.curve.model.rung])
    near = Outlook(100_000, 0.0033, 0.0001, 0.0091, chance, None, None)
    words = would_change(replace(answer(scene), gain=near, gains=((answer(scene).model, near),)))
    assert words[0].startswith(f"A least gain of {told}")
