"""What every source must do, over every kind of table that can be opened; and what is said of those that cannot."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from scalewise.data import csv_files, parquet_files, parquet_footers, sources
from scalewise.data.csv_files import open_csv
from scalewise.data.scratch import sweep
from scalewise.data.sources import open_source
from scalewise.data.sparse import SparseTable
from scalewise.errors import ScalewiseError, TableError

N_ROWS = 1000
ROWS = np.array([0, 3, 4, 250, 251, 499, 500, 998, 999])


def reference():
    """A table with the common types, and missing values in each of them."""
    random = np.random.default_rng(0)
    gone = random.uniform(size=N_ROWS) < 0.1
    day = datetime(2026, 1, 1, tzinfo=UTC)
    return pa.table(
        {
            "row": pa.array(range(N_ROWS)),
            "height": pa.array(random.normal(size=N_ROWS).round(6), mask=gone),
            "count": pa.array(random.integers(0, 9, N_ROWS), mask=gone),
            "city": pa.array(random.choice(["Oslo", "Bergen", "Tromsø"], N_ROWS), mask=gone),
            "yes": pa.array(random.uniform(size=N_ROWS) < 0.5, mask=gone),
            "when": pa.array([day + timedelta(hours=i) for i in range(N_ROWS)], pa.timestamp("s", "UTC")),
        }
    )


def only_numbers():
    """The same table, but with what a sparse matrix can hold."""
    table = reference().drop_columns(["city"])
    kept = {name: pc.cast(table[name], pa.float64()) for name in ("row", "height", "count", "yes")}
    return pa.table({**kept, "when": table["when"]})


def sparse():
    """Numbers in a sparse matrix, moments as the target beside it."""
    table = only_numbers()
    columns = [table[name].to_numpy() for name in table.column_names[:-1]]
    matrix = sp.csr_array(np.column_stack(columns))
    return SparseTable(matrix, table["when"], names=table.column_names[:-1], target="when", name="sparse")


class Stream:
    """Some other library's table: nothing but the Arrow stream."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def parquet(folder):
    pq.write_table(reference(), folder / "one.parquet", row_group_size=130)
    return folder / "one.parquet"


def parquet_folder(folder):
    inside = folder / "many" / "deeper"
    inside.mkdir(parents=True)
    for part in range(4):
        pq.write_table(reference().slice(part * 250, 250), inside / f"part-{part}.parquet", row_group_size=100)
    (folder / "many" / "_SUCCESS").touch()
    (folder / "many" / ".hidden.parquet").write_text("not Parquet at all")
    return folder / "many"


def csv(folder):
    pacsv.write_csv(reference(), folder / "plain.csv")
    return folder / "plain.csv"


def csv_gz(folder):
    (folder / "packed.csv.gz").write_bytes(gzip.compress(csv(folder).read_bytes()))
    return folder / "packed.csv.gz"


def tsv(folder):
    pacsv.write_csv(reference(), folder / "tabs.tsv", pacsv.WriteOptions(delimiter="\t"))
    return str(folder / "tabs.tsv")


KINDS = {
    "pyarrow": lambda folder: open_source(reference()),
    "pyarrow in chunks": lambda folder: open_source(
        pa.concat_tables([reference().slice(0, 251), reference().slice(251)])
    ),
    "pandas": lambda folder: open_source(reference().to_pandas()),
    "pandas with pyarrow types": lambda folder: open_source(reference().to_pandas(types_mapper=pd.ArrowDtype)),
    "polars": lambda folder: open_source(pl.from_arrow(reference())),
    "arrow stream": lambda folder: open_source(Stream(reference())),
    "parquet": lambda folder: open_source(parquet(folder)),
    "folder of parquet": lambda folder: open_source(parquet_folder(folder)),
    "csv": lambda folder: open_source(csv(folder)),
    "csv.gz": lambda folder: open_source(csv_gz(folder)),
    "tsv": lambda folder: open_source(tsv(folder)),
    "large csv": lambda folder: open_csv(csv(folder), "large", in_memory_bytes=0),
    "sparse": lambda folder: open_source(sparse()),
}
CONTENT = {"sparse": only_numbers}


def content(source):
    """What a source must hand over."""
    return CONTENT.get(source.name, reference)()


@pytest.fixture(params=KINDS)
def source(request, tmp_path):
    return KINDS[request.param](tmp_path)


def taken(source, rows, columns):
    return pa.Table.from_batches(source.take(np.asarray(rows, dtype=np.int64), columns))


def plain(table):
    """Values as text and numbers, whatever the types that hold them."""
    columns = {name: table[name].to_pylist() for name in table.column_names}
    columns["when"] = [moment.timestamp() for moment in columns.get("when", [])]
    columns["count"] = [None if v is None or v != v else int(v) for v in columns.get("count", [])]
    columns["yes"] = [None if v is None or v != v else bool(v) for v in columns.get("yes", [])]
    columns["height"] = [None if v is None or v != v else v for v in columns.get("height", [])]
    return columns


def test_an_open_source_is_left_as_it_is(source):
    assert open_source(source) is source


def test_it_knows_its_columns_and_length(source):
    assert source.schema().names == content(source).column_names
    assert source.n_rows() == N_ROWS
    assert source.n_bytes() > 1000
    assert source.name


def test_taken_rows_are_the_rows_asked_for(source):
    wanted = content(source)
    assert plain(taken(source, ROWS, wanted.column_names)) == plain(wanted.take(pa.array(ROWS)))


def test_columns_come_in_the_order_asked_for(source):
    table = taken(source, ROWS, ["yes", "row"])
    assert table.column_names == ["yes", "row"]
    assert table["row"].to_pylist() == ROWS.tolist()


def test_a_scan_reads_every_row_in_order(source):
    numbers = [number for batch in source.scan(["row"]) for number in batch.column(0).to_pylist()]
    assert numbers == list(range(N_ROWS))


def test_batches_have_the_types_of_the_schema(source):
    names = [name for name in source.schema().names if name in ("city", "height", "when")]
    for batch in (*source.scan(names), *source.take(ROWS, names)):
        assert batch.schema.types == [source.schema().field(name).type for name in names]


def test_taking_no_rows_gives_no_rows(source):
    assert sum(batch.num_rows for batch in source.take(np.empty(0, dtype=np.int64), ["row"])) == 0


def digests(folder):
    """What each kind of source says of itself and hands over; files are made in `folder` unless they are there."""
    said = {}
    for kind, opened in KINDS.items():
        place = Path(folder) / kind
        place.mkdir(exist_ok=True)
        source = _reopened(kind, place) or opened(place)
        table = taken(source, ROWS, content(source).column_names)
        sample = hashlib.sha256(repr(plain(table)).encode()).hexdigest()
        said[kind] = [source.fingerprint(), sample]
    return said


def _reopened(kind, place):
    """The source of the files that another process made; None where there is none."""
    files = sorted(place.iterdir())
    if not files:
        return None
    if kind == "large csv":
        return open_csv(files[0], "large", in_memory_bytes=0)
    return open_source(next((f for f in files if f.suffix == ".gz"), files[0]))


def test_fingerprints_and_samples_are_the_same_in_another_process(tmp_path):
    here = digests(tmp_path)
    code = "import json, sys; import test_sources as t; print(json.dumps(t.digests(sys.argv[1])))"
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == here


def test_fingerprints_do_not_depend_on_how_memory_is_cut():
    table = reference()
    pieces = pa.concat_tables([table.slice(0, 17), table.slice(17, 400), table.slice(417)])
    assert open_source(table).fingerprint() == open_source(pieces).fingerprint()
    assert (
        open_source(table.slice(5)).fingerprint() == open_source(table.take(pa.array(range(5, N_ROWS)))).fingerprint()
    )


@pytest.mark.parametrize("column", ["height", "count", "city", "yes", "when"])
def test_one_changed_value_changes_the_fingerprint(column):
    table = reference()
    values = table[column].to_pylist()
    present = [i for i, value in enumerate(values) if value is not None]
    other = next(i for i in present if values[i] != values[present[0]])
    values[present[0]] = values[other]
    changed = table.set_column(table.schema.get_field_index(column), column, pa.array(values, table[column].type))
    assert open_source(changed).fingerprint() != open_source(table).fingerprint()


def test_a_value_that_goes_missing_changes_the_fingerprint():
    first, second = pa.table({"a": [1.0, None, 1.0]}), pa.table({"a": [1.0, 1.0, None]})
    assert open_source(first).fingerprint() != open_source(second).fingerprint()


def test_a_file_keeps_its_fingerprint_when_it_moves_and_loses_it_when_it_changes(tmp_path):
    path = parquet(tmp_path)
    before = open_source(path).fingerprint()
    moved = path.rename(tmp_path / "moved.parquet")
    assert open_source(moved).fingerprint() == before
    pq.write_table(reference().slice(1), moved)
    assert open_source(moved).fingerprint() != before


@pytest.mark.parametrize("row_group_size", [130, 1_000_000])
@pytest.mark.parametrize("kind", [pa.string_view(), pa.binary_view()])
def test_rows_of_views_are_taken_from_parquet_like_any_others(tmp_path, kind, row_group_size, monkeypatch):
    if row_group_size > N_ROWS:
        monkeypatch.setattr(parquet_footers, "_SMALL_BYTES", 1)
    texts = [str(number) for number in range(N_ROWS)]
    table = pa.table({"row": range(N_ROWS), "text": pa.array(texts).cast(kind)})
    pq.write_table(table, tmp_path / "views.parquet", row_group_size=row_group_size)
    source = open_source(tmp_path / "views.parquet")
    found = taken(source, ROWS, ["text"])
    assert found.schema.types == [source.schema().field("text").type]
    assert found["text"].cast(pa.large_string()).to_pylist() == [texts[row] for row in ROWS]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([2**70, 1], dtype=object), [str(2**70), "1"]),
        (pd.Series(["a", "\ud800"], dtype=object), ["a", "?"]),
        (pd.Series(pd.cut(pd.Series([0.5, 1.5, np.nan]), [0, 1, 2])), ["(0, 1]", "(1, 2]", None]),
    ],
)
def test_values_of_pandas_that_arrow_cannot_hold_become_text(values, expected):
    source = open_source(pd.DataFrame({"a": range(len(values)), "odd": values}))
    assert taken(source, range(len(values)), ["odd"])["odd"].to_pylist() == expected
    assert source.fingerprint()


def test_dictionaries_of_lists_are_held_as_lists():
    column = pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.int8()), pa.array([[1], [2, 3]]))
    source = open_source(pa.table({"odd": column}))
    assert taken(source, range(3), ["odd"])["odd"].to_pylist() == [[2, 3], [1], None]
    assert source.fingerprint()


def test_row_groups_without_wanted_rows_are_not_read(tmp_path, monkeypatch):
    source = open_source(parquet(tmp_path))
    read = []
    original = pq.ParquetFile.read_row_group

    def spy(self, row_group, *args, **kwargs):
        read.append(row_group)
        return original(self, row_group, *args, **kwargs)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", spy)
    taken(source, [0, 5, 400], ["row"])
    assert sorted(read) == [0, 3]


@pytest.mark.parametrize("small_bytes", [1 << 24, 1100, 0], ids=["as a whole", "by columns", "bit by bit"])
def test_row_groups_of_any_size_hold_the_same_rows(tmp_path, monkeypatch, small_bytes):
    monkeypatch.setattr(parquet_footers, "_SMALL_BYTES", small_bytes)
    source, columns = open_source(parquet(tmp_path)), ["city", "row", "when", "yes"]
    rows = [0, 3, 4, 130, 131, 399, N_ROWS - 1]
    expected = reference().select(columns)
    assert taken(source, rows, columns).cast(expected.schema).to_pydict() == expected.take(pa.array(rows)).to_pydict()
    everything = pa.Table.from_batches(source.scan(columns)).cast(expected.schema)
    assert everything.to_pydict() == expected.to_pydict()


def test_a_file_that_breaks_while_it_is_read_is_named(tmp_path):
    path = parquet(tmp_path)
    source = open_source(path)
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    path.write_bytes(bytes(content))
    with pytest.raises(TableError, match=rf"{path.name}.*cannot be read"):
        taken(source, list(range(N_ROWS)), ["city", "row"])


@pytest.mark.parametrize("small_bytes", [1 << 24, 0], ids=["at once", "bit by bit"])
def test_stretches_hold_the_rows_of_the_table_in_batches(tmp_path, monkeypatch, small_bytes):
    monkeypatch.setattr(parquet_footers, "_SMALL_BYTES", small_bytes)
    monkeypatch.setattr(parquet_files, "_BATCH_ROWS", 64)
    source, columns = open_source(parquet(tmp_path)), ["city", "row"]
    batches = [batch for stretch in source.stretches() for batch in source.read(stretch, columns)]
    assert max(batch.num_rows for batch in batches) == 64
    whole = [pa.table(batch).cast(pa.table(reference()).select(columns).schema) for batch in batches]
    assert pa.concat_tables(whole).to_pydict() == reference().select(columns).to_pydict()


def test_columns_that_stand_in_the_names_of_folders_are_read(tmp_path):
    for city, rows in (("Bergen", [1, 2]), ("New%20York", [3]), ("__HIVE_DEFAULT_PARTITION__", [4, 5])):
        (tmp_path / "by" / f"city={city}").mkdir(parents=True)
        pq.write_table(pa.table({"row": rows}), tmp_path / "by" / f"city={city}" / "part.parquet")
    source = open_source(tmp_path / "by")
    assert source.schema().names == ["row", "city"]
    everything = pa.Table.from_batches(source.scan(["city", "row"])).to_pydict()
    assert dict(zip(everything["row"], everything["city"], strict=True)) == {
        1: "Bergen", 2: "Bergen", 3: "New York", 4: None, 5: None,
    }  # fmt: skip
    rows = [everything["row"].index(2), everything["row"].index(3)]
    assert sorted(taken(source, sorted(rows), ["city"])["city"].to_pylist()) == ["Bergen", "New York"]


def test_files_of_a_folder_may_have_types_of_different_width(tmp_path):
    for part, values in enumerate([pa.array([1, 2]), pa.nulls(2), pa.array([2.5, None])]):
        pq.write_table(pa.table({"a": values}), tmp_path / f"{part}.parquet")
    table = taken(open_source(tmp_path), [0, 1, 2, 4], ["a"])
    assert table.to_pydict() == {"a": [1.0, 2.0, None, 2.5]}


def test_names_come_from_the_file_unless_given(tmp_path):
    assert open_source(parquet(tmp_path)).name == "one"
    assert open_source(csv_gz(tmp_path)).name == "packed"
    assert open_source(reference(), name="mine").name == "mine"


def test_polars_categories_and_pandas_categories_can_be_read():
    frames = [
        pl.DataFrame({"a": ["x", "y", None]}, schema={"a": pl.Categorical}),
        pl.DataFrame({"a": ["x", "y", None]}, schema={"a": pl.Enum(["x", "y"])}),
        pd.DataFrame({"a": pd.Categorical(["x", "y", None])}),
    ]
    for frame in frames:
        assert taken(open_source(frame), [0, 2], ["a"])["a"].to_pylist() == ["x", None]


def test_pandas_columns_that_arrow_cannot_hold_become_text():
    frame = pd.DataFrame({"mixed": [1, "a", None], "spread": pd.interval_range(0, 3), 7: [1.5, 2.5, 3.5]})
    source = open_source(frame)
    assert source.schema().names == ["mixed", "spread", "7"]
    assert taken(source, [0, 1, 2], ["mixed"])["mixed"].to_pylist() == ["1", "a", None]


def test_semicolons_and_question_marks_in_csv_are_understood(tmp_path):
    (tmp_path / "de.csv").write_text("a;b\n1;x\n?;y\n3;\n")
    table = taken(open_source(tmp_path / "de.csv"), [0, 1, 2], ["a", "b"])
    assert table.to_pydict() == {"a": [1, None, 3], "b": ["x", "y", None]}


def test_a_large_csv_whose_types_turn_out_wider_is_read_all_the_same(tmp_path):
    path = tmp_path / "late.csv"
    lines = ["a,b,c"] + ["1,2,"] * 3_000_000 + ["1.5,x,y"]
    path.write_text("\n".join(lines))
    source = open_csv(path, "late", in_memory_bytes=0)
    table = taken(source, [0, 3_000_000], ["a", "b", "c"])
    assert table.to_pydict() == {"a": [1.0, 1.5], "b": ["2", "x"], "c": [None, "y"]}


def test_the_rewritten_copy_of_a_large_csv_goes_with_its_source(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    source = open_csv(csv(tmp_path), "large", in_memory_bytes=0)
    assert list(tmp_path.glob("scalewise-*"))
    del source
    assert not list(tmp_path.glob("scalewise-*"))


def test_the_rewritten_copy_of_a_large_csv_is_swept_up_where_its_process_was_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rewrite = "from scalewise.data.csv_files import open_csv; from pathlib import Path; import os, signal, sys;"
    rewrite += "kept = open_csv(Path(sys.argv[1]), 'large', in_memory_bytes=0); os.kill(os.getpid(), signal.SIGKILL)"
    where = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", rewrite, str(csv(tmp_path))], env=where, check=False)
    assert list(tmp_path.glob("scalewise-*"))
    sweep(tmp_path)
    assert not list(tmp_path.glob("scalewise-*"))


def test_a_large_csv_that_cannot_be_read_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(TableError, match="cannot be read as CSV"):
        open_csv(tmp_path / "ragged.csv", "ragged", in_memory_bytes=0)
    assert [path.name for path in tmp_path.iterdir()] == ["ragged.csv"]


@pytest.mark.parametrize(
    ("first", "named"),
    [
        (b"PK\x03\x04\x14" + bytes(100), "is a zip archive or an Excel workbook, not text"),
        (b"\x1f\x8b\x08" + bytes(100), "is compressed with gzip, and not named so"),
        (b"PAR1\x15\x04" + bytes(100), "is a Parquet file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "is an old Excel workbook"),
        (b"SQLite format 3\x00" + bytes(100), "is an SQLite database"),
    ],
)
def test_a_file_named_csv_that_is_another_kind_is_called_what_it_is(first, named, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(first)
    with pytest.raises(TableError, match=named) as refused:
        open_source(path)
    assert "UTF" not in str(refused.value)


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("latin-1", "is not UTF-8.*encoding='latin-1'"),
    ],
)
def test_text_that_is_no_utf_8_is_named_as_such(encoding, named, tmp_path):
    path = tmp_path / "other.csv"
    path.write_bytes("größe,y\n1,2\n3,4\n".encode(encoding))
    with pytest.raises(TableError, match=named):
        open_csv(path, "other")


@pytest.mark.parametrize("in_memory_bytes", [0, 1_000_000_000])
@pytest.mark.parametrize("n_rows_before", [0, 20_000])
def test_values_that_are_no_utf_8_are_not_taken_for_bytes(n_rows_before, in_memory_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "_BLOCK_BYTES", 1 << 16)
    path = tmp_path / "other.csv"
    path.write_bytes(b"city,y\n" + b"Oslo,1\n" * n_rows_before + "Tromsø,2\n".encode("latin-1"))
    with pytest.raises(TableError, match=r"is not UTF-8.*encoding='latin-1'"):
        open_csv(path, "other", in_memory_bytes=in_memory_bytes)


def test_other_packages_can_bring_sources(monkeypatch):
    class Entry:
        @staticmethod
        def load():
            return lambda table, name: open_source(reference(), name="theirs") if table == "theirs://x" else None

    monkeypatch.setattr(sources, "entry_points", lambda group: [Entry] if group == "scalewise.sources" else [])
    assert open_source("theirs://x").name == "theirs"


REFUSED = {
    "no such file": (
        lambda folder: folder / "one.parqet",
        r"There is no file .*one.parqet.* Did you mean .*one.parquet",
    ),
    "no such folder": (lambda folder: folder / "nowhere" / "x.csv", r"There is no folder .*nowhere.* either"),
    "another ending": (lambda folder: folder / "book.xlsx", r"'book.xlsx' is of no kind .*\.parquet.*\.csv.*pandas"),
    "not Parquet": (lambda folder: folder / "broken.parquet", r"cannot be read as Parquet.*Is it complete"),
    "a table's text": (
        lambda folder: "a,b\n" + 1000 * "1,2\n",
        r"'a,b 1,2 .{10,80}\]' cannot be looked up.*the path of",
    ),
    "empty file": (lambda folder: folder / "empty.csv", r"empty.csv' cannot be read as CSV: Empty CSV file"),
    "empty Parquet file": (lambda folder: folder / "nothing.parquet", r"cannot be read as Parquet"),
    "ragged CSV": (lambda folder: folder / "ragged.csv", r"cannot be read as CSV: .*Expected 2 columns, got 3"),
    "folder without Parquet": (lambda folder: folder / "void", r"holds no Parquet file"),
    "folder of different tables": (lambda folder: folder / "differing", r"different columns: a, b are not in all"),
    "folder of different types": (lambda folder: folder / "typed", r"different types: .*int64 vs string"),
    "doubled names": (lambda folder: pd.DataFrame([[1, 2]], columns=["a", "a"]), r"Several columns are named 'a'"),
    "no columns": (lambda folder: pd.DataFrame(), r"has no columns"),
    "lazy frame": (lambda folder: pl.DataFrame({"a": [1]}).lazy(), r"Call .collect\(\) on it first"),
    "a list": (lambda folder: [1, 2], r"Got a builtins.list.*Valid: a pandas frame.*Parquet"),
    "nothing": (lambda folder: None, r"Got a builtins.NoneType"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_opened_is_refused_in_clear_words(kind, tmp_path):
    parquet(tmp_path)
    (tmp_path / "book.xlsx").touch()
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 but no more")
    (tmp_path / "nothing.parquet").touch()
    (tmp_path / "empty.csv").touch()
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n1,2,3\n")
    (tmp_path / "void").mkdir()
    (tmp_path / "differing").mkdir()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "differing" / "1.parquet")
    pq.write_table(pa.table({"b": [1]}), tmp_path / "differing" / "2.parquet")
    (tmp_path / "typed").mkdir()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "typed" / "1.parquet")
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "typed" / "2.parquet")
    table, message = REFUSED[kind]
    with pytest.raises(TableError, match=message):
        open_source(table(tmp_path))

    path = parquet(tmp_path)
    source = open_source(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ScalewiseError, match="cannot be read"):
        taken(source, ROWS, ["row"])
