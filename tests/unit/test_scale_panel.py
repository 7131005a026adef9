"""The scale-out panel without a browser and without a cluster."""

import pytest
from studies import started

from scalewise.app.scale import ScaleActions, ScalePanel
from scalewise.app.scale_words import status_html
from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.wording import counted_text
from scalewise.engines.base import Engine
from scalewise.engines.cluster_status import ClusterStatus


@pytest.fixture
def asked():
    """What a person did, in order."""
    return []


@pytest.fixture
def panel(asked):
    def noting(name):
        return lambda *given: asked.append((name, *given))

    names = ("move", "accept", "come_home", "scale", "stream", "look")
    return ScalePanel(ScaleActions(**{name: noting(name) for name in names}))


def test_opening_the_panel_and_changing_what_is_asked_for_has_it_rendered_at_once(panel, asked):
    panel.button.click()
    panel.place.value = "address"
    panel.workers.value += 1
    assert asked == [("look",)] * 3


def test_what_is_left_is_said_and_other_workers_can_be_had_in_every_phase(panel):
    state = started()
    panel.button.click()
    panel.render(state, Engine, 2)
    assert f"At most {len(state.left)} trials of up to 10,000 rows are left" in panel.said.value
    assert not panel.start.disabled
    panel.render(fold(state, ev.StudyStopped()), Engine, 2)
    assert "press Go on" in panel.said.value
    assert not panel.start.disabled
    panel.render(fold(state, ev.StudyFinished()), Engine, 2)
    assert "Nothing is left to run" in panel.said.value
    assert "streamed" in panel.said.value
    assert not panel.start.disabled


def test_a_cluster_tells_in_words_what_it_does_now():
    told = status_html(started(), ClusterStatus("dask", address="tcp://127.0.0.1:1", n_running=1, n_queued=2), 0.0)
    assert "dask: 0 workers, 1 trial running, 2 waiting, 0 failed" in told


def test_one_of_something_is_no_plural():
    assert [counted_text(n, "trial") for n in (0, 1, 1_200)] == ["0 trials", "1 trial", "1,200 trials"]
