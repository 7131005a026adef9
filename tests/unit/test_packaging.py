"""What must hold of the files around the package."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]


def test_the_binder_lock_pins_every_dependency_and_names_no_index():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "binder" / "requirements.txt").read_text().split()
    assert all(re.fullmatch(r"[A-Za-z0-9_.\-]+==[A-Za-z0-9_.+!\-]+", line) for line in lines)
    locked = {re.split("==", line)[0].lower().replace("_", "-") for line in lines}
    wanted = [*project["dependencies"], *project["optional-dependencies"]["demo"]]
    assert {re.split(r"[\[>=<]", name)[0].lower() for name in wanted} <= locked


def test_the_lock_satisfies_the_lower_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = dict(
        line.lower().replace("_", "-").split("==") for line in (ROOT / "binder/requirements.txt").read_text().split()
    )
    for wanted in project["dependencies"]:
        name, bound = re.match(r"([A-Za-z0-9_\-]+)(?:\[[^\]]*\])?>=([0-9.]+)", wanted).groups()
        assert _version(locked[name.lower()]) >= _version(bound), wanted


def _version(text):
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def test_the_binder_configuration_uses_our_template():
    config = json.loads((ROOT / "binder" / "jupyter_server_config.json").read_text())
    assert config["VoilaConfiguration"]["template"] == "scalewise"


@pytest.mark.parametrize("kind", ["app", "tests"])
def test_the_readme_gives_each_command_in_one_line(kind):
    readme = (ROOT / "README.md").read_text()
    found = re.search(rf"<!-- command: {kind} -->\n```bash\n(.+)\n```", readme)
    assert found
    assert found[1].startswith("python3 -m venv .venv && .venv/bin/pip install")


def test_the_served_notebook_is_one_cell():
    served = nbformat.read(ROOT / "src" / "scalewise" / "app" / "app.ipynb", as_version=4)
    assert [cell.cell_type for cell in served.cells] == ["code"]


def test_the_package_run_as_a_module_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["scalewise", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("scalewise", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("scalewise ")
