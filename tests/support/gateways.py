"""A Dask gateway that runs clusters as processes of this machine, for tests of engines that ask one for a cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys

from dask_processes import end
from engine_bench import wait_until

CONFIGURATION = """
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
c.SimpleAuthenticator.password = {password!r}
c.DaskGateway.address = "127.0.0.1:{inner}"
c.Proxy.address = "127.0.0.1:{port}"
c.ClusterConfig.scheduler_cmd = [{python!r}, "-m", "distributed.cli.dask_scheduler"]
c.ClusterConfig.worker_cmd = [{python!r}, "-m", "distributed.cli.dask_worker"]
c.UnsafeLocalBackend.clusters_directory = {clusters!r}
"""


class Gateway:
    """A gateway server with one password for everybody.

    Parameters
    ----------
    folder : Path
    """

    password = "open sesame"

    def __init__(self, folder):
        self.clusters = folder / "clusters"
        self.clusters.mkdir()
        self._log = folder / "log"
        port, inner = free_ports(2)
        self.address = f"http://127.0.0.1:{port}"
        places = {"port": port, "inner": inner, "clusters": str(self.clusters)}
        configuration = folder / "configuration.py"
        configuration.write_text(CONFIGURATION.format(password=self.password, python=sys.executable, **places))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dask_gateway_server", "-f", configuration],
                env=environment, stdout=log, stderr=log, cwd=folder,
            )  # fmt: skip
        wait_until(lambda: self._answers(port), "the gateway")

    def running(self):
        """Folders of clusters that are not closed."""
        return list(self.clusters.iterdir())

    def close(self):
        end(self.process, signal.SIGKILL)

    def _answers(self, port):
        assert self.process.poll() is None, self._log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as line:
            line.sendall(b"GET /api/health HTTP/1.0\r\n\r\n")
            return b"200" in line.recv(100)
        return False


def free_ports(n_ports):
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(n_ports)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
