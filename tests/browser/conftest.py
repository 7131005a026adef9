"""The real page in a real browser: a server started as the README says, and chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE_MS = 150_000


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in Path(item.fspath).parents:
            item.add_marker(pytest.mark.browser)


def installed():
    """Path of a browser on this machine, or None."""
    named = os.environ.get("SCALEWISE_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


# Not longer than its module: Playwright keeps an event loop in this thread, which other tests want for themselves.
@pytest.fixture(scope="module")
def chromium():
    """A browser: the one named, the system's, or Playwright's own. Without one tests are skipped, unless required."""
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=installed(), args=ARGUMENTS)
        except Error as error:
            reason = (
                f"no browser ({str(error).splitlines()[0]}): install chromium, or run 'playwright install chromium'"
            )
            if os.environ.get("SCALEWISE_BROWSER") == "required":
                pytest.fail(reason)
            pytest.skip(reason)
        yield browser
        browser.close()


class Server:
    """``scalewise app`` on a free port, with a journal of its own."""

    def __init__(self, folder, *arguments):
        self.log = (folder / "server.log").open("w+")
        command = [sys.executable, "-m", "scalewise.cli", "app", "--no-browser", "--port", "0", *arguments]
        environment = {**os.environ, "SCALEWISE_JOURNAL": str(folder / "journal.sqlite"), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment, cwd=folder
        )
        self.said = self.process.stdout.readline()
        found = re.search(r"http://\S+", self.said)
        assert found, f"no address in {self.said!r}; {Path(self.log.name).read_text()}"
        self.address = found[0]

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()
        self.log.close()


@pytest.fixture
def serve(tmp_path, chromium):
    """Start servers; all are ended with the test."""
    servers = []

    def start(*arguments):
        servers.append(Server(tmp_path, *arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Visit:
    """A page, with all that it said and asked for."""

    def __init__(self, browser, address, **options):
        self.page = browser.new_page(viewport={"width": 1280, "height": 800}, **options)
        self.page.set_default_timeout(PATIENCE_MS)
        self.errors, self.outside = [], []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._watch)
        self.page.goto(address)
        self.page.wait_for_selector(".scalewise .sw-verdict")

    def _hear(self, message):
        if message.type == "error":
            self.errors.append(message.text)

    def _watch(self, request):
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.outside.append(request.url)

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def wait(self, condition):
        """Wait until a JavaScript expression over the page holds."""
        self.page.wait_for_function(f"() => {condition}")

    def only(self, *models):
        """Leave out all other models, by their labels, where what is looked at does not hang on them."""
        self.phase("ready")
        for box in self.page.locator(".sw-model").get_by_role("checkbox").all():
            box.set_checked(box.evaluate("box => box.closest('label').innerText.trim()") in models)

    def run(self):
        self.wait("[...document.querySelectorAll('button')].some(b => b.textContent.trim() === 'Run' && !b.disabled)")
        self.button("Run").click()

    def run_everything(self):
        """Run a study that does not end before all that is planned is done."""
        self.page.get_by_text("More settings").click()
        self.page.get_by_label("Run everything up to here").check()
        self.run()

    def phase(self, phase):
        self.wait(f"document.querySelector('.sw-phase')?.classList.contains('sw-phase-{phase}')")

    def done(self):
        """Trials done and planned, as the page says."""
        said = self.page.locator(".sw-controls").inner_text()
        found = re.search(r"(\d+) of (?:at most )?(\d+) trials", said)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def verdict(self):
        return self.page.locator(".sw-sentence").inner_text()


@pytest.fixture
def visit(chromium):
    visits = []

    def go(server, **options):
        visits.append(Visit(chromium, server.address, **options))
        return visits[-1]

    yield go
    for made in visits:
        made.page.close()
