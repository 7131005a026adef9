"""Reading in threads: in order, bounded, and over when nobody takes more."""

from __future__ import annotations

import threading

import pytest

from scalewise.data.threads import in_order


def test_what_is_found_comes_in_the_order_of_the_items():
    assert list(in_order(lambda n: n * n, range(100))) == [n * n for n in range(100)]


def test_no_more_is_done_ahead_than_a_few_items():
    done = []
    results = in_order(done.append, range(1000))
    next(results)
    results.close()
    assert len(done) <= 20


def test_an_error_comes_where_its_item_stands_and_ends_the_threads():
    def work(n: int) -> int:
        if n == 3:
            raise ValueError(n)
        return n

    results = in_order(work, [0, 1, 3])
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="3"):
        next(results)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scalewise-read")]


def test_dropped_results_end_the_threads():
    results = in_order(str, range(1000))
    assert next(results) == "0"
    del results
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scalewise-read")]
