"""Cluster secrets that somebody deleted or altered come back, slowly where somebody fights for them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta

import attrs
import pytest
from tests.unit.application.scene import (
    CREATED,
    FAILED_FOR_GOOD,
    FAILED_FOR_NOW,
    Says,
    Scene,
    event_about,
    new_cluster,
    simulated,
)

from pullsecret.application.repair_drift import RepairDrift, RepairPolicy
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.clean_up import CleanUpResult
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.drift import Drift, DriftKind
from pullsecret.domain.errors import TransientError
from pullsecret.domain.facts import DriftSeen, InternalFault, Interrupted, RepairStarted
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.jobs import AnyJob
from pullsecret.domain.provisioning import ClusterSecretRef, Finished, ProvisionOrder, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.rollout import Rollout
from pullsecret.infrastructure.memory.cluster_secret_watch import MemoryClusterSecretWatch
from pullsecret.infrastructure.memory.faults import Fault, FaultRule


@attrs.define
class Landed:
    """A scene with one cluster whose secret has landed, and the repair of it."""

    scene: Scene
    cluster: Cluster
    order: ProvisionOrder
    watch: MemoryClusterSecretWatch
    repair: RepairDrift

    def delete(self) -> None:
        del self.scene.world.control_plane.secrets[self.order.target.cluster_secret]

    def alter(self) -> None:
        secrets = self.scene.world.control_plane.secrets
        found = secrets[self.order.target.cluster_secret]
        self.scene.world.control_plane.put(attrs.evolve(found, annotations={}))

    @property
    def attempts(self) -> int:
        return len(self.scene.world.jobs.of_cluster(self.cluster.id))


async def landed(policy: RepairPolicy | None = None) -> Landed:
    scene = Scene()
    cluster = scene.put(new_cluster())
    order = scene.order(cluster)
    await scene.jobs.submit(order)
    await scene.jobs.release(order.key)
    await asyncio.sleep(1)
    await scene.jobs.mark_reported(order.key)
    assert scene.landed(order)
    world = scene.world
    watch = MemoryClusterSecretWatch(world.control_plane, world.clock)
    repair = RepairDrift(
        watch, scene.jobs, scene.reconcile, world.clock, world.telemetry, scene.wake, policy or RepairPolicy()
    )
    return Landed(scene, cluster, order, watch, repair)


async def live(case: Landed, seconds: float, repair: RepairDrift | None = None) -> None:
    """Let repair, admission and report work for simulated ``seconds``."""
    scene = case.scene
    admit = attrs.evolve(scene.admit, interval=0.1)
    loops = [asyncio.create_task(loop()) for loop in (repair or case.repair, admit, scene.report)]
    await asyncio.sleep(seconds)
    for loop in loops:
        loop.cancel()
    await asyncio.wait(loops)


@pytest.mark.parametrize(("damage", "kind"), [("delete", DriftKind.DELETED), ("alter", DriftKind.ALTERED)])
@simulated
async def test_what_somebody_did_is_undone_by_a_job(damage: str, kind: DriftKind) -> None:
    case = await landed()
    getattr(case, damage)()
    await live(case, 30)
    assert case.scene.landed(case.order)
    published = case.scene.world.control_plane.secrets[case.order.target.cluster_secret]
    assert published.generation == 1
    assert case.attempts == 2
    drift = Drift(case.cluster.id, case.order.target.cluster_secret, kind)
    assert case.scene.facts(DriftSeen) == [DriftSeen(drift)]
    (started,) = case.scene.facts(RepairStarted)
    assert (started.drift, started.key.attempt) == (drift, 2)
    assert case.watch.repairs == [(drift, started.key)]


@pytest.mark.parametrize("forgotten", [False, True])
@simulated
async def test_where_a_cluster_has_been_nothing_is_repaired(forgotten: bool) -> None:
    case = await landed()
    case.scene.put(attrs.evolve(case.cluster, namespace="another-namespace"))
    life = asyncio.create_task(live(case, 1000))
    await case.scene.reconcile(event_about(case.cluster.id))
    await asyncio.sleep(60)
    if forgotten:
        ever = case.scene.world.clock.now() + timedelta(days=1)
        case.scene.world.jobs.forget(case.cluster.id, ever)
        assert case.attempts == 0
    case.delete()
    await life
    # Who does not know of the move sees it in the first job that it lets repair.
    assert case.attempts == (1 if forgotten else 2)
    assert len(case.scene.facts(RepairStarted)) == int(forgotten)
    assert case.repair._cases == {}


@simulated
async def test_a_secret_that_is_as_it_should_be_is_let_be() -> None:
    case = await landed()
    await live(case, 1000)
    assert case.attempts == 1
    assert case.scene.facts(DriftSeen) == []


@simulated
async def test_whoever_puts_it_back_soon_is_not_interfered_with() -> None:
    case = await landed(RepairPolicy(settle=10))
    secrets = case.scene.world.control_plane.secrets
    found = secrets[case.order.target.cluster_secret]
    case.delete()
    life = asyncio.create_task(live(case, 60))
    await asyncio.sleep(5)
    secrets[case.order.target.cluster_secret] = found
    await life
    assert case.attempts == 1


@simulated
async def test_a_fight_for_a_secret_gets_slower_and_slower() -> None:
    policy = RepairPolicy(settle=1, pause=Backoff(initial=10, factor=2, maximum=1000))
    case = await landed(policy)

    async def fight() -> None:
        while True:
            case.scene.world.control_plane.secrets.pop(case.order.target.cluster_secret, None)
            await asyncio.sleep(0.5)

    enemy = asyncio.create_task(fight())
    await live(case, 600)
    enemy.cancel()
    # Pauses of 5 to 10, 10 to 20, ... seconds: about six repairs in ten minutes, not hundreds.
    assert 5 <= case.attempts <= 9


@simulated
async def test_a_deletion_that_nobody_watched_is_found_by_looking() -> None:
    case = await landed(RepairPolicy(check=50))

    class Blind(MemoryClusterSecretWatch):
        async def drifts(self) -> AsyncGenerator[Drift, None]:
            await asyncio.Event().wait()
            yield Drift(case.cluster.id, case.order.target.cluster_secret, DriftKind.DELETED)

    blind = Blind(case.watch.control_plane, case.watch.clock)
    case.delete()
    await live(case, 30, attrs.evolve(case.repair, watch=blind))
    assert case.scene.landed(case.order)


@simulated
async def test_a_cluster_that_is_not_rolled_out_is_left_to_whoever_works_for_it() -> None:
    case = await landed()
    elsewhere = attrs.evolve(case.scene.reconcile, rollout=Rollout(enabled=False))
    case.delete()
    await live(case, 60, attrs.evolve(case.repair, reconcile=elsewhere))
    assert case.attempts == 1
    assert case.scene.facts(DriftSeen) == []


@simulated
async def test_a_cluster_that_is_gone_needs_no_repair() -> None:
    case = await landed()
    case.scene.world.hyperfleet.remove(case.cluster.id.value)
    case.delete()
    await live(case, 60)
    assert case.attempts == 1
    assert case.repair._cases == {}


@pytest.mark.parametrize("still_known", [True, False], ids=["still in the API", "forgotten by the API"])
@simulated
async def test_what_our_own_clean_up_deletes_is_no_drift_and_stays_deleted(still_known: bool) -> None:
    case = await landed(RepairPolicy(check=20))
    long_ago = case.scene.world.clock.now() - timedelta(minutes=5)
    deleted = attrs.evolve(case.cluster, generation=Generation(2), deleting=True, deleted_at=long_ago)
    case.scene.put(deleted)
    life = asyncio.create_task(live(case, 240))
    await case.scene.reconcile(event_about(case.cluster.id))
    await asyncio.sleep(31)  # the clean-up lets requests of the last job end
    await case.scene.reconcile(event_about(case.cluster.id))
    await asyncio.sleep(20)
    if still_known:
        case.scene.put(deleted)
    await life
    assert case.scene.published(case.order) is None
    assert case.scene.versions(case.order) == []
    assert case.attempts == 2  # the provisioning and the clean-up
    assert case.scene.facts(DriftSeen) == []
    assert case.scene.facts(RepairStarted) == []


@simulated
async def test_a_drift_of_a_secret_that_was_cleaned_up_is_none() -> None:
    case = await landed()
    deleted = attrs.evolve(case.cluster, generation=Generation(2), deleting=True)
    case.scene.know_clean_up(deleted, CleanUpResult())
    case.delete()
    await case.repair.check_once()

    class Telling(MemoryClusterSecretWatch):
        async def drifts(self) -> AsyncGenerator[Drift, None]:
            yield Drift(case.cluster.id, case.order.target.cluster_secret, DriftKind.DELETED)
            await asyncio.Event().wait()

    telling = Telling(case.watch.control_plane, case.watch.clock)
    await live(case, 30, attrs.evolve(case.repair, watch=telling))
    assert case.scene.facts(DriftSeen) == []


@simulated
async def test_a_secret_that_goes_after_the_deletion_was_asked_for_is_not_written_anew() -> None:
    case = await landed()
    case.scene.put(attrs.evolve(case.cluster, generation=Generation(2), deleting=True))
    await case.scene.reconcile(event_about(case.cluster.id))
    await asyncio.sleep(30)  # the clean-up lets requests of the last job end
    case.delete()
    await live(case, 60)
    assert case.scene.published(case.order) is None
    assert case.scene.facts(RepairStarted) == []
    # What noticed it has the cluster cleaned up, if no event has.
    assert case.scene.versions(case.order) == []
    assert case.repair._cases == {}


@pytest.mark.parametrize("point", ["cluster-catalog.get", "job-runner.submit", "job-runner.jobs"])
@simulated
async def test_a_fault_at_any_call_only_delays_the_repair(point: str) -> None:
    case = await landed(RepairPolicy(pause=Backoff(initial=5, factor=2, maximum=10)))
    case.delete()
    case.scene.fault(FaultRule(point, Fault.FAIL, nth=1))
    await live(case, 60)
    assert case.scene.landed(case.order)
    assert case.scene.facts(Interrupted)


@simulated
async def test_a_cluster_that_nobody_foresaw_ends_neither_the_replica_nor_other_repairs() -> None:
    case = await landed()
    other = case.scene.order(new_cluster())
    await case.scene.jobs.submit(other)
    await case.scene.jobs.release(other.key)
    await asyncio.sleep(1)
    await case.scene.jobs.mark_reported(other.key)

    class Surprising(MemoryClusterSecretWatch):
        async def look(self, secret: ClusterSecretRef) -> DriftKind | None:
            if secret == case.order.target.cluster_secret:
                raise ZeroDivisionError("quotes anything")
            return await super().look(secret)

    surprising = attrs.evolve(case.repair, watch=Surprising(case.watch.control_plane, case.watch.clock))
    for order in (case.order, other):
        del case.scene.world.control_plane.secrets[order.target.cluster_secret]
        surprising.note(Drift(order.key.cluster_id, order.target.cluster_secret, DriftKind.DELETED))
    await asyncio.sleep(case.repair.policy.settle)
    await surprising.repair_due()
    assert case.scene.facts(InternalFault) == [
        InternalFault("repair-drift", "ZeroDivisionError", case.cluster.id)
    ]
    assert [fact.key.cluster_id for fact in case.scene.facts(RepairStarted)] == [other.key.cluster_id]


@simulated
async def test_a_watch_that_cannot_look_for_now_is_asked_again() -> None:
    case = await landed(RepairPolicy(check=20, pause=Backoff(initial=5, factor=2, maximum=10)))

    class Deaf(MemoryClusterSecretWatch):
        async def look(self, secret: ClusterSecretRef) -> DriftKind | None:
            if self.clock.monotonic() < 25:
                raise TransientError("look", secret.path, Reason.KUBERNETES_UNAVAILABLE, "It is away.")
            return await super().look(secret)

        async def drifts(self) -> AsyncGenerator[Drift, None]:
            yield Drift(case.cluster.id, case.order.target.cluster_secret, DriftKind.DELETED)
            await asyncio.Event().wait()

    deaf = Deaf(case.watch.control_plane, case.watch.clock)
    case.delete()
    await live(case, 60, attrs.evolve(case.repair, watch=deaf))
    assert case.scene.landed(case.order)
    assert {fact.operation for fact in case.scene.facts(Interrupted)} == {"look"}


@simulated
async def test_one_replica_starts_no_more_repairs_in_a_minute_than_configured() -> None:
    case = await landed(RepairPolicy(per_minute=6))
    scene = case.scene
    orders = [scene.order(new_cluster()) for _ in range(8)]
    for order in orders:
        await scene.jobs.submit(order)
        await scene.jobs.release(order.key)
        await asyncio.sleep(1)
        await scene.jobs.mark_reported(order.key)
        del scene.world.control_plane.secrets[order.target.cluster_secret]
    await live(case, 35)
    assert 3 <= len(scene.facts(RepairStarted)) <= 4
    await live(case, 90)
    assert all(scene.landed(order) for order in orders)


@simulated
async def test_a_repair_is_due_just_when_its_time_has_come() -> None:
    case = await landed(RepairPolicy(settle=2, per_minute=6))
    clock, precondition = case.scene.world.clock, Says(True)
    policy = attrs.evolve(case.scene.reconcile.policy, preconditions=[precondition])
    repair = attrs.evolve(case.repair, reconcile=attrs.evolve(case.scene.reconcile, policy=policy))
    case.delete()
    repair.note(Drift(case.cluster.id, case.order.target.cluster_secret, DriftKind.DELETED))
    starts = []
    for seconds in (1.5, 0.5):
        await clock.sleep(seconds)
        before = clock.monotonic()
        await repair.repair_due()
        starts.append(len(case.scene.facts(RepairStarted)))
    assert starts == [0, 1]
    assert clock.monotonic() - before == 10  # six in a minute: the next may start ten seconds later
    assert [seen["event"]["Type"] for seen in precondition.seen] == ["pullsecret.drift"]


@simulated
async def test_a_repair_that_does_not_start_tells_when_it_is_tried_again() -> None:
    case = await landed(RepairPolicy(settle=0, pause=Backoff(initial=10, factor=10, maximum=1000)))
    case.scene.fault(FaultRule("cluster-catalog.get", Fault.FAIL, probability=1))
    case.delete()
    case.repair.note(Drift(case.cluster.id, case.order.target.cluster_secret, DriftKind.DELETED))
    await case.repair.repair_due()
    await case.scene.world.clock.sleep(10)
    await case.repair.repair_due()
    first, second = (fact.delay for fact in case.scene.facts(Interrupted))
    assert 5 <= first < 10
    assert 50 <= second < 100


@simulated
async def test_a_repair_that_finds_a_job_at_work_comes_again_once_that_has_ended() -> None:
    case = await landed(RepairPolicy(settle=0, pause=Backoff(initial=10, factor=2, maximum=1000)))
    case.delete()
    at_work = case.scene.know_job(case.cluster, attempt=2)
    case.repair.note(Drift(case.cluster.id, case.order.target.cluster_secret, DriftKind.DELETED))
    await case.repair.repair_due()
    assert case.scene.facts(RepairStarted) == []
    assert case.scene.facts(InternalFault) == []
    now = case.scene.world.clock.now()
    case.scene.world.jobs.put(attrs.evolve(at_work, state=Finished(FAILED_FOR_GOOD, now, True)))
    await case.scene.world.clock.sleep(10)
    await case.repair.repair_due()
    assert [fact.key.attempt for fact in case.scene.facts(RepairStarted)] == [3]


@simulated
async def test_a_drift_is_repaired_even_if_what_is_known_of_its_cluster_cannot_be_had() -> None:
    case = await landed(RepairPolicy(check=10_000))

    class Forgetful:
        def __getattr__(self, name: str) -> object:
            return getattr(case.scene.jobs, name)

        async def jobs(self, cluster_id: ClusterId | None = None) -> Sequence[AnyJob]:
            if cluster_id is not None:
                raise TransientError("jobs", cluster_id.value, Reason.KUBERNETES_UNAVAILABLE, "It is away.")
            return await case.scene.jobs.jobs()

    life = asyncio.create_task(live(case, 60, attrs.evolve(case.repair, jobs=Forgetful())))
    await asyncio.sleep(1)
    case.delete()
    await life
    assert case.scene.landed(case.order)
    assert {fact.operation for fact in case.scene.facts(Interrupted)} == {"jobs"}


@simulated
async def test_a_secret_damaged_again_soon_is_told_again_and_waits_longer_each_time() -> None:
    case = await landed(RepairPolicy(settle=2, pause=Backoff(initial=10, factor=10, maximum=1000)))
    await asyncio.sleep(2000)
    life = asyncio.create_task(live(case, 200))
    await asyncio.sleep(1)
    case.delete()
    await asyncio.sleep(19)
    assert case.scene.landed(case.order)
    case.delete()
    await asyncio.sleep(10)
    assert case.scene.landed(case.order)
    case.delete()  # while it is not yet seen to be as it should be
    await asyncio.sleep(40)
    assert case.attempts == 3
    await life
    assert case.scene.landed(case.order)
    assert case.attempts == 4
    assert len(case.scene.facts(DriftSeen)) == 2


@pytest.mark.parametrize(
    ("result", "reported"),
    [(None, True), (FAILED_FOR_NOW, True), (CREATED, False)],
    ids=["goes on", "failed", "its end is untold"],
)
@simulated
async def test_a_secret_that_no_job_has_landed_yet_is_not_looked_for(
    result: ProvisionResult | None, reported: bool
) -> None:
    case = await landed()
    case.scene.know_job(case.scene.put(new_cluster()), result, reported=reported)
    await case.repair.check_once()
    assert case.scene.facts(DriftSeen) == []


@simulated
async def test_a_case_is_forgotten_when_the_fight_is_long_over() -> None:
    case = await landed(RepairPolicy(pause=Backoff(initial=10, factor=2, maximum=100)))
    case.delete()
    await live(case, 400)
    assert case.scene.landed(case.order)
    assert case.repair._cases == {}
