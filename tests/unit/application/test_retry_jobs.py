"""What failed for now goes again after its pause, and what a person asks for goes again at once."""

import asyncio
from collections.abc import Sequence

import attrs
import pytest
from tests.unit.application.scene import (
    CREATED,
    FAILED_FOR_GOOD,
    FAILED_FOR_NOW,
    Says,
    Scene,
    new_cluster,
    simulated,
)

from pullsecret.domain.errors import TransientError
from pullsecret.domain.facts import InternalFault, Interrupted
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.rollout import Rollout
from pullsecret.infrastructure.memory.faults import Fault, FaultRule
from pullsecret.ports.cluster_catalog import CatalogEntry

PAUSE = 30


@simulated
async def test_a_job_that_failed_for_now_goes_again_after_its_pause() -> None:
    precondition = Says(True)
    scene = Scene(preconditions=[precondition])
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, FAILED_FOR_NOW)
    await scene.retry.retry_once()
    assert scene.job_keys(cluster.id) == {(1, 1)}
    await scene.world.clock.sleep(PAUSE)
    await scene.retry.retry_once()
    assert scene.job_keys(cluster.id) == {(1, 1), (1, 2)}
    assert [seen["event"]["Type"] for seen in precondition.seen] == ["pullsecret.retry"]
    assert scene.wakes == 1


@pytest.mark.parametrize("result", [None, CREATED, FAILED_FOR_GOOD])
@simulated
async def test_nothing_else_goes_again(result: ProvisionResult | None) -> None:
    precondition = Says(True)
    scene = Scene(preconditions=[precondition])
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, result)
    await scene.world.clock.sleep(3600)
    await scene.retry.retry_once()
    assert scene.job_keys(cluster.id) == {(1, 1)}
    assert precondition.seen == []  # the API is not even asked


@simulated
async def test_nothing_goes_again_of_a_cluster_that_is_not_rolled_out() -> None:
    scene = Scene(rollout=Rollout(enabled=False))
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, FAILED_FOR_NOW)
    await scene.world.clock.sleep(3600)
    await scene.retry.retry_once()
    assert scene.job_keys(cluster.id) == {(1, 1)}


@simulated
async def test_nothing_goes_again_before_its_end_was_told() -> None:
    precondition = Says(True)
    scene = Scene(preconditions=[precondition])
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, FAILED_FOR_NOW, reported=False)
    await scene.world.clock.sleep(3600)
    await scene.retry.retry_once()
    assert scene.job_keys(cluster.id) == {(1, 1)}
    assert precondition.seen == []


@simulated
async def test_only_the_newest_job_of_a_cluster_counts() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, FAILED_FOR_NOW)
    scene.know_job(cluster, CREATED, attempt=2)
    await scene.world.clock.sleep(3600)
    await scene.retry.retry_once()
    assert scene.job_keys(cluster.id) == {(1, 1), (1, 2)}


@pytest.mark.parametrize("result", [CREATED, FAILED_FOR_GOOD, FAILED_FOR_NOW])
@simulated
async def test_a_person_who_asks_gets_another_attempt_at_once(result: ProvisionResult) -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, result, retry_asked=True)
    await scene.retry.retry_once()
    await scene.retry.retry_once()
    assert scene.job_keys(cluster.id) == {(1, 1), (1, 2)}


class UnreadableFor:
    """A catalog that always fails for some clusters."""

    def __init__(self, scene: Scene, clusters: Sequence[ClusterId], error: Exception) -> None:
        self._catalog, self._clusters, self._error = scene.catalog, clusters, error

    async def get(self, cluster_id: ClusterId) -> CatalogEntry | None:
        if cluster_id in self._clusters:
            raise self._error
        return await self._catalog.get(cluster_id)


@pytest.mark.parametrize(
    ("error", "fact"),
    [
        (TransientError("get-cluster", "c", Reason.HYPERFLEET_UNAVAILABLE, "It answered 500."), Interrupted),
        (ZeroDivisionError("quotes anything"), InternalFault),
    ],
)
@simulated
async def test_a_cluster_that_always_fails_does_not_hold_up_the_others(
    error: Exception, fact: type[object]
) -> None:
    scene = Scene()
    clusters = [scene.put(new_cluster()) for _ in range(3)]
    for cluster in clusters:
        scene.know_job(cluster, FAILED_FOR_NOW)
    await scene.world.clock.sleep(PAUSE)
    reconcile = attrs.evolve(scene.reconcile, catalog=UnreadableFor(scene, [clusters[0].id], error))
    await attrs.evolve(scene.retry, reconcile=reconcile).retry_once()
    assert [len(scene.job_keys(cluster.id)) for cluster in clusters] == [1, 2, 2]
    (told,) = scene.facts(fact)
    if isinstance(told, InternalFault):
        assert told == InternalFault("retry-job", "ZeroDivisionError", clusters[0].id)


@simulated
async def test_a_fruitless_look_is_repeated_just_when_its_pause_is_over() -> None:
    condition = Says(False)
    scene = Scene(preconditions=(condition,))
    scene.know_job(scene.put(new_cluster()), FAILED_FOR_NOW)
    looks = []
    for seconds in (PAUSE, 59, 1):
        await scene.world.clock.sleep(seconds)
        await scene.retry.retry_once()
        looks.append(len(condition.seen))
    assert looks == [1, 1, 2]


@simulated
async def test_a_fruitless_look_is_not_repeated_every_few_seconds() -> None:
    condition = Says(False)
    scene = Scene(preconditions=(condition,), report_waiting=True)
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, FAILED_FOR_NOW)
    await run_for(scene, PAUSE + 300)
    assert 5 <= len(condition.seen) <= 6
    assert scene.world.hyperfleet.told == []  # what was told of the failed job stands


@simulated
async def test_the_loop_survives_a_runner_that_does_not_answer() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, FAILED_FOR_NOW)
    scene.fault(*(FaultRule("job-runner.*", Fault.FAIL, nth=n) for n in (1, 7)))
    await run_for(scene, 120)
    assert scene.facts(Interrupted)
    assert (1, 2) in scene.job_keys(cluster.id)


@simulated
async def test_what_is_known_of_a_job_is_forgotten_once_another_follows_it() -> None:
    scene = Scene()
    scene.know_job(scene.put(new_cluster()), CREATED, retry_asked=True)
    await scene.retry.retry_once()
    await scene.retry.retry_once()
    assert scene.retry._looked_at == {}


async def run_for(scene: Scene, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await scene.retry()
    except TimeoutError:
        return
