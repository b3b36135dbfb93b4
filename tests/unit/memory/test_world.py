"""The world that other teams' tests get: quotas, permissions, redelivery, and what can be looked at."""

import asyncio
import subprocess
import sys

import attrs
import pytest
from tests.unit.application.scene import PROJECT, Scene, event_about, simulated

from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.domain.reasons import Reason
from pullsecret.entrypoints.embedded import NotSettledError
from pullsecret.infrastructure.cloudevents.codec import render
from pullsecret.infrastructure.memory.broker import MemoryEventSource
from pullsecret.infrastructure.memory.cloud import Project
from pullsecret.infrastructure.memory.faults import Fault, FaultRule, FaultScript
from pullsecret.infrastructure.memory.simulated_time import EPOCH
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.testing.contracts.samples import new_target
from pullsecret.testing.world import PullSecretWorld


def test_a_quota_frees_itself_after_a_minute() -> None:
    from datetime import timedelta

    project = Project(writes_per_minute=2)
    assert project.count_write(EPOCH) is None
    assert project.count_write(EPOCH + timedelta(seconds=20)) is None
    assert project.count_write(EPOCH + timedelta(seconds=30)) == 30
    assert project.count_write(EPOCH + timedelta(seconds=60)) is None


@simulated
async def test_what_a_project_does_not_allow_is_refused_for_good_and_named() -> None:
    scene = Scene()
    ref = new_target(project=PROJECT).cloud_secret
    scene.project.denied.add("secretmanager.secrets.get")
    with pytest.raises(PermanentError, match=r"secretmanager\.secrets\.get") as raised:
        await scene.store.get(ref)
    assert raised.value.reason is Reason.PERMISSION_DENIED
    scene.project.api_enabled = False
    with pytest.raises(PermanentError) as raised:
        await scene.store.get(ref)
    assert raised.value.reason is Reason.API_DISABLED


@simulated
async def test_a_used_up_quota_says_how_long_to_wait() -> None:
    scene = Scene()
    scene.project.writes_per_minute = 0 + 1
    target = new_target(project=PROJECT)
    await scene.store.create(target.cloud_secret, {}, target.storage)
    with pytest.raises(TransientError) as raised:
        await scene.store.create(new_target(project=PROJECT).cloud_secret, {}, target.storage)
    assert raised.value.reason is Reason.QUOTA_EXCEEDED
    assert raised.value.retry_after == 60


def test_the_fixture_is_a_whole_service(pull_secret_world: PullSecretWorld) -> None:
    world = pull_secret_world
    world.add_cluster("cls-1", pull_secret='{"auths": {"quay.io": {"auth": "YTpi"}}}')
    world.settle(replicas=2)
    assert world.stored("cls-1") == [b'{"auths": {"quay.io": {"auth": "YTpi"}}}']
    assert world.published_registries("cls-1") == {"quay.io"}
    status = world.status("cls-1")
    assert status is not None
    assert status.conditions.available.status.value == "True"
    assert world.facts


def test_a_deleted_cluster_goes_with_its_secrets() -> None:
    with PullSecretWorld() as world:
        world.add_cluster("cls-1")
        world.settle()
        secret, published = world.project().secrets, world.published("cls-1")
        assert secret
        assert published
        world.delete_cluster("cls-1")
        world.settle()
        assert not world.project().secrets
        assert world.published("cls-1") is None
        assert "cls-1" not in world.embedded.hyperfleet.clusters


def test_what_a_deleted_cluster_s_project_denies_is_left_by_name_after_an_hour() -> None:
    with PullSecretWorld() as world:
        world.add_cluster("cls-1")
        world.settle()
        world.project().denied.add("secretmanager.secrets.delete")
        world.delete_cluster("cls-1")
        world.settle(replicas=2)
        status = world.status("cls-1")
        assert status is not None
        assert status.conditions.finalized is not None
        assert status.conditions.finalized.status.value == "True"
        assert "hyperfleet-cls-1-pull-secret left behind" in status.conditions.finalized.message
        assert world.project().secrets
        assert world.published("cls-1") is None
        assert not world.embedded.jobs.orders


@pytest.mark.parametrize("point", ["job-runner.*", "status-sink.post", "secret-store.*", "cluster-secrets.*"])
@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.LOSE_ANSWER, Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
def test_a_deletion_comes_to_its_end_whatever_fails_meanwhile(point: str, fault: Fault) -> None:
    with PullSecretWorld() as world:
        world.add_cluster("cls-1")
        world.settle()
        world.embedded.faults.rules = [FaultRule(point, fault, nth=nth) for nth in (1, 2)]
        world.delete_cluster("cls-1")
        world.settle(replicas=2)
        assert world.embedded.faults.injected.get(fault)
        assert not world.project().secrets
        assert world.published("cls-1") is None
        assert "cls-1" not in world.embedded.hyperfleet.clusters


def test_nothing_of_a_cluster_that_is_skipped() -> None:
    with PullSecretWorld() as world:
        world.add_cluster("cls-1", provider="aws")
        world.settle()
        assert world.status("cls-1") is None
        assert world.published_registries("cls-1") == set()
        assert world.stored("cls-1") == []


def test_a_world_that_never_rests_is_told() -> None:
    broken = FaultRule("secret-store.*", Fault.FAIL, probability=1)
    with PullSecretWorld(faults=[broken]) as world:
        world.add_cluster("cls-1")
        with pytest.raises(NotSettledError, match="not at rest after 3600"):
            world.settle(limit=3600)


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.DUPLICATE, Fault.DELAY])
def test_events_that_get_lost_or_doubled_change_nothing_in_the_end(fault: Fault) -> None:
    with PullSecretWorld(faults=[FaultRule("sentinel.publish", fault, nth=1)]) as world:
        world.add_cluster("cls-1")
        world.settle()
        assert len(world.stored("cls-1")) == 1
        assert world.embedded.faults.injected == {fault: 1}
        assert world.embedded.quiet


def test_a_spec_is_laid_over_the_one_that_is_made() -> None:
    with PullSecretWorld() as world:
        world.add_cluster("cls-1", spec={"pullSecret": {"data": '{"auths": {}}'}})
        world.settle()
        status = world.status("cls-1")
        assert status is not None
        assert str(status.conditions.applied.reason) == "InvalidPullSecret"


def test_the_worlds_repr_shows_no_document() -> None:
    with PullSecretWorld() as world:
        world.add_cluster("cls-1", pull_secret='{"auths": {"quay.io": {"auth": "c2VjcmV0OnNlY3JldA=="}}}')
        assert "c2VjcmV0" not in repr(world.embedded)
        assert attrs.has(type(world.embedded))


@simulated
async def test_a_replica_that_is_cut_off_from_the_broker_gets_nothing_until_it_is_back() -> None:
    class Cut(FaultScript):
        back = False

        def reachable(self, point: str) -> bool:
            return self.back and point == "event-source.receive"

    world = EmbeddedWorld.create(latency=(0, 0))
    cut = Cut(world.clock)
    await world.broker.publish(*render(event_about(new_target().cluster_id)))
    async with MemoryEventSource(world.broker, world.clock, cut).subscribe() as subscription:
        receiving = asyncio.get_running_loop().create_task(subscription.receive())
        await world.clock.sleep(30)
        assert not receiving.done()
        cut.back = True
        delivery = await receiving
        assert delivery is not None
        await delivery.ack()
    assert world.broker.empty


async def test_in_a_coroutine_it_says_where_it_belongs() -> None:
    with pytest.raises(RuntimeError, match="without 'async'"):
        PullSecretWorld().settle()


def test_an_id_that_no_cluster_can_have_is_refused_at_once() -> None:
    with PullSecretWorld() as world, pytest.raises(ValueError, match="'not an id' is not"):
        world.add_cluster("not an id")


def test_it_needs_no_test_framework() -> None:
    program = "import sys, pullsecret.testing.world; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
