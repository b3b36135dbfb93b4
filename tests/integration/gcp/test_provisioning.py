"""The provisioning run on Secret Manager over TLS: lost answers, single retries, whose secret it is, and how
it is kept."""

from collections.abc import AsyncIterator
from typing import Any

import attrs
import grpc
import pytest
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)
from grpc import StatusCode
from tests.integration.gcp.hand_clock import HandClock

from pullsecret.application.provision import Provision, ProvisionPolicy
from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.errors import OperationError, PermanentError
from pullsecret.domain.ownership import ownership_labels
from pullsecret.domain.provisioning import ProvisionOrder, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Change
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.gcp.secret_store import open_secret_store
from pullsecret.infrastructure.memory.control_plane import MemoryClusterSecrets, MemoryControlPlane
from pullsecret.infrastructure.memory.faults import FaultScript
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.contracts.samples import new_pull_secret, new_target
from pullsecret.testing.gcp.customer import Customer
from pullsecret.testing.gcp.quota import QuotaLimits

FAULTS = [
    ("GetSecret", StatusCode.UNAVAILABLE, False),
    ("AccessSecretVersion", StatusCode.INTERNAL, False),
    *(
        (method, code, answer_lost)
        for method in ("CreateSecret", "AddSecretVersion")
        for code in (StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.ABORTED)
        for answer_lost in (False, True)
    ),
    ("AddSecretVersion", StatusCode.RESOURCE_EXHAUSTED, False),
]
KEY = "projects/keys-of-customer/locations/{}/keyRings/r/cryptoKeys/k"


@attrs.define
class Bench:
    """One customer, one cluster, and runs of it."""

    customer: Customer
    owner: SecretManagerServiceClient
    """The project's owner, with Google's own client."""
    clock: HandClock = attrs.field(factory=HandClock)
    meter: CallMeter = attrs.field(factory=CallMeter)
    control_plane: MemoryControlPlane = attrs.field(factory=MemoryControlPlane)
    policy: ProvisionPolicy = attrs.field(factory=ProvisionPolicy)
    order: ProvisionOrder = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.order = ProvisionOrder(new_target(project=self.customer.project), new_pull_secret())
        self.control_plane.namespaces.add(self.order.target.cluster_secret.namespace)

    @property
    def secret(self) -> str:
        return self.order.target.cloud_secret.path

    async def run(self, **settings: Any) -> ProvisionResult:
        changed = attrs.evolve(self.customer.settings, **settings)
        secrets = MemoryClusterSecrets(self.control_plane, FaultScript(SystemClock()))
        async with open_secret_store(changed, self.clock, self.meter) as store:
            provision = Provision(store, secrets, self.clock, MemoryTelemetry(), self.policy)
            return await provision(self.order)

    def update(self) -> None:
        """Give the cluster a new pull secret."""
        self.order = attrs.evolve(self.order, pull_secret=new_pull_secret())

    def versions(self) -> dict[str, str]:
        listed = self.owner.list_secret_versions(parent=self.secret)
        return {one.name.rpartition("/")[2]: one.state.name for one in listed}

    def latest(self) -> bytes:
        data: bytes = self.owner.access_secret_version(name=f"{self.secret}/versions/latest").payload.data
        return data


@pytest.fixture
async def bench(customer: Customer) -> AsyncIterator[Bench]:
    world = customer.cloud.world
    owner = "user:owner@example.com"
    world.grant(customer.project, owner, "roles/secretmanager.admin")
    scope = ["https://www.googleapis.com/auth/cloud-platform"]
    bearer = world.credentials.issue(owner, world.clock.now(), 3600.0, scope)
    trust = grpc.ssl_channel_credentials(customer.cloud.authority.certificate)
    both = grpc.composite_channel_credentials(trust, grpc.access_token_call_credentials(bearer))
    with grpc.secure_channel(customer.cloud.endpoints.secret_manager, both) as channel:
        transport = SecretManagerServiceGrpcTransport(channel=channel)
        yield Bench(customer, SecretManagerServiceClient(transport=transport))


def create(bench: Bench, labels: dict[str, str]) -> None:
    ref = bench.order.target.cloud_secret
    bench.owner.create_secret(
        parent=f"projects/{ref.project}",
        secret_id=ref.name,
        secret={"replication": {"automatic": {}}, "labels": labels},
    )


@pytest.mark.parametrize(("method", "code", "answer_lost"), FAULTS)
async def test_a_passing_fault_is_tried_once_more_and_leaves_one_version(
    bench: Bench, method: str, code: StatusCode, answer_lost: bool
) -> None:
    bench.customer.cloud.fail(method, code=code, after_commit=answer_lost)
    result = await bench.run()
    assert result.failure is None
    assert bench.versions() == {"1": "ENABLED"}
    assert bench.latest() == bench.order.pull_secret.reveal()
    # One retry of ours, none of the client's own.
    attempts = sum(count for call, count in bench.meter.counts.items() if call.startswith(f"{method}/"))
    undisturbed = {"GetSecret": 2, "CreateSecret": 1, "AddSecretVersion": 1, "AccessSecretVersion": 2}
    assert attempts <= undisturbed[method] + 1
    # One pause; the seconds are those in which an unanswered request to add may still take effect.
    assert len([wait for wait in bench.clock.waits if wait < 1]) == 1


async def test_google_is_not_asked_before_the_time_it_named(bench: Bench) -> None:
    bench.customer.cloud.fail("AddSecretVersion", code=StatusCode.RESOURCE_EXHAUSTED, retry_after=17.0)
    assert (await bench.run()).failure is None
    assert max(bench.clock.waits) >= 17.0


async def test_the_budget_ends_a_run_that_gets_nowhere(bench: Bench) -> None:
    bench.customer.cloud.fail("GetSecret", code=StatusCode.UNAVAILABLE, times=1000)
    started = bench.clock.monotonic()
    result = await bench.run()
    assert result.failure is not None
    assert result.failure.reason is Reason.SECRET_MANAGER_UNAVAILABLE
    assert bench.clock.monotonic() - started <= bench.policy.budget + 60
    # With pauses of up to 30 s, five minutes hold few attempts, and each was counted.
    assert 10 <= bench.meter.counts["GetSecret/503"] <= 40
    assert bench.customer.cloud.world.count("GetSecret") >= bench.meter.counts["GetSecret/503"]


async def test_a_permanent_fault_is_not_tried_again(bench: Bench) -> None:
    bench.customer.permit("secretmanager.secrets.get", "secretmanager.secrets.create")
    result = await bench.run()
    assert result.failure is not None
    assert result.failure.reason is Reason.PERMISSION_DENIED
    assert "secretmanager.versions.access" in result.failure.message
    assert bench.clock.waits == []


async def test_a_second_run_writes_nothing(bench: Bench) -> None:
    await bench.run()
    calls = bench.customer.cloud.world.count("AddSecretVersion", "UpdateSecret", "CreateSecret")
    result = await bench.run()
    assert result.change is Change.UNCHANGED
    assert bench.customer.cloud.world.count("AddSecretVersion", "UpdateSecret", "CreateSecret") == calls


async def test_a_newest_version_that_its_owner_disabled_is_outdone(bench: Bench) -> None:
    await bench.run()
    added = bench.owner.add_secret_version(parent=bench.secret, payload={"data": b"the owner's"})
    bench.owner.disable_secret_version(name=added.name)
    result = await bench.run()
    assert (result.failure, result.change, result.version) == (None, Change.UPDATED, "3")
    assert bench.versions() == {"3": "ENABLED", "2": "DISABLED", "1": "ENABLED"}
    assert bench.latest() == bench.order.pull_secret.reveal()


async def test_ours_without_a_cluster_is_adopted_and_keeps_its_labels(bench: Bench) -> None:
    create(bench, {"managed-by": "hyperfleet", "cost-center": "42"})
    assert (await bench.run()).failure is None
    labels = dict(bench.owner.get_secret(name=bench.secret).labels)
    assert labels == {**ownership_labels(bench.order.target.cluster_id), "cost-center": "42"}


@pytest.mark.parametrize(
    "labels",
    [{}, {"managed-by": "terraform"}, {"managed-by": "hyperfleet", "cluster-id": "another"}],
    ids=["unlabelled", "somebody else's", "another cluster's"],
)
async def test_what_is_not_ours_is_neither_read_nor_written(bench: Bench, labels: dict[str, str]) -> None:
    create(bench, labels)
    before = bench.owner.get_secret(name=bench.secret)
    result = await bench.run()
    assert result.failure is not None
    assert result.failure.reason is Reason.NAMING_CONFLICT
    assert bench.owner.get_secret(name=bench.secret) == before
    assert bench.versions() == {}


async def test_a_label_set_by_somebody_meanwhile_is_not_lost(bench: Bench) -> None:
    create(bench, {"managed-by": "hyperfleet"})
    bench.customer.cloud.fail("UpdateSecret", code=StatusCode.FAILED_PRECONDITION, message="etag mismatch")
    assert (await bench.run()).failure is None
    assert dict(bench.owner.get_secret(name=bench.secret).labels) == ownership_labels(
        bench.order.target.cluster_id
    )


async def test_old_versions_are_disabled_beyond_the_newest(bench: Bench) -> None:
    bench.policy = ProvisionPolicy(keep_versions=2)
    for _ in range(4):
        bench.update()
        assert (await bench.run()).failure is None
    assert bench.versions() == {"4": "ENABLED", "3": "ENABLED", "2": "DISABLED", "1": "DISABLED"}


async def test_old_versions_are_destroyed_where_configured(bench: Bench) -> None:
    bench.policy = ProvisionPolicy(keep_versions=1)
    for _ in range(3):
        bench.update()
        assert (await bench.run(destroy_old_versions=True)).failure is None
    assert bench.versions() == {"3": "ENABLED", "2": "DESTROYED", "1": "DESTROYED"}


async def test_a_destruction_that_was_cut_short_is_completed_by_the_next_run(bench: Bench) -> None:
    bench.policy = ProvisionPolicy(keep_versions=1)
    await bench.run(destroy_old_versions=True)
    bench.update()
    bench.customer.cloud.fail("DestroySecretVersion", code=StatusCode.PERMISSION_DENIED)
    assert (await bench.run(destroy_old_versions=True)).failure is None
    assert bench.versions()["1"] == "DISABLED"
    assert (await bench.run(destroy_old_versions=True)).failure is None
    assert bench.versions() == {"2": "ENABLED", "1": "DESTROYED"}


async def test_what_cannot_be_retired_does_not_fail_the_run(bench: Bench) -> None:
    bench.policy = ProvisionPolicy(keep_versions=1)
    await bench.run()
    bench.update()
    bench.customer.permit(
        "secretmanager.secrets.get", "secretmanager.versions.add", "secretmanager.versions.access"
    )
    assert (await bench.run()).failure is None
    assert bench.latest() == bench.order.pull_secret.reveal()


@pytest.mark.parametrize(
    ("storage", "places"),
    [
        (StoragePolicy(), []),
        (StoragePolicy((), (KEY.format("global"),)), []),
        (StoragePolicy(("europe-west3", "us-east1")), ["europe-west3", "us-east1"]),
        (
            StoragePolicy(("europe-west3", "us-east1"), (KEY.format("europe-west3"), KEY.format("us-east1"))),
            ["europe-west3", "us-east1"],
        ),
    ],
    ids=["automatic", "automatic with key", "user-managed", "user-managed with keys"],
)
async def test_replication_and_keys(bench: Bench, storage: StoragePolicy, places: list[str]) -> None:
    for key in storage.encryption_keys:
        bench.customer.cloud.world.keys.add(key)
    bench.order = attrs.evolve(bench.order, target=attrs.evolve(bench.order.target, storage=storage))
    assert (await bench.run()).failure is None
    replication = bench.owner.get_secret(name=bench.secret).replication
    replicas = list(replication.user_managed.replicas)
    assert [one.location for one in replicas] == places
    chosen = replicas or [replication.automatic]
    keys = tuple(one.customer_managed_encryption.kms_key_name for one in chosen)
    assert tuple(key for key in keys if key) == storage.encryption_keys


@pytest.mark.parametrize(
    ("storage", "location"),
    [
        (StoragePolicy(("europe-west3",), ("a", "b")), None),
        (StoragePolicy((), ("a", "b")), None),
        (StoragePolicy(("us-east1",)), "europe-west3"),
        (StoragePolicy((), ("a", "b")), "europe-west3"),
    ],
)
async def test_a_storage_policy_that_contradicts_itself_is_refused(
    bench: Bench, storage: StoragePolicy, location: str | None
) -> None:
    bench.order = attrs.evolve(bench.order, target=attrs.evolve(bench.order.target, storage=storage))
    result = await bench.run(location=location)
    assert result.failure is not None
    assert result.failure.reason is Reason.INVALID_CLUSTER
    assert not any(call.startswith("CreateSecret/") for call in bench.meter.counts)


async def test_a_regional_secret_with_its_key(bench: Bench) -> None:
    key = KEY.format("europe-west3")
    bench.customer.cloud.world.keys.add(key)
    storage = StoragePolicy(("europe-west3",), (key,))
    bench.order = attrs.evolve(bench.order, target=attrs.evolve(bench.order.target, storage=storage))
    result = await bench.run(location="europe-west3")
    assert result.failure is None
    ref = bench.order.target.cloud_secret
    found = bench.owner.get_secret(name=f"projects/{ref.project}/locations/europe-west3/secrets/{ref.name}")
    assert found.customer_managed_encryption.kms_key_name == key


async def test_a_used_up_quota_is_waited_for(bench: Bench) -> None:
    world = bench.customer.cloud.world
    world.add_project(bench.customer.project).quota.limits = QuotaLimits(write=0)

    class Waking(HandClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if len(self.waits) == 3:
                world.add_project(bench.customer.project).quota.limits = QuotaLimits()

    bench.clock = Waking()
    result = await bench.run()
    assert result.failure is None
    assert bench.meter.counts["CreateSecret/429"] == 3


async def test_a_missing_permission_is_found_before_anything_is_written(bench: Bench) -> None:
    create(bench, ownership_labels(bench.order.target.cluster_id))
    bench.customer.permit("secretmanager.secrets.get", "secretmanager.secrets.create")
    settings = bench.customer.settings
    async with open_secret_store(settings, bench.clock, bench.meter) as store:
        with pytest.raises(PermanentError) as raised:
            await store.require_permissions(bench.order.target.cloud_secret)
    assert "secretmanager.versions.add and secretmanager.versions.access" in raised.value.cause
    assert raised.value.remedy.count("gcloud projects add-iam-policy-binding") == 2


async def test_only_the_secret_as_it_was_looked_at_is_deleted(bench: Bench) -> None:
    await bench.run()
    ref = bench.order.target.cloud_secret
    async with open_secret_store(bench.customer.settings, bench.clock, bench.meter) as store:
        seen = await store.get(ref)
        assert seen is not None
        bench.owner.update_secret(
            secret={"name": bench.secret, "labels": {"managed-by": "somebody"}},
            update_mask={"paths": ["labels"]},
        )
        with pytest.raises(OperationError):
            await store.delete(seen)
        assert bench.versions() == {"1": "ENABLED"}
