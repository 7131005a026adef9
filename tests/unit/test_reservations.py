"""What people are told about a forecast's reservations."""

import pytest

from scalewise.core.reservations import reservation_words


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), ""),
        (("indicative", "no repeats"), ""),
        (("falling",), "The curve of Linear has fallen below its best by more than noise."),
        (("unlike the training",), "The curve of Linear is unlike those that the forecast was trained on, so that"),
        (("falling", "unlike the training"), "noise, and is unlike"),
        (("unlike the training", "flat"), "The curve of Linear stands still, and is continued so."),
        # Its refusal says more.
        (("ill-behaved", "falling", "unlike the training"), ""),
    ],
)
def test_an_unusual_curve_is_told_in_a_sentence(flags, words):
    found = reservation_words("Linear", flags)
    assert words in found
    assert bool(words) == bool(found)
