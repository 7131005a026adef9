"""The verdict card's HTML, without widgets."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from studies import BOOSTING, DUMMY, LINEAR, data_spec, finished, started, study_spec

from scalewise.app.card import change_html, verdict_html, ways_html
from scalewise.app.verdict_card import VerdictCard
from scalewise.core.machine import Machine
from scalewise.core.plan import Plan
from scalewise.core.study import StudyState
from scalewise.core.summary import summarise

RISING = {"dummy": (0.5, 0.0), "linear": (0.70, 0.05), "boosting": (0.95, 1.2)}


def summary(*, price=None, free=10**10):
    plan = Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.2, repeats=3, price_per_hour=price)
    state = finished(started(plan, study_spec(data_spec(20_000))), RISING)
    return summarise(replace(state, machine=Machine(2 * free, free, 2)))


def test_the_verdict_is_the_sentence_the_next_doubling_and_the_evidence():
    verdict = summary().verdict
    html = verdict_html(summary()).replace("&nbsp;", " ")
    for text in (verdict.sentence, verdict.next_doubling, *verdict.evidence):
        assert text in html
    assert html.index("sw-sentence") < html.index("sw-next") < html.index("sw-evidence")


def test_a_number_keeps_its_unit_where_a_line_breaks():
    verdict = replace(summary().verdict, sentence="From 38 % to all, 6.2 s and 227 MB for 3 models.")
    html = verdict_html(replace(summary(), verdict=verdict))
    assert "From 38&nbsp;% to all, 6.2&nbsp;s and 227&nbsp;MB for 3 models." in html


def test_ways_and_what_would_change_the_answer_stand_behind_disclosures_that_are_drawn_once():
    card, found = VerdictCard(), summary()
    _, ways_heading, _, change_heading, _ = card.widget.children
    headings = (ways_heading.value, change_heading.value)
    card.render(found)
    assert len(re.findall("<tr>", card.ways.value)) == 1 + len(found.verdict.ways)
    ways, change = (part.value.replace("&nbsp;", " ") for part in (card.ways, card.change))
    assert all(line in ways for line in found.verdict.memory)
    assert all(line in change for line in found.verdict.would_change)
    assert (ways_heading.value, change_heading.value) == headings
    assert all("<details" in heading for heading in headings)
    for widget in (*card.widget.children, card.widget):
        widget.close()


@pytest.mark.parametrize("price", [None, 2.0])
def test_money_has_a_column_where_an_hour_has_a_price(price):
    html = ways_html(summary(price=price).verdict)
    assert (">money<" in html) == (price is not None)
    cells = [len(re.findall("<t[hd]", row)) for row in html.split("<tr>")[1:]]
    assert set(cells) == {6 if price is None else 7}


def test_cells_of_the_ways_know_their_headings_as_a_narrow_page_has_no_head():
    html = ways_html(summary(price=2.0).verdict)
    for row in html.split("<tr>")[2:]:
        labels = re.findall("<td data-label='([^']*)'", row)
        assert labels == ["gain", "90 % interval", "time", "memory", "money", "what it is"]


def test_a_machine_that_is_too_small_is_told_on_the_badge():
    assert "<div class='sw-badge'>Scale out" in verdict_html(summary(free=10**8))


def test_before_a_study_nothing_is_behind_them():
    verdict = summarise(StudyState()).verdict
    assert ways_html(verdict) == change_html(verdict) == ""
