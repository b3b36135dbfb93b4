"""Queued jobs run as the limits allow."""

import asyncio

import attrs
from tests.unit.application.scene import Scene, new_cluster, simulated

from pullsecret.domain.admission import ConcurrencyLimits
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.facts import Interrupted, JobReleased, JobsSeen
from pullsecret.domain.provisioning import ProvisionKey, Running
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.memory.faults import Fault, FaultRule
from pullsecret.infrastructure.memory.world import EmbeddedWorld


def running(scene: Scene) -> list[ProvisionKey]:
    return [job.key for job in scene.world.jobs.unfinished() if isinstance(job.state, Running)]


@simulated
async def test_what_the_limits_allow_is_released_and_no_more() -> None:
    scene = Scene(limits=ConcurrencyLimits(per_project=2, overall=3))
    for project in ("project-a", "project-b"):
        for _ in range(3):
            scene.know_job(scene.put(new_cluster(project=project)))
    await scene.admit.admit_once()
    assert len(running(scene)) == 3
    assert [fact.key for fact in scene.facts(JobReleased)] == running(scene)
    assert scene.facts(JobsSeen) == [JobsSeen(queued=6, running=0)]


@simulated
async def test_what_runs_is_told_beside_what_is_queued() -> None:
    scene = Scene(EmbeddedWorld.create(latency=(5, 5)), limits=ConcurrencyLimits(per_project=2, overall=2))
    for _ in range(3):
        scene.know_job(scene.put(new_cluster()))
    await scene.admit.admit_once()
    await scene.admit.admit_once()
    assert scene.facts(JobsSeen) == [JobsSeen(queued=3, running=0), JobsSeen(queued=1, running=2)]


@simulated
async def test_all_get_their_turn_without_passing_the_limits() -> None:
    world = EmbeddedWorld.create(latency=(0.1, 0.2))
    scene = Scene(world, limits=ConcurrencyLimits(per_project=2, overall=2))
    orders = [scene.order(new_cluster()) for _ in range(10)]
    for order in orders:
        await scene.jobs.submit(order)
    most = 0
    loop = asyncio.create_task(scene.admit())
    for _ in range(400):
        most = max(most, len(running(scene)))
        await asyncio.sleep(0.1)
        if not scene.world.jobs.unfinished():
            break
        scene.admit.wake()
    loop.cancel()
    assert most == 2
    assert all(scene.landed(order) for order in orders)


@simulated
async def test_it_looks_again_after_its_interval_and_after_a_fault() -> None:
    scene = Scene()
    scene.fault(FaultRule("job-runner.unfinished", Fault.FAIL, nth=1))
    scene.know_job(scene.put(new_cluster()))
    loop = asyncio.create_task(scene.admit())
    await asyncio.sleep(4.9)
    assert scene.facts(JobReleased) == []
    assert [fact.delay for fact in scene.facts(Interrupted)] == [5.0]
    await asyncio.sleep(0.2)
    assert len(scene.facts(JobReleased)) == 1
    loop.cancel()


@simulated
async def test_woken_it_looks_at_once() -> None:
    scene = Scene()
    loop = asyncio.create_task(scene.admit())
    await asyncio.sleep(1)
    scene.know_job(scene.put(new_cluster()))
    scene.admit.wake()
    await asyncio.sleep(0.01)
    assert len(scene.facts(JobReleased)) == 1
    loop.cancel()


@simulated
async def test_a_job_that_can_never_be_released_does_not_hold_up_the_others() -> None:
    scene = Scene()
    stuck, fine = (scene.know_job(scene.put(new_cluster())) for _ in range(2))

    class Refusing:
        def __getattr__(self, name: str) -> object:
            return getattr(scene.jobs, name)

        async def release(self, key: ProvisionKey) -> None:
            if key == stuck.key:
                raise PermanentError("release-job", key.name, Reason.KUBERNETES_PERMISSION_DENIED, "No.")
            await scene.jobs.release(key)

    await attrs.evolve(scene.admit, jobs=Refusing()).admit_once()
    assert [fact.key for fact in scene.facts(JobReleased)] == [fine.key]
    assert [fact.operation for fact in scene.facts(Interrupted)] == ["release-job"]


@simulated
async def test_many_are_released_side_by_side() -> None:
    scene = Scene(EmbeddedWorld.create(latency=(1, 1)), limits=ConcurrencyLimits(per_project=50, overall=50))
    for _ in range(32):
        scene.know_job(scene.put(new_cluster()))
    began = scene.world.clock.monotonic()
    await scene.admit.admit_once()
    assert len(running(scene)) == 32
    assert scene.world.clock.monotonic() - began <= 4


@simulated
async def test_one_that_is_not_released_now_does_not_hold_up_the_others() -> None:
    scene = Scene()
    scene.fault(FaultRule("job-runner.release", Fault.FAIL, nth=1))
    for _ in range(3):
        scene.know_job(scene.put(new_cluster()))
    await scene.admit.admit_once()
    assert len(running(scene)) == 2
    assert len(scene.facts(Interrupted)) == 1
