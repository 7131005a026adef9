"""The rooms of the package and which way they may look."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import scalewise

ROOT = Path(scalewise.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

MAY_IMPORT = {
    "errors": set(),
    "core": {"errors"},
    "data": {"core", "errors"},
    "models": {"core", "data", "errors"},
    "engines": {"core", "data", "models", "errors"},
    "plots": {"core", "errors"},
    "options": {"core", "data", "models", "errors"},
    "journal": {"core", "errors"},
    "feature_report": {"core", "errors"},
    "report": {"core", "feature_report", "errors"},
    "shell": {"core", "data", "options", "study", "errors"},
    "running": {"core", "data", "models", "engines", "options", "journal", "errors"},
    "runner": {"core", "data", "models", "engines", "options", "journal", "running", "errors"},
    "result_frames": {"core", "data", "errors"},
    "study": {
        "core",
        "data",
        "engines",
        "options",
        "journal",
        "report",
        "result_frames",
        "runner",
        "running",
        "errors",
    },
    "app": {"core", "data", "models", "engines", "plots", "options", "journal", "runner", "errors"},
    "cli": {"shell", "app", "errors"},
    "__main__": {"cli"},
}
PURE = {"numpy", "scipy"}
# From what stands on nothing to what stands on all: no part of the core looks at one that comes after it.
PARTS = ("forecasting", "features", "deciding", "experimenting")


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Every module a file imports, anywhere in it, but for what only type checkers see."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_looks_only_where_it_may(path):
    here = room(path)
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("scalewise.")}
    allowed = {here, *MAY_IMPORT.get(here, set())}
    assert here == "__init__" or ours <= allowed


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) == "core"], ids=lambda p: p.name)
def test_the_core_needs_only_numpy_and_scipy(path):
    top = {name.split(".")[0] for name in imported(path)}
    assert top <= PURE | {"scalewise"} | set(sys.stdlib_module_names)
    assert not top & {"threading", "subprocess", "socket", "sqlite3"}


@pytest.mark.parametrize("part", PARTS)
def test_no_part_of_the_core_looks_at_one_that_stands_on_it(part):
    above = PARTS[PARTS.index(part) + 1 :]
    for path in (ROOT / "core" / part).glob("*.py"):
        seen = {tuple(name.split(".")[1:3]) for name in imported(path) if name.startswith("scalewise.core.")}
        assert not seen & {("core", name) for name in above}, path.name


def test_importing_the_package_imports_no_heavy_library():
    heavy = ["numpy", "scipy", "sklearn", "pandas", "pyarrow", "bqplot", "ipywidgets", "distributed", "dask", "voila"]
    code = f"import sys, scalewise; print([m for m in {heavy!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
