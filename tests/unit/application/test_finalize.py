"""Deletions: one job does the work, whatever order things happen in, and the API is told how it went."""

from datetime import timedelta
from itertools import pairwise

import attrs
import pytest
from tests.unit.application.scene import CREATED, FAILED_FOR_NOW, Scene, event_about, new_cluster, simulated

from pullsecret.application.finalize import FinalizeCluster, FinalizePolicy
from pullsecret.application.outcomes import Finalized, JobSubmitted, Outcome, Postponed, Skipped
from pullsecret.application.reconcile_cluster import adapter_event
from pullsecret.domain.clean_up import CleanUpJob, CleanUpResult, Deletion, Remains
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.conditions import Condition, Status
from pullsecret.domain.errors import TransientError
from pullsecret.domain.events import TraceContext
from pullsecret.domain.facts import CleanUpEnded, HandedOver, SkipReason
from pullsecret.domain.identifiers import Generation
from pullsecret.domain.provisioning import Failure, Finished, ProvisionOrder
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.memory.faults import Fault, FaultRule, ProcessCrash
from pullsecret.ports.job_runner import Busy
from pullsecret.testing.documents import cluster_document

HALF_AN_HOUR = timedelta(minutes=30)
SETTLED = 30.0
"""Seconds after a job's end from which a clean-up may begin."""
DENIED = CleanUpResult(failure=Failure(Reason.PERMISSION_DENIED, "It lacks a permission."))
UNDER_WAY = Skipped(SkipReason.DELETING, "its clean-up is under way")


@attrs.define
class Deleted:
    """A cluster that was provisioned, and whose deletion was asked for."""

    scene: Scene
    order: ProvisionOrder
    cluster: Cluster

    @property
    def finalized(self) -> Condition:
        report = self.scene.told(self.cluster.id)
        assert report is not None
        assert report.conditions.finalized is not None
        return report.conditions.finalized

    @property
    def stored(self) -> bool:
        return bool(self.scene.versions(self.order))

    @property
    def published(self) -> bool:
        return self.scene.published(self.order) is not None

    @property
    def clean_ups(self) -> list[CleanUpJob]:
        jobs = self.scene.world.jobs.of_cluster(self.cluster.id)
        return sorted((job for job in jobs if isinstance(job, CleanUpJob)), key=lambda job: job.key)

    async def event(self) -> Outcome:
        return await self.scene.reconcile(event_about(self.cluster.id))

    async def is_seen_at_rest(self, finalize: FinalizeCluster | None = None) -> None:
        """For long enough, by the replica of ``finalize``."""
        assert isinstance(await (finalize or self.scene.finalize)(self.cluster), Postponed)
        await self.scene.world.clock.sleep(SETTLED)

    async def let_jobs_end(self) -> None:
        """Release what is queued, let it end, and tell."""
        await self.scene.admit.admit_once()
        await self.scene.world.clock.sleep(1)
        await self.scene.tell_ends()


async def deleted(
    policy: FinalizePolicy | None = None, ago: timedelta = HALF_AN_HOUR, *, landed: bool = True
) -> Deleted:
    scene = Scene(finalize_policy=policy or FinalizePolicy())
    cluster = new_cluster()
    order = scene.order(cluster)
    if landed:
        await scene.jobs.submit(order)
        await scene.jobs.release(order.key)
        await scene.world.clock.sleep(1)
        await scene.tell_ends()
        assert scene.landed(order)
        await scene.world.clock.sleep(SETTLED)
    asked_at = scene.world.clock.now() - ago
    gone = attrs.evolve(cluster, generation=Generation(2), deleting=True, deleted_at=asked_at)
    scene.put(gone)
    it = Deleted(scene, order, gone)
    if ago:
        await it.is_seen_at_rest()
    return it


@simulated
async def test_a_deleted_cluster_is_handed_over_to_a_clean_up_job() -> None:
    it = await deleted()
    trace = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    outcome = await it.scene.reconcile(event_about(it.cluster.id, trace=trace))
    assert isinstance(outcome, JobSubmitted)
    (job,) = it.clean_ups
    assert outcome.job == job
    assert job.key.name == f"pullsecret-{it.cluster.id}-del2"
    assert job.order.trace == trace
    target = it.order.target
    assert job.order.places == Remains((target.cloud_secret,), (target.cluster_secret,))
    assert it.cluster.deleted_at is not None
    assert job.order.give_up_at == it.cluster.deleted_at + timedelta(hours=1)
    assert [fact.key for fact in it.scene.facts(HandedOver)][-1] == job.key
    message = "The cluster is being deleted: its secrets are looked for."
    assert it.finalized == Condition(Status.FALSE, Reason.IN_PROGRESS, message)
    # This process touches neither store.
    assert it.stored
    assert it.published

    await it.let_jobs_end()
    assert not it.stored
    assert not it.published
    assert (it.finalized.status, it.finalized.reason) == (Status.TRUE, Reason.FINALIZED)
    report = it.scene.told(it.cluster.id)
    assert report is not None
    assert report.generation == 2
    assert report.conditions.available.status is Status.FALSE
    assert report.conditions.health.status is Status.TRUE
    assert report.job is not None
    assert report.job.name == job.key.name
    assert [fact.key for fact in it.scene.facts(CleanUpEnded)] == [job.key]


@simulated
async def test_any_number_of_events_make_one_job_and_hear_the_same_end() -> None:
    it = await deleted()
    assert isinstance(await it.event(), JobSubmitted)
    assert await it.event() == UNDER_WAY
    await it.scene.admit.admit_once()
    assert await it.event() == UNDER_WAY
    await it.scene.world.clock.sleep(60)
    assert await it.event() == Skipped(SkipReason.DELETING, "its clean-up has ended and is about to be told")
    await it.let_jobs_end()
    it.scene.put(it.cluster)  # the API waits for others
    assert await it.event() == Finalized()
    assert len(it.clean_ups) == 1


async def late_replica(it: Deleted) -> FinalizeCluster:
    """One that knows of no job that is submitted from now on."""
    known = await it.scene.jobs.jobs(it.cluster.id)

    class Stale:
        def __getattr__(self, name: str) -> object:
            return getattr(it.scene.jobs, name)

        async def jobs(self, cluster_id: object) -> object:
            return known

    return attrs.evolve(it.scene.finalize, jobs=Stale())


@simulated
async def test_a_clock_that_is_ahead_makes_nothing_begin_early() -> None:
    """The last job ended half an hour ago by it, and so did whoever asked for the deletion."""
    it = await deleted(ago=timedelta(0))
    it.scene.put(attrs.evolve(it.cluster, deleted_at=it.scene.world.clock.now() - HALF_AN_HOUR))
    assert isinstance(await it.event(), Postponed)
    await it.scene.world.clock.sleep(29)
    assert isinstance(await it.event(), Postponed)
    assert it.clean_ups == []
    await it.scene.world.clock.sleep(1)
    assert isinstance(await it.event(), JobSubmitted)


@simulated
async def test_where_a_job_was_at_work_meanwhile_rest_begins_anew() -> None:
    it = await deleted()
    await it.scene.jobs.submit(attrs.evolve(it.order, attempt=2))
    assert isinstance(await it.event(), Postponed)
    await it.let_jobs_end()
    await it.scene.world.clock.sleep(SETTLED)
    assert isinstance(await it.event(), Postponed)
    await it.scene.world.clock.sleep(SETTLED)
    assert isinstance(await it.event(), JobSubmitted)


@simulated
async def test_of_replicas_that_decide_at_once_one_hands_over() -> None:
    it = await deleted()
    late = await late_replica(it)
    await it.is_seen_at_rest(late)
    assert isinstance(await it.event(), JobSubmitted)
    assert await late(it.cluster) == UNDER_WAY
    assert len(it.clean_ups) == 1


@simulated
async def test_nothing_begins_while_a_job_may_still_write() -> None:
    it = await deleted()
    late = attrs.evolve(it.order, attempt=2)
    await it.scene.jobs.submit(late)
    assert await it.event() == Postponed("the cluster is being deleted: its last job has not ended.")
    assert it.clean_ups == []
    message = "The cluster is being deleted: its last job has not ended."
    assert it.finalized == Condition(Status.FALSE, Reason.IN_PROGRESS, message)
    await it.let_jobs_end()
    await it.is_seen_at_rest()
    assert isinstance(await it.event(), JobSubmitted)
    await it.let_jobs_end()
    assert not it.stored


@simulated
async def test_nothing_begins_while_a_job_may_write_that_a_replica_does_not_know_yet() -> None:
    it = await deleted()
    late = await late_replica(it)
    await it.is_seen_at_rest(late)
    await it.scene.jobs.submit(attrs.evolve(it.order, attempt=2))
    assert await late(it.cluster) == Postponed("the cluster is being deleted: its last job has not ended.")
    assert it.clean_ups == []


@simulated
async def test_jobs_of_other_clusters_are_not_waited_for() -> None:
    it = await deleted()
    it.scene.know_job(it.scene.put(new_cluster()))
    assert isinstance(await it.event(), JobSubmitted)


@simulated
async def test_nothing_begins_before_every_replica_has_heard() -> None:
    """The late create event: read before the deletion, handed over after it."""
    it = await deleted(ago=timedelta(0))
    waits = "the cluster is being deleted: work begun before is given time to end."
    assert await it.event() == Postponed(waits)
    late = attrs.evolve(it.order, attempt=2)
    await it.scene.jobs.submit(late)
    await it.scene.world.clock.sleep(29)
    assert isinstance(await it.event(), Postponed)
    await it.let_jobs_end()
    await it.is_seen_at_rest()
    assert isinstance(await it.event(), JobSubmitted)
    # From now on it is too late for anybody.
    assert isinstance(await it.scene.jobs.submit(attrs.evolve(late, attempt=3)), Busy)
    await it.let_jobs_end()
    assert isinstance(await it.scene.jobs.submit(attrs.evolve(late, attempt=3)), Busy)
    assert not it.stored
    assert not it.published


@pytest.mark.parametrize("ended_ago", [0, 29])
@simulated
async def test_nothing_begins_before_the_last_jobs_requests_have_had_their_effect(ended_ago: int) -> None:
    it = await deleted()
    before = attrs.evolve(it.cluster, generation=Generation(1), deleting=False)
    it.scene.know_job(before, CREATED, attempt=2)
    await it.scene.world.clock.sleep(ended_ago)
    assert isinstance(await it.event(), Postponed)
    assert not it.clean_ups
    await it.scene.world.clock.sleep(30 - ended_ago)
    assert isinstance(await it.event(), JobSubmitted)


@simulated
async def test_what_was_read_before_the_deletion_waits_and_is_read_again() -> None:
    it = await deleted()
    await it.event()
    await it.let_jobs_end()
    for generation in (1, 2):
        older = attrs.evolve(it.cluster, generation=Generation(generation), deleting=False, deleted_at=None)
        it.scene.put(older)
        assert isinstance(await it.event(), Postponed if generation == 2 else Skipped)
        # Nor is it told that anything is in progress.
        assert it.finalized.status is Status.TRUE
    assert not it.stored


@simulated
async def test_without_a_time_of_deletion_it_begins_at_once_and_is_never_given_up() -> None:
    it = await deleted()
    it.scene.world.hyperfleet.put({**cluster_document(it.cluster), "deletedTime": True})
    outcome = await it.event()
    assert isinstance(outcome, JobSubmitted)
    assert isinstance(outcome.job, CleanUpJob)
    assert outcome.job.order.give_up_at is None


@simulated
async def test_policy_goes_with_the_order() -> None:
    it = await deleted(FinalizePolicy(stored_secret=Deletion.RETAIN))
    await it.event()
    await it.let_jobs_end()
    assert it.stored
    assert not it.published
    assert (it.finalized.status, it.finalized.reason) == (Status.TRUE, Reason.RETAINED)
    assert it.order.target.cloud_secret.path in it.finalized.message


@simulated
async def test_what_an_earlier_spec_named_is_found_by_its_jobs() -> None:
    it = await deleted()
    it.scene.put(attrs.evolve(it.cluster, project="elsewhere-project", namespace="elsewhere"))
    await it.event()
    await it.let_jobs_end()
    assert not it.stored
    assert not it.published


@simulated
async def test_what_placement_moved_away_from_is_found_when_its_jobs_are_forgotten() -> None:
    it = await deleted()
    it.scene.put(attrs.evolve(it.cluster, project="elsewhere-project", namespace="elsewhere"))
    it.scene.world.jobs.forget(it.cluster.id, before=it.scene.world.clock.now())
    await it.event()
    await it.let_jobs_end()
    assert not it.stored
    assert not it.published


@simulated
async def test_a_spec_that_became_unreadable_holds_up_no_deletion() -> None:
    it = await deleted()
    document = cluster_document(it.cluster)
    spec = {**document["spec"], "provider": 1, "gcp": {"projectId": 2}}
    it.scene.world.hyperfleet.put({**document, "spec": spec})
    assert isinstance(await it.event(), JobSubmitted)
    await it.let_jobs_end()
    assert not it.stored
    assert (it.finalized.status, it.finalized.reason) == (Status.TRUE, Reason.FINALIZED)


@simulated
async def test_a_cluster_that_never_was_provisioned_is_looked_for_where_its_spec_points() -> None:
    it = await deleted(landed=False)
    assert isinstance(await it.event(), JobSubmitted)
    await it.let_jobs_end()
    assert (it.finalized.status, it.finalized.reason) == (Status.TRUE, Reason.FINALIZED)


@simulated
async def test_a_cluster_that_can_have_no_secret_anywhere_needs_no_job() -> None:
    scene = Scene()
    cluster = new_cluster(project=None, namespace=None, deleting=True)
    scene.world.hyperfleet.put({**cluster_document(cluster), "deletedTime": True})
    scene.fault(FaultRule("status-sink.post", Fault.FAIL, nth=1))
    with pytest.raises(TransientError):
        await scene.reconcile(event_about(cluster.id))
    assert await scene.reconcile(event_about(cluster.id)) == Finalized()
    assert scene.world.jobs.all() == []
    told = scene.told(cluster.id)
    assert told is not None
    assert told.conditions.finalized is not None
    assert told.conditions.finalized.status is Status.TRUE


@simulated
async def test_a_failure_is_told_and_tried_again_after_growing_pauses_until_it_is_given_up() -> None:
    it = await deleted(ago=timedelta(seconds=30))
    it.scene.project.denied.add("secretmanager.secrets.delete")
    clock, asked_at = it.scene.world.clock, it.cluster.deleted_at
    assert asked_at is not None
    await it.event()
    await it.let_jobs_end()
    assert (it.finalized.status, it.finalized.reason) == (Status.FALSE, Reason.PERMISSION_DENIED)
    assert "secretmanager.secrets.delete" in it.finalized.message
    assert await it.event() == Skipped(SkipReason.DELETING, "its clean-up failed: PermissionDenied")
    assert not it.published

    # No event comes; what retries jobs sees to it.
    while it.finalized.status is Status.FALSE:
        assert clock.now() - asked_at < timedelta(hours=3)
        await clock.sleep(5)
        await it.scene.retry.retry_once()
        await it.let_jobs_end()
    assert clock.now() - asked_at >= timedelta(hours=1)
    assert it.finalized.reason is Reason.RETAINED
    assert it.order.target.cloud_secret.path in it.finalized.message
    begun = [job.submitted_at for job in it.clean_ups]
    pauses = [later - earlier for earlier, later in pairwise(begun)]
    assert len(pauses) >= 2
    assert pauses == sorted(pauses)
    it.scene.put(it.cluster)
    assert await it.event() == Finalized((it.order.target.cloud_secret.path,))


@simulated
async def test_what_a_person_mended_goes_with_the_next_attempt() -> None:
    it = await deleted()
    it.scene.project.denied.add("secretmanager.secrets.delete")
    await it.event()
    await it.let_jobs_end()
    it.scene.project.denied.clear()
    (failed,) = it.clean_ups
    it.scene.world.jobs.put(attrs.evolve(failed, retry_asked=True))
    await it.scene.retry.retry_once()
    await it.let_jobs_end()
    assert (it.finalized.status, it.finalized.reason) == (Status.TRUE, Reason.FINALIZED)
    assert not it.stored


@simulated
async def test_a_retry_goes_on_in_the_trace_of_what_failed() -> None:
    it = await deleted()
    trace = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    failed = it.scene.know_clean_up(it.cluster, DENIED)
    it.scene.world.jobs.put(attrs.evolve(failed, order=attrs.evolve(failed.order, trace=trace)))
    await it.scene.world.clock.sleep(3600)
    outcome = await it.scene.reconcile(adapter_event(it.cluster.id, "pullsecret.retry"))
    assert isinstance(outcome, JobSubmitted)
    assert outcome.job.trace == trace


@simulated
async def test_an_event_does_not_shorten_a_pause() -> None:
    it = await deleted()
    it.scene.know_clean_up(it.cluster, DENIED)
    await it.scene.world.clock.sleep(29)
    assert await it.event() == Skipped(SkipReason.DELETING, "its clean-up failed: PermissionDenied")
    await it.scene.world.clock.sleep(1)
    outcome = await it.event()
    assert isinstance(outcome, JobSubmitted)
    assert outcome.job.key.attempt == 2


@simulated
async def test_a_clean_up_of_an_older_generation_is_waited_for_and_followed_by_one_of_this() -> None:
    it = await deleted()
    older = it.scene.know_clean_up(it.cluster)
    newer = it.scene.put(attrs.evolve(it.cluster, generation=Generation(3)))
    assert isinstance(await it.event(), Postponed)
    it.scene.world.jobs.put(attrs.evolve(older, state=Finished(DENIED, it.scene.world.clock.now(), True)))
    await attrs.evolve(it, cluster=newer).is_seen_at_rest()
    outcome = await it.event()
    assert isinstance(outcome, JobSubmitted)
    assert outcome.job.key.generation == newer.generation


@simulated
async def test_a_begun_clean_up_goes_on_when_the_api_forgets_the_cluster() -> None:
    it = await deleted()
    it.scene.project.denied.add("secretmanager.secrets.delete")
    await it.event()
    await it.let_jobs_end()
    it.scene.world.hyperfleet.remove(it.cluster.id.value)
    assert await it.event() == Skipped(SkipReason.CLUSTER_GONE) or it.clean_ups[-1].key.attempt == 2
    it.scene.project.denied.clear()
    while it.stored:
        await it.scene.world.clock.sleep(30)
        await it.scene.retry.retry_once()
        await it.let_jobs_end()
    assert await it.event() == Skipped(SkipReason.CLUSTER_GONE)


@simulated
async def test_what_goes_on_without_the_api_goes_by_the_policy_of_now() -> None:
    it = await deleted()
    it.scene.know_clean_up(it.cluster, DENIED)
    it.scene.world.hyperfleet.remove(it.cluster.id.value)
    await it.scene.world.clock.sleep(60)
    policy = FinalizePolicy(stored_secret=Deletion.RETAIN)
    outcome = await attrs.evolve(it.scene.finalize, policy=policy).of_vanished(it.cluster.id)
    assert isinstance(outcome, JobSubmitted)
    assert [job.key.attempt for job in it.clean_ups] == [1, 2]
    assert [job.order.stored_secret for job in it.clean_ups] == [Deletion.DELETE, Deletion.RETAIN]


@pytest.mark.parametrize("again", [False, True])
@simulated
async def test_a_cluster_that_the_api_does_not_know_is_no_wish_to_delete_its_secrets(again: bool) -> None:
    it = await deleted()
    it.scene.world.hyperfleet.remove(it.cluster.id.value)
    it.scene.know_job(attrs.evolve(it.cluster, generation=Generation(1)), FAILED_FOR_NOW, attempt=2)
    await it.scene.world.clock.sleep(3600)
    event = adapter_event(it.cluster.id, "test")
    assert await it.scene.reconcile(event, again=again) == Skipped(SkipReason.CLUSTER_GONE)
    assert it.clean_ups == []
    assert it.stored


@simulated
async def test_the_end_of_an_older_provisioning_is_not_told_after_a_clean_up_began() -> None:
    it = await deleted(landed=False)
    it.scene.know_job(attrs.evolve(it.cluster, generation=Generation(1)), CREATED, reported=False)
    await it.event()
    await it.scene.tell_ends()
    assert (it.finalized.status, it.finalized.reason) == (Status.FALSE, Reason.IN_PROGRESS)
    assert it.scene.world.jobs.unreported() == []


@pytest.mark.parametrize(
    "point",
    ["cluster-catalog.get", "job-runner.jobs", "job-runner.submit", "job-runner.release", "status-sink.post"],
)
@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.LOSE_ANSWER, Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
@simulated
async def test_whichever_call_fails_the_next_event_and_the_loops_bring_it_to_its_end(
    point: str, fault: Fault
) -> None:
    it = await deleted()
    it.scene.fault(FaultRule(point, fault, nth=1))
    for _ in range(4):
        for step in (it.event, it.let_jobs_end):
            try:
                await step()
            except BaseException as error:
                if not _injected(error):
                    raise
        await it.scene.world.clock.sleep(60)
    assert (it.finalized.status, it.finalized.reason) == (Status.TRUE, Reason.FINALIZED)
    assert not it.stored
    assert not it.published
    assert len(it.clean_ups) == 1


def _injected(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_injected, error.exceptions))
    return isinstance(error, TransientError | ProcessCrash)
