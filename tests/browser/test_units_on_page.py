"""A person is asked whether rows belong to groups, sees that it matters, and draws whole groups from then on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

# Menus have non-breaking spaces.
CHOSEN = "[...document.querySelectorAll('select')].some(s => /^patient.\\(likely\\)$/.test(s.selectedOptions[0]?.text))"


def visits(n_patients=150, each=12):
    """Visits of patients whose marks tell them apart and hardly tell who is ill."""
    rng = np.random.default_rng(0)
    ill = rng.uniform(size=n_patients) < 0.4
    patient = rng.permutation(np.repeat(np.arange(n_patients), each))
    marks = rng.normal(size=(n_patients, 4))[patient] + 0.1 * rng.normal(size=(len(patient), 4))
    ward = np.array(["north", "south", "east"])[patient % 3]
    columns = {f"mark_{i}": marks[:, i] for i in range(4)}
    return pa.table({"patient": [f"P{p}" for p in patient], "ward": ward, **columns, "ill": ill[patient]})


def menus(page):
    return page.locator(".sw-field").filter(has_text="Rows belong to").locator("select")


def test_the_question_the_check_and_the_control(serve, visit, tmp_path):
    pq.write_table(visits(), tmp_path / "visits.parquet")
    here = visit(serve(str(tmp_path / "visits.parquet"), "--target", "ill"))
    page = here.page
    here.phase("ready")
    assert "Are the rows to come of other patients?" in page.locator(".sw-units").inner_text()
    here.only("Baseline", "Linear")
    here.run()
    page.wait_for_selector(".sw-unit-changes")
    here.phase("finished")
    assert "By whole groups of patient" in page.locator(".sw-units").inner_text()
    done = here.done()

    menus(page).nth(0).select_option("whole groups of …")
    here.phase("ready")
    here.wait(CHOSEN)
    assert "5 features" in page.locator(".sw-about").inner_text()

    menus(page).nth(1).select_option("ward")
    here.wait("document.querySelector('.sw-messages-error')?.innerText.includes('has 3 distinct values')")
    here.wait(CHOSEN)

    menus(page).nth(0).select_option("single rows")
    here.wait("document.querySelector('.sw-about').innerText.includes('6 features')")
    here.run()
    here.phase("finished")
    assert here.done() == done
    assert "points resumed" in page.locator(".sw-phase").inner_text()
    assert here.errors == []
