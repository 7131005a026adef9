"""What the server tells the kernels of its pages, and what they show where that cannot be opened."""

import os

import pytest

from scalewise.app import server


class NoServer:
    """Stands for Voilà, which would serve until interrupted."""

    def initialize(self, arguments):
        self.arguments = arguments

    def start(self):
        pass


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """The environment that kernels get, in a folder that holds a table."""
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(100)))
    monkeypatch.chdir(tmp_path)
    # Set before they are deleted, so that whatever is put there is taken away again.
    for name in ("SCALEWISE_TABLE", "SCALEWISE_TARGET", "SCALEWISE_JOURNAL", "JUPYTER_PATH"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(server, "_voila_app", lambda _: NoServer())
    return monkeypatch


def test_kernels_of_another_folder_are_told_whole_paths(environment, tmp_path):
    environment.setenv("SCALEWISE_JOURNAL", "j.sqlite")
    server.serve(port=0, open_browser=False, table="t.csv", target="y")
    assert os.environ["SCALEWISE_TABLE"] == str(tmp_path / "t.csv")
    assert os.environ["SCALEWISE_JOURNAL"] == str(tmp_path / "j.sqlite")


def test_a_built_in_example_keeps_its_name(environment):
    server.serve(port=0, open_browser=False, table="flights")
    assert os.environ["SCALEWISE_TABLE"] == "flights"


def test_the_page_says_why_its_table_cannot_be_opened(environment):
    environment.setenv("SCALEWISE_TABLE", "<gone>.csv")
    told = server.dashboard_from_environment()
    assert "There is no file &#x27;&lt;gone&gt;.csv&#x27;" in told.value
    assert "scalewise" in told._dom_classes
