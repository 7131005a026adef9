"""Clusters of a real Dask gateway that runs them on this machine, named by their class like any other."""

from __future__ import annotations

import dask
import engine_tasks
import pytest
from engine_bench import Bench, wait_until

from scalewise.core.events import EngineLost, TrialFinished
from scalewise.engines.dask import ClassPlace, DaskEngine

for package in ("dask_gateway", "dask_gateway_server", "sqlalchemy"):
    pytest.importorskip(package, reason=f"needs {package}: pip install dask-gateway 'dask-gateway-server[local]'")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    from gateways import Gateway

    started = Gateway(tmp_path_factory.mktemp("gateway"))
    yield started
    started.close()


@pytest.fixture
def ask(gateway):
    """Ask the gateway for a cluster, with credentials in Dask's configuration as its users have them."""
    engines = []

    def asked(address=gateway.address, n_workers=1):
        engines.append(
            DaskEngine(
                ClassPlace("dask_gateway.GatewayCluster", {"address": address}, n_workers),
                warm_up="engine_tasks:no_warm_up",
            )
        )
        return Bench(engines[-1])

    yield asked
    for engine in engines:
        engine.close()


def credentials(password):
    words = {"gateway.auth.type": "basic", "gateway.auth.kwargs": {"username": "someone", "password": password}}
    return dask.config.set(words)


def test_a_cluster_of_a_gateway_runs_trials_is_scaled_and_is_closed_with_the_engine(gateway, ask):
    with credentials(gateway.password):
        bench = ask()
        events = bench.run(engine_tasks.measure)
        assert isinstance(events[-1], TrialFinished)
        assert events[-1].where == "GatewayCluster"
        assert len(gateway.running()) == 1
        bench.engine.scale(2)
        wait_until(lambda: len(bench.engine.status.workers) == 2, "the second worker")
        bench.engine.close()
        wait_until(lambda: not gateway.running(), "the gateway to end its cluster")


@pytest.mark.parametrize("gone", [False, True])
def test_a_gateway_that_refuses_or_is_not_there_is_said_in_words(gateway, ask, gone):
    with credentials("wrong"):
        bench = ask("http://127.0.0.1:1") if gone else ask()
        bench.until(lambda events: any(isinstance(event, EngineLost) for event in events))
        (lost,) = [event for event in bench.events if isinstance(event, EngineLost)]
        assert ("Connect call failed ('127.0.0.1', 1)" if gone else "Unauthorized") in lost.reason
