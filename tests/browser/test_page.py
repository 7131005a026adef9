"""What a person does on the page, done in chromium on the page that ``scalewise app`` serves."""

from __future__ import annotations

import re

import psutil


def test_a_person_runs_the_flights_moves_the_slider_stops_and_reads_the_verdict(serve, visit):
    server = serve()
    assert "127.0.0.1" in server.address
    assert "token=" in server.address
    here = visit(server)
    page = here.page
    here.phase("ready")
    assert "327,346 rows" in page.locator(".sw-about").inner_text()
    here.wait("[...document.querySelectorAll('.sw-messages')].some(e => e.textContent.includes('dep_delay'))")
    assert "29,735" in page.locator(".sw-rows").inner_text()

    here.run()
    counts = _counts_until(here, 12)
    assert len(counts) >= 5, f"points came in lumps: {counts}"
    assert page.locator(".sw-figure .dot").count() >= 4

    planned = here.done()[1]
    slider = page.get_by_role("slider").first
    slider.focus()
    slider.press("ArrowRight")
    here.wait("document.querySelector('.sw-rows').innerText.includes('59,469')")
    here.wait(f"Number(document.querySelector('[role=progressbar]').getAttribute('aria-valuemax')) > {planned}")
    slider.press("ArrowLeft")

    here.button("Stop").click()
    here.phase("stopped")
    stopped_at = here.done()[0]
    assert stopped_at >= 12
    page.wait_for_timeout(1500)
    assert here.done()[0] == stopped_at
    assert re.search(r"Cannot tell yet|More data", here.verdict())
    assert here.errors == []
    assert here.outside == []


def _counts_until(here, enough):
    """The distinct numbers of finished trials that the page showed on its way to `enough`."""
    seen = here.page.evaluate(
        """(enough) => new Promise((resolve) => {
            const seen = new Set();
            const look = () => {
                const bar = document.querySelector('[role=progressbar]');
                if (bar) seen.add(Number(bar.getAttribute('aria-valuenow')));
                if (Math.max(...seen) >= enough) resolve([...seen]);
                else setTimeout(look, 20);
            };
            look();
        })""",
        enough,
    )
    return sorted(count for count in seen if count <= enough)


def test_a_small_table_finishes_with_a_verdict_and_comes_back_after_a_reload(serve, visit):
    server = serve("breast cancer")
    here = visit(server)
    here.only("Baseline", "Linear", "Gradient boosting")
    here.run()
    here.phase("finished")
    done, planned = here.done()
    assert 20 < done <= planned
    assert "finished" in here.page.locator(".sw-controls").inner_text()
    sentence = here.verdict()
    assert sentence
    assert "first models" not in sentence

    again = visit(server)
    again.only("Baseline", "Linear", "Gradient boosting")
    again.run()
    again.phase("finished")
    assert f"{done} points resumed" in again.page.locator(".sw-phase").inner_text()
    assert again.verdict() == sentence
    assert here.errors + again.errors == []


def test_a_mistake_is_answered_in_words_and_the_page_goes_on(serve, visit, tmp_path):
    (tmp_path / "broken.csv").write_bytes(b"\x00\x01not a table\xff")
    (tmp_path / "good.csv").write_text("a,b,y\n" + "".join(f"{i % 7},{i % 11},{i % 2}\n" for i in range(400)))
    here = visit(serve("wine"))
    page = here.page
    page.locator("select").first.select_option(label="a file on this machine …")
    path = page.get_by_placeholder("/path/to/table.parquet or .csv")
    path.fill(str(tmp_path / "missing.csv"))
    path.press("Enter")
    here.phase("refused")
    assert "no file" in here.verdict()
    for label in ("Table", "Target", "Metric", "Least gain that counts"):
        assert page.get_by_label(label, exact=True).bounding_box()["width"] > 100

    path.fill(str(tmp_path / "good.csv"))
    path.press("Enter")
    here.phase("opened")
    page.locator("select").nth(1).select_option(label="y")
    here.phase("ready")
    page.locator("select").nth(1).select_option(label="a")
    here.phase("ready")
    assert here.errors == []


def test_nothing_overflows_or_vanishes_at_any_width_light_or_dark(serve, visit):
    here = visit(serve("iris"))
    here.page.set_viewport_size({"width": 390, "height": 800})
    here.only("Baseline", "Linear", "Gradient boosting")
    here.run()
    here.phase("finished")
    here.page.evaluate("document.querySelectorAll('.sw-card details').forEach((d) => { d.open = true; })")
    here.button("Scale out …").click()
    for width in (390, 800, 1000, 1280):
        here.page.set_viewport_size({"width": width, "height": 800})
        here.wait(f"document.querySelector('.sw-figure').getBoundingClientRect().width < {width}")
        assert here.page.evaluate(OVERFLOWING) == []
        assert here.page.evaluate(CUT) == []
        assert here.page.evaluate(PRICES_OUT_OF_SIGHT) == 0
    for scheme, light in (("light", True), ("dark", False)):
        here.page.emulate_media(color_scheme=scheme)
        colour = here.page.evaluate("getComputedStyle(document.querySelector('.sw-panel')).backgroundColor")
        assert (min(map(int, re.findall(r"\d+", colour)[:3])) > 200) == light
    assert here.errors == []


# What goes beyond its panel, a button without room for its words, and a table that would have to be scrolled.
CUT = """() => [...document.querySelectorAll('.sw-panel :is(button, select, input, table, li, .sw-wide)')]
    .filter((e) => e.offsetParent && !e.closest('.sw-unseen'))
    .filter((e) => e.getBoundingClientRect().right > e.closest('.sw-panel').getBoundingClientRect().right
        || (e.matches('button, .sw-wide') && e.scrollWidth > e.clientWidth + 1))
    .map((e) => e.outerHTML.slice(0, 80))"""

PRICES_OUT_OF_SIGHT = """() => [...document.querySelectorAll('.sw-ways')]
    .filter((e) => e.clientWidth === 0 || e.scrollWidth > e.clientWidth).length"""

OVERFLOWING = """() => [document.documentElement, ...document.querySelectorAll(
        '.scalewise button, .scalewise select, .scalewise input, .sw-panel, .sw-card')]
    .filter((e) => e.offsetParent || e === document.documentElement)
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1
        || (e === document.documentElement && e.scrollWidth > innerWidth))
    .map((e) => e.outerHTML.slice(0, 80))"""


def test_the_rest_of_a_study_is_scaled_out_to_a_cluster_and_comes_back(serve, visit):
    here = visit(serve("digits"))
    page = here.page
    here.run_everything()
    _counts_until(here, 8)
    here.button("Scale out …").click()
    here.wait("document.querySelector('.sw-scale').innerText.includes('trials of up to')")
    before = here.done()[0]
    here.button("Start").click()
    here.wait("document.querySelector('.sw-scale').innerText.includes('127.0.0.1:')")
    _counts_until(here, before + 8)
    here.wait("document.querySelector('.scalewise').innerText.includes('computed by dask')")
    assert here.done()[0] > before
    here.button("Close and come back").click()
    here.wait("![...document.querySelectorAll('button')].find(b => b.textContent.trim() === 'Start').disabled")
    here.button("Stop").click()
    here.phase("stopped")
    assert "of 8 trials" not in page.locator(".sw-controls").inner_text()
    assert here.errors == []
    assert here.outside == []


def test_a_cluster_and_all_workers_go_when_their_page_is_closed(serve, visit):
    server = serve("digits")
    here = visit(server)
    here.run_everything()
    _counts_until(here, 4)
    here.button("Scale out …").click()
    here.button("Start").click()
    here.wait("document.querySelector('.sw-scale').innerText.includes('127.0.0.1:')")
    family = psutil.Process(server.process.pid).children(recursive=True)
    workers = [process for process in family if "spawn_main" in " ".join(process.cmdline())]
    assert len(workers) >= 2
    here.page.close(run_before_unload=True)
    _, left = psutil.wait_procs(family, timeout=60)
    assert left == []
