"""Sparse matrices as tables: what they hold, that nothing is made dense as a whole, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import scalewise
from scalewise.data.sparse import SparseTable
from scalewise.errors import TableError

DENSE = np.array([[0, 1.5, 0], [2, 0, 0], [0, np.nan, -1], [0, 0, 0]])
Y = [0, 1, 1, 1]


def read(table, names=None):
    names = names or table.schema().names
    return pa.Table.from_batches(table.take(np.arange(table.n_rows()), names)).to_pandas()


def test_zeros_are_zeros_and_gaps_are_gaps():
    frame = read(scalewise.SparseTable(sp.csr_array(DENSE), Y))
    assert list(frame) == ["x0", "x1", "x2", "y"]
    np.testing.assert_array_equal(frame[["x0", "x1", "x2"]], DENSE)
    assert frame["y"].tolist() == Y


@pytest.mark.parametrize("make", [sp.csc_array, sp.coo_array, sp.lil_array, sp.csr_matrix, sp.csc_matrix, sp.dok_array])
def test_the_format_of_the_matrix_does_not_matter(make):
    found = SparseTable(make(DENSE), Y)
    assert found.fingerprint() == SparseTable(sp.csr_array(DENSE), Y).fingerprint()
    np.testing.assert_array_equal(read(found)[["x0", "x1", "x2"]], DENSE)


def test_doubles_and_stored_zeros_count_as_what_they_mean_and_the_matrix_given_stays():
    data, rows, columns = [1.0, 2.0, 0.0], [0, 0, 1], [1, 1, 2]
    given_matrix = sp.coo_array((data, (rows, columns)), shape=(2, 3)).tocsc()
    stored = sp.csc_array(([1.0, 2.0, 0.0], [0, 0, 1], [0, 0, 2, 3]), shape=(2, 3))
    table = SparseTable(stored, [0, 1])
    assert stored.nnz == 3
    assert read(table)["x1"].tolist() == [3.0, 0.0]
    assert table.fingerprint() == SparseTable(given_matrix, [0, 1]).fingerprint()


@pytest.mark.parametrize(
    "other",
    [
        SparseTable(sp.csr_array(DENSE * 2), Y),
        SparseTable(sp.csr_array(DENSE[::-1]), Y),
        SparseTable(sp.csr_array(DENSE), Y[::-1]),
        SparseTable(sp.csr_array(DENSE), Y, names=["a", "b", "c"]),
        SparseTable(sp.csr_array(DENSE[:, ::-1]), Y),
    ],
)
def test_other_content_has_another_fingerprint(other):
    assert other.fingerprint() != SparseTable(sp.csr_array(DENSE), Y).fingerprint()


def test_targets_of_every_usual_kind_are_taken():
    for y in (["a", "b", "a", None], pd.Series(Y, dtype="category"), np.array([True, False] * 2), pa.array(Y)):
        assert SparseTable(sp.csr_array(DENSE), y, target="late").schema().names[-1] == "late"


@given(arrays(np.int8, (7, 5), elements=st.integers(-2, 2)), st.sets(st.integers(0, 6)), st.permutations(range(5)))
def test_any_rows_and_columns_are_those_of_the_dense_table(dense, rows, order):
    table = SparseTable(sp.csc_array(dense), np.arange(7))
    rows, names = np.array(sorted(rows), dtype=np.int64), [f"x{place}" for place in order]
    found = pa.Table.from_batches(table.take(rows, names), schema=pa.schema([(name, pa.float64()) for name in names]))
    assert found.column_names == names
    np.testing.assert_array_equal(found.to_pandas().to_numpy(), dense[np.ix_(rows, list(order))])


def test_batches_are_bounded_however_many_columns_are_asked_for(monkeypatch):
    monkeypatch.setattr("scalewise.data.sparse._BATCH_BYTES", 8 * 3 * 100)
    table = SparseTable(sp.random_array((1000, 3), density=0.1, rng=0), np.arange(1000))
    assert {batch.num_rows for batch in table.scan(["x0", "x1", "x2"])} == {100}


REFUSED = {
    "a dense array": (lambda: SparseTable(DENSE, Y), "X is a numpy.ndarray. Valid: a sparse matrix.*pandas frame"),
    "no numbers": (lambda: SparseTable(sp.csr_array(DENSE.astype(complex)), Y), "type complex128. Valid: numbers"),
    "another length": (lambda: SparseTable(sp.csr_array(DENSE), [1, 2]), "X has 4 rows and y has 2 values"),
    "a target of matrices": (lambda: SparseTable(sp.csr_array(DENSE), np.ones((4, 2))), "y cannot be turned into"),
    "few names": (lambda: SparseTable(sp.csr_array(DENSE), Y, names=["a"]), "3 columns and there are 1 names"),
    "a name twice": (lambda: SparseTable(sp.csr_array(DENSE), Y, names=["a", "b", "a"]), "columns are named 'a'"),
    "the target's name": (lambda: SparseTable(sp.csr_array(DENSE), Y, names=["a", "b", "y"]), "columns are named 'y'"),
    "a bare matrix": (lambda: scalewise.open_source(sp.csr_array(DENSE)), r"scalewise.SparseTable\(X, y\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_a_table_is_refused_in_clear_words(case):
    make, message = REFUSED[case]
    with pytest.raises(TableError, match=message):
        make()
