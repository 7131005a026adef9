"""Which columns are taken for the true sampling unit, why, and which are not."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from scalewise.data.candidates import Sampled, group_candidates, name_words
from scalewise.data.profile import profile_table
from scalewise.data.sources import open_source
from scalewise.data.times import row_times, time_columns
from scalewise.errors import InputError

N = 4_000
RANDOM = np.random.default_rng(0)
START = datetime(2026, 1, 1)


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        (None, "2026-01-01 to 2026-06-16"),
        ("UTC", "2026-01-01 to 2026-06-16"),
        ("Pacific/Honolulu", "2025-12-31 to 2026-06-16"),
        ("+14:00", "2026-01-01 to 2026-06-17"),
        ("No/Such_Zone", "2026-01-01 to 2026-06-16"),
    ],
)
def test_the_days_of_a_time_are_told_in_its_own_zone(zone, days):
    seconds = int((START - datetime(1970, 1, 1)).total_seconds()) + 3_600 * np.arange(N)
    profile = profile_table(pa.table({"seen": pa.array(seconds, pa.timestamp("s", zone))}), np.arange(N), N)
    assert f"from {days}" in profile.time_candidates[0].reason


def groups(values, *, n_total=N, name="column", classes=None, **others):
    table = pa.table({name: values, **others})
    return group_candidates(Sampled(table, np.arange(len(table)), n_total, "ill", classes))


def times(**columns):
    profile = profile_table(pa.table(columns), np.arange(N), N)
    return [candidate.column for candidate in profile.time_candidates]


@pytest.mark.parametrize(
    ("name", "words"),
    [("customerId", ["customer", "id"]), ("Store", ["store"]), ("user_id2", ["user", "id"]), ("€", [])],
)
def test_names_are_parted_into_words(name, words):
    assert name_words(name) == words


@pytest.mark.parametrize("name", ["patient", "customer_id", "Store", "userId", "openmlid", "subjects"])
def test_numbers_named_like_things_are_candidates(name):
    (candidate,) = groups(np.arange(N) % 100, name=name)
    assert candidate.column == name
    assert "about 39 others" in candidate.reason


@pytest.mark.parametrize("name", ["age", "distance", "n_customers", "customer_count", "paid", "humid", "store_size"])
def test_numbers_that_measure_or_count_are_none(name):
    assert not groups(np.arange(N) % 100, name=name)


def test_text_whose_values_go_on_is_a_candidate_and_a_closed_set_is_none():
    values = [f"N{int(value)}" for value in RANDOM.exponential(300, N)]
    (candidate,) = groups(values)
    assert "new ones keep appearing" in candidate.reason
    assert not groups([f"state {i % 50}" for i in range(N)])


def test_a_value_that_rules_makes_no_groups():
    assert not groups(["none"] * 3_000 + [f"v{i // 4}" for i in range(1_000)])


def test_rows_of_one_value_that_share_their_columns_belong_together():
    plane = np.arange(N) % 80
    (candidate,) = groups(
        [f"p{p}" for p in plane], seats=plane % 7, maker=[f"m{p % 5}" for p in plane], delay=RANDOM.normal(size=N)
    )
    assert "the same seats and maker" in candidate.reason


def test_a_target_that_never_changes_within_a_value_is_the_strongest_reason():
    patient = np.arange(N) % 80
    found = groups(
        [f"p{p}" for p in patient], classes=(patient % 2).astype(np.int16), customer_id=RANDOM.permutation(patient)
    )
    assert [c.column for c in found] == ["column", "customer_id"]
    assert "all of them have the same ill" in found[0].reason


def test_groups_are_seen_in_a_small_sample_of_a_long_table():
    sample = RANDOM.integers(0, 50_000, N)
    (candidate,) = groups(sample, n_total=2_000_000, name="user_id")
    others = int(candidate.reason.split("about ")[1].split(" ")[0].replace(",", ""))
    assert 20 <= others <= 80
    assert not groups(np.arange(N), n_total=2_000_000, name="user_id")


def test_dates_are_candidates_but_not_those_of_something_else():
    days = [START + timedelta(days=int(d)) for d in RANDOM.integers(0, 400, N)]
    assert times(birth_date=days, member_since=days, seen=days) == ["seen"]
    assert times(few=[START + timedelta(days=i % 3) for i in range(N)]) == []


def test_the_date_in_whose_order_the_rows_stand_comes_first():
    ordered = [START + timedelta(minutes=i) for i in range(N)]
    assert times(changed=RANDOM.permutation(np.array(ordered)).tolist(), seen=ordered) == ["seen", "changed"]


def test_a_number_is_a_clock_only_where_rows_follow_it():
    clock = np.arange(N) // 3
    assert times(Time=clock, x=RANDOM.normal(size=N)) == ["Time"]
    assert times(Time=RANDOM.permutation(clock), x=RANDOM.normal(size=N)) == []
    assert times(x=np.sort(RANDOM.normal(size=N))) == []


def calendar(order):
    moments = [START + timedelta(hours=2 * int(i)) for i in order]
    return {
        "year": [m.year for m in moments],
        "month": [m.strftime("%b") for m in moments],
        "day": [m.day for m in moments],
        "hour": [m.hour for m in moments],
    }


def test_parts_of_a_calendar_together_make_a_time():
    parts = calendar(RANDOM.permutation(N))
    assert times(**parts, x=RANDOM.normal(size=N)) == ["year,month,day,hour"]
    source = open_source(pa.table(parts))
    moments = row_times(source, time_columns("year,month,day,hour", source.schema().names))
    texts = [f"{y} {m} {d} {h}" for y, m, d, h in zip(*parts.values(), strict=True)]
    true = [datetime.strptime(text, "%Y %b %d %H").timestamp() for text in texts]
    np.testing.assert_array_equal(np.argsort(moments), np.argsort(true))


def test_without_a_year_the_rows_must_stand_in_the_order_of_the_calendar():
    shuffled, ordered = calendar(RANDOM.permutation(N)), calendar(range(N))
    assert times(month=shuffled["month"], day=shuffled["day"], x=RANDOM.normal(size=N)) == []
    days = [(START + timedelta(hours=int(2 * i))).timetuple().tm_yday for i in range(N)]
    assert times(day=days, hr=ordered["hour"], x=RANDOM.normal(size=N)) == ["day,hr"]


def test_a_gap_below_the_day_ends_the_calendar():
    parts = calendar(RANDOM.permutation(N))
    assert times(year=parts["year"], month=parts["month"], hour=parts["hour"], x=RANDOM.normal(size=N)) == []


def test_times_of_several_columns_must_all_be_there():
    with pytest.raises(InputError, match=r"no column to sample by 'mouth'\. Did you mean 'month'"):
        time_columns("year,mouth", ["year", "month"])
    assert time_columns("a,b", ["a,b"]) == ("a,b",)
