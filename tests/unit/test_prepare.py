"""From table and target to a study's data: guessed tasks, notes, sizes, and every refusal in clear words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from scalewise.core.sizes import study_sizes
from scalewise.core.spec import ROWS, MetricSpec, SamplingUnit, StudySpec
from scalewise.data.prepare import prepare, sampled_by
from scalewise.data.sources import open_source
from scalewise.data.target import read_target
from scalewise.errors import InputError, TableError, TargetError

N = 400
RANDOM = np.random.default_rng(0)


def table(y, **columns):
    """A source with a target `y` and at least one feature."""
    columns = columns or {"x": np.random.default_rng(1).normal(size=len(y))}
    return open_source(pd.DataFrame({**columns, "y": y}))


def classes(*counts):
    return np.repeat([f"c{i}" for i in range(len(counts))], counts)


@pytest.mark.parametrize(
    ("y", "task", "labels"),
    [
        (RANDOM.integers(0, 2, N).astype(bool), "binary", ("False", "True")),
        (RANDOM.integers(0, 2, N), "binary", ("0", "1")),
        (RANDOM.integers(0, 2, N) * 1.0, "binary", ("0", "1")),
        (RANDOM.integers(0, 2, N) + 0.5, "binary", ("0.5", "1.5")),
        (RANDOM.choice(["yes", "no"], N), "binary", ("no", "yes")),
        (RANDOM.integers(8, 12, N), "multiclass", ("8", "9", "10", "11")),
        (RANDOM.choice(["b", "a", "c"], N), "multiclass", ("a", "b", "c")),
        (pd.Categorical(RANDOM.choice(["b", "a"], N), categories=["a", "b", "unused"]), "binary", ("a", "b")),
        (pd.Categorical(RANDOM.choice([2, 10], N)), "binary", ("2", "10")),
        (RANDOM.integers(0, 300, N), "regression", ()),
        (RANDOM.normal(size=N), "regression", ()),
        (RANDOM.integers(0, 4, N) / 4, "regression", ()),
    ],
)
def test_the_task_is_guessed_from_the_target(y, task, labels):
    data = prepare(table(y), "y").data
    assert (data.task, data.classes) == (task, labels)


def test_few_numbers_that_hardly_repeat_are_no_classes():
    assert prepare(table(np.arange(60) % 15), "y").data.task == "regression"


def test_the_task_can_be_chosen_against_the_guess():
    y = RANDOM.integers(0, 5, N)
    assert prepare(table(y), "y", task="regression").data.classes == ()
    assert prepare(table(y * 20.0 + 0.5), "y", task="multiclass").data.classes[0] == "0.5"


def test_codes_follow_the_order_of_the_classes():
    y = np.array([10, 9] * 200)
    target = read_target(table(y), "y")
    assert target.classes == ("9", "10")
    assert target.codes[:2].tolist() == [1, 0]


def test_rows_without_a_target_are_left_out_and_said():
    y = np.where(np.arange(N) < 30, np.nan, RANDOM.normal(size=N))
    prepared = prepare(table(y), "y")
    assert prepared.notes == ("30 rows without a value of y are left out.",)
    assert prepared.data.n_train_rows + prepared.data.n_holdout_rows == N - 30
    assert prepared.draw.holdout_rows.min() >= 30


def test_a_table_too_small_to_judge_by_is_said_to_be_so():
    assert any("too small" in note for note in prepare(table(RANDOM.normal(size=99)), "y").notes)
    assert prepare(table(RANDOM.normal(size=100)), "y").notes == ()


def test_columns_are_left_out_with_reasons_in_the_table_or_given():
    source = table(RANDOM.normal(size=N), x=RANDOM.normal(size=N), same=[1] * N, leak=range(N), note=["n"] * N)
    prepared = prepare(source, "y", exclude={"leak": "is known too late"})
    assert {(c.name, c.reason) for c in prepared.left_out} == {
        ("leak", "is known too late"),
        ("same", "is the same everywhere: 1"),
        ("note", "is the same everywhere: n"),
    }
    assert [f.name for f in prepare(source, "y", exclude=["leak"]).data.features] == ["x"]


def test_leaving_out_the_target_itself_means_nothing():
    assert prepare(table(RANDOM.normal(size=N)), "y", exclude=["y"]).data.target == "y"


def test_the_smallest_size_holds_some_rows_of_the_rarest_class():
    assert prepare(table(classes(200, 200)), "y").data.smallest_n_rows == 50
    assert prepare(table(classes(*[50] * 8)), "y").data.smallest_n_rows == 80
    assert prepare(table(classes(19_900, 100)), "y").data.smallest_n_rows == 400
    assert prepare(table(classes(2000, 40)), "y").data.smallest_n_rows == 50


def test_no_smallest_size_is_larger_than_the_table():
    assert prepare(table(classes(15, 15)), "y").data.smallest_n_rows == 24


def test_every_class_is_in_every_smallest_sample():
    prepared = prepare(table(RANDOM.permutation(classes(5000, 12, 11))), "y")
    for repeat in range(5):
        rows = prepared.draw.training_rows(repeat, prepared.data.smallest_n_rows)
        assert set(prepared.target.codes[rows]) == {0, 1, 2}


def test_seed_and_content_decide_everything():
    y = classes(200, 200)
    first, again, other = (prepare(table(y), "y", seed=seed) for seed in (3, 3, 4))
    assert first.data == again.data
    assert first.draw.holdout_rows.tolist() == again.draw.holdout_rows.tolist() != other.draw.holdout_rows.tolist()


def test_whole_groups_are_drawn_and_their_column_is_no_feature():
    group = RANDOM.permutation(np.repeat([f"g{i}" for i in range(40)], 10))
    source = table(RANDOM.integers(0, 2, N), x=RANDOM.normal(size=N), who=group)
    prepared = prepare(source, "y", unit=SamplingUnit("group", "who"))
    held = set(group[prepared.draw.holdout_rows])
    assert not held & set(group[prepared.draw.training_rows(0, prepared.data.n_train_rows)])
    assert [f.name for f in prepared.data.features] == ["x"]
    assert "sampling unit" in prepared.left_out[0].reason


def test_grouped_samples_start_where_every_class_is_present():
    group = np.repeat(np.arange(40), 20)
    source = table(np.where(group % 8 == 0, "rare", "common"), x=RANDOM.normal(size=800), who=group)
    prepared = prepare(source, "y", unit=SamplingUnit("group", "who"))
    for repeat in range(5):
        rows = prepared.draw.training_rows(repeat, prepared.data.smallest_n_rows)
        assert set(prepared.target.codes[rows]) == {0, 1}


@pytest.mark.parametrize(("n_groups", "rows_each", "least"), [(200, 30, 10), (40, 30, 8), (8, 100, 2), (2_000, 2, 10)])
def test_grouped_samples_start_with_several_groups_and_leave_sizes_to_grow_by(n_groups, rows_each, least):
    group = RANDOM.permutation(np.repeat(np.arange(n_groups), rows_each))
    source = table(RANDOM.integers(0, 2, len(group)), x=RANDOM.normal(size=len(group)), who=group)
    prepared = prepare(source, "y", unit=SamplingUnit("group", "who"))
    for repeat in range(3):
        rows = prepared.draw.training_rows(repeat, prepared.data.smallest_n_rows)
        assert len(np.unique(group[rows])) >= least - 1
    assert len(study_sizes(prepared.data, 1.0)) >= 4
    assert prepared.data.smallest_n_rows <= max(50, prepared.data.n_train_rows / 4 + 1)


def test_samples_of_huge_groups_start_with_fewer_of_them():
    group = np.repeat(np.arange(30), 4_000)
    source = table(RANDOM.integers(0, 2, len(group)), x=RANDOM.normal(size=len(group)), who=group)
    assert prepare(source, "y", unit=SamplingUnit("group", "who")).data.smallest_n_rows == 20_000


@pytest.mark.parametrize("as_text", [False, True])
def test_the_last_stretch_of_time_is_held_out(as_text):
    days = [date(2026, 1, 1) + timedelta(days=int(d)) for d in RANDOM.permutation(N)]
    days[7] = None
    when = [str(d) if d else None for d in days] if as_text else days
    source = table(RANDOM.normal(size=N), x=RANDOM.normal(size=N), when=when)
    prepared = prepare(source, "y", unit=SamplingUnit("time", "when"))
    held, past = prepared.draw.holdout_rows, prepared.draw.training_rows(0, 1000)
    assert min(days[row] for row in held) > max(days[row] for row in past)
    assert prepared.notes[0] == "1 row without a value of when is left out."


@pytest.mark.parametrize(
    ("sizes", "task", "kept", "note"),
    [
        ((60, 3, 70, 2), "binary", ("c0", "c2"), "5 rows of rare classes of y (fewer than 10 rows each) are left out"),
        ((60, 1, 70, 70), "multiclass", ("c0", "c2", "c3"), "1 row of a rare class of y (fewer than 10 rows) is left"),
    ],
)
def test_rows_of_a_few_rare_classes_are_left_out_and_told(sizes, task, kept, note):
    y = classes(*sizes)
    prepared = prepare(table([*y, None], x=RANDOM.normal(size=len(y) + 1)), "y")
    assert (prepared.data.task, prepared.data.classes) == (task, kept)
    drawn = [*prepared.draw.holdout_rows, *prepared.draw.training_rows(0, prepared.data.n_train_rows)]
    labels = np.array(prepared.data.classes)[prepared.target.codes[drawn]]
    assert sorted(labels) == sorted(label for label in y if label in kept)
    assert prepared.notes[-2:][0] == "1 row without a value of y is left out."
    assert prepared.notes[-1].startswith(note)


def test_rare_counts_may_belong_to_an_amount():
    counts = np.repeat([0, 1, 2, 3, 14], [60, 60, 60, 60, 3])
    assert prepare(table(counts), "y").notes[-1].endswith("'14' (3). If y is an amount, study it as regression.")
    assert prepare(table(counts), "y", task="regression").data.n_holdout_rows


def test_the_task_is_that_of_the_classes_that_are_left():
    source = table(classes(60, 3, 70, 2))
    assert prepare(source, "y", task="binary").data.task == "binary"
    with pytest.raises(TargetError, match=r"has 2 classes of 10 rows or more\. Valid: 'binary'"):
        prepare(source, "y", task="multiclass")


@pytest.mark.parametrize("n_rows", [20, 30_000])
def test_the_spread_of_a_target_is_told_but_no_part_of_what_a_study_is(n_rows):
    y = 1e6 + RANDOM.normal(size=n_rows)
    data = prepare(table(np.append(y, np.nan)), "y", task="regression").data
    assert data.target_sd == pytest.approx(y.std(), rel=1e-9)
    metric = MetricSpec("r2", "R²")
    assert StudySpec(data, metric).id == StudySpec(replace(data, target_sd=0.0), metric).id


REFUSED = {
    "unknown column": (table([1.0] * N), {"target": "yy"}, TargetError, "no column 'yy'. Did you mean 'y'"),
    "no rows": (open_source(pd.DataFrame({"x": [], "y": []})), {}, TableError, "has columns but no rows"),
    "few rows": (table([1.0, 2.0, 3.0]), {}, TargetError, "Only 3 rows have a value of 'y'; at least 20"),
    "missing target": (table([np.nan] * N), {}, TargetError, "has no value in any row"),
    "null target": (open_source(pa.table({"x": [1.0] * N, "y": pa.nulls(N)})), {}, TargetError, "has no value in any"),
    "missing text target": (table(pd.array([None] * N, dtype="str")), {}, TargetError, "has no value in any row"),
    "one class": (table(["a"] * N), {}, TargetError, "is 'a' everywhere, so there is nothing to learn. Choose another"),
    "one number": (table([1.5] * N), {"task": "regression"}, TargetError, "is 1.5 everywhere"),
    "rare classes": (
        table(classes(200, 5, 9)),
        {},
        TargetError,
        r"'c1' \(5\), 'c2' \(9\)\. Merge them",
    ),
    "many rare classes": (table(classes(100, 100, *[2] * 9)), {}, TargetError, r"and 4 more\. Merge"),
    "only one class that is not rare": (table(classes(200, 3)), {}, TargetError, r"'c1' \(3\)\. Merge"),
    "too many classes": (
        table([f"c{i}" for i in range(1001)]),
        {},
        TargetError,
        "has 1,001 classes; 1,000 is the most.*group",
    ),
    "too many number classes": (
        table(np.arange(1001)),
        {"task": "multiclass"},
        TargetError,
        "has 1,001 classes; 1,000 is the most.*regression",
    ),
    "text for regression": (
        table(classes(200, 200)),
        {"task": "regression"},
        TargetError,
        "holds text.*Choose classific",
    ),
    "three classes as two": (
        table(classes(99, 99, 99)),
        {"task": "binary"},
        TargetError,
        "has 3 classes. Valid: 'multiclass'",
    ),
    "two classes as many": (
        table(classes(99, 99)),
        {"task": "multiclass"},
        TargetError,
        "has 2 classes. Valid: 'binary'",
    ),
    "infinite target": (
        table([np.inf, *RANDOM.normal(size=N)]),
        {},
        TargetError,
        "is infinite in 1 row. Leave this row",
    ),
    "tiny target": (
        table(1e-9 * RANDOM.normal(size=N)),
        {},
        TargetError,
        "varies by no more than .*e-.* a smaller unit",
    ),
    "tiny target without a spread": (table(1e-200 * RANDOM.normal(size=N)), {}, TargetError, "no more than 1e-150 "),
    "large target": (
        table(1e40 * RANDOM.normal(size=N)),
        {},
        TargetError,
        r"as large as .*e\+40: too large to compute",
    ),
    "target whose squares overflow": (table(1e300 * RANDOM.normal(size=N)), {}, TargetError, r"e\+300: too large"),
    "target whose sum overflows": (table(np.linspace(1.6e308, 1.7e308, N)), {}, TargetError, r"e\+308: too large"),
    "target of dates": (table([date(2026, 1, 1)] * N), {}, TargetError, "holds values of type date32.*Valid: numbers"),
    "target of lists": (open_source(pa.table({"x": [1.0] * N, "y": [[1]] * N})), {}, TargetError, "of type list"),
    "only a target": (
        open_source(pd.DataFrame({"y": RANDOM.normal(size=N)})),
        {},
        TableError,
        "nothing but the target",
    ),
    "nothing to learn from": (
        table(RANDOM.normal(size=N), x=[1] * N),
        {},
        TableError,
        "No column is left to predict 'y' from: x is the same everywhere: 1",
    ),
    "unknown column to exclude": (
        table(RANDOM.normal(size=N)),
        {"exclude": ["z"]},
        InputError,
        "no column to leave out 'z'",
    ),
    "unknown unit": (
        table(RANDOM.normal(size=N)),
        {"unit": SamplingUnit("group", "xx")},
        InputError,
        "no column to sample by 'xx'. Did you mean 'x'",
    ),
    "unit is the target": (
        table(RANDOM.normal(size=N)),
        {"unit": SamplingUnit("group", "y")},
        InputError,
        "'y' is the target, which rows to come do not have",
    ),
    "time is the target in part": (
        table(RANDOM.normal(size=N), x=RANDOM.normal(size=N)),
        {"unit": SamplingUnit("time", "x, y")},
        InputError,
        "'y' is the target",
    ),
    "one group": (
        table(RANDOM.normal(size=N), x=RANDOM.normal(size=N), g=["only"] * N),
        {"unit": SamplingUnit("group", "g")},
        InputError,
        "'g' has 1 distinct value; .*at least 5",
    ),
    "few groups": (
        table(RANDOM.normal(size=N), x=RANDOM.normal(size=N), g=np.arange(N) % 3),
        {"unit": SamplingUnit("group", "g")},
        InputError,
        "'g' has 3 distinct values; .*at least 5",
    ),
    "time that is none": (
        table(RANDOM.normal(size=N), x=RANDOM.normal(size=N), t=["soon", "late"] * (N // 2)),
        {"unit": SamplingUnit("time", "t")},
        InputError,
        "'t' holds no dates that can be read",
    ),
    "one moment": (
        table(RANDOM.normal(size=N), x=RANDOM.normal(size=N), t=[1] * N),
        {"unit": SamplingUnit("time", "t")},
        InputError,
        "fewer than two distinct moments",
    ),
    "class only in the past": (
        table(classes(200, 200), x=RANDOM.normal(size=N), t=np.arange(N)),
        {"unit": SamplingUnit("time", "t")},
        TargetError,
        r"Sampled by time \(t\), no row of class 'c0' of 'y' is held out, so that no score would count it. Merge it",
    ),
    "class only in the last stretch": (
        table(["a"] * 360 + ["a", "b"] * 20, x=RANDOM.normal(size=N), t=np.arange(N)),
        {"unit": SamplingUnit("time", "t")},
        TargetError,
        "no row of class 'b' of 'y' is trained on, so that no model could learn it. Merge it into another class, take",
    ),
    "classes only in the past": (
        table(classes(90, 90, 180, 40), x=RANDOM.normal(size=N), t=np.arange(N)),
        {"unit": SamplingUnit("time", "t")},
        TargetError,
        r"no row of class 'c0' \(and of 1 more\) of 'y' is held out",
    ),
}


def test_a_row_that_makes_up_much_of_the_spread_of_a_target_is_told():
    usual = RANDOM.normal(size=N)
    assert prepare(table(usual, x=RANDOM.normal(size=N)), "y").notes == ()
    (note,) = prepare(table([*usual[1:], -40.0], x=RANDOM.normal(size=N)), "y").notes
    few = prepare(table([*usual[:23], -40.0], x=RANDOM.normal(size=24)), "y").notes
    assert not any("lies so far out" in note for note in few)
    assert re.match(r"One row lies so far out in y that it makes up (79|80|81) % of the variance of all: R² and", note)


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_learned_is_refused_in_clear_words(case):
    source, options, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        prepare(source, **{"target": "y", **options})


def test_a_target_with_many_classes_is_given_up_early(monkeypatch):
    source = table([f"c{i}" for i in range(500_000)])
    read = []
    scan = source.scan
    monkeypatch.setattr(source, "scan", lambda columns: (read.append(1) or batch for batch in scan(columns)))
    with pytest.raises(TargetError, match="more than 1,000 classes"):
        prepare(source, "y")
    assert len(read) == 1


def test_another_unit_is_taken_up_without_looking_at_the_columns_again(monkeypatch):
    source = table(RANDOM.normal(size=N), x=RANDOM.normal(size=N), g=np.arange(N) % 40, t=np.arange(N) // 3)
    rows = prepare(source, "y")
    units = (SamplingUnit("group", "g"), SamplingUnit("time", "t"), SamplingUnit("thinned", "t"), ROWS)
    with monkeypatch.context() as patched:
        patched.setattr(source, "take", None)
        others = [sampled_by(rows, unit) for unit in units]
    for other in others:
        again = prepare(source, "y", unit=other.data.unit)
        assert (other.data, other.left_out, other.notes) == (again.data, again.left_out, again.notes)
        np.testing.assert_array_equal(other.draw.holdout_rows, again.draw.holdout_rows)
    assert "g" in {column.name for column in sampled_by(rows, SamplingUnit("group", "g")).left_out}
    with pytest.raises(InputError, match="no column to sample by 'h'"):
        sampled_by(rows, SamplingUnit("group", "h"))


def test_a_time_of_several_columns_is_in_the_order_of_the_coarsest():
    day, hour = np.repeat(np.arange(N // 4), 4), np.tile(np.arange(4), N // 4)
    order = np.random.default_rng(0).permutation(N)
    source = table(RANDOM.normal(size=N), x=RANDOM.normal(size=N), day=day[order], hour=hour[order])
    draw = prepare(source, "y", unit=SamplingUnit("time", "day,hour")).draw
    assert order[draw.holdout_rows].min() == N - len(draw.holdout_rows)
    with pytest.raises(InputError, match="no column to sample by 'our'"):
        prepare(source, "y", unit=SamplingUnit("time", "day,our"))
