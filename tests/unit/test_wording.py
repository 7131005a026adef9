from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalewise.core.wording import (
    about_text,
    byte_text,
    chance_text,
    distance_text,
    duration_text,
    exact_text,
    gain_text,
    percent_text,
    rows_text,
    score_text,
)


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (rows_text, 65_469, "65,469"),
        (chance_text, 0.784, "78 %"),
        (chance_text, 0.9999, "over 99 %"),
        (chance_text, 0.002, "under 1 %"),
        (chance_text, 0.0, "0 %"),
        (percent_text, 0.2, "20 %"),
        (percent_text, 1.0, "100 %"),
        (percent_text, 0.0141, "1.4 %"),
        (percent_text, 0.00003, "0.003 %"),
        (score_text, 0.74123, "0.7412"),
        (score_text, -0.83151, "−0.8315"),
        (score_text, -12.42, "−12.42"),
        (score_text, -0.00001, "0.0000"),
        (score_text, -123_456.7, "−123,457"),
        (score_text, float("nan"), "not known"),
        (gain_text, 0.0212, "+0.021"),
        (gain_text, -0.004, "−0.0040"),
        (gain_text, 12_345.6, "+12,346"),
        (gain_text, -0.00001, "+0.0000"),
        (gain_text, 0.0, "+0.000"),
        (distance_text, -0.00001, "0.0000"),
        (distance_text, 0.468, "0.468"),
        (distance_text, -0.004, "0.0040"),
        (duration_text, 0.0042, "4.2 ms"),
        (duration_text, 0.34, "0.34 s"),
        (duration_text, 42, "42 s"),
        (duration_text, 240, "4 min"),
        (duration_text, 9_000, "2.5 h"),
        (duration_text, 359_000, "100 h"),
        (about_text, 0.00512, "0.0051"),
        (about_text, 4.04, "4"),
        (about_text, 6.2e-6, "0.0000062"),
        (exact_text, 0.005, "0.005"),
        (exact_text, 250, "250"),
        (exact_text, 1e-6, "0.000001"),
        (exact_text, 2.5e6, "2,500,000"),
        (about_text, 1_234.0, "1,200"),
        (byte_text, 340_000_000, "340 MB"),
        (byte_text, 1_200_000_000, "1.2 GB"),
        (byte_text, 12, "12 B"),
    ],
)
def test_numbers_read_as_people_write_them(write, value, text):
    assert write(value) == text


@given(st.floats(1e-9, 1e15))
def test_no_number_is_written_as_a_power_of_ten(value):
    writers = (about_text, byte_text, duration_text, exact_text, gain_text, rows_text, score_text)
    assert not any(re.search("e[+-−]", write(value)) for write in writers)


@given(st.floats(0, 1))
def test_shares_are_never_written_as_a_power_of_ten(value):
    assert "e-" not in percent_text(value)
