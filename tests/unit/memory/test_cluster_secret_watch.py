"""The embedded watch of cluster secrets: told once for each change, also of what happened before it began."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import attrs
from tests.unit.application.scene import simulated

from pullsecret.domain.cluster_secret import PublishedSecret
from pullsecret.domain.drift import Drift, DriftKind
from pullsecret.domain.provisioning import ClusterSecretRef
from pullsecret.infrastructure.memory.cluster_secret_watch import MemoryClusterSecretWatch
from pullsecret.infrastructure.memory.control_plane import MemoryClusterSecrets
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.testing.contracts.cluster_secrets import secret_for
from pullsecret.testing.contracts.samples import new_target


@attrs.define
class Cluster:
    """A published secret, and what is seen of it."""

    world: EmbeddedWorld
    secrets: MemoryClusterSecrets
    ref: ClusterSecretRef
    seen: list[DriftKind] = attrs.field(factory=list)

    @property
    def published(self) -> PublishedSecret:
        return self.world.control_plane.secrets[self.ref]

    def alter(self) -> None:
        self.world.control_plane.put(attrs.evolve(self.published, annotations={}))

    def delete(self) -> None:
        del self.world.control_plane.secrets[self.ref]

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Note what is seen for as long as the context is open."""

        async def note() -> None:
            watch = MemoryClusterSecretWatch(self.world.control_plane, self.world.clock)
            async with aclosing(watch.drifts()) as drifts:
                async for drift in drifts:
                    assert isinstance(drift, Drift)
                    assert drift.secret == self.ref
                    self.seen.append(drift.kind)

        noting = asyncio.create_task(note())
        await asyncio.sleep(2)
        yield
        await asyncio.sleep(2)
        noting.cancel()


async def published() -> Cluster:
    world = EmbeddedWorld.create(latency=(0, 0))
    target = new_target()
    world.control_plane.namespaces.add(target.cluster_secret.namespace)
    secrets = MemoryClusterSecrets(world.control_plane, world.faults)
    await secrets.create(secret_for(target))
    return Cluster(world, secrets, target.cluster_secret)


@simulated
async def test_each_change_is_told_once() -> None:
    cluster = await published()
    async with cluster.watched():
        cluster.alter()
        await asyncio.sleep(10)
        cluster.delete()
        await asyncio.sleep(10)
    assert cluster.seen == [DriftKind.ALTERED, DriftKind.DELETED]


@simulated
async def test_what_happened_before_is_told_too() -> None:
    cluster = await published()
    cluster.alter()
    async with cluster.watched():
        pass
    assert cluster.seen == [DriftKind.ALTERED]


@simulated
async def test_a_secret_that_the_service_wrote_anew_may_drift_again() -> None:
    cluster = await published()
    async with cluster.watched():
        for _ in range(2):
            cluster.alter()
            await asyncio.sleep(2)
            found = cluster.published
            target = new_target(cluster_id=cluster.world.control_plane.written[cluster.ref][0])
            anew = attrs.evolve(secret_for(target), ref=cluster.ref)
            await cluster.secrets.replace(found, anew)
            await asyncio.sleep(2)
    assert cluster.seen == [DriftKind.ALTERED] * 2


@simulated
async def test_the_places_of_a_cluster_are_those_in_every_namespace_and_no_other_clusters() -> None:
    first = await published()
    cluster_id, _ = first.world.control_plane.written[first.ref]
    second = new_target(cluster_id=cluster_id, namespace="elsewhere")
    first.world.control_plane.namespaces |= {"elsewhere", "another"}
    for target in (second, new_target(namespace="another")):
        await first.secrets.create(secret_for(target))
    watch = MemoryClusterSecretWatch(first.world.control_plane, first.world.clock)
    assert watch.places(cluster_id) == [first.ref, second.cluster_secret]
    await first.secrets.delete(first.published)
    assert watch.places(cluster_id) == [second.cluster_secret]


@simulated
async def test_what_the_service_deletes_itself_has_not_drifted() -> None:
    cluster = await published()
    async with cluster.watched():
        await cluster.secrets.delete(cluster.published)
    assert cluster.seen == []
