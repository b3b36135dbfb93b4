"""What a submitted job looks like to an operator, and what Pod Security makes of it (DDR AC8)."""

import json
from pathlib import Path

import pytest
from tests.integration.kubernetes.job_harness import ObedientJobs, eventually, obedient_settings

from pullsecret.infrastructure.kubernetes import job_manifest, marks
from pullsecret.infrastructure.kubernetes.api import KubernetesApi
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.paths import job_path, pod_path, secret_path
from pullsecret.testing.contracts.samples import CANARY, new_order
from pullsecret.testing.kubernetes.system import System

pytestmark = [pytest.mark.service, pytest.mark.asyncio]


async def test_one_selector_finds_everything_of_a_cluster(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    order = new_order()
    await jobs.runner.submit(order)
    await jobs.runner.submit(new_order())
    await jobs.runner.release(order.key)
    await eventually(lambda: jobs.started(order.key))
    selector = f"managed-by=hyperfleet,cluster-id={order.target.cluster_id}"
    for path in (job_path(system.namespace), pod_path(system.namespace), secret_path(system.namespace)):
        found, _ = await admin.list(path, labels=selector)
        assert len(found) == 1, path


async def test_the_payload_is_in_the_temporary_secret_and_nowhere_else(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    order = new_order()
    await jobs.runner.submit(order)
    await jobs.runner.release(order.key)
    await eventually(lambda: jobs.started(order.key))
    encoded = job_manifest.temporary_secret(order, jobs.settings)["data"][job_manifest.PAYLOAD_KEY]
    found = [
        item
        for path in (job_path(system.namespace), pod_path(system.namespace), secret_path(system.namespace))
        for item in (await admin.list(path))[0]
    ]
    login = json.loads(order.pull_secret.reveal())["auths"]["quay.io"]["auth"]
    for item in found:
        text = json.dumps(item)
        assert CANARY not in text
        assert login not in text
        assert (encoded in text) == (item["metadata"]["name"].endswith("-pullsecret-data"))


async def test_the_temporary_secret_belongs_to_its_job(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    order = new_order()
    await jobs.runner.submit(order)
    job = await admin.get(job_path(system.namespace, order.key.name))
    (secret,), _ = await admin.list(secret_path(system.namespace), labels=marks.OUR_JOBS)
    (owner,) = secret["metadata"]["ownerReferences"]
    assert owner["uid"] == job["metadata"]["uid"]
    assert job["metadata"]["annotations"][marks.PAYLOAD_UID] == secret["metadata"]["uid"]


async def test_the_pod_is_confined(admin: KubernetesApi, system: System, jobs: ObedientJobs) -> None:
    order = new_order()
    await jobs.runner.submit(order)
    await jobs.runner.release(order.key)
    await eventually(lambda: jobs.started(order.key))
    (pod,), _ = await admin.list(pod_path(system.namespace))
    security = pod["spec"]["securityContext"] | pod["spec"]["containers"][0]["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] == 1000
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    resources = pod["spec"]["containers"][0]["resources"]
    assert resources["limits"]["memory"] == "100Mi"
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert pod["spec"]["serviceAccountName"] == "pullsecret-adapter-job"


async def test_the_namespace_does_enforce_the_restricted_level(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    template = job_manifest.job(new_order(), "uid", jobs.settings)["spec"]["template"]
    template["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "loose"}, "spec": template["spec"]}
    with pytest.raises(ApiError, match="violates PodSecurity"):
        await admin.call("create", pod_path(system.namespace), pod)


async def test_settings_reach_the_pod(
    admin: KubernetesApi, system: System, adapter: KubernetesApi, tmp_path: Path
) -> None:
    settings = obedient_settings(
        system.namespace,
        priority_class="system-cluster-critical",
        node_selector={"pool": "jobs"},
        tolerations=[{"key": "jobs", "operator": "Exists"}],
        topology_spread=[
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
            }
        ],
        extra_environment={"GCP_LOCATION": "europe-west3"},
        identity_audience="//iam.googleapis.com/pool",
        image_pull_policy="Always",
    )
    order = new_order()
    jobs = ObedientJobs(adapter, tmp_path, settings)
    await jobs.runner.submit(order)
    job = await admin.get(job_path(system.namespace, order.key.name))
    spec = job["spec"]["template"]["spec"]
    assert spec["priorityClassName"] == "system-cluster-critical"
    assert spec["nodeSelector"] == {"pool": "jobs"}
    assert spec["tolerations"] == [{"key": "jobs", "operator": "Exists"}]
    assert spec["topologySpreadConstraints"][0]["maxSkew"] == 1
    container = spec["containers"][0]
    assert container["imagePullPolicy"] == "Always"
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert environment["GCP_LOCATION"] == "europe-west3"
    assert environment["CLUSTER_ID"] == order.target.cluster_id.value
    assert environment["GCP_IDENTITY_FILE"] == "/var/run/secrets/pullsecret/identity/token"
    assert "PULL_SECRET_DATA" not in environment
