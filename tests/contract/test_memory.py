"""The embedded parts fulfil the ports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs
import pytest

from pullsecret.domain.cluster import Cluster
from pullsecret.domain.cluster_document import DDR_PATHS
from pullsecret.domain.cluster_secret import DOCKER_CONFIG_TYPE, PublishedSecret
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyKey, AnyOrder, AnyResult
from pullsecret.domain.ownership import ownership_labels
from pullsecret.domain.provisioning import CloudSecretRef, ProvisionOrder, ProvisionTarget
from pullsecret.infrastructure.cloudevents.codec import render
from pullsecret.infrastructure.memory.broker import MemoryEventSource
from pullsecret.infrastructure.memory.cloud import MemorySecretStore
from pullsecret.infrastructure.memory.control_plane import MemoryClusterSecrets
from pullsecret.infrastructure.memory.faults import ProcessCrash
from pullsecret.infrastructure.memory.hyperfleet import MemoryClusterCatalog, MemoryStatusSink
from pullsecret.infrastructure.memory.job_runner import JobTimes, MemoryJobRunner
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.ports.cluster_catalog import ClusterCatalog
from pullsecret.ports.cluster_secrets import ClusterSecrets
from pullsecret.ports.event_source import EventSource
from pullsecret.ports.job_runner import JobRunner
from pullsecret.ports.secret_store import SecretStore
from pullsecret.ports.status_sink import StatusSink
from pullsecret.testing.contracts import (
    ClusterCatalogContract,
    ClusterSecretsContract,
    EventSourceContract,
    JobRunnerContract,
    SecretStoreContract,
    StatusSinkContract,
)
from pullsecret.testing.contracts.cluster_catalog import PutCluster
from pullsecret.testing.contracts.samples import new_pull_secret
from pullsecret.testing.contracts.secret_store import DisableVersion
from pullsecret.testing.contracts.status_sink import Believed, believed_of
from pullsecret.testing.documents import cluster_document


@pytest.fixture
def world() -> EmbeddedWorld:
    return EmbeddedWorld.create(latency=(0.0, 0.0))


class TestMemorySecretStore(SecretStoreContract):
    @pytest.fixture
    def store(self, world: EmbeddedWorld) -> SecretStore:
        return MemorySecretStore(world.cloud, world.clock, world.faults)

    @pytest.fixture
    def project(self, world: EmbeddedWorld) -> str:
        world.cloud.project("customer-project")
        return "customer-project"

    @pytest.fixture
    def disable(self, world: EmbeddedWorld) -> DisableVersion:
        async def disable(ref: CloudSecretRef, version: str) -> None:
            stored = world.cloud.secret(ref)
            assert stored is not None
            stored.versions[int(version) - 1].enabled = False

        return disable


class TestMemoryClusterSecrets(ClusterSecretsContract):
    @pytest.fixture
    def cluster_secrets(self, world: EmbeddedWorld) -> ClusterSecrets:
        return MemoryClusterSecrets(world.control_plane, world.faults)

    @pytest.fixture
    def namespace(self, world: EmbeddedWorld) -> str:
        world.control_plane.namespaces.add("clusters-1")
        return "clusters-1"

    @pytest.fixture
    async def immutable(self, world: EmbeddedWorld, target: ProvisionTarget) -> ProvisionTarget:
        self.put(world, target, DOCKER_CONFIG_TYPE)
        world.control_plane.immutable.add(target.cluster_secret)
        return target

    @pytest.fixture
    async def of_another_type(self, world: EmbeddedWorld, target: ProvisionTarget) -> ProvisionTarget:
        self.put(world, target, "Opaque")
        return target

    def put(self, world: EmbeddedWorld, target: ProvisionTarget, type_: str) -> None:
        labels = ownership_labels(target.cluster_id)
        secret = PublishedSecret(target.cluster_secret, labels, {}, new_pull_secret(), type_, "")
        world.control_plane.put(secret)


class TestMemoryClusterCatalog(ClusterCatalogContract):
    @pytest.fixture
    def catalog(self, world: EmbeddedWorld) -> ClusterCatalog:
        return MemoryClusterCatalog(world.hyperfleet, DDR_PATHS, world.faults)

    @pytest.fixture
    def put(self, world: EmbeddedWorld) -> PutCluster:
        async def put(cluster: Cluster) -> None:
            world.hyperfleet.put(cluster_document(cluster))

        return put

    @pytest.fixture
    def put_malformed(self, world: EmbeddedWorld) -> Callable[[ClusterId], Awaitable[str]]:
        async def put(cluster_id: ClusterId) -> str:
            document = {"id": str(cluster_id), "generation": 1, "spec": {"gcp": {"projectId": 7}}}
            world.hyperfleet.put(document)
            return "spec.gcp.projectId"

        return put


class TestMemoryStatusSink(StatusSinkContract):
    @pytest.fixture
    def sink(self, world: EmbeddedWorld) -> StatusSink:
        return MemoryStatusSink(world.hyperfleet, world.faults)

    @pytest.fixture
    def put_cluster(self, world: EmbeddedWorld) -> Callable[[ClusterId, int], Awaitable[None]]:
        async def put(cluster_id: ClusterId, generation: int) -> None:
            world.hyperfleet.put({"id": str(cluster_id), "generation": generation, "spec": {}})

        return put

    @pytest.fixture
    def believed(self, world: EmbeddedWorld) -> Callable[[ClusterId], Awaitable[Believed | None]]:
        async def believed(cluster_id: ClusterId) -> Believed | None:
            report = world.hyperfleet.status(str(cluster_id))
            return report and believed_of(report)

        return believed


@attrs.define
class MemoryJobRunnerHarness:
    world: EmbeddedWorld
    patience: float = 60.0
    moment: float = 0.2
    processes: dict[AnyKey, "asyncio.Future[Any]"] = attrs.field(factory=dict)
    runner: JobRunner = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.runner = self.another_replica()

    def another_replica(self) -> JobRunner:
        world = self.world
        times = JobTimes(remind=0.05)
        return MemoryJobRunner(
            world.jobs,
            self.run,
            world.clock,
            world.faults,
            world.telemetry,
            times,
            run_clean_up=self.run,
        )

    async def run(self, order: AnyOrder) -> Any:
        self.processes[order.key] = asyncio.get_running_loop().create_future()
        return await self.processes[order.key]

    async def started(self, key: AnyKey) -> bool:
        return key in self.processes

    async def end(self, key: AnyKey, result: AnyResult) -> None:
        self.processes[key].set_result(result)

    async def kill(self, key: AnyKey) -> None:
        self.processes[key].set_exception(ProcessCrash())

    async def payload_kept(self, order: AnyOrder) -> bool:
        return order.key in self.world.jobs.orders

    async def leave_payload(self, order: ProvisionOrder) -> None:
        self.world.jobs.orders[order.key] = order


class TestMemoryJobRunner(JobRunnerContract):
    @pytest.fixture
    async def harness(self, world: EmbeddedWorld) -> AsyncIterator[MemoryJobRunnerHarness]:
        yield MemoryJobRunnerHarness(world)
        for process in list(world.jobs.processes):
            process.cancel()


@attrs.define
class MemoryEventSourceHarness:
    world: EmbeddedWorld
    prefetch: int = 3
    patience: float = 60.0
    moment: float = 0.1
    source: EventSource = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.source = self.another_replica()

    def another_replica(self) -> EventSource:
        return MemoryEventSource(self.world.broker, self.world.clock, self.world.faults, self.prefetch)

    async def publish(self, event: ClusterEvent) -> None:
        await self.world.broker.publish(*render(event))

    async def publish_raw(self, headers: Mapping[str, str], body: bytes) -> None:
        await self.world.broker.publish(headers, body)

    async def dead_letters(self) -> Sequence[str]:
        return [letter.reason for letter in self.world.broker.dead_letters]


class TestMemoryEventSource(EventSourceContract):
    @pytest.fixture
    async def harness(self, world: EmbeddedWorld) -> MemoryEventSourceHarness:
        return MemoryEventSourceHarness(world)
