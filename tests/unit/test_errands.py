"""What the runner does beside trials: who waits for it, and what becomes of that."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from scalewise.core.spec import Trial
from scalewise.core.study import StudyState
from scalewise.engines.base import CallFailed
from scalewise.errors import StudyError
from scalewise.running.errands import Errands


class Asked:
    """A model asked for of which no stream is kept, so that its largest trial is fitted again."""

    def __init__(self):
        self.tasks = []
        self.errands = Errands(self.tasks.append, lambda *_, **__: None)
        self.model = Future()
        store = SimpleNamespace(fill=lambda _: iter([None, None]))
        whole = SimpleNamespace(store=store, has=lambda _: False, refit=lambda *_: (Trial("linear", 100), lambda: b""))
        self.errands.model(whole, StudyState(), "linear", self.model)


@pytest.fixture
def asked():
    return Asked()


def test_a_model_is_awaited_while_its_sample_is_laid_out_and_while_it_is_fitted(asked):
    while not asked.tasks:
        assert asked.errands.is_awaited
        asked.errands.step()
    assert asked.errands.is_awaited
    asked.errands.hear_call(CallFailed(key=asked.tasks[0].key, reason="no memory"), None)
    assert not asked.errands.is_awaited
    assert "no memory" in str(asked.model.exception(0))


def test_whoever_waits_for_a_model_is_told_that_the_study_was_stopped(asked):
    asked.errands.step()
    asked.errands.forget()
    assert not asked.errands.is_awaited
    assert isinstance(asked.model.exception(0), StudyError)
