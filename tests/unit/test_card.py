"""The verdict card's HTML, without widgets."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from studies import BOOSTING, DUMMY, LINEAR, data_spec, finished, started, study_spec

from scalewise.app.card import verdict_html
from scalewise.core.machine import Machine
from scalewise.core.spec import Plan
from scalewise.core.study import StudyState
from scalewise.core.summary import summarise

RISING = {"dummy": (0.5, 0.0), "linear": (0.70, 0.05), "boosting": (0.95, 1.2)}


def summary(*, price=None, free=10**10):
    plan = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.2, repeats=3, price_per_hour=price)
    state = finished(started(plan, study_spec(data_spec(20_000))), RISING)
    return summarise(replace(state, machine=Machine(2 * free, free, 2)))


def test_the_card_shows_sentence_evidence_next_doubling_ways_and_what_would_change_it():
    found = summary()
    html = verdict_html(found)
    verdict = found.verdict
    for text in (verdict.sentence, verdict.next_doubling, *verdict.evidence, *verdict.would_change, *verdict.memory):
        assert text in html
    assert html.index("sw-sentence") < html.index("sw-next") < html.index("sw-evidence") < html.index("sw-ways")
    assert len(re.findall("<tr>", html)) == 1 + len(verdict.ways)
    assert html.count("<details>") == html.count("</details>") == 2


@pytest.mark.parametrize("price", [None, 2.0])
def test_money_has_a_column_where_an_hour_has_a_price(price):
    html = verdict_html(summary(price=price))
    assert (">money<" in html) == (price is not None)
    cells = [len(re.findall("<t[hd]", row)) for row in html.split("<tr>")[1:]]
    assert set(cells) == {6 if price is None else 7}


def test_a_machine_that_is_too_small_is_told_on_the_badge():
    assert "<div class='sw-badge'>Scale out" in verdict_html(summary(free=10**8))


def test_before_a_study_there_is_no_table():
    html = verdict_html(summarise(StudyState()))
    assert "<table" not in html
    assert "<details>" not in html
