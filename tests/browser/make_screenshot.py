"""Make the README's picture: the real page on the flights, after some minutes of running.

python tests/browser/make_screenshot.py [SECONDS]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from conftest import ARGUMENTS, Server, Visit, installed

PICTURE = Path(__file__).parents[2] / "notebooks" / "dashboard.png"


def main(seconds: float = 240) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed(), args=ARGUMENTS)
        server = Server(Path(folder))
        try:
            here = Visit(browser, server.address)
            here.page.set_viewport_size({"width": 1280, "height": 1130})
            here.run()
            here.page.wait_for_timeout(1000 * seconds)
            here.page.screenshot(path=PICTURE)
        finally:
            server.close()
            browser.close()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
