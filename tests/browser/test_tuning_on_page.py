"""A person asks what tuning would bring, is told the price before and the gain afterwards."""

from __future__ import annotations


def told(page):
    return page.locator(".sw-tuning").inner_text()


def test_tuning_has_a_price_then_a_gain_among_the_ways_forward(serve, visit):
    here = visit(serve("breast cancer"))
    page = here.page
    here.only("Baseline", "Linear")
    here.run()
    here.phase("finished")
    page.get_by_role("button", name="Try", exact=True).wait_for()
    assert "Would other settings of Linear do better? 10 settings on" in told(page)
    page.get_by_text("All ways forward, and their prices").click()
    way = page.locator(".sw-table tr").filter(has_text="10 settings of Linear")
    assert "not known" in way.inner_text()

    page.get_by_role("button", name="Try", exact=True).click()
    here.wait("document.querySelector('.sw-tuning').innerText.startsWith('Tuning Linear (10 settings on')")
    here.phase("finished")
    assert "Would other settings" not in told(page)
    way = page.locator(".sw-table tr").filter(has_text="the best of 10 settings of Linear")
    assert "not known" not in way.inner_text()
    assert here.errors == []
