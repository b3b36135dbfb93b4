"""What every SecretStore does."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pullsecret.domain.cloud_secret import SecretVersion, UnreadableVersions
from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.ownership import ownership_labels
from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.domain.pull_secret import MAX_PULL_SECRET_BYTES
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.ports.secret_store import (
    SecretAlreadyExistsError,
    SecretChangedError,
    SecretNotFoundError,
    SecretStore,
)
from pullsecret.testing.contracts.samples import new_cluster_id, new_pull_secret, new_target

AUTOMATIC = StoragePolicy()

DisableVersion = Callable[[CloudSecretRef, str], Awaitable[None]]
"""Disables a version by its number, as the project's owner may."""


@pytest.mark.asyncio
class SecretStoreContract:
    """Subclass it and override :meth:`store`, :meth:`project` and :meth:`disable`."""

    @pytest.fixture
    def store(self) -> SecretStore:
        """The store under test."""
        raise NotImplementedError

    @pytest.fixture
    def project(self) -> str:
        """A project in which the store may do everything, without a quota that these tests could reach."""
        raise NotImplementedError

    @pytest.fixture
    def disable(self) -> DisableVersion:
        """Disable a version behind the store's back."""
        raise NotImplementedError

    @pytest.fixture
    def ref(self, project: str) -> CloudSecretRef:
        """A secret that does not exist yet."""
        return new_target(project=project).cloud_secret

    @pytest.fixture
    def labels(self) -> dict[str, str]:
        """Ownership labels of some cluster."""
        return ownership_labels(new_cluster_id())

    async def test_a_secret_that_was_never_created_is_none(
        self, store: SecretStore, ref: CloudSecretRef
    ) -> None:
        assert await store.get(ref) is None

    async def test_a_missing_project_is_permanent(self, store: SecretStore, ref: CloudSecretRef) -> None:
        elsewhere = CloudSecretRef("project-that-is-not-there", ref.name)
        with pytest.raises(PermanentError) as raised:
            await store.create(elsewhere, {}, AUTOMATIC)
        assert raised.value.reason in (Reason.PROJECT_NOT_FOUND, Reason.PERMISSION_DENIED)
        assert "project-that-is-not-there" in str(raised.value)

    async def test_created_is_read_with_its_labels(
        self, store: SecretStore, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        created = await store.create(ref, labels, AUTOMATIC)
        found = await store.get(ref)
        assert found == created
        assert found is not None
        assert found.ref == ref
        assert found.labels == labels
        assert found.etag

    async def test_creating_twice_is_told(
        self, store: SecretStore, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        await store.create(ref, labels, AUTOMATIC)
        with pytest.raises(SecretAlreadyExistsError):
            await store.create(ref, {"managed-by": "somebody"}, AUTOMATIC)
        found = await store.get(ref)
        assert found is not None
        assert found.labels == labels

    async def test_of_many_creations_at_once_one_succeeds(
        self, store: SecretStore, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        attempts = [store.create(ref, labels, AUTOMATIC) for _ in range(5)]
        results = await asyncio.gather(*attempts, return_exceptions=True)
        assert sum(isinstance(result, SecretAlreadyExistsError) for result in results) == 4

    async def test_relabelling_keeps_other_labels(self, store: SecretStore, ref: CloudSecretRef) -> None:
        secret = await store.create(ref, {"team": "a"}, AUTOMATIC)
        relabelled = await store.relabel(secret, {"managed-by": "hyperfleet"})
        assert relabelled.labels == {"team": "a", "managed-by": "hyperfleet"}
        assert await store.get(ref) == relabelled

    async def test_relabelling_what_has_changed_is_refused(
        self, store: SecretStore, ref: CloudSecretRef
    ) -> None:
        secret = await store.create(ref, {}, AUTOMATIC)
        await store.relabel(secret, {"a": "1"})
        with pytest.raises(SecretChangedError):
            await store.relabel(secret, {"a": "2"})
        found = await store.get(ref)
        assert found is not None
        assert found.labels == {"a": "1"}

    async def test_relabelling_what_is_gone_is_told(self, store: SecretStore, ref: CloudSecretRef) -> None:
        secret = await store.create(ref, {}, AUTOMATIC)
        await store.delete(secret)
        with pytest.raises(SecretNotFoundError):
            await store.relabel(secret, {"a": "1"})

    async def test_a_secret_without_version_has_no_latest(
        self, store: SecretStore, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        await store.create(ref, labels, AUTOMATIC)
        assert await store.access_latest(ref) is None

    async def test_versions_count_up_and_the_latest_is_read_back(
        self, store: SecretStore, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        await store.create(ref, labels, AUTOMATIC)
        for number in ("1", "2", "3"):
            payload = new_pull_secret()
            assert await store.add_version(ref, payload) == number
            latest = await store.access_latest(ref)
            assert latest is not None
            assert latest.version == number
            assert latest.payload == payload
            assert latest.crc32c == payload.crc32c

    async def test_what_follows_a_version_is_found_by_its_number(
        self, store: SecretStore, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        await store.create(ref, labels, AUTOMATIC)
        assert await store.access_after(ref, "0") is None
        payloads = [new_pull_secret() for _ in range(4)]
        for payload in payloads:
            await store.add_version(ref, payload)
        await store.prune(ref, keep=1, protect="2")
        readable = (("0", "2"), ("1", "2"), ("2", "4"), ("3", "4"))
        for before, after in readable:
            found = await store.access_after(ref, before)
            assert isinstance(found, SecretVersion)
            assert (found.version, found.payload) == (after, payloads[int(after) - 1])
            assert found.crc32c == found.payload.crc32c
        assert await store.access_after(ref, "4") is None

    async def test_disabled_versions_at_the_end_are_told_from_none(
        self, store: SecretStore, disable: DisableVersion, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        await store.create(ref, labels, AUTOMATIC)
        payload = new_pull_secret()
        for each in (payload, new_pull_secret(), new_pull_secret()):
            await store.add_version(ref, each)
        await disable(ref, "2")
        await disable(ref, "3")
        assert await store.access_latest(ref) is None
        assert await store.access_after(ref, "0") == SecretVersion("1", payload, payload.crc32c)
        assert await store.access_after(ref, "1") == UnreadableVersions()
        assert await store.access_after(ref, "2") == UnreadableVersions()
        assert await store.access_after(ref, "3") is None

    async def test_nothing_follows_where_there_is_no_secret(
        self, store: SecretStore, ref: CloudSecretRef
    ) -> None:
        assert await store.access_after(ref, "0") is None

    async def test_any_bytes_come_back_as_they_were(
        self, store: SecretStore, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        await store.create(ref, labels, AUTOMATIC)
        for data in (b"\x00", bytes(range(256)), b"x" * MAX_PULL_SECRET_BYTES):
            await store.add_version(ref, SecretPayload(data))
            latest = await store.access_latest(ref)
            assert latest is not None
            assert latest.payload == SecretPayload(data)

    async def test_too_large_a_payload_is_refused(
        self, store: SecretStore, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        await store.create(ref, labels, AUTOMATIC)
        with pytest.raises(PermanentError):
            await store.add_version(ref, SecretPayload(b"x" * (MAX_PULL_SECRET_BYTES + 1)))
        assert await store.access_latest(ref) is None

    async def test_versions_of_a_missing_secret_are_told(
        self, store: SecretStore, ref: CloudSecretRef
    ) -> None:
        with pytest.raises(SecretNotFoundError):
            await store.add_version(ref, new_pull_secret())
        with pytest.raises(SecretNotFoundError):
            await store.access_latest(ref)

    async def test_pruning_keeps_the_newest(
        self, store: SecretStore, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        await store.create(ref, labels, AUTOMATIC)
        payloads = [new_pull_secret() for _ in range(5)]
        for payload in payloads:
            await store.add_version(ref, payload)
        assert await store.prune(ref, keep=2, protect="5") == 3
        assert await store.prune(ref, keep=2, protect="5") == 0
        latest = await store.access_latest(ref)
        assert latest is not None
        assert latest.payload == payloads[-1]

    async def test_pruning_never_touches_the_protected(
        self, store: SecretStore, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        await store.create(ref, labels, AUTOMATIC)
        for _ in range(4):
            await store.add_version(ref, new_pull_secret())
        assert await store.prune(ref, keep=1, protect="2") == 2

    async def test_deleted_is_gone_and_its_name_is_free(
        self, store: SecretStore, ref: CloudSecretRef, labels: dict[str, str]
    ) -> None:
        secret = await store.create(ref, labels, AUTOMATIC)
        await store.add_version(ref, new_pull_secret())
        await store.delete(secret)
        await store.delete(secret)
        assert await store.get(ref) is None
        await store.create(ref, labels, AUTOMATIC)
        assert await store.add_version(ref, new_pull_secret()) == "1"

    async def test_deleting_what_has_changed_is_refused(
        self, store: SecretStore, ref: CloudSecretRef
    ) -> None:
        secret = await store.create(ref, {}, AUTOMATIC)
        await store.relabel(secret, {"a": "1"})
        with pytest.raises(SecretChangedError):
            await store.delete(secret)
        assert await store.get(ref) is not None
