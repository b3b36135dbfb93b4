"""The simulated API answers as the real one does: what is stale, gone, refused, or read late."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import attrs
import pytest
from tests.unit.application.scene import new_cluster

from pullsecret.domain.cluster import Cluster
from pullsecret.domain.cluster_document import DDR_PATHS
from pullsecret.domain.conditions import StatusReport, waiting_report
from pullsecret.domain.errors import TransientError
from pullsecret.domain.identifiers import Generation
from pullsecret.infrastructure.hyperfleet.settings import Dialect
from pullsecret.infrastructure.memory.faults import FaultScript
from pullsecret.infrastructure.memory.simulated_time import SimulatedClock
from pullsecret.ports.cluster_catalog import ClusterCatalog
from pullsecret.ports.status_sink import Receipt, StatusSink
from pullsecret.testing.documents import cluster_document
from pullsecret.testing.simulation.api import SimulatedApi, api_ports
from pullsecret.testing.simulation.chaos import Actor, Chaos, Link, Part
from pullsecret.testing.simulation.history import History
from pullsecret.testing.simulation.seeded_loop import SeededLoop


@attrs.define
class Scene:
    """An API that knows one cluster at generation 2, and a replica's ports on it."""

    api: SimulatedApi
    catalog: ClusterCatalog
    status: StatusSink
    cluster: Cluster

    def says(self, text: str, generation: int = 2, late: float = 0.0) -> StatusReport:
        at = self.api.clock.now() - timedelta(seconds=late)
        return waiting_report(self.cluster.id, Generation(generation), text, at)

    @property
    def believed(self) -> str:
        report = self.api.status(self.cluster.id.value)
        return report.conditions.available.message if report else ""


def play(scene: Callable[[Scene], Coroutine[Any, Any, None]], dialect: Dialect) -> None:
    loop, clock = SeededLoop(1), SimulatedClock(1)
    cluster = attrs.evolve(new_cluster(), generation=Generation(2))

    async def main() -> None:
        api = SimulatedApi(clock=clock)
        api.put(cluster_document(cluster))
        link = Link(Chaos(loop, random.Random(1), History(), {}), Actor("replica-1"), Part.HYPERFLEET)
        catalog, status = api_ports(api, dialect, DDR_PATHS, FaultScript(clock), link)
        await scene(Scene(api, catalog, status, cluster))

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())


@pytest.mark.parametrize("dialect", Dialect)
def test_an_older_generation_is_stale_and_a_cluster_may_be_gone(dialect: Dialect) -> None:
    async def scene(it: Scene) -> None:
        assert await it.status.post(it.says("now")) is Receipt.ACCEPTED
        assert await it.status.post(it.says("then", generation=1)) is Receipt.STALE
        assert "now" in it.believed
        it.api.remove(it.cluster.id.value)
        assert await it.status.post(it.says("nobody hears")) is Receipt.CLUSTER_GONE
        assert await it.catalog.get(it.cluster.id) is None

    play(scene, dialect)


def test_what_todays_api_drops_for_its_time_is_insisted_on() -> None:
    async def scene(it: Scene) -> None:
        assert await it.status.post(it.says("by a clock that is ahead", late=-60)) is Receipt.ACCEPTED
        assert await it.status.post(it.says("by a clock that is right")) is Receipt.ACCEPTED
        assert "is right" in it.believed

    play(scene, Dialect.V1)


@pytest.mark.parametrize("late", [-600, 3600])
def test_todays_api_refuses_unlikely_times(late: float) -> None:
    async def scene(it: Scene) -> None:
        with pytest.raises(TransientError):
            await it.status.post(it.says("by a clock that is wrong", late=late))
        assert it.believed == ""

    play(scene, Dialect.V1)


@pytest.mark.parametrize("dialect", Dialect)
def test_while_reads_lag_the_cluster_is_read_as_it_was(dialect: Dialect) -> None:
    async def scene(it: Scene) -> None:
        await asyncio.sleep(60)
        it.api.put(cluster_document(attrs.evolve(it.cluster, generation=Generation(3))))
        for lag, generation in ((10.0, 2), (0.0, 3)):
            it.api.lag = lag
            entry = await it.catalog.get(it.cluster.id)
            assert entry is not None
            assert entry.cluster.generation == generation

    play(scene, dialect)
