"""Drift of cluster secrets, seen on a real control plane without reading a payload."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import attrs
import pytest
from tests.integration.kubernetes.job_harness import eventually, obedient_settings

from pullsecret.domain.cluster_secret import CLUSTER_ANNOTATION, DOCKER_CONFIG_KEY, VERSION_ANNOTATION
from pullsecret.domain.drift import Drift, DriftKind
from pullsecret.domain.provisioning import ProvisionTarget
from pullsecret.infrastructure.kubernetes import rbac
from pullsecret.infrastructure.kubernetes.api import JSON, MERGE_PATCH, KubernetesApi
from pullsecret.infrastructure.kubernetes.cluster_secret_watch import KubernetesClusterSecretWatch
from pullsecret.infrastructure.kubernetes.cluster_secrets import KubernetesClusterSecrets
from pullsecret.infrastructure.kubernetes.paths import secret_path
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.testing.contracts.cluster_secrets import secret_for
from pullsecret.testing.contracts.samples import new_pull_secret, new_target
from pullsecret.testing.kubernetes.system import System, create
from pullsecret.testing.patience import PATIENCE

pytestmark = [pytest.mark.service, pytest.mark.asyncio]

SILENCE = 0.7


@attrs.define
class Watched:
    """A published secret, and what is seen of it."""

    admin: KubernetesApi
    target: ProvisionTarget
    watch: KubernetesClusterSecretWatch
    seen: "asyncio.Queue[Drift]" = attrs.field(factory=asyncio.Queue)

    @property
    def path(self) -> str:
        return secret_path(self.target.cluster_secret.namespace, self.target.cluster_secret.name)

    async def change(self, body: dict[str, Any]) -> None:
        query = {"fieldManager": "kubectl-edit"}
        await self.admin.call("patch", self.path, body, content_type=MERGE_PATCH, query=query)

    async def next_kind(self) -> DriftKind:
        """The next drift of this test's secret; a control plane is shared."""
        async with asyncio.timeout(PATIENCE):
            while (drift := await self.seen.get()).secret != self.target.cluster_secret:
                continue
        assert drift.cluster_id == self.target.cluster_id
        return drift.kind

    async def nothing_seen(self) -> None:
        await asyncio.sleep(SILENCE)
        mine = [drift for drift in self._drain() if drift.secret == self.target.cluster_secret]
        assert mine == []
        assert await self.watch.look(self.target.cluster_secret) is None

    def _drain(self) -> list[Drift]:
        found = []
        while not self.seen.empty():
            found.append(self.seen.get_nowait())
        return found


@pytest.fixture
async def adapter_with_drift(admin: KubernetesApi, system: System) -> AsyncIterator[KubernetesApi]:
    await create(admin, rbac.drift_objects_for(system.namespace))
    async with KubernetesApi(await system.connect()) as api:
        yield api


@pytest.fixture
async def watched(
    admin: KubernetesApi, adapter_with_drift: KubernetesApi, system: System, namespace: str
) -> AsyncIterator[Watched]:
    settings = obedient_settings(system.namespace)
    watch = KubernetesClusterSecretWatch(adapter_with_drift, settings, MemoryTelemetry(), "replica-1")
    watched = Watched(admin, new_target(namespace=namespace), watch)
    await KubernetesClusterSecrets(admin).create(secret_for(watched.target))

    async def follow() -> None:
        async with aclosing(watch.drifts()) as drifts:
            async for drift in drifts:
                watched.seen.put_nowait(drift)

    task = asyncio.create_task(follow())
    assert await watch.look(watched.target.cluster_secret) is None
    yield watched
    task.cancel()


async def test_the_places_of_a_cluster_are_those_in_every_namespace_and_no_other_clusters(
    watched: Watched, system: System
) -> None:
    cluster_id = watched.target.cluster_id
    assert watched.watch.places(cluster_id) == [watched.target.cluster_secret]
    elsewhere = new_target(cluster_id=cluster_id, namespace=system.namespace)
    secrets = KubernetesClusterSecrets(watched.admin)
    for target in (new_target(namespace=system.namespace), elsewhere):
        await secrets.create(secret_for(target))
    both = {watched.target.cluster_secret, elsewhere.cluster_secret}

    async def are_seen() -> bool:
        return set(watched.watch.places(cluster_id)) == both

    await eventually(are_seen)


async def test_what_a_job_writes_is_no_drift(watched: Watched) -> None:
    secrets = KubernetesClusterSecrets(watched.admin)
    found = await secrets.get(watched.target.cluster_secret)
    assert found is not None
    await secrets.replace(found, secret_for(watched.target, version="2"))
    await watched.nothing_seen()


@pytest.mark.parametrize(
    "addition",
    [
        {"metadata": {"labels": {"team": "hypershift"}}},
        {"metadata": {"annotations": {"note": "looked at"}}},
        {"metadata": {"finalizers": ["hypershift.test/hold"]}},
        {"immutable": True},
    ],
    ids=["label", "annotation", "finalizer", "immutable"],
)
async def test_what_others_add_is_no_drift(watched: Watched, addition: dict[str, Any]) -> None:
    await watched.change(addition)
    await watched.nothing_seen()


@pytest.mark.parametrize(
    "change",
    [
        {"data": {DOCKER_CONFIG_KEY: base64.b64encode(new_pull_secret().reveal()).decode()}},
        {"metadata": {"annotations": {VERSION_ANNOTATION: "9"}}},
        {"metadata": {"annotations": {VERSION_ANNOTATION: None}}},
        {"metadata": {"annotations": {CLUSTER_ANNOTATION: None}}},
    ],
    ids=["content", "annotation", "annotation-removed", "cluster-removed"],
)
async def test_what_others_change_is(watched: Watched, change: dict[str, Any]) -> None:
    await watched.change(change)
    assert await watched.next_kind() is DriftKind.ALTERED
    assert await watched.watch.look(watched.target.cluster_secret) is DriftKind.ALTERED


@pytest.mark.parametrize("how", ["delete", "unlabel"])
async def test_a_secret_that_goes_is_seen_and_its_return_too(watched: Watched, how: str) -> None:
    if how == "delete":
        await watched.admin.call("delete", watched.path)
    else:
        await watched.change({"metadata": {"labels": {"managed-by": None}}})
    assert await watched.next_kind() is DriftKind.DELETED
    assert await watched.watch.look(watched.target.cluster_secret) is DriftKind.DELETED
    if how == "unlabel":
        await watched.admin.call("delete", watched.path)
    await KubernetesClusterSecrets(watched.admin).create(secret_for(watched.target))

    async def back() -> bool:
        return await watched.watch.look(watched.target.cluster_secret) is None

    await eventually(back)


async def test_a_protected_secret_stays_readable_until_its_repair(watched: Watched) -> None:
    secrets = KubernetesClusterSecrets(watched.admin, protect=True)
    found = await secrets.get(watched.target.cluster_secret)
    assert found is not None
    wanted = secret_for(watched.target, version="2")
    await secrets.replace(found, wanted)
    await watched.admin.call("delete", watched.path)
    assert await watched.next_kind() is DriftKind.DELETING
    held = await secrets.get(watched.target.cluster_secret)
    assert held is not None
    assert held.payload == wanted.payload
    assert not held.holds(wanted)
    await secrets.replace(held, wanted)
    repaired = await secrets.get(watched.target.cluster_secret)
    assert repaired is not None
    assert repaired.holds(wanted)
    # Deleted by us, it goes at once.
    await secrets.delete(repaired)
    assert await watched.admin.get_or_none(watched.path) is None


async def test_no_payload_is_ever_asked_for(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, adapter_with_drift: KubernetesApi, system: System
) -> None:
    accepted: list[tuple[str, str]] = []
    plain = KubernetesApi._exchange

    def noting(self: KubernetesApi, request: Any, read_timeout: float) -> Any:
        accepted.append((request.path, request.accept))
        return plain(self, request, read_timeout)

    monkeypatch.setattr(KubernetesApi, "_exchange", noting)
    settings = obedient_settings(system.namespace)
    watch = KubernetesClusterSecretWatch(adapter_with_drift, settings, MemoryTelemetry(), "replica-2")
    async with aclosing(watch.drifts()) as drifts:
        task = asyncio.ensure_future(anext(drifts))
        await watch.look(watched.target.cluster_secret)
        await watched.admin.call("delete", watched.path)
        async with asyncio.timeout(PATIENCE):
            await task
    asked = [accept for path, accept in accepted if path.startswith("/api/v1/secrets")]
    assert asked
    assert all(accept != JSON for accept in asked)
