"""Adapter and job from the image, as restricted as their pods, within 100 MB each: one whole provisioning.

``--log-cli-level=INFO`` shows the peaks that were measured.
"""

import base64
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.deploy.engine import Engine
from tests.integration.deploy.image_containers import MEMORY, AdapterContainer, ImageContainers, Peak
from tests.integration.deploy.image_world import PATIENCE, ImageWorld, image_world
from tests.integration.kubernetes.job_harness import eventually
from tests.system.test_whole_path import held, settled, wanted

from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.contracts.samples import CANARY
from pullsecret.testing.kubernetes.control_plane import ControlPlane

pytestmark = [pytest.mark.service, pytest.mark.asyncio]

GRACE = 30
"""Seconds that Kubernetes gives the adapter's pod by default; its own ``shutdownGrace`` is shorter."""


@pytest.fixture
def containers(engine: Engine, loaded_image: str) -> ImageContainers:
    return ImageContainers(engine, loaded_image)


@pytest.fixture
async def world(
    control_plane: ControlPlane, rabbitmq: RabbitMQNode, containers: ImageContainers, tmp_path: Path
) -> AsyncIterator[ImageWorld]:
    tmp_path.chmod(0o755)  # noqa: ASYNC240 - nothing runs yet
    async with image_world(control_plane, rabbitmq, tmp_path, containers) as made:
        yield made


@pytest.fixture
async def adapter(world: ImageWorld, containers: ImageContainers) -> AsyncIterator[AdapterContainer]:
    """An adapter that says it is ready."""
    started = await world.start_adapter(containers.engine, containers.image)
    try:
        await world.await_ready(started)
        yield started
    finally:
        started.remove()


async def test_an_event_is_handled_and_the_adapter_ends_when_told(
    world: ImageWorld, adapter: AdapterContainer, containers: ImageContainers
) -> None:
    clusters = [await world.new_cluster() for _ in range(2)]
    await world.announce(*clusters)

    async def told() -> bool:
        return all(world.condition(each) == "True" for each in clusters)

    try:
        await eventually(told, PATIENCE)
    except TimeoutError:
        pytest.fail(f"not provisioned:\n{adapter.log()}")
    await settled(world)
    for cluster_id in clusters:
        stored = world.stored(cluster_id)
        assert stored is not None
        assert json.loads(stored) == wanted(world, cluster_id)
        assert await held(world, cluster_id) == stored
    assert [finding.ended.exit_code for finding in world.node.findings] == [0, 0]
    assert adapter.stop(GRACE) == 0
    text = adapter.log() + "".join(world.node.logs(finding.pod) for finding in world.node.findings)
    assert text
    assert CANARY not in text
    assert base64.b64encode(CANARY.encode()).decode() not in text
    check_memory("adapter", adapter.watch.peak)
    for job in containers.started:
        check_memory("job", job.watch.peak)
        assert job.watch.peak.resident < MEMORY


def check_memory(who: str, peak: Peak) -> None:
    """The kernel ends who needs more than its control group may; pages of files shared with others count
    as resident, but not there."""
    logging.getLogger(__name__).info(
        "%s: peak %.1f MB resident, %.1f MB of its control group, page cache included",
        who,
        peak.resident / 1e6,
        peak.accounted / 1e6,
    )
    assert peak.resident > 0
    assert 0 < peak.accounted <= MEMORY
