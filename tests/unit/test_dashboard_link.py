"""The link to Dask's dashboard, with web servers that stand for it and for Jupyter's."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager

import pytest

from scalewise.engines.dashboard_link import find_link


@contextmanager
def serving(pages):
    """A web server with some pages: a status and a text by path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, text = pages.get(self.path, (404, "no such page"))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/login")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """A process that no Jupyter server has started."""
    for name in ("JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_SERVICE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("JPY_PARENT_PID", "77")


@pytest.fixture
def dask():
    """The address of a dashboard that answers, and its port."""
    with serving({"/status": (200, "<title>Dask: Status</title>")}) as address:
        yield f"{address}/status", address.rpartition(":")[2]


def test_a_dashboard_that_answers_is_linked_and_no_other(dask):
    assert find_link(dask[0]) == dask[0]
    assert find_link("") == ""
    assert find_link("http://127.0.0.1:1/status") == ""
    assert find_link("nonsense") == ""
    with serving({"/status": (200, "<p>Dask needs bokeh >= 3.1.0 for the dashboard.</p>")}) as without:
        assert find_link(f"{without}/status") == ""
        assert find_link(f"{without}/other") == ""
    with serving({"/status": (401, "who are you?")}) as guarded:
        assert find_link(f"{guarded}/status") == f"{guarded}/status"


@pytest.mark.parametrize(("status", "proxied"), [(200, True), (302, True), (403, True), (404, False), (500, False)])
def test_a_jupyter_server_that_has_a_proxy_serves_it_and_no_other(dask, tmp_path, status, proxied):
    address, port = dask
    with serving({f"/base/proxy/{port}/status": (status, "")}) as jupyter:
        (tmp_path / "jpserver-77.json").write_text(json.dumps({"url": f"{jupyter}/base/"}))
        assert find_link(address) == (f"/base/proxy/{port}/status" if proxied else address)


@pytest.mark.parametrize("proxied", [True, False])
def test_on_a_hub_a_browser_reaches_it_by_the_proxy_or_not_at_all(dask, monkeypatch, proxied):
    address, port = dask
    pages = {f"/user/me/proxy/{port}/status": (302, "")} if proxied else {}
    with serving(pages) as hub:
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/me/")
        monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", f"{hub}/user/me/")
        assert find_link(address) == (f"/user/me/proxy/{port}/status" if proxied else "")


def test_a_server_that_tells_nothing_sensible_is_passed_over(dask, tmp_path):
    (tmp_path / "jpserver-77.json").write_text("{")
    assert find_link(dask[0]) == dask[0]
