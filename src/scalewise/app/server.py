"""The dashboard as a web page of its own: Voilà on loopback, behind a token."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets.config import Config

from scalewise.data.examples import is_example
from scalewise.data.sources import open_source
from scalewise.errors import InputError, ScalewiseError, unknown_name
from scalewise.journal import JOURNAL_VARIABLE, default_journal_path

if TYPE_CHECKING:
    from ipywidgets import HTML

    from scalewise.app.dashboard import Dashboard

__all__ = ["dashboard_from_environment", "serve"]

_TABLE, _TARGET = "SCALEWISE_TABLE", "SCALEWISE_TARGET"
_HOST = "127.0.0.1"
_CULL_SECONDS = 600
"""A kernel whose page has been gone for this long is ended."""


def serve(*, port: int, open_browser: bool, table: str | None = None, target: str | None = None) -> int:
    """Serve the dashboard until interrupted.

    Parameters
    ----------
    port : int
        The next free one is taken where it is not free.
    open_browser : bool
    table, target : str or None
        The table to begin with.

    Returns
    -------
    int
        0, for the shell.

    Raises
    ------
    InputError
        If the table cannot be opened, the target is not in it, or the port is out of range.
    """
    if not 0 <= port <= 65_535:
        raise InputError(f"The port is {port}; it must be from 0 (any free one) to 65535.")
    _check(table, target)
    _tell_kernels(table, target)
    # Voilà looks for templates along Jupyter's path; ours lies in this package.
    os.environ["JUPYTER_PATH"] = os.pathsep.join(
        filter(None, [str(Path(__file__).parent), os.environ.get("JUPYTER_PATH")])
    )
    app = _voila_app(open_browser)
    app.initialize([str(Path(__file__).with_name("app.ipynb"))])
    app.port = _free_port(port)
    app.start()
    return 0


def dashboard_from_environment() -> Dashboard | HTML:
    """Make the dashboard on the table that `serve` was asked for, or say why not; what the served notebook calls."""
    from scalewise.app.dashboard import explore
    from scalewise.app.parts import complaint

    try:
        return explore(os.environ.get(_TABLE), os.environ.get(_TARGET))
    except ScalewiseError as error:
        # Voilà itself would only tell that a cell has failed.
        return complaint(str(error))


def _tell_kernels(table: str | None, target: str | None) -> None:
    """Put into the environment what kernels are to open; they run in another folder, so paths are whole there."""
    told = {_TABLE: _whole(table), _TARGET: target}
    if JOURNAL_VARIABLE in os.environ:
        told[JOURNAL_VARIABLE] = str(default_journal_path().absolute())
    os.environ.update({name: value for name, value in told.items() if value})


def _whole(table: str | None) -> str | None:
    """The whole path where a table is a file or a folder; names of examples and of other sources as they are."""
    if table is None or is_example(table):
        return table
    path = Path(table).expanduser()
    return str(path.absolute()) if path.exists() else table


def _check(table: str | None, target: str | None) -> None:
    """Find mistakes before a server is started."""
    if table is None:
        if target is not None:
            raise InputError("A target needs a table: scalewise app TABLE --target COL.")
        return
    if is_example(table):
        return
    names = open_source(table).schema().names
    if target is not None and target not in names:
        raise InputError(unknown_name("column", target, names))


def _voila_app(open_browser: bool) -> Any:
    from voila.app import Voila

    class ScalewiseApp(Voila):
        """Voilà, saying where it is in one line of its own."""

        def launch_browser(self) -> None:
            """Print the address and open it; called once the server listens."""
            address = f"http://{_HOST}:{self.port}/?token={self.identity_provider.token}"
            sys.stdout.write(f"scalewise is at {address}\nPress Ctrl-C to stop.\n")
            sys.stdout.flush()
            if open_browser:
                webbrowser.open(address)

    return ScalewiseApp(config=_config())


def _config() -> Config:
    config = Config()
    config.Voila.ip = _HOST
    config.Voila.auto_token = True
    config.Voila.open_browser = True
    config.Voila.log_level = "ERROR"
    # Pings keep connections through proxies alive; on loopback they only close those of a page that sleeps.
    config.Voila.tornado_settings = {"ws_ping_interval": 0}
    if os.name == "posix":
        # Kernels are reached through sockets in a folder of the user's own rather than through open ports.
        config.KernelManager.transport = "ipc"
    config.VoilaConfiguration.template = "scalewise"
    config.VoilaConfiguration.allow_template_override = "NO"
    config.VoilaConfiguration.allow_theme_override = "NO"
    config.VoilaConfiguration.show_tracebacks = False
    # Extensions for JupyterLab proper, which this page has no use for.
    config.VoilaConfiguration.extension_denylist = [
        "@voila-dashboards/jupyterlab-preview",
        "@jupyterhub/jupyter-server-proxy",
        "jupyterlab_pygments",
    ]
    config.MappingKernelManager.cull_idle_timeout = _CULL_SECONDS
    config.MappingKernelManager.cull_interval = 60
    config.MappingKernelManager.cull_connected = False
    return config


def _free_port(port: int) -> int:
    """The asked port, or another one where it is not free."""
    with socket.socket() as probe:
        try:
            probe.bind((_HOST, port))
        except OSError:
            probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
