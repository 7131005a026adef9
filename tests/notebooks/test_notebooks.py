"""Every notebook is run from top to bottom in a fresh kernel."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("SCALEWISE_JOURNAL", str(tmp_path / "journal.sqlite"))

    def execute(path):
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}})
        return client.execute()

    return execute


def printed(notebook):
    return "".join(o.text for cell in notebook.cells for o in cell.get("outputs", ()) if o.output_type == "stream")


def shown(notebook):
    return [mime for cell in notebook.cells for o in cell.get("outputs", ()) for mime in o.get("data", {})]


# The kernel's provisioner leaves its files to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_without_a_warning(run, path):
    notebook = run(path)
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    assert [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"] == []
    if path.stem in ("app", "01_your_own_table"):
        assert "application/vnd.jupyter.widget-view+json" in shown(notebook)
    if path.stem == "01_your_own_table":
        assert "More data" in printed(notebook)
    if path.stem == "02_known_answers":
        assert "stop | More data no longer helps" in printed(notebook)
        assert "collect_rows | More rows than the table has would help" in printed(notebook)
    if path.stem == "03_fewer_features_and_groups":
        by_row, by_patient = map(float, re.search(r"([\d.]+) by single rows, ([\d.]+) by", printed(notebook)).groups())
        assert by_row > by_patient + 0.05


def test_no_notebook_holds_outputs_of_a_session():
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells), path.name


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} >= {"app", "01_your_own_table", "02_known_answers"}
