"""Whether Dask's own dashboard answers, and where a person's browser finds it."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

__all__ = ["DashboardLink", "find_link"]

_SECONDS = 2.0
_FRESH_SECONDS = 10.0
_ENOUGH_BYTES = 2_000
_WITHOUT_BOKEH = b"Dask needs bokeh"
_LOGIN = (301, 302, 303, 307, 308, 401, 403)
"""How a server answers, for something that it has, whoever is not logged in."""


class DashboardLink:
    """The link to one cluster's dashboard, looked at again every some seconds.

    Attributes
    ----------
    text : str
        The latest that was found; empty while nothing answers.
    """

    def __init__(self) -> None:
        self.text = ""
        self._looked = -_FRESH_SECONDS

    async def look(self, address: str) -> None:
        """Look again, unless that was done just now; `address` is what the cluster says."""
        if time.monotonic() - self._looked >= _FRESH_SECONDS:
            self._looked = time.monotonic()
            self.text = await asyncio.to_thread(find_link, address)


def find_link(address: str) -> str:
    """Find where a browser reaches a dashboard.

    Parameters
    ----------
    address : str
        Its address as this process sees it, such as ``"http://127.0.0.1:8787/status"``.

    Returns
    -------
    str
        By way of the Jupyter server's proxy where that serves it; else the address itself, unless it is on this machine
        and the browser is not. Empty where nothing would answer.
    """
    if not address or not _is_dashboard(address):
        return ""
    parts = urlsplit(address)
    if not _is_here(parts.hostname):
        return address
    server = _jupyter_server()
    path = f"proxy/{parts.port}{parts.path}"
    if server and _status(server + path)[0] in (200, *_LOGIN):
        return urlsplit(server).path + path
    return "" if "JUPYTERHUB_SERVICE_PREFIX" in os.environ else address


def _is_dashboard(address: str) -> bool:
    status, content = _status(address)
    return status in (200, 401, 403) and _WITHOUT_BOKEH not in content


def _jupyter_server() -> str:
    """The address of the Jupyter server that this kernel belongs to, ending with a slash; empty where there is none."""
    address = os.environ.get("JUPYTERHUB_SERVICE_URL", "")
    if not address:
        from jupyter_core.paths import jupyter_runtime_dir

        told = Path(jupyter_runtime_dir()) / f"jpserver-{os.environ.get('JPY_PARENT_PID')}.json"
        try:
            address = str(json.loads(told.read_text())["url"])
        except (OSError, ValueError, KeyError):
            return ""
    return address.rstrip("/") + "/"


def _is_here(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


class _Staying(HTTPRedirectHandler):
    """Takes a redirection, such as one to a login, for the answer."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _status(address: str) -> tuple[int, bytes]:
    """Ask for a page: the status, 0 where nothing answers, and how its content begins."""
    handlers = (ProxyHandler({}),) if _is_here(urlsplit(address).hostname) else ()
    try:
        with build_opener(_Staying, *handlers).open(address, timeout=_SECONDS) as answer:
            return int(answer.status), bytes(answer.read(_ENOUGH_BYTES))
    except HTTPError as error:
        error.close()
        return error.code, b""
    except (OSError, ValueError):
        return 0, b""
