"""One cluster, reconciled: what is decided, what is told, and that nothing is lost whatever call fails."""

from unittest.mock import patch

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

from pullsecret.application.outcomes import JobSubmitted, Postponed, Refused, Skipped
from pullsecret.application.reconcile_cluster import adapter_event
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.conditions import Status, StatusReport
from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.domain.events import TraceContext
from pullsecret.domain.facts import ClusterRefused, HandedOver, SkipReason, StatusNotTold
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    Failure,
    Finished,
    ProvisionJob,
    ProvisionOrder,
    ProvisionResult,
)
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Stage
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.expressions import EvaluationError
from pullsecret.infrastructure.memory.faults import Fault, FaultRule
from pullsecret.infrastructure.memory.job_runner import MemoryJobRunner
from pullsecret.ports.job_runner import Existing, Submitted
from pullsecret.ports.status_sink import Receipt
from pullsecret.testing.contracts.samples import new_cluster_id
from pullsecret.testing.documents import cluster_document


def next_generation(cluster: Cluster) -> Cluster:
    return attrs.evolve(cluster, generation=Generation(cluster.generation + 1))


@simulated
async def test_a_ready_cluster_is_handed_over_to_a_job() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    trace = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    outcome = await scene.reconcile(event_about(cluster.id, trace=trace))
    assert isinstance(outcome, JobSubmitted)
    assert scene.job_keys(cluster.id) == {(1, 1)}
    order = scene.world.jobs.orders[outcome.job.key]
    assert order.pull_secret == cluster.pull_secret
    assert order.trace == trace
    assert [fact.key for fact in scene.facts(HandedOver)] == [outcome.job.key]
    told = scene.told(cluster.id)
    assert told is not None
    assert told.conditions.applied.reason is Reason.IN_PROGRESS
    assert told.conditions.available.status is Status.UNKNOWN


@simulated
async def test_an_unknown_cluster_is_skipped() -> None:
    scene = Scene()
    assert await scene.reconcile(event_about(new_cluster_id())) == Skipped(SkipReason.CLUSTER_GONE)


@simulated
async def test_a_deleted_cluster_is_left_to_others_where_deletions_are() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster(deleting=True))
    reconcile = attrs.evolve(scene.reconcile, finalize=None)
    assert await reconcile(event_about(cluster.id)) == Skipped(SkipReason.DELETING)
    assert await reconcile(event_about(new_cluster_id())) == Skipped(SkipReason.CLUSTER_GONE)


@pytest.mark.parametrize("report_waiting", [False, True])
@simulated
async def test_an_unmet_precondition_is_skipped_naming_the_clause(report_waiting: bool) -> None:
    unmet = Says(False, 'dnsStatus == "True"')
    scene = Scene(preconditions=(Says(True), unmet, Says(True)), report_waiting=report_waiting)
    cluster = scene.put(new_cluster())
    outcome = await scene.reconcile(event_about(cluster.id))
    assert outcome == Skipped(SkipReason.PRECONDITION, 'dnsStatus == "True" is not true')
    assert scene.job_keys(cluster.id) == set()
    told = scene.told(cluster.id)
    if not report_waiting:
        assert told is None
        return
    assert told is not None
    assert told.conditions.applied.reason is Reason.PRECONDITIONS_NOT_MET
    assert told.conditions.available.message == 'Waiting: dnsStatus == "True" is not true.'
    assert told.conditions.health.status is Status.TRUE


@pytest.mark.parametrize(
    ("result", "again", "outcome", "told"),
    [
        (CREATED, False, SkipReason.ALREADY_DONE, Reason.SECRET_AVAILABLE),
        (CREATED, True, SkipReason.PRECONDITION, None),
        (FAILED_FOR_NOW, False, SkipReason.RETRY_PENDING, Reason.QUOTA_EXCEEDED),
        (None, False, SkipReason.ALREADY_RUNNING, Reason.IN_PROGRESS),
    ],
)
@simulated
async def test_a_precondition_that_turns_false_leaves_what_is_told_of_the_generations_job(
    result: ProvisionResult | None, again: bool, outcome: SkipReason, told: Reason | None
) -> None:
    scene = Scene(preconditions=(Says(False),), report_waiting=True)
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, result)
    reconciled = await scene.reconcile(event_about(cluster.id), again=again)
    assert isinstance(reconciled, Skipped)
    assert reconciled.reason is outcome
    report = scene.told(cluster.id)
    assert (report and report.conditions.available.reason) is told
    assert scene.job_keys(cluster.id) == {(1, 1)}


@simulated
async def test_data_that_is_not_there_is_skipped_not_failed() -> None:
    scene = Scene(preconditions=(Says(EvaluationError("spec has no gcp", "spec.gcp.projectId", 0, 4)),))
    cluster = scene.put(new_cluster())
    outcome = await scene.reconcile(event_about(cluster.id))
    assert outcome == Skipped(SkipReason.MISSING_DATA, "spec has no gcp")


@simulated
async def test_preconditions_see_the_cluster_and_the_event_but_no_payload() -> None:
    condition = Says(True)
    scene = Scene(preconditions=(condition,))
    cluster = scene.put(new_cluster())
    await scene.reconcile(event_about(cluster.id))
    (seen,) = condition.seen
    assert seen["cloudProvider"] == "gcp"
    assert seen["clusterId"] == cluster.id.value
    assert seen["pullSecretData"] == "[redacted]"
    assert cluster.pull_secret is not None
    assert cluster.pull_secret.reveal().decode() not in repr(seen)


@simulated
async def test_a_cluster_that_an_older_read_shows_is_stale() -> None:
    scene = Scene()
    cluster = new_cluster()
    scene.know_job(next_generation(cluster), CREATED)
    scene.put(cluster)
    assert await scene.reconcile(event_about(cluster.id)) == Skipped(SkipReason.STALE)
    assert scene.told(cluster.id) is None


@pytest.mark.parametrize(
    ("result", "skip"),
    [
        (None, SkipReason.ALREADY_RUNNING),
        (CREATED, SkipReason.ALREADY_DONE),
        (FAILED_FOR_GOOD, SkipReason.ALREADY_FAILED),
        (FAILED_FOR_NOW, SkipReason.RETRY_PENDING),
    ],
)
@simulated
async def test_a_generation_that_has_its_job_gets_no_other(
    result: ProvisionResult | None, skip: SkipReason
) -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, result)
    assert await scene.reconcile(event_about(cluster.id)) == Skipped(skip)
    assert scene.job_keys(cluster.id) == {(1, 1)}
    told = scene.told(cluster.id)
    if result is None:
        assert told is None
    else:
        # The same words again: a sign of life.
        assert told is not None
        assert (told.conditions.available.status is Status.TRUE) == (result.failure is None)


@simulated
async def test_an_end_that_is_not_told_yet_is_left_to_be_told_by_the_report() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, CREATED, reported=False)
    assert await scene.reconcile(event_about(cluster.id)) == Skipped(SkipReason.ALREADY_DONE)
    assert scene.told(cluster.id) is None


@simulated
async def test_what_failed_for_now_is_tried_again_after_its_pause() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, FAILED_FOR_NOW)
    await scene.world.clock.sleep(29)
    assert await scene.reconcile(event_about(cluster.id)) == Skipped(SkipReason.RETRY_PENDING)
    await scene.world.clock.sleep(1)
    assert isinstance(await scene.reconcile(event_about(cluster.id)), JobSubmitted)
    assert scene.job_keys(cluster.id) == {(1, 1), (1, 2)}
    told = scene.told(cluster.id)
    # A second attempt does not say that nothing is known any more.
    assert told is not None
    assert told.conditions.applied.reason is Reason.QUOTA_EXCEEDED


@simulated
async def test_an_end_is_not_told_anew_over_that_of_an_attempt_which_was_not_heard_of() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    earlier = scene.know_job(cluster, FAILED_FOR_NOW)
    scene.know_job(cluster, CREATED, attempt=2)

    async def lagging(_runner: MemoryJobRunner, _cluster: ClusterId) -> list[ProvisionJob]:
        return [earlier]

    with patch.object(MemoryJobRunner, "known", lagging):
        assert await scene.reconcile(event_about(cluster.id)) == Skipped(SkipReason.RETRY_PENDING)
    assert scene.told(cluster.id) is None


@simulated
async def test_what_failed_for_now_is_not_tried_again_before_it_was_told() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, FAILED_FOR_NOW, reported=False)
    await scene.world.clock.sleep(3600)
    assert await scene.reconcile(event_about(cluster.id)) == Skipped(SkipReason.RETRY_PENDING)


@pytest.mark.parametrize("again", [False, True])
@simulated
async def test_a_retry_goes_on_in_the_trace_of_what_failed(again: bool) -> None:
    """A repair, which may come weeks later, does not; an event brings its own."""
    scene = Scene()
    cluster = scene.put(new_cluster())
    trace = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    failed = scene.know_job(cluster, FAILED_FOR_NOW)
    scene.world.jobs.put(attrs.evolve(failed, trace=trace))
    await scene.world.clock.sleep(3600)
    outcome = await scene.reconcile(adapter_event(cluster.id, "pullsecret.retry"), again=again)
    assert isinstance(outcome, JobSubmitted)
    assert outcome.job.trace == (None if again else trace)


@pytest.mark.parametrize("result", [CREATED, FAILED_FOR_NOW, FAILED_FOR_GOOD])
@simulated
async def test_a_cluster_that_placement_moved_goes_again_to_where_it_is(result: ProvisionResult) -> None:
    scene = Scene()
    cluster = new_cluster()
    scene.know_job(cluster, result)
    moved = scene.put(attrs.evolve(cluster, namespace="another-namespace"))
    outcome = await scene.reconcile(event_about(cluster.id))
    assert isinstance(outcome, JobSubmitted)
    assert isinstance(outcome.job, ProvisionJob)
    assert outcome.job.key.attempt == 2
    assert outcome.job.target.cluster_secret.namespace == moved.namespace
    # Once it was sent there, it is done as ever.
    assert await scene.reconcile(event_about(cluster.id)) == Skipped(SkipReason.ALREADY_RUNNING)


@simulated
async def test_a_cluster_that_placement_moves_while_its_job_runs_comes_again_once_it_has_ended() -> None:
    scene = Scene()
    cluster = new_cluster()
    scene.know_job(cluster, None)
    scene.put(attrs.evolve(cluster, namespace="another-namespace"))
    assert isinstance(await scene.reconcile(event_about(cluster.id)), Postponed)
    scene.know_job(cluster, CREATED)
    assert isinstance(await scene.reconcile(event_about(cluster.id)), JobSubmitted)


@pytest.mark.parametrize("namespace", [None, "No Namespace"])
@simulated
async def test_a_placement_that_names_no_namespace_any_more_moves_nothing(namespace: str | None) -> None:
    scene = Scene()
    cluster = new_cluster()
    scene.know_job(cluster, CREATED)
    scene.world.hyperfleet.put(cluster_document(attrs.evolve(cluster, namespace=namespace)))
    assert await scene.reconcile(event_about(cluster.id)) == Skipped(SkipReason.ALREADY_DONE)


@simulated
async def test_asked_again_it_goes_again_whatever_came_of_it() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, CREATED)
    outcome = await scene.reconcile(adapter_event(cluster.id, "test"), again=True)
    assert isinstance(outcome, JobSubmitted)
    assert outcome.job.key.attempt == 2


@pytest.mark.parametrize("reported", [None, False])
@simulated
async def test_a_newer_generation_waits_until_the_older_one_has_ended_and_was_told(
    reported: bool | None,
) -> None:
    scene = Scene()
    older = new_cluster()
    scene.know_job(older, None if reported is None else CREATED, reported=bool(reported))
    cluster = scene.put(next_generation(older))
    outcome = await scene.reconcile(event_about(cluster.id))
    assert outcome == Postponed("generation 1 is still worked on")
    assert scene.told(cluster.id) is None
    await scene.jobs.mark_reported(scene.world.jobs.of_cluster(cluster.id)[0].key)
    if reported is not None:
        assert isinstance(await scene.reconcile(event_about(cluster.id)), JobSubmitted)


@simulated
async def test_an_older_generation_whose_end_is_never_told_does_not_hold_up_a_newer_one() -> None:
    scene = Scene()
    older = new_cluster()
    scene.know_job(older, CREATED, reported=False)
    newer = next_generation(older)
    scene.know_job(newer, CREATED)
    cluster = scene.put(next_generation(newer))
    assert isinstance(await scene.reconcile(event_about(cluster.id)), JobSubmitted)


@simulated
async def test_an_unusable_pull_secret_is_told_without_a_job() -> None:
    scene = Scene()
    payload = SecretPayload(b'{"auths": {"quay.io": {"auth": "not base64"}}}')
    cluster = scene.put(new_cluster(pull_secret=payload))
    outcome = await scene.reconcile(event_about(cluster.id))
    assert isinstance(outcome, Refused)
    assert scene.job_keys(cluster.id) == set()
    told = scene.told(cluster.id)
    assert told is not None
    assert told.conditions.applied.reason is Reason.INVALID_PULL_SECRET
    assert "quay.io" in told.conditions.applied.message
    assert [fact.error for fact in scene.facts(ClusterRefused)] == [outcome.error]


@simulated
async def test_a_document_that_cannot_be_read_is_told_too() -> None:
    scene = Scene()
    cluster = new_cluster(generation=Generation(7))
    document = cluster_document(cluster)
    document["spec"]["gcp"]["projectId"] = 7
    scene.world.hyperfleet.put(document)
    assert isinstance(await scene.reconcile(event_about(cluster.id)), Refused)
    told = scene.told(cluster.id)
    assert told is not None
    assert told.generation == 7
    assert told.conditions.applied.reason is Reason.INVALID_CLUSTER
    assert "spec.gcp.projectId" in told.conditions.applied.message


@simulated
async def test_of_a_document_without_generation_nothing_can_be_told() -> None:
    scene = Scene()
    cluster_id = new_cluster_id()
    scene.world.hyperfleet.put({"id": cluster_id.value, "generation": "one", "spec": {}})
    assert isinstance(await scene.reconcile(event_about(cluster_id)), Refused)
    assert scene.told(cluster_id) is None
    (refused,) = scene.facts(ClusterRefused)
    assert "generation 'one'" in str(refused.error)


@simulated
async def test_a_refusal_that_could_not_be_told_brings_the_event_again() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster(pull_secret=SecretPayload(b"{}")))
    scene.fault(FaultRule("status-sink.post", Fault.FAIL, nth=1))
    with pytest.raises(TransientError):
        await scene.reconcile(event_about(cluster.id))
    assert isinstance(await scene.reconcile(event_about(cluster.id)), Refused)
    assert scene.told(cluster.id) is not None


class Refusing:
    """A sink that takes nothing."""

    async def post(self, report: StatusReport) -> Receipt:
        raise PermanentError("post-status", "status", Reason.REQUEST_REFUSED, "The field x is wrong.")


@simulated
async def test_a_status_that_is_refused_for_good_stops_nothing() -> None:
    scene = Scene()
    reconcile = attrs.evolve(scene.reconcile, status=Refusing())
    unusable = scene.put(new_cluster(pull_secret=SecretPayload(b"{}")))
    assert isinstance(await reconcile(event_about(unusable.id)), Refused)
    ready = scene.put(new_cluster())
    assert isinstance(await reconcile(event_about(ready.id)), JobSubmitted)
    assert [fact.cluster_id for fact in scene.facts(StatusNotTold)] == [unusable.id, ready.id]


POINTS = ["cluster-catalog.get", "job-runner.jobs", "status-sink.post", "job-runner.submit"]


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.LOSE_ANSWER])
@pytest.mark.parametrize("point", POINTS)
@simulated
async def test_whatever_call_fails_doing_it_again_gives_exactly_one_job(point: str, fault: Fault) -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.fault(FaultRule(point, fault, nth=1))
    try:
        first = await scene.reconcile(event_about(cluster.id))
    except TransientError:
        assert point != "status-sink.post"
        second = await scene.reconcile(event_about(cluster.id))
        assert isinstance(second, JobSubmitted | Skipped)
    else:
        assert point == "status-sink.post"
        assert isinstance(first, JobSubmitted)
    assert scene.job_keys(cluster.id) == {(1, 1)}
    assert scene.world.faults.injected.total() == 1


class Racing:
    """A runner in which somebody else is first, after we looked."""

    def __init__(self, scene: Scene, theirs: ProvisionOrder, result: ProvisionResult | None) -> None:
        self._scene, self._theirs, self._result = scene, theirs, result

    def __getattr__(self, name: str) -> object:
        return getattr(self._scene.jobs, name)

    async def submit(self, order: ProvisionOrder) -> object:
        cluster = new_cluster(id=order.target.cluster_id, generation=self._theirs.target.generation)
        self._scene.know_job(cluster, self._result)
        return await self._scene.jobs.submit(order)


@pytest.mark.parametrize(
    ("generation", "result", "expected"),
    [
        (1, None, Skipped(SkipReason.ALREADY_RUNNING)),
        (1, CREATED, Skipped(SkipReason.ALREADY_DONE)),
        (2, None, Postponed("generation 2 is still worked on")),
    ],
)
@pytest.mark.parametrize("report_waiting", [False, True])
@simulated
async def test_whoever_comes_second_makes_no_second_job(
    report_waiting: bool, generation: int, result: ProvisionResult | None, expected: object
) -> None:
    scene = Scene(report_waiting=report_waiting)
    cluster = scene.put(new_cluster())
    theirs = scene.order(attrs.evolve(cluster, generation=Generation(generation)))
    scene.put(cluster)
    reconcile = attrs.evolve(scene.reconcile, jobs=Racing(scene, theirs, result))
    assert await reconcile(event_about(cluster.id)) == expected
    assert scene.job_keys(cluster.id) == {(generation, 1)}


@simulated
async def test_an_existing_job_that_failed_for_now_and_is_due_comes_again() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    theirs = scene.order(cluster)

    class LongAgo(Racing):
        async def submit(self, order: ProvisionOrder) -> Submitted | Existing:
            job = scene.know_job(cluster, FAILED_FOR_NOW)
            await scene.world.clock.sleep(60)
            return Existing(job)

    reconcile = attrs.evolve(scene.reconcile, jobs=LongAgo(scene, theirs, None))
    assert isinstance(await reconcile(event_about(cluster.id)), Postponed)


@simulated
async def test_an_end_that_its_telling_may_have_overtaken_is_told_anew() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())

    class EndedUnseen(Racing):
        async def submit(self, order: ProvisionOrder) -> Submitted | Existing:
            return Existing(scene.know_job(cluster, CREATED, reported=False))

    reconcile = attrs.evolve(scene.reconcile, jobs=EndedUnseen(scene, scene.order(cluster), None))
    assert isinstance(await reconcile(event_about(cluster.id)), Postponed)
    scene.know_job(cluster, CREATED)
    assert await scene.reconcile(event_about(cluster.id)) == Skipped(SkipReason.ALREADY_DONE)
    told = scene.told(cluster.id)
    assert told is not None
    assert told.conditions.available.status is Status.TRUE


@simulated
async def test_a_superseded_generation_is_not_tried_again() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    superseded = ProvisionResult(
        Stage.STARTED, failure=Failure(Reason.SUPERSEDED, "Generation 2 is already published.")
    )
    scene.know_job(cluster, superseded)
    await scene.world.clock.sleep(3600)
    assert await scene.reconcile(event_about(cluster.id)) == Skipped(SkipReason.ALREADY_FAILED)


@pytest.mark.parametrize("reason", [Reason.JOB_LOST, Reason.JOB_TIMED_OUT, Reason.JOB_INTERRUPTED])
@simulated
async def test_a_newer_generation_waits_while_a_job_that_nobody_saw_end_may_write(reason: Reason) -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, ProvisionResult(Stage.STARTED, failure=Failure(reason, "Gone.")))
    scene.put(next_generation(cluster))
    await scene.world.clock.sleep(29)
    assert isinstance(await scene.reconcile(event_about(cluster.id)), Postponed)
    await scene.world.clock.sleep(1)
    assert isinstance(await scene.reconcile(event_about(cluster.id)), JobSubmitted)


@simulated
async def test_a_job_is_told_where_earlier_jobs_stored_before_the_cluster_moved() -> None:
    scene = Scene()
    cluster = new_cluster()
    stored: list[CloudSecretRef] = []
    for generation, project in ((1, "customer-prod-1"), (2, "customer-prod-2"), (3, "customer-prod-2")):
        cluster = scene.put(attrs.evolve(cluster, project=project, generation=Generation(generation)))
        outcome = await scene.reconcile(event_about(cluster.id))
        assert isinstance(outcome, JobSubmitted)
        assert isinstance(outcome.job, ProvisionJob)
        target = outcome.job.target
        assert set(target.earlier) == {ref for ref in stored if ref != target.cloud_secret}
        stored.append(target.cloud_secret)
        if generation == 2:  # and the job of the first may be forgotten
            scene.world.jobs.forget(cluster.id, scene.world.clock.now())
        ended = Finished(CREATED, scene.world.clock.now(), reported=True)
        scene.world.jobs.put(attrs.evolve(outcome.job, state=ended))
        await scene.world.clock.sleep(1)
    assert len({*stored}) == 2


@pytest.mark.parametrize("result", [FAILED_FOR_GOOD, FAILED_FOR_NOW])
@simulated
async def test_a_place_that_refused_for_good_is_no_earlier_one_unless_something_may_be_there(
    result: ProvisionResult,
) -> None:
    scene = Scene()
    mistyped = scene.put(attrs.evolve(new_cluster(), project="customer-prod-l"))
    job = scene.know_job(mistyped, result)
    scene.put(attrs.evolve(mistyped, project="customer-prod-1", generation=Generation(2)))
    outcome = await scene.reconcile(event_about(mistyped.id))
    assert isinstance(outcome, JobSubmitted)
    assert isinstance(outcome.job, ProvisionJob)
    assert outcome.job.target.earlier == (() if result is FAILED_FOR_GOOD else (job.target.cloud_secret,))


def test_the_adapters_own_event_names_its_kind_and_cluster() -> None:
    event = adapter_event(ClusterId("cls-1"), "pullsecret.retry")
    assert (event.id, event.source, event.type) == (
        "pullsecret.retry-cls-1",
        "pullsecret",
        "pullsecret.retry",
    )
