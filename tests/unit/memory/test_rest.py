"""When the embedded world is at rest: once nothing more is to be expected, and not before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import attrs
import pytest
from tests.unit.application.scene import Scene, new_cluster, simulated

from pullsecret.domain.clean_up import CleanUpResult
from pullsecret.domain.conditions import refusal_report
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.provisioning import Failure, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Stage
from pullsecret.entrypoints.embedded import REST, EmbeddedService, NotSettledError


def failed(reason: Reason) -> ProvisionResult:
    return ProvisionResult(Stage.STARTED, failure=Failure(reason, "It failed."))


DENIED = CleanUpResult(failure=Failure(Reason.PERMISSION_DENIED, "It is missing."))


@attrs.define
class Idle:
    """An adapter that does nothing."""

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()


@asynccontextmanager
async def service(scene: Scene) -> AsyncIterator[EmbeddedService]:
    async with EmbeddedService(scene.world, Idle).running() as running:  # type: ignore[arg-type]
        yield running


@pytest.mark.parametrize("reason", [Reason.SUPERSEDED, Reason.PERMISSION_DENIED])
@simulated
async def test_nothing_more_is_expected_of_what_failed_for_good_or_was_overtaken(reason: Reason) -> None:
    scene = Scene()
    scene.know_job(scene.put(new_cluster()), failed(reason))
    async with service(scene) as running:
        await running.settle(REST + 10)


@pytest.mark.parametrize(
    ("result", "reported", "retry_asked"),
    [
        (None, False, False),
        (failed(Reason.QUOTA_EXCEEDED), True, False),
        (failed(Reason.SUPERSEDED), False, False),
        (failed(Reason.PERMISSION_DENIED), True, True),
    ],
    ids=["unfinished", "failed for now", "not told yet", "wanted anew"],
)
@simulated
async def test_more_is_expected_of_what_goes_on(
    result: ProvisionResult | None, reported: bool, retry_asked: bool
) -> None:
    scene = Scene()
    scene.know_job(scene.put(new_cluster()), result, reported=reported, retry_asked=retry_asked)
    async with service(scene) as running:
        with pytest.raises(NotSettledError):
            await running.settle(10 * REST)


@pytest.mark.parametrize("given_up", [False, True])
@simulated
async def test_a_clean_up_that_fails_for_good_is_waited_for_if_it_is_given_up(
    given_up: bool,
) -> None:
    scene = Scene()
    job = scene.know_clean_up(scene.put(new_cluster()), DENIED)
    if given_up:
        at = scene.world.clock.now() + timedelta(hours=1)
        scene.world.jobs.put(attrs.evolve(job, order=attrs.evolve(job.order, give_up_at=at)))
    async with service(scene) as running:
        if given_up:
            with pytest.raises(NotSettledError):
                await running.settle(10 * REST)
        else:
            await running.settle(REST + 10)


@pytest.mark.parametrize("new", [False, True])
@simulated
async def test_only_a_new_word_about_a_cluster_is_a_change(new: bool) -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())

    async def tell(reason: Reason) -> None:
        error = PermanentError("provision", cluster.id.value, reason, "It is refused.")
        report = refusal_report(cluster.id, cluster.generation, error, scene.world.clock.now())
        await scene.status.post(report)

    await tell(Reason.INVALID_CLUSTER)
    async with service(scene) as running:
        settled = asyncio.create_task(running.settle(10 * REST))
        await asyncio.sleep(REST - 20)
        await tell(Reason.INVALID_PULL_SECRET if new else Reason.INVALID_CLUSTER)
        await asyncio.sleep(REST - 20)
        assert settled.done() is not new
        await settled
