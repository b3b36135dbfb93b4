"""The steps of docs/operate.md that remove the service leave no Job behind, and what it made stays."""

import json
import re
import shlex
from pathlib import Path

import pytest
from tests.integration.kubernetes.job_harness import eventually
from tests.system.test_whole_path import PATIENCE, attempts, handed_over, provisioned
from tests.system.world import SystemWorld

from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH
from pullsecret.infrastructure.kubernetes.paths import job_path

pytestmark = [pytest.mark.service, pytest.mark.asyncio]

GUIDE = (Path(__file__).parents[2] / "docs" / "operate.md").read_text()


def option(command: str, name: str) -> str:
    """What the guide gives to option ``name`` of the ``kubectl`` command that begins with ``command``."""
    (line,) = re.findall(rf"^ *kubectl .*\b{command}\b.*$", GUIDE, re.MULTILINE)
    words = shlex.split(line)
    return words[words.index(name) + 1]


async def delete(world: SystemWorld, job: str) -> None:
    """As ``kubectl`` and the controller for expired Jobs do."""
    await world.admin.call("delete", job, query={"propagationPolicy": "Background"})


async def test_switched_off_it_ends_what_it_began_and_begins_nothing(world: SystemWorld) -> None:
    replica = await world.add_replica()
    running, late = [await world.new_cluster() for _ in range(2)]
    await world.announce(running)
    await handed_over(world, running)
    await replica.stop()
    await world.add_replica(rollout={"enabled": False})
    await world.announce(late)
    await provisioned(world, running)
    await eventually(world.broker.is_empty, PATIENCE)
    jobs = job_path(world.system.namespace)
    not_told, _ = await world.admin.list(jobs, labels=option("get jobs", "-l"))
    assert not_told == []
    assert await attempts(world, late) == []
    world.replicas[-1].kill()
    for job in await world.jobs():
        await delete(world, f"{jobs}/{job['metadata']['name']}")
    assert await world.jobs() == []
    assert world.stored(running) is not None
    assert await world.admin.get_or_none(world.cluster_secret(running)) is not None


async def test_a_job_that_was_left_is_freed_by_hand(world: SystemWorld) -> None:
    replica = await world.add_replica()
    cluster_id = await world.new_cluster()
    await world.announce(cluster_id)
    await handed_over(world, cluster_id)
    replica.kill()
    (name,) = await attempts(world, cluster_id)
    job = job_path(world.system.namespace, name)
    await delete(world, job)
    assert (await world.admin.get(job))["metadata"]["deletionTimestamp"]
    await world.admin.call("patch", job, json.loads(option("patch job", "-p")), content_type=MERGE_PATCH)

    async def gone() -> bool:
        return await world.admin.get_or_none(job) is None

    await eventually(gone, PATIENCE)
