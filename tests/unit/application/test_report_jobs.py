"""Each job's end is told at least once, in the order of the generations, and never wrongly."""

import asyncio
from collections.abc import AsyncGenerator

import attrs
import pytest
from tests.unit.application.scene import CREATED, FAILED_FOR_NOW, Says, Scene, new_cluster, simulated

from pullsecret.domain.cluster import Cluster
from pullsecret.domain.conditions import Status, StatusReport
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.facts import EndNotMarked, InternalFault, JobEnded, StatusNotTold, StatusTold
from pullsecret.domain.identifiers import Generation
from pullsecret.domain.jobs import AnyKey
from pullsecret.domain.provisioning import Failure, Finished, ProvisionJob, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.infrastructure.memory.faults import Fault, FaultRule
from pullsecret.infrastructure.memory.job_runner import MemoryJobRunner
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.ports.job_runner import JobRunner
from pullsecret.ports.status_sink import Receipt

TOO_LATE = ProvisionResult(
    Stage.VERIFIED, Change.UPDATED, "3", Failure(Reason.SUPERSEDED, "Generation 2 is already published.")
)
SUPERSEDED = ProvisionResult(Stage.STARTED, failure=TOO_LATE.failure)


def of_generation(cluster: Cluster, number: int) -> Cluster:
    return attrs.evolve(cluster, generation=Generation(number))


def reported(scene: Scene, job: ProvisionJob) -> bool:
    known = scene.world.jobs.get(job.key)
    assert known is not None
    assert isinstance(known.state, Finished)
    return known.state.reported


@pytest.mark.parametrize("late", [0, 3])
@simulated
async def test_an_end_is_told_and_marked(late: int) -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    job = scene.know_job(cluster, CREATED, reported=False)
    await scene.world.clock.sleep(late)
    await scene.tell_ends()
    told = scene.told(cluster.id)
    assert told is not None
    assert told.conditions.available.status is Status.TRUE
    assert told.data == {
        "secretName": f"hyperfleet-{cluster.id}-pull-secret",
        "secretPath": f"{job.target.cloud_secret.path}/versions/1",
        "gcpProject": cluster.project,
        "version": "1",
        "generation": "1",
    }
    assert reported(scene, job)
    assert scene.facts(JobEnded) == [JobEnded(job.key, job.target.cloud_secret.project, CREATED)]
    assert scene.facts(StatusTold) == [StatusTold(job.key, "accepted", late)]


@simulated
async def test_a_job_that_goes_on_is_not_told() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.know_job(cluster)
    await scene.tell_ends()
    assert scene.told(cluster.id) is None


@pytest.mark.parametrize("point", ["job-runner.jobs", "status-sink.post", "job-runner.mark-reported"])
@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.LOSE_ANSWER])
@simulated
async def test_a_fault_at_any_call_only_delays_it(point: str, fault: Fault) -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    job = scene.know_job(cluster, CREATED, reported=False)
    scene.fault(FaultRule(point, fault, nth=1))
    await scene.tell_ends()
    assert not reported(scene, job) or (point, fault) == ("job-runner.mark-reported", Fault.LOSE_ANSWER)
    told, not_told, not_marked = map(scene.facts, (StatusTold, StatusNotTold, EndNotMarked))
    marking = point == "job-runner.mark-reported"
    assert (len(told), len(not_told), len(not_marked)) == ((1, 0, 1) if marking else (0, 1, 0))
    await scene.tell_ends(seconds=30)
    assert reported(scene, job)
    assert scene.told(cluster.id) is not None


@simulated
async def test_an_end_does_not_wait_until_the_one_before_is_marked() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    older = scene.know_job(cluster, CREATED, reported=False)
    marking = asyncio.Event()

    class NeverMarking(MemoryJobRunner):
        async def mark_reported(self, _: AnyKey) -> None:
            marking.set()
            await asyncio.Event().wait()

    telling = asyncio.create_task(
        scene.tell_ends(seconds=10, jobs=NeverMarking(**attrs.asdict(scene.jobs, recurse=False)))
    )
    await marking.wait()
    newer = scene.know_job(scene.put(of_generation(cluster, 2)), CREATED, reported=False)
    await telling
    assert [fact.key for fact in scene.facts(StatusTold)] == [older.key, newer.key]


@simulated
async def test_an_older_attempt_is_not_told_after_a_newer_one() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    first = scene.know_job(cluster, FAILED_FOR_NOW, reported=False)
    scene.know_job(cluster, CREATED, attempt=2)
    await scene.tell_ends()
    assert scene.told(cluster.id) is None
    assert reported(scene, first)


@simulated
async def test_an_older_generation_is_not_told_after_a_newer_one() -> None:
    scene = Scene()
    cluster = new_cluster()
    older = scene.know_job(cluster, CREATED, reported=False)
    scene.know_job(scene.put(of_generation(cluster, 2)), CREATED)
    await scene.tell_ends()
    assert scene.told(cluster.id) is None
    assert reported(scene, older)
    assert scene.job_keys(cluster.id) == {(1, 1), (2, 1)}


@simulated
async def test_a_late_version_of_an_older_generation_lets_the_newest_go_again() -> None:
    precondition = Says(True)
    scene = Scene(preconditions=[precondition])
    cluster = new_cluster()
    older = scene.know_job(cluster, TOO_LATE, reported=False)
    scene.know_job(scene.put(of_generation(cluster, 2)), CREATED)
    await scene.tell_ends()
    assert scene.job_keys(cluster.id) == {(1, 1), (2, 1), (2, 2)}
    assert [seen["event"]["Type"] for seen in precondition.seen] == ["pullsecret.superseded"]
    assert reported(scene, older)


@simulated
async def test_a_superseded_job_that_wrote_nothing_lets_nothing_go_again() -> None:
    scene = Scene()
    cluster = new_cluster()
    older = scene.know_job(cluster, SUPERSEDED, reported=False)
    scene.know_job(scene.put(of_generation(cluster, 2)), CREATED)
    await scene.tell_ends()
    assert scene.job_keys(cluster.id) == {(1, 1), (2, 1)}
    assert reported(scene, older)


@simulated
async def test_while_the_newest_is_under_way_it_goes_again_only_after_its_end() -> None:
    scene = Scene()
    cluster = new_cluster()
    older = scene.know_job(cluster, TOO_LATE, reported=False)
    newest = scene.know_job(scene.put(of_generation(cluster, 2)))
    await scene.tell_ends()
    assert not reported(scene, older)
    scene.world.jobs.put(attrs.evolve(newest, state=Finished(CREATED, scene.world.clock.now(), True)))
    await scene.tell_ends(seconds=30)
    assert reported(scene, older)
    assert (2, 2) in scene.job_keys(cluster.id)


@attrs.frozen
class Insisting:
    """A runner that brings a job several times, whatever became of it meanwhile."""

    runner: JobRunner
    job: ProvisionJob
    times: int

    def __getattr__(self, name: str) -> object:
        return getattr(self.runner, name)

    async def finished(self) -> AsyncGenerator[ProvisionJob, None]:
        for _ in range(self.times):
            yield self.job
            await asyncio.sleep(0.5)
        await asyncio.Event().wait()


@simulated
async def test_a_job_that_the_runner_has_forgotten_is_told_nevertheless() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    job = scene.know_job(cluster, CREATED, reported=False)
    del scene.world.jobs._of_cluster[cluster.id]
    await scene.tell_ends(jobs=Insisting(scene.jobs, job, times=1))
    assert scene.told(cluster.id) is not None


class Refusing:
    """A sink that takes nothing."""

    async def post(self, report: StatusReport) -> Receipt:
        raise PermanentError("post-status", "status", Reason.REQUEST_REFUSED, "The field x is wrong.")


@simulated
async def test_what_the_api_refuses_for_good_is_not_told_for_ever() -> None:
    scene = Scene()
    job = scene.know_job(scene.put(new_cluster()), CREATED, reported=False)
    await scene.tell_ends(status=Refusing())
    assert reported(scene, job)
    assert [fact.error.reason for fact in scene.facts(StatusNotTold)] == [Reason.REQUEST_REFUSED]


@simulated
async def test_the_loop_tells_what_ended_before_it_began_and_again_what_failed() -> None:
    scene = Scene()
    jobs = [scene.know_job(scene.put(new_cluster()), CREATED, reported=False) for _ in range(3)]
    scene.fault(FaultRule("status-sink.post", Fault.FAIL, nth=2))
    await scene.tell_ends(seconds=30)
    assert all(reported(scene, job) for job in jobs)
    assert len(scene.facts(StatusNotTold)) == 1
    assert scene.wakes >= 3


class Exploding:
    """A sink that fails in a way that nobody foresaw, once."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._left = scene, 1

    async def post(self, report: StatusReport) -> Receipt:
        if self._left:
            self._left -= 1
            raise ZeroDivisionError("quotes anything")
        return await self._scene.status.post(report)


@simulated
async def test_what_nobody_foresaw_does_not_stop_the_loop() -> None:
    scene = Scene()
    jobs = [scene.know_job(scene.put(new_cluster()), CREATED, reported=False) for _ in range(2)]
    await scene.tell_ends(seconds=30, status=Exploding(scene))
    assert all(reported(scene, job) for job in jobs)
    assert scene.facts(InternalFault) == [
        InternalFault("report-job", "ZeroDivisionError", jobs[0].key.cluster_id)
    ]


@simulated
async def test_a_job_that_comes_again_while_it_is_told_is_told_once() -> None:
    scene = Scene(EmbeddedWorld.create(latency=(1, 1)))
    job = scene.know_job(scene.put(new_cluster()), CREATED, reported=False)
    await scene.tell_ends(seconds=30, jobs=Insisting(scene.jobs, job, times=3))
    assert reported(scene, job)
    assert len(scene.facts(StatusTold)) == 1


@simulated
async def test_jobs_of_one_cluster_are_told_one_after_the_other() -> None:
    scene = Scene()
    cluster = new_cluster()
    older = scene.know_job(cluster, CREATED, reported=False)
    newer = scene.know_job(scene.put(of_generation(cluster, 2)), CREATED, reported=False)
    await scene.tell_ends(seconds=30)
    assert reported(scene, older)
    assert reported(scene, newer)
    assert [report.generation for report in scene.world.hyperfleet.told] == [2]
