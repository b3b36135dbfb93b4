"""The whole service in simulated time, with the real HTTP adapters between it and the fake API.

Requests go through httpx, the production transport, and the fake's ASGI application; only the socket is
missing, so that hours of outage pass in milliseconds.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
from dependency_injector import providers

from pullsecret.application.adapter import Adapter
from pullsecret.domain.cluster_secret import PublishedSecret
from pullsecret.domain.errors import TransientError
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef
from pullsecret.domain.reasons import Reason
from pullsecret.entrypoints.configuration import Configuration, load
from pullsecret.entrypoints.container import AdapterContainer
from pullsecret.entrypoints.embedded import EmbeddedService
from pullsecret.infrastructure.hyperfleet.api import api_over
from pullsecret.infrastructure.hyperfleet.settings import Dialect as ApiDialect
from pullsecret.infrastructure.hyperfleet.transport import HyperFleetTransport
from pullsecret.infrastructure.memory.cloud import StoredSecret
from pullsecret.infrastructure.memory.faults import Fault, FaultRule
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.testing.hyperfleet.neighbours import keep_up
from pullsecret.testing.hyperfleet.records import ClusterRecord, Dialect, Report
from pullsecret.testing.hyperfleet.sentinel import Sentinel
from pullsecret.testing.hyperfleet.server import FakeHyperFleet
from pullsecret.testing.hyperfleet.specs import cluster_spec
from pullsecret.testing.hyperfleet.store import ClusterStore

PROJECT = "customer-prod-12345"
EXAMPLES = Path(__file__).parents[3] / "examples"


def configuration_of(dialect: Dialect) -> Configuration:
    """What the examples configure for the dialect."""
    configured = load(EXAMPLES / dialect.value / "adapter.yaml", {})
    url = "https://hyperfleet.test"
    api = attrs.evolve(configured.api, url=url, dialect=ApiDialect(dialect.value))
    return attrs.evolve(configured, api=api)


@attrs.define
class Link(httpx.AsyncBaseTransport):
    """The way from the adapter to the API, which may be cut."""

    api: httpx.AsyncBaseTransport
    world: EmbeddedWorld
    down: bool = False
    attempts: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.attempts += 1
        if self.down:
            await asyncio.sleep(0.5)
            raise httpx.ConnectError("the API is down")
        try:
            async with self.world.faults.at("hyperfleet-api", "request", Reason.HYPERFLEET_UNAVAILABLE):
                return await self.api.handle_async_request(request)
        except TransientError:
            raise httpx.ReadError("the connection broke") from None


@attrs.frozen
class _SentinelsLink(httpx.AsyncBaseTransport):
    """Sentinel's way to the same API: it is down for both."""

    api: httpx.AsyncBaseTransport
    adapters: Link

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.adapters.down:
            raise httpx.ConnectError("the API is down")
        return await self.api.handle_async_request(request)


def _abort(_client: tuple[str, int]) -> None:
    raise httpx.ReadError("the connection broke")


@attrs.define
class SimulatedWorld:
    """Everything around the service, and what became of it."""

    dialect: Dialect
    embedded: EmbeddedWorld
    fake: FakeHyperFleet
    link: Link
    service: EmbeddedService
    published: list[dict[str, Any]] = attrs.field(factory=list)
    """Every event Sentinel published."""

    @classmethod
    def create(
        cls, dialect: Dialect, *, seed: int = 0, faults: tuple[FaultRule, ...] = (), replicas: int = 1
    ) -> "SimulatedWorld":
        """An empty world."""
        embedded = EmbeddedWorld.create(seed, faults)
        fake = FakeHyperFleet(dialect, ClusterStore(now=embedded.clock.now))
        link = Link(httpx.ASGITransport(fake.application(_abort)), embedded)
        configuration = configuration_of(dialect)

        def build() -> Adapter:
            client = httpx.AsyncClient(transport=link)
            transport = HyperFleetTransport(configuration.api, client, embedded.clock, embedded.telemetry)
            api = api_over(transport, configuration.api.dialect, configuration.document_paths)
            container: Any = AdapterContainer(
                configuration=configuration, world=embedded, telemetry=embedded.telemetry
            )
            container.catalog.override(providers.Object(api.catalog))
            container.status.override(providers.Object(api.status))
            adapter: Adapter = container.adapter()
            return adapter

        service = EmbeddedService(embedded, build, replicas=replicas)
        embedded.cloud.project(PROJECT)
        return cls(dialect, embedded, fake, link, service)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["SimulatedWorld"]:
        """The service and Sentinel at work."""
        transport = _SentinelsLink(httpx.ASGITransport(self.fake.api.application()), self.link)
        base = f"https://hyperfleet.test{ApiDialect(self.dialect.value).base_path}/"
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            sentinel = Sentinel(client, self.dialect, self.publish, now=self.embedded.clock.now)
            async with self.service.running():
                self.service.errand(sentinel.run(10))
                yield self

    async def publish(self, event: Mapping[str, Any]) -> None:
        """Publish an event as Sentinel does."""
        self.published.append(dict(event))
        await self.deliver(event)

    async def deliver(self, event: Mapping[str, Any], delay: float = 0.0) -> None:
        """Let the broker deliver an event, perhaps late, perhaps once more."""
        fault = self.embedded.faults.choose("sentinel.publish")
        times = {Fault.DROP: 0, Fault.DUPLICATE: 2}.get(fault, 1) if fault else 1
        headers = {"content-type": "application/cloudevents+json"}
        for _ in range(times):
            await self.embedded.broker.publish(headers, json.dumps(event).encode(), delay)

    def spec(self, pull_secret: str) -> dict[str, Any]:
        """A cluster's spec."""
        return cluster_spec(self.dialect, project=PROJECT, pull_secret=pull_secret)

    def create_cluster(self, cluster_id: str, pull_secret: str) -> ClusterRecord:
        """A cluster whose dependencies are done at once."""
        self.embedded.control_plane.namespaces.add(f"clusters-{cluster_id}")
        cluster = self.fake.store.create(self.spec(pull_secret), cluster_id=cluster_id)
        keep_up(self.fake.store, cluster)
        return cluster

    def patch(self, cluster_id: str, spec: dict[str, Any]) -> None:
        """A new spec, which every other adapter is done with at once."""
        keep_up(self.fake.store, self.fake.store.patch(cluster_id, spec))

    def delete(self, cluster_id: str) -> None:
        """Ask for a deletion, which every other adapter is done with at once."""
        keep_up(self.fake.store, self.fake.store.delete(cluster_id))

    def told(self, cluster_id: str) -> Report | None:
        """What the API believes of our adapter."""
        cluster = self.fake.store.clusters.get(cluster_id)
        return cluster.reports.get("pullsecret") if cluster else None

    def stored(self, cluster_id: str) -> StoredSecret | None:
        """What Secret Manager holds."""
        return self.embedded.cloud.secret(CloudSecretRef(PROJECT, cloud_secret_name(ClusterId(cluster_id))))

    def cluster_secret(self, cluster_id: str) -> PublishedSecret | None:
        """What HyperShift uses."""
        ref = ClusterSecretRef(f"clusters-{cluster_id}", cluster_secret_name(ClusterId(cluster_id)))
        return self.embedded.control_plane.secrets.get(ref)

    def disagreements(self) -> list[str]:
        """Where what the API believes is not what the stores hold."""
        alive = [
            f"{cluster.id}: {problem}"
            for cluster in self.fake.store.clusters.values()
            for problem in self._of(cluster)
        ]
        gone = [
            f"{cluster_id}: something is left of it"
            for cluster_id in self.fake.store.deleted
            if self.stored(cluster_id) or self.cluster_secret(cluster_id)
        ]
        left = ["temporary payloads are left"] if self.embedded.jobs.orders else []
        untold = ["ends of jobs are untold"] if self.embedded.jobs.unreported() else []
        return [*alive, *gone, *left, *untold]

    def _of(self, cluster: ClusterRecord) -> list[str]:
        told = self.told(cluster.id)
        if cluster.deleted_time is not None:
            return ["it is being deleted for ever"]
        if told is None or told.observed_generation != cluster.generation:
            return ["its generation is not told"]
        wanted = str(cluster.spec["pullSecret"]["data"])
        if not wanted.startswith("{"):
            unlike = told.status_of("Available") != "False" or _reason(told) != "InvalidPullSecret"
            return [f"it is told {_reason(told)} though its pull secret is none"] if unlike else []
        stored, published = self.stored(cluster.id), self.cluster_secret(cluster.id)
        holds = (
            stored is not None
            and bool(stored.versions)
            and stored.versions[-1].payload.reveal() == wanted.encode()
            and published is not None
            and published.payload is not None
            and published.payload.reveal() == wanted.encode()
        )
        if told.status_of("Available") != "True":
            return [f"it is told {_reason(told)}"]
        if not holds:
            return ["it is told to be available and is not"]
        assert stored is not None
        version = str(len(stored.versions))
        if (told.data or {}).get("version") != version:
            return [f"version {(told.data or {}).get('version')} is told, {version} is the newest"]
        return []


def _reason(report: Report) -> str:
    condition = report.condition("Available")
    return condition.reason if condition else ""
