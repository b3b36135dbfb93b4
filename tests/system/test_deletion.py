"""A cluster's deletion: a real job deletes both secrets, whatever happens to the replicas meanwhile."""

import asyncio
import json
import random
from typing import Any, Final

import pytest
from tests.integration.kubernetes.job_harness import eventually
from tests.system.test_whole_path import PATIENCE, QUICK, attempts, handed_over, provisioned, settled
from tests.system.world import SystemWorld

from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH
from pullsecret.infrastructure.kubernetes.paths import event_path, job_path, pod_path
from pullsecret.testing.contracts.samples import CANARY
from pullsecret.testing.gcp.customer import ALL_PERMISSIONS

pytestmark = [pytest.mark.service, pytest.mark.asyncio]

SOON: Final = {"settle": 0.1}
DELETE: Final = "secretmanager.secrets.delete"


def finalized(world: SystemWorld, cluster_id: str) -> tuple[str, str] | None:
    """Status and reason of Finalized, as the API knows it."""
    report = world.hyperfleet.store.get(cluster_id).reports.get("pullsecret")
    condition = report and report.condition("Finalized")
    return (condition.status, condition.reason) if condition else None


async def deleted(world: SystemWorld, *cluster_ids: str) -> None:
    """Delete the clusters in the API, and wait until nothing of them is left and the API was told so."""
    for cluster_id in cluster_ids:
        world.hyperfleet.store.delete(cluster_id)
    await world.announce(*cluster_ids, kind="cluster.update")
    await cleaned_up(world, *cluster_ids)


async def cleaned_up(world: SystemWorld, *cluster_ids: str) -> None:
    async def told() -> bool:
        return all(finalized(world, each) == ("True", "Finalized") for each in cluster_ids)

    await eventually(told, PATIENCE)
    for cluster_id in cluster_ids:
        assert world.stored(cluster_id) is None
        assert await world.admin.get_or_none(world.cluster_secret(cluster_id)) is None
    await settled(world)


async def test_a_deleted_cluster_leaves_nothing(world: SystemWorld) -> None:
    replica = await world.add_replica(deletion=SOON, drift={"settle": 0.1, "pause": QUICK, "check": 1.0})
    gone, stays = [await world.new_cluster() for _ in range(2)]
    await world.announce(gone, stays)
    await provisioned(world, gone, stays)
    await deleted(world, gone)

    job = await world.admin.get(job_path(world.system.namespace, f"pullsecret-{gone}-del2"))
    assert await attempts(world, gone) == [f"pullsecret-{gone}-del2", f"pullsecret-{gone}-gen1"]
    pod = job["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "pullsecret-adapter-job"
    assert not any("secret" in volume for volume in pod.get("volumes", []))
    assert {finding.ended.exit_code for finding in world.node.findings} == {0}
    result = json.loads(job["metadata"]["annotations"][marks.RESULT])
    assert len(result["deleted"]) == 2
    events, _ = await world.admin.list(event_path(world.system.namespace))
    about_it = [each for each in events if each["involvedObject"]["name"] == job["metadata"]["name"]]
    assert "CleanedUp" in [each["reason"] for each in about_it]
    # What our own job deleted is no drift, and nobody writes it anew; later events change nothing.
    await world.announce(gone, kind="cluster.update")
    await asyncio.sleep(3)
    assert await world.admin.get_or_none(world.cluster_secret(gone)) is None
    assert [line for line in replica.lines("see-drift") if line["cluster_id"] == gone] == []
    assert len(await attempts(world, gone)) == 2
    assert world.stored(stays) is not None
    assert await world.admin.get_or_none(world.cluster_secret(stays)) is not None
    texts = [
        json.dumps((await world.admin.list(path))[0])
        for path in (job_path(world.system.namespace), pod_path(world.system.namespace))
    ]
    logs = "".join(world.node.logs(finding.pod) for finding in world.node.findings)
    assert "delete-secret" in logs
    assert not any(CANARY in text for text in (*texts, logs, replica.log.read_text()))


async def test_replicas_that_are_killed_lose_no_deletion_and_double_none(world: SystemWorld) -> None:
    sections: dict[str, Any] = {"deletion": {"settle": 1.0}, "drift": None}
    replicas = [await world.add_replica(**sections) for _ in range(2)]
    clusters = [await world.new_cluster() for _ in range(3)]
    await world.announce(*clusters)
    await provisioned(world, *clusters)
    for cluster_id in clusters:
        world.hyperfleet.store.delete(cluster_id)
    # Each event comes twice, at once.
    await world.announce(*clusters, *clusters, kind="cluster.update")
    for replica in random.sample(replicas, 2):
        await asyncio.sleep(random.uniform(0.2, 2.0))
        replica.kill()
        replica.start()
    await cleaned_up(world, *clusters)
    for cluster_id in clusters:
        assert await attempts(world, cluster_id) == [
            f"pullsecret-{cluster_id}-del2",
            f"pullsecret-{cluster_id}-gen1",
        ]


async def test_a_deletion_waits_for_the_job_that_provisions(world: SystemWorld) -> None:
    await world.add_replica(deletion=SOON, drift=None)
    cluster_id = await world.new_cluster()
    await world.announce(cluster_id)
    await handed_over(world, cluster_id)
    await deleted(world, cluster_id)
    assert await attempts(world, cluster_id) == [
        f"pullsecret-{cluster_id}-del2",
        f"pullsecret-{cluster_id}-gen1",
    ]


async def test_what_the_customer_denies_is_told_and_goes_once_it_is_granted(world: SystemWorld) -> None:
    await world.add_replica(deletion=SOON, drift=None, jobs={"failedPause": QUICK})
    project = "customer-prod-98765"
    customer = world.customer(project)
    cluster_id = await world.new_cluster(project)
    await world.announce(cluster_id)
    await provisioned(world, cluster_id)
    customer.permit(*(permission for permission in ALL_PERMISSIONS if permission != DELETE))
    world.hyperfleet.store.delete(cluster_id)
    await world.announce(cluster_id, kind="cluster.update")

    async def refused() -> bool:
        report = world.hyperfleet.store.get(cluster_id).reports.get("pullsecret")
        condition = report and report.condition("Applied")
        return (
            condition is not None and condition.reason == "PermissionDenied" and DELETE in condition.message
        )

    await eventually(refused, PATIENCE)
    assert world.stored(cluster_id, project) is not None
    # The cluster's own secret does not wait for the customer.
    assert await world.admin.get_or_none(world.cluster_secret(cluster_id)) is None
    customer.permit(*ALL_PERMISSIONS)

    async def told() -> bool:
        return finalized(world, cluster_id) == ("True", "Finalized")

    await eventually(told, PATIENCE)
    assert world.stored(cluster_id, project) is None
    await settled(world)


async def test_somebody_else_s_secret_is_not_touched(world: SystemWorld) -> None:
    await world.add_replica(deletion=SOON, drift=None)
    cluster_id = await world.new_cluster()
    await world.announce(cluster_id)
    await provisioned(world, cluster_id)
    taken_over = {"metadata": {"labels": {"managed-by": "somebody-else"}}}
    await world.admin.call("patch", world.cluster_secret(cluster_id), taken_over, content_type=MERGE_PATCH)
    world.hyperfleet.store.delete(cluster_id)
    await world.announce(cluster_id, kind="cluster.update")

    async def told() -> bool:
        return finalized(world, cluster_id) == ("True", "Finalized")

    await eventually(told, PATIENCE)
    assert world.stored(cluster_id) is None
    assert await world.admin.get_or_none(world.cluster_secret(cluster_id)) is not None
