from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies import record

from scalewise.core.cost import Expectation, cost_curve, memory_curve
from scalewise.core.spec import Trial

SIZES = [100, 200, 400, 800, 1_600, 3_200, 6_400]


@given(st.floats(0, 1), st.floats(1e-6, 1e-3), st.floats(0.5, 2.0))
def test_a_noiseless_cost_is_continued_closely(fixed, rate, exponent):
    seconds = [fixed + rate * n**exponent for n in SIZES]
    curve = cost_curve(SIZES, seconds)
    truth = fixed + rate * 25_600**exponent
    assert 0.6 < float(curve.predict(25_600)) / truth < 1.6


@given(st.lists(st.floats(1e-4, 1e4), min_size=4, max_size=12))
def test_costs_never_fall_with_rows_and_are_never_negative(seconds):
    curve = cost_curve([100 * 2**i for i in range(len(seconds))], seconds)
    predicted = curve.predict([10, 100, 10_000, 10_000_000])
    assert (np.diff(predicted) >= 0).all()
    assert (predicted >= 0).all()
    assert np.isfinite(predicted).all()


def test_a_fixed_cost_does_not_hide_how_time_grows():
    seconds = [0.2 + 1e-7 * n**1.5 for n in (1_000, 2_000, 4_000, 8_000, 16_000, 32_000)]
    curve = cost_curve((1_000, 2_000, 4_000, 8_000, 16_000, 32_000), seconds)
    assert float(curve.predict(512_000)) == pytest.approx(0.2 + 1e-7 * 512_000**1.5, rel=0.15)
    assert 1.0 < curve.growth(32_000) < curve.growth(512_000) < 1.5


@pytest.mark.parametrize("costs", [[], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0, 1.0, 2.0]])
def test_too_few_measured_sizes_give_no_curve(costs):
    assert cost_curve(SIZES[: len(costs)], costs) is None


def test_expectations_scale_the_nearest_measured_size():
    expected = Expectation({Trial("linear", 1_000): record(0.7, seconds=1.0), Trial("linear", 100): record(0.6)})
    assert expected.seconds(Trial("linear", 2_000)) == pytest.approx(2.01)
    assert expected.seconds(Trial("boosting", 10)) > 0


def test_memory_is_taken_to_grow_with_the_rows_however_small_fits_scatter():
    sizes = [297, 595, 1_189, 2_973, 5_946, 14_867, 29_735]
    curve = memory_curve(sizes, [1e5, 4e5, 1.2e6, 1e6, 9e6, 3e7, 9e7])
    assert curve is not None
    assert curve.exponent == 1.0
    assert curve.predict(297_346) < 1e9
