"""Work in progress: when it is told, and that it never takes back an end that was told."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import attrs
import pytest
from tests.unit.application.scene import CREATED, Scene, event_about, new_cluster, simulated

from pullsecret.application.outcomes import JobSubmitted, Skipped
from pullsecret.domain.facts import SkipReason
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob
from pullsecret.infrastructure.memory.simulated_time import EPOCH
from pullsecret.infrastructure.memory.world import EmbeddedWorld


@pytest.mark.parametrize("report_waiting", [False, True])
@simulated
async def test_a_running_job_is_told_where_the_dialect_wants_a_sign_of_life(report_waiting: bool) -> None:
    scene = Scene(report_waiting=report_waiting)
    cluster = scene.put(new_cluster())
    assert isinstance(await scene.reconcile(event_about(cluster.id)), JobSubmitted)
    accepted = scene.told(cluster.id)
    await scene.world.clock.sleep(10)

    assert await scene.reconcile(event_about(cluster.id)) == Skipped(SkipReason.ALREADY_RUNNING)

    told = scene.told(cluster.id)
    assert accepted is not None
    assert told is not None
    assert told.conditions == accepted.conditions
    later = told.observed_at - accepted.observed_at
    assert later == timedelta(seconds=10 if report_waiting else 0)


@attrs.frozen
class Lagging:
    """A job runner whose copy of the jobs is of a moment ago."""

    runner: Any
    copy: Sequence[AnyJob]

    async def known(self, cluster_id: ClusterId) -> Sequence[AnyJob]:
        return self.copy

    def __getattr__(self, name: str) -> Any:
        return getattr(self.runner, name)


@simulated
async def test_progress_that_is_known_late_takes_back_no_end() -> None:
    scene = Scene(report_waiting=True)
    cluster = scene.put(new_cluster())
    assert isinstance(await scene.reconcile(event_about(cluster.id)), JobSubmitted)
    copy = scene.world.jobs.all()
    scene.know_job(cluster, CREATED, reported=False)
    await scene.tell_ends()
    landed = scene.told(cluster.id)

    late = attrs.evolve(scene.reconcile, jobs=Lagging(scene.jobs, copy))
    assert await late(event_about(cluster.id)) == Skipped(SkipReason.ALREADY_RUNNING)
    assert landed is not None
    assert scene.told(cluster.id) == landed


@simulated
async def test_a_further_attempt_is_not_told_while_it_runs() -> None:
    """What was told of the last attempt stands, or each attempt would make the conditions flap."""
    scene = Scene(report_waiting=True)
    cluster = scene.put(new_cluster())
    scene.know_job(cluster, attempt=2)
    assert await scene.reconcile(event_about(cluster.id)) == Skipped(SkipReason.ALREADY_RUNNING)
    assert scene.told(cluster.id) is None


@simulated
async def test_progress_is_as_old_as_the_look_that_found_it() -> None:
    """Another replica may have told the end since; its report is then the newer one."""
    scene = Scene(world=EmbeddedWorld.create(latency=(1, 1)))
    cluster = scene.put(new_cluster())
    await scene.reconcile(event_about(cluster.id))
    (report,) = scene.world.hyperfleet.told
    # One second for the cluster; the second for the jobs and the third for telling it do not count.
    assert report.observed_at == EPOCH + timedelta(seconds=1)
