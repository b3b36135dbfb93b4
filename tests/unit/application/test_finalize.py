"""Deletions: what goes, what stays, what is told, and in which order things may happen."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import attrs
import pytest

from pullsecret.application.finalize import FinalizeCluster, FinalizePolicy
from pullsecret.application.outcomes import Finalized, Postponed, Refused
from pullsecret.application.provision import Provision, ProvisionPolicy
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.conditions import Condition, Conditions, Status
from pullsecret.domain.errors import TransientError
from pullsecret.domain.finalization import Deletion
from pullsecret.domain.identifiers import Generation
from pullsecret.domain.ownership import CLUSTER_LABEL
from pullsecret.domain.provisioning import ProvisionTarget, provision_order, provision_target
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.memory.cloud import MemoryCloud, MemorySecretStore
from pullsecret.infrastructure.memory.control_plane import MemoryClusterSecrets, MemoryControlPlane
from pullsecret.infrastructure.memory.faults import Fault, FaultRule, FaultScript
from pullsecret.infrastructure.memory.hyperfleet import MemoryHyperFleet, MemoryStatusSink
from pullsecret.infrastructure.memory.job_runner import MemoryJobRunner, MemoryJobs
from pullsecret.infrastructure.memory.simulated_time import SimulatedClock, run_simulated
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.testing.contracts.cluster_catalog import some_cluster
from pullsecret.testing.contracts.samples import new_cluster_id

HOUR = timedelta(hours=1)


@attrs.frozen
class World:
    """What is outside of the service."""

    clock: SimulatedClock = attrs.field(factory=SimulatedClock)
    faults: FaultScript = attrs.field(
        default=attrs.Factory(lambda self: FaultScript(self.clock), takes_self=True)
    )
    hyperfleet: MemoryHyperFleet = attrs.field(factory=MemoryHyperFleet)
    cloud: MemoryCloud = attrs.field(factory=MemoryCloud)
    control_plane: MemoryControlPlane = attrs.field(factory=MemoryControlPlane)
    jobs: MemoryJobs = attrs.field(factory=MemoryJobs)
    telemetry: MemoryTelemetry = attrs.field(factory=MemoryTelemetry)


@attrs.frozen
class Deleted:
    """A cluster that was provisioned and is being deleted."""

    world: World
    cluster: Cluster
    target: ProvisionTarget
    jobs: MemoryJobRunner
    finalize: FinalizeCluster

    @property
    def conditions(self) -> Conditions:
        report = self.world.hyperfleet.status(self.cluster.id.value)
        assert report is not None
        return report.conditions

    @property
    def finalized(self) -> Condition:
        assert self.conditions.finalized is not None
        return self.conditions.finalized

    @property
    def stored(self) -> bool:
        return self.world.cloud.secret(self.target.cloud_secret) is not None

    @property
    def published(self) -> bool:
        return self.target.cluster_secret in self.world.control_plane.secrets

    def ago(self, since: timedelta) -> Cluster:
        """The cluster, its deletion asked for ``since`` ago."""
        return attrs.evolve(self.cluster, deleted_at=self.world.clock.now() - since)


async def deleted(policy: FinalizePolicy | None = None, faults: tuple[FaultRule, ...] = ()) -> Deleted:
    world = World()
    cluster = some_cluster(new_cluster_id())
    target = provision_target(cluster)
    world.cloud.project(target.cloud_secret.project)
    world.control_plane.namespaces.add(target.cluster_secret.namespace)
    store = MemorySecretStore(world.cloud, world.clock, world.faults)
    secrets = MemoryClusterSecrets(world.control_plane, world.faults)
    provision = Provision(store, secrets, world.clock, world.telemetry, ProvisionPolicy())
    jobs = MemoryJobRunner(world.jobs, provision, world.clock, world.faults, world.telemetry)
    order = provision_order(cluster)
    await jobs.submit(order)
    await jobs.release(order.key)
    await asyncio.sleep(60)
    await jobs.mark_reported(order.key)
    world.hyperfleet.put({"id": cluster.id.value, "generation": 2, "spec": {}})
    world.faults.rules = faults
    finalize = FinalizeCluster(
        store,
        secrets,
        jobs,
        MemoryStatusSink(world.hyperfleet, world.faults),
        world.clock,
        world.telemetry,
        policy or FinalizePolicy(),
    )
    cluster = attrs.evolve(cluster, generation=Generation(2), deleting=True, pull_secret=None)
    return Deleted(world, cluster, target, jobs, finalize)


def scenario(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run the coroutine in simulated time."""

    def run() -> None:
        run_simulated(test())  # type: ignore[arg-type]

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@scenario
async def test_both_secrets_go_and_finalized_is_told() -> None:
    it = await deleted()
    assert it.stored
    assert it.published

    assert await it.finalize(it.ago(HOUR / 2)) == Finalized()

    assert not it.stored
    assert not it.published
    assert (it.finalized.status, it.finalized.reason) == (Status.TRUE, Reason.FINALIZED)
    assert it.conditions.available.status is Status.FALSE
    assert it.conditions.health.status is Status.TRUE


@scenario
async def test_it_may_be_repeated() -> None:
    it = await deleted()
    for _ in range(3):
        assert await it.finalize(it.ago(HOUR / 2)) == Finalized()
    assert it.finalized.status is Status.TRUE


@scenario
async def test_policy_keeps_the_stored_secret_and_says_where() -> None:
    it = await deleted(FinalizePolicy(stored_secret=Deletion.RETAIN))
    assert await it.finalize(it.ago(HOUR / 2)) == Finalized()
    assert it.stored
    assert not it.published
    assert (it.finalized.status, it.finalized.reason) == (Status.TRUE, Reason.RETAINED)
    assert it.target.cloud_secret.path in it.finalized.message


@scenario
async def test_somebody_else_s_secrets_stay() -> None:
    it = await deleted()
    stored = it.world.cloud.secret(it.target.cloud_secret)
    assert stored is not None
    stored.labels[CLUSTER_LABEL] = "another"
    published = it.world.control_plane.secrets[it.target.cluster_secret]
    it.world.control_plane.put(attrs.evolve(published, labels={}))
    assert await it.finalize(it.ago(HOUR / 2)) == Finalized()
    assert it.stored
    assert it.published


@scenario
async def test_what_an_earlier_spec_named_is_found_by_the_cluster_secret_s_note() -> None:
    it = await deleted()
    it.world.jobs.forget(it.cluster.id, before=it.world.clock.now())
    it.world.cloud.project("another-project")
    moved = attrs.evolve(it.ago(HOUR / 2), project="another-project", secret_name=None)
    assert await it.finalize(moved) == Finalized()
    assert not it.stored


@scenario
async def test_what_an_earlier_spec_named_is_found_by_its_jobs() -> None:
    it = await deleted()
    moved = attrs.evolve(it.ago(HOUR / 2), project=None, namespace=None)
    assert await it.finalize(moved) == Finalized()
    assert not it.stored
    assert not it.published


@scenario
async def test_a_cluster_that_was_never_provisioned_is_finalized() -> None:
    it = await deleted()
    other = Cluster(new_cluster_id(), Generation(1), deleting=True)
    it.world.hyperfleet.put({"id": other.id.value, "generation": 1, "spec": {}})
    assert await it.finalize(other) == Finalized()


@scenario
async def test_nothing_is_deleted_while_a_job_may_still_write() -> None:
    it = await deleted()
    late = provision_order(attrs.evolve(some_cluster(it.cluster.id), generation=Generation(1)), attempt=2)
    await it.jobs.submit(late)

    assert isinstance(await it.finalize(it.ago(HOUR / 2)), Postponed)
    assert it.stored
    assert it.published
    assert (it.finalized.status, it.finalized.reason) == (Status.FALSE, Reason.IN_PROGRESS)

    await it.jobs.release(late.key)
    await asyncio.sleep(60)
    assert await it.finalize(it.ago(HOUR / 2)) == Finalized()
    assert not it.stored


@scenario
async def test_a_job_handed_over_for_what_was_read_before_the_deletion_leaves_nothing() -> None:
    """The late create event: read before, handed over after everything was cleaned up once."""
    it = await deleted()
    asked_at = it.world.clock.now()
    being_deleted = attrs.evolve(it.cluster, deleted_at=asked_at)
    assert isinstance(await it.finalize(being_deleted), Postponed)
    assert not it.stored

    late = provision_order(some_cluster(it.cluster.id), attempt=2)
    await it.jobs.submit(late)
    await it.jobs.release(late.key)
    while isinstance(await it.finalize(being_deleted), Postponed):
        await it.world.clock.sleep(2)

    assert it.world.clock.now() - asked_at >= timedelta(seconds=it.finalize.policy.settle)
    assert it.finalized.status is Status.TRUE
    assert not it.stored
    assert not it.published


@scenario
async def test_a_customer_s_project_that_denies_is_told_and_then_given_up() -> None:
    it = await deleted()
    it.world.cloud.project(it.target.cloud_secret.project).denied.add("secretmanager.secrets.delete")

    refused = await it.finalize(it.ago(HOUR / 2))
    assert isinstance(refused, Refused)
    assert refused.error.reason is Reason.PERMISSION_DENIED
    assert (it.finalized.status, it.finalized.reason) == (Status.FALSE, Reason.PERMISSION_DENIED)
    assert "secretmanager.secrets.delete" in it.finalized.message
    assert it.conditions.health.status is Status.FALSE
    assert not it.published

    assert await it.finalize(it.ago(HOUR)) == Finalized((it.target.cloud_secret.path,))
    assert (it.finalized.status, it.finalized.reason) == (Status.TRUE, Reason.RETAINED)
    assert it.target.cloud_secret.path in it.finalized.message


@scenario
async def test_a_customer_s_project_that_is_gone_is_told_and_then_given_up() -> None:
    it = await deleted()
    del it.world.cloud.projects[it.target.cloud_secret.project]

    refused = await it.finalize(it.ago(HOUR / 2))
    assert isinstance(refused, Refused)
    assert refused.error.reason is Reason.PROJECT_NOT_FOUND
    assert (it.finalized.status, it.finalized.reason) == (Status.FALSE, Reason.PROJECT_NOT_FOUND)
    assert not it.published

    assert await it.finalize(it.ago(HOUR)) == Finalized((it.target.cloud_secret.path,))
    assert it.finalized.status is Status.TRUE


@scenario
async def test_a_passing_fault_is_raised_until_it_is_given_up() -> None:
    it = await deleted(faults=(FaultRule("secret-store.*", Fault.FAIL, probability=1.0),))
    with pytest.raises(TransientError):
        await it.finalize(it.ago(HOUR / 2))
    assert it.published
    outcome = await it.finalize(it.ago(HOUR))
    assert isinstance(outcome, Finalized)
    assert it.target.cloud_secret.path in outcome.left
    assert not it.published


@pytest.mark.parametrize("point", ["secret-store.delete", "cluster-secrets.delete", "status-sink.post"])
@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.LOSE_ANSWER])
def test_wherever_it_is_interrupted_the_next_pass_ends_it(point: str, fault: Fault) -> None:
    async def main() -> None:
        it = await deleted(faults=(FaultRule(point, fault, nth=1),))
        with pytest.raises(TransientError):
            await it.finalize(it.ago(HOUR / 2))
        assert await it.finalize(it.ago(HOUR / 2)) == Finalized()
        assert not it.stored
        assert not it.published
        assert it.finalized.status is Status.TRUE

    run_simulated(main())
