"""Event, job, secret manager, Kubernetes secret, status: the production parts on a real control plane."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.kubernetes.job_harness import eventually
from tests.system.world import SystemWorld

from pullsecret.domain.cluster_secret import DOCKER_CONFIG_KEY, VERSION_ANNOTATION
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.paths import event_path, job_path, pod_path
from pullsecret.testing.contracts.samples import CANARY, pull_secret_text
from pullsecret.testing.gcp.customer import ALL_PERMISSIONS
from pullsecret.testing.patience import PATIENCE

pytestmark = [pytest.mark.service, pytest.mark.asyncio]

CRD = Path(__file__).parents[1] / "fixtures" / "contracts" / "hostedclusters.crd.yaml"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
HYPERSHIFT = "/apis/hypershift.openshift.io/v1beta1"
QUICK = {"initial": 1.0, "factor": 1.0, "maximum": 1.0}


async def provisioned(world: SystemWorld, *cluster_ids: str) -> None:
    """Wait until the API says so, and nothing is left to do."""

    async def told() -> bool:
        return all(world.condition(each) == "True" for each in cluster_ids)

    await eventually(told, PATIENCE)
    await settled(world)


async def settled(world: SystemWorld) -> None:
    async def nothing_left() -> bool:
        reported = [marks.REPORTED_LABEL in job["metadata"]["labels"] for job in await world.jobs()]
        return all(reported) and not await world.temporary_secrets()

    await eventually(nothing_left, PATIENCE)


def wanted(world: SystemWorld, cluster_id: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(world.hyperfleet.store.get(cluster_id).spec["pullSecret"]["data"])
    return document


async def held(world: SystemWorld, cluster_id: str) -> bytes:
    secret = await world.admin.get(world.cluster_secret(cluster_id))
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    return base64.b64decode(secret["data"][DOCKER_CONFIG_KEY])


async def attempts(world: SystemWorld, cluster_id: str) -> list[str]:
    selector = f"cluster-id={cluster_id}"
    found, _ = await world.admin.list(job_path(world.system.namespace), labels=selector)
    return sorted(job["metadata"]["name"] for job in found)


async def handed_over(world: SystemWorld, cluster_id: str) -> None:
    """Wait until the cluster's first job is there."""

    async def begun() -> bool:
        return len(await attempts(world, cluster_id)) == 1

    await eventually(begun, PATIENCE)


async def test_clusters_are_provisioned_and_updated(world: SystemWorld) -> None:
    await world.add_replica()
    clusters = [await world.new_cluster() for _ in range(3)]
    await world.announce(*clusters)
    await provisioned(world, *clusters)
    for cluster_id in clusters:
        stored = world.stored(cluster_id)
        assert stored is not None
        assert json.loads(stored) == wanted(world, cluster_id)
        assert await held(world, cluster_id) == stored
    changed = clusters[0]
    before = world.hyperfleet.store.get(changed)
    world.hyperfleet.store.patch(changed, {**before.spec, "pullSecret": {"data": pull_secret_text()}}, None)
    await world.announce(changed, kind="cluster.update")

    async def second_version() -> bool:
        secret = await world.admin.get(world.cluster_secret(changed))
        return bool(secret["metadata"]["annotations"][VERSION_ANNOTATION] == "2")

    await eventually(second_version, PATIENCE)
    assert json.loads(await held(world, changed)) == wanted(world, changed)
    await settled(world)
    assert await attempts(world, changed) == [f"pullsecret-{changed}-gen1", f"pullsecret-{changed}-gen2"]
    assert {finding.ended.exit_code for finding in world.node.findings} == {0}


async def test_a_hosted_cluster_refers_to_the_secret(world: SystemWorld) -> None:
    await install_hosted_clusters(world)
    await world.add_replica()
    cluster_id = await world.new_cluster()
    await world.announce(cluster_id)
    await provisioned(world, cluster_id)
    path = f"{HYPERSHIFT}/namespaces/clusters-{cluster_id}/hostedclusters"
    await world.admin.call("create", path, hosted_cluster(cluster_id))
    hosted = await world.admin.get(f"{path}/{cluster_id}")
    named = hosted["spec"]["pullSecret"]["name"]
    secret = await world.admin.get(f"/api/v1/namespaces/clusters-{cluster_id}/secrets/{named}")
    # What HyperShift's operator checks: the type, and the key it copies.
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    assert json.loads(base64.b64decode(secret["data"][".dockerconfigjson"])) == wanted(world, cluster_id)


async def test_no_payload_is_where_it_does_not_belong(world: SystemWorld) -> None:
    replica = await world.add_replica()
    cluster_id = await world.new_cluster()
    await world.announce(cluster_id)
    await provisioned(world, cluster_id)
    namespace = world.system.namespace
    jobs, pods, events = [
        json.dumps((await world.admin.list(path))[0])
        for path in (job_path(namespace), pod_path(namespace), event_path(namespace))
    ]
    logs = "".join(world.node.logs(finding.pod) for finding in world.node.findings)
    audit = world.system.control_plane.audit_log.read_text()
    secret = wanted(world, cluster_id)["auths"]["quay.io"]["auth"]
    for text in (jobs, pods, events, logs, audit, replica.log.read_text()):
        assert text
        assert CANARY not in text
        assert secret not in text


async def test_a_deleted_or_altered_secret_is_repaired_by_a_job(world: SystemWorld) -> None:
    replica = await world.add_replica(drift={"settle": 0.1, "pause": QUICK})
    deleted, altered = [await world.new_cluster() for _ in range(2)]
    await world.announce(deleted, altered)
    await provisioned(world, deleted, altered)
    await world.admin.call("delete", world.cluster_secret(deleted))
    other = base64.b64encode(pull_secret_text().encode()).decode()
    await world.admin.call(
        "patch",
        world.cluster_secret(altered),
        {"data": {DOCKER_CONFIG_KEY: other}},
        content_type=MERGE_PATCH,
        query={"fieldManager": "kubectl-edit"},
    )

    async def repaired() -> bool:
        if await world.admin.get_or_none(world.cluster_secret(deleted)) is None:
            return False
        both = [json.loads(await held(world, each)) for each in (deleted, altered)]
        return both == [wanted(world, each) for each in (deleted, altered)]

    await eventually(repaired, PATIENCE)
    await settled(world)
    # Namespaces of other tests that are going away may be seen too.
    seen = [line["cluster_id"] for line in replica.lines("see-drift")]
    assert sorted(each for each in seen if each in (deleted, altered)) == sorted((deleted, altered))
    # The secret manager held the same already: nothing was added to it.
    for cluster_id in (deleted, altered):
        annotations = (await world.admin.get(world.cluster_secret(cluster_id)))["metadata"]["annotations"]
        assert annotations[VERSION_ANNOTATION] == "1"
    events, _ = await world.admin.list(event_path(world.system.namespace))
    drifted = [event["involvedObject"]["name"] for event in events if event["reason"] == "SecretDrifted"]
    repairs = [f"pullsecret-{each}-gen1-try2" for each in (deleted, altered)]
    assert sorted(name for name in drifted if name in repairs) == sorted(repairs)


async def test_a_protected_secret_can_be_read_while_it_is_repaired(world: SystemWorld) -> None:
    world.job["protectClusterSecrets"] = True
    await world.add_replica(drift={"settle": 0.1, "pause": QUICK})
    cluster_id = await world.new_cluster()
    await world.announce(cluster_id)
    await provisioned(world, cluster_id)
    before = (await world.admin.get(world.cluster_secret(cluster_id)))["metadata"]["uid"]
    await world.admin.call("delete", world.cluster_secret(cluster_id))
    assert json.loads(await held(world, cluster_id)) == wanted(world, cluster_id)

    async def made_anew() -> bool:
        found = await world.admin.get_or_none(world.cluster_secret(cluster_id), metadata_only=True)
        return found is not None and found["metadata"]["uid"] != before

    await eventually(made_anew, PATIENCE)
    assert json.loads(await held(world, cluster_id)) == wanted(world, cluster_id)
    await settled(world)


async def test_a_permanent_failure_waits_for_a_person(world: SystemWorld) -> None:
    await world.add_replica(jobs={"failedPause": QUICK})
    project = "customer-prod-98765"
    customer = world.customer(project)
    customer.permit()
    cluster_id = await world.new_cluster(project)
    await world.announce(cluster_id)

    async def failed() -> bool:
        return world.condition(cluster_id, "Applied") == "False"

    await eventually(failed, PATIENCE)
    await settled(world)
    # A permanent exit code is not tried again by Kubernetes, and not by us when the event comes again.
    await world.announce(cluster_id, kind="cluster.update")
    assert [finding.ended.exit_code for finding in world.node.findings] == [65]
    assert await attempts(world, cluster_id) == [f"pullsecret-{cluster_id}-gen1"]
    customer.permit(*ALL_PERMISSIONS)
    wish = {"metadata": {"annotations": {marks.RETRY: "permissions were granted"}}}
    path = job_path(world.system.namespace, f"pullsecret-{cluster_id}-gen1")
    await world.admin.call("patch", path, wish, content_type=MERGE_PATCH)
    await provisioned(world, cluster_id)
    assert await attempts(world, cluster_id) == [
        f"pullsecret-{cluster_id}-gen1",
        f"pullsecret-{cluster_id}-gen1-try2",
    ]


async def test_a_transient_failure_is_tried_anew(world: SystemWorld) -> None:
    world.job["backoffLimit"] = 0
    await world.add_replica(jobs={"failedPause": QUICK, "budget": 1.0})
    cluster_id = await world.new_cluster()
    namespace = f"/api/v1/namespaces/clusters-{cluster_id}"
    await world.admin.call("delete", namespace)

    async def gone() -> bool:
        return await world.admin.get_or_none(namespace) is None

    await eventually(gone, PATIENCE)
    await world.announce(cluster_id)

    async def missing_told() -> bool:
        report = world.hyperfleet.store.get(cluster_id).reports.get("pullsecret")
        condition = report and report.condition("Applied")
        return condition is not None and condition.reason == "NamespaceMissing"

    await eventually(missing_told, PATIENCE)
    await world.system.add_placement(f"clusters-{cluster_id}")
    await provisioned(world, cluster_id)
    assert len(await attempts(world, cluster_id)) > 1


async def install_hosted_clusters(world: SystemWorld) -> None:
    """Install HyperShift's own CRD and wait until it is served."""
    definition = yaml.safe_load(CRD.read_text())
    try:
        await world.admin.call("create", CRDS, definition)
    except ApiError as fault:
        if not fault.already_exists:
            raise

    async def served() -> bool:
        return await world.admin.get_or_none(f"{HYPERSHIFT}/hostedclusters") is not None

    await eventually(served)


def hosted_cluster(cluster_id: str) -> dict[str, Any]:
    """As the HyperShift adapter writes it, as far as this service is concerned."""
    services = ("APIServer", "OAuthServer", "Konnectivity", "Ignition")
    route = {"type": "Route"}
    return {
        "apiVersion": "hypershift.openshift.io/v1beta1",
        "kind": "HostedCluster",
        "metadata": {"name": cluster_id},
        "spec": {
            "pullSecret": {"name": f"{cluster_id}-pull-secret"},
            "release": {"image": "quay.io/openshift-release-dev/ocp-release:4.20.0-x86_64"},
            "platform": {"type": "None"},
            "etcd": {
                "managementType": "Managed",
                "managed": {"storage": {"type": "PersistentVolume", "persistentVolume": {"size": "8Gi"}}},
            },
            "networking": {},
            "services": [{"service": name, "servicePublishingStrategy": route} for name in services],
        },
    }
