"""The mapping that grows without being copied, against plain dicts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalewise.core.growing import GrowingMap

Steps = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 8), st.integers()), max_size=40)


@given(Steps)
def test_every_map_stays_what_it_was_whichever_successors_are_made(steps):
    maps = [(GrowingMap(), {})]
    for which, key, value in steps:
        grown, plain = maps[which % len(maps)]
        maps.append((grown.including(key, value), {**plain, key: value}))
    for grown, plain in maps:
        assert grown == plain
        assert len(grown) == len(plain)
        assert list(grown.items()) == list(plain.items())
        assert list(grown) == list(plain)
        assert list(grown.values()) == list(plain.values())
        assert [grown.get(key) for key in range(9)] == [plain.get(key) for key in range(9)]
        assert [key in grown for key in range(9)] == [key in plain for key in range(9)]


def test_a_key_that_only_a_successor_has_is_missing():
    before = GrowingMap()
    after = before.including("a", 1)
    assert after["a"] == 1
    with pytest.raises(KeyError):
        before["a"]
    with pytest.raises(KeyError):
        after["b"]


def test_successors_of_the_latest_share_their_content():
    grown = GrowingMap()
    for number in range(5):
        grown = grown.including(number, number)
    assert grown.including(5, 5)._keys is grown._keys
    assert grown.including(6, 6)._keys is not grown._keys
    assert repr(grown) == "GrowingMap({0: 0, 1: 1, 2: 2, 3: 3, 4: 4})"
