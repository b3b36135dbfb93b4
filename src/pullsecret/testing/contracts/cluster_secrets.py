"""What every ClusterSecrets does."""

import asyncio

import pytest

from pullsecret.domain.cloud_secret import SecretVersion
from pullsecret.domain.cluster_secret import DOCKER_CONFIG_TYPE, ClusterSecret, cluster_secret
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.provisioning import ProvisionTarget
from pullsecret.domain.reasons import Reason
from pullsecret.ports.cluster_secrets import (
    ClusterSecretChangedError,
    ClusterSecrets,
    NamespaceMissingError,
)
from pullsecret.testing.contracts.samples import new_pull_secret, new_target

CREATED_AT = "2026-01-01T00:00:00+00:00"


def secret_for(target: ProvisionTarget, version: str = "1") -> ClusterSecret:
    """A secret as the service would write it, with a payload of its own."""
    payload = new_pull_secret()
    return cluster_secret(target, SecretVersion(version, payload, payload.crc32c), CREATED_AT)


@pytest.mark.asyncio
class ClusterSecretsContract:
    """Subclass it and override :meth:`cluster_secrets`, :meth:`namespace` and, where they can be made,
    :meth:`immutable` and :meth:`of_another_type`."""

    @pytest.fixture
    def cluster_secrets(self) -> ClusterSecrets:
        """The implementation under test."""
        raise NotImplementedError

    @pytest.fixture
    def namespace(self) -> str:
        """A namespace that exists."""
        raise NotImplementedError

    @pytest.fixture
    def target(self, namespace: str) -> ProvisionTarget:
        """A target in the namespace whose secret does not exist yet."""
        return new_target(namespace=namespace)

    @pytest.fixture
    async def immutable(self, target: ProvisionTarget) -> ProvisionTarget:
        """A target whose secret exists, is of the right type, and is immutable."""
        raise NotImplementedError

    @pytest.fixture
    async def of_another_type(self, target: ProvisionTarget) -> ProvisionTarget:
        """A target whose secret exists and is of type ``Opaque``."""
        raise NotImplementedError

    async def test_none_before_it_is_created(
        self, cluster_secrets: ClusterSecrets, target: ProvisionTarget
    ) -> None:
        assert await cluster_secrets.get(target.cluster_secret) is None

    async def test_created_is_read_back(
        self, cluster_secrets: ClusterSecrets, target: ProvisionTarget
    ) -> None:
        wanted = secret_for(target)
        await cluster_secrets.create(wanted)
        found = await cluster_secrets.get(target.cluster_secret)
        assert found is not None
        assert found.ref == target.cluster_secret
        assert found.type == DOCKER_CONFIG_TYPE
        assert found.payload == wanted.payload
        assert found.labels == wanted.labels
        assert wanted.annotations.items() <= found.annotations.items()
        assert found.generation == target.generation
        assert found.created_at == CREATED_AT
        assert found.holds(wanted)

    async def test_a_missing_namespace_is_told(self, cluster_secrets: ClusterSecrets) -> None:
        target = new_target(namespace="namespace-that-is-not-there")
        assert await cluster_secrets.get(target.cluster_secret) is None
        with pytest.raises(NamespaceMissingError, match="namespace-that-is-not-there"):
            await cluster_secrets.create(secret_for(target))

    async def test_creating_what_exists_changes_nothing(
        self, cluster_secrets: ClusterSecrets, target: ProvisionTarget
    ) -> None:
        first = secret_for(target)
        await cluster_secrets.create(first)
        with pytest.raises(ClusterSecretChangedError):
            await cluster_secrets.create(secret_for(target))
        found = await cluster_secrets.get(target.cluster_secret)
        assert found is not None
        assert found.holds(first)

    async def test_replaced_as_a_whole(
        self, cluster_secrets: ClusterSecrets, target: ProvisionTarget
    ) -> None:
        await cluster_secrets.create(secret_for(target))
        before = await cluster_secrets.get(target.cluster_secret)
        assert before is not None
        wanted = secret_for(target, version="2")
        await cluster_secrets.replace(before, wanted)
        after = await cluster_secrets.get(target.cluster_secret)
        assert after is not None
        assert after.holds(wanted)
        assert not before.holds(wanted)
        assert after.resource_version != before.resource_version

    async def test_replacing_what_has_changed_is_refused(
        self, cluster_secrets: ClusterSecrets, target: ProvisionTarget
    ) -> None:
        await cluster_secrets.create(secret_for(target))
        stale = await cluster_secrets.get(target.cluster_secret)
        assert stale is not None
        newer = secret_for(target, version="2")
        await cluster_secrets.replace(stale, newer)
        with pytest.raises(ClusterSecretChangedError):
            await cluster_secrets.replace(stale, secret_for(target, version="3"))
        found = await cluster_secrets.get(target.cluster_secret)
        assert found is not None
        assert found.holds(newer)

    async def test_replacing_what_is_gone_is_refused(
        self, cluster_secrets: ClusterSecrets, target: ProvisionTarget
    ) -> None:
        await cluster_secrets.create(secret_for(target))
        found = await cluster_secrets.get(target.cluster_secret)
        assert found is not None
        await cluster_secrets.delete(found)
        with pytest.raises(ClusterSecretChangedError):
            await cluster_secrets.replace(found, secret_for(target, version="2"))
        assert await cluster_secrets.get(target.cluster_secret) is None

    async def test_readers_always_see_a_whole_value(
        self, cluster_secrets: ClusterSecrets, target: ProvisionTarget
    ) -> None:
        values = [secret_for(target, str(version)) for version in range(1, 6)]
        await cluster_secrets.create(values[0])
        finished = asyncio.Event()

        async def write() -> None:
            for value in values[1:]:
                found = await cluster_secrets.get(target.cluster_secret)
                assert found is not None
                await cluster_secrets.replace(found, value)
            finished.set()

        writing = asyncio.create_task(write())
        while not finished.is_set():
            seen = await cluster_secrets.get(target.cluster_secret)
            assert seen is not None
            assert any(seen.holds(value) for value in values)
            await asyncio.sleep(0)
        await writing

    async def test_an_immutable_secret_is_refused(
        self, cluster_secrets: ClusterSecrets, immutable: ProvisionTarget
    ) -> None:
        await self._refused(cluster_secrets, immutable)

    async def test_a_secret_of_another_type_is_refused(
        self, cluster_secrets: ClusterSecrets, of_another_type: ProvisionTarget
    ) -> None:
        await self._refused(cluster_secrets, of_another_type)

    async def _refused(self, cluster_secrets: ClusterSecrets, target: ProvisionTarget) -> None:
        before = await cluster_secrets.get(target.cluster_secret)
        assert before is not None
        with pytest.raises(PermanentError) as raised:
            await cluster_secrets.replace(before, secret_for(target, version="9"))
        assert raised.value.reason is Reason.CLUSTER_SECRET_CONFLICT
        assert await cluster_secrets.get(target.cluster_secret) == before

    async def test_deleted_is_gone(self, cluster_secrets: ClusterSecrets, target: ProvisionTarget) -> None:
        await cluster_secrets.create(secret_for(target))
        found = await cluster_secrets.get(target.cluster_secret)
        assert found is not None
        await cluster_secrets.delete(found)
        await cluster_secrets.delete(found)
        assert await cluster_secrets.get(target.cluster_secret) is None

    async def test_deleting_what_has_changed_is_refused(
        self, cluster_secrets: ClusterSecrets, target: ProvisionTarget
    ) -> None:
        await cluster_secrets.create(secret_for(target))
        stale = await cluster_secrets.get(target.cluster_secret)
        assert stale is not None
        await cluster_secrets.replace(stale, secret_for(target, version="2"))
        with pytest.raises(ClusterSecretChangedError):
            await cluster_secrets.delete(stale)
        assert await cluster_secrets.get(target.cluster_secret) is not None
