"""A real kubelet runs the image's job in containerd. Only with PULLSECRET_KUBELET=1: it has to be built.

Needs ``tests/services/kubelet/build.py`` to have been run. The production Job is changed on its way in only
where this machine is no cluster: its pods use this machine's network, are bound to the one node without a
scheduler, and see the fake cloud's certificate.
"""

import importlib.util
import json
import os
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.deploy.conftest import DEPLOY
from tests.integration.deploy.engine import Engine
from tests.integration.deploy.image_archive import BuiltImage
from tests.integration.deploy.image_containers import AdapterContainer
from tests.integration.deploy.image_world import PATIENCE, ImageWorld, image_world
from tests.integration.deploy.kubelet_node import PAUSE, KubeletNode, NodeMissingError, kubelet_node
from tests.integration.kubernetes.job_harness import eventually
from tests.services.kubelet import build
from tests.system.test_whole_path import held, settled, wanted
from tests.system.world import TRUST

from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH, KubernetesApi
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.paths import pod_path
from pullsecret.testing.brokers.fixtures import folder_in_memory
from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.kubernetes.control_plane import ControlPlane

pytestmark = [
    pytest.mark.service,
    pytest.mark.asyncio,
    pytest.mark.skipif(
        os.environ.get("PULLSECRET_KUBELET") != "1", reason="asked for by PULLSECRET_KUBELET=1"
    ),
]


@pytest.fixture
def pause_archive(tmp_path: Path) -> Path:
    """The image of pods' sandboxes."""
    program = build.cached("pause")
    if not program.exists():
        pytest.skip("pause is not built; run 'python tests/services/kubelet/build.py'")
    layer, archive = tmp_path / "layer.tar", tmp_path / "pause.tar"
    with tarfile.open(layer, "w") as tar:
        tar.add(program, "pause")
    module = importlib.util.spec_from_file_location("archive", DEPLOY / "image" / "archive.py")
    assert module is not None
    assert module.loader is not None
    writer = importlib.util.module_from_spec(module)
    module.loader.exec_module(writer)
    writer.write(archive, PAUSE, [layer], "1970-01-01T00:00:00Z", {}, ["/pause"])
    return archive


@pytest.fixture
def node(control_plane: ControlPlane, built_image: BuiltImage, pause_archive: Path) -> Iterator[KubeletNode]:
    with folder_in_memory() as folder:
        try:
            with kubelet_node(control_plane, folder, built_image.archive, pause_archive) as running:
                yield running
        except NodeMissingError as why:
            pytest.skip(str(why))


@pytest.fixture
async def world(
    control_plane: ControlPlane, rabbitmq: RabbitMQNode, tmp_path: Path, node: KubeletNode
) -> AsyncIterator[ImageWorld]:
    tmp_path.chmod(0o755)  # noqa: ASYNC240 - nothing runs yet
    async with image_world(control_plane, rabbitmq, tmp_path, None) as made:
        made.job["extraEnvironment"] |= {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(control_plane.port),
        }
        await let_pods_run(made.admin, made.system.namespace, node.name, tmp_path / "trust")
        yield made


async def let_pods_run(admin: KubernetesApi, namespace: str, node: str, trust: Path) -> None:
    """Have the API server change pods of the namespace as this machine needs it."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    path = f"/api/v1/namespaces/{namespace}"
    await admin.call("patch", path, {"metadata": {"labels": labels}}, content_type=MERGE_PATCH)
    expression = f"""
        Object{{spec: Object.spec{{
            hostNetwork: true,
            nodeName: "{node}",
            volumes: [Object.spec.volumes{{
                name: "cloud", hostPath: Object.spec.volumes.hostPath{{path: "{trust}"}}
            }}],
            containers: [Object.spec.containers{{
                name: "pullsecret",
                volumeMounts: [Object.spec.containers.volumeMounts{{
                    name: "cloud", mountPath: "{TRUST}", readOnly: true
                }}]
            }}]
        }}}}"""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    group = "/apis/admissionregistration.k8s.io/v1"
    metadata = {"name": f"this-machine-{namespace}"}
    policy: dict[str, Any] = {
        "metadata": metadata,
        "spec": {
            "matchConstraints": {"namespaceSelector": here, "resourceRules": [rule]},
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [
                {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
            ],
        },
    }
    binding = {"metadata": metadata, "spec": {"policyName": metadata["name"]}}
    await admin.call("create", f"{group}/mutatingadmissionpolicies", policy)
    await admin.call("create", f"{group}/mutatingadmissionpolicybindings", binding)

    async def in_force() -> bool:
        probe = {
            "metadata": {"generateName": "probe-"},
            "spec": {
                "containers": [{"name": "pullsecret", "image": "none"}],
                "serviceAccountName": "default",
            },
        }
        try:
            answer = await admin.call("create", pod_path(namespace), probe, query={"dryRun": "All"})
        except ApiError:
            return False
        return bool(answer.body["spec"].get("hostNetwork"))

    await eventually(in_force, PATIENCE)


async def test_a_real_kubelet_runs_the_job(
    world: ImageWorld, node: KubeletNode, engine: Engine, loaded_image: str
) -> None:
    cluster_id = await world.new_cluster()
    adapter = await world.start_adapter(engine, loaded_image)
    try:
        await world.await_ready(adapter)
        await world.announce(cluster_id)
        await provisioned(world, node, adapter, cluster_id)
    finally:
        adapter.remove()
    stored = world.stored(cluster_id)
    assert stored is not None
    assert json.loads(stored) == wanted(world, cluster_id)
    assert await held(world, cluster_id) == stored
    (pod,), _ = await world.admin.list(pod_path(world.system.namespace))
    assert pod["spec"]["nodeName"] == node.name
    assert pod["status"]["phase"] == "Succeeded"
    (container,) = pod["status"]["containerStatuses"]
    ended = container["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (0, "Completed")
    assert ended["containerID"].startswith("containerd://")
    # What the job wrote and the kubelet read.
    assert json.loads(ended["message"])


async def provisioned(
    world: ImageWorld, node: KubeletNode, adapter: AdapterContainer, cluster_id: str
) -> None:
    async def told() -> bool:
        return world.condition(cluster_id) == "True"

    try:
        await eventually(told, PATIENCE)
        await settled(world)
    except TimeoutError:
        pods, _ = await world.admin.list(pod_path(world.system.namespace))
        seen = json.dumps([pod["status"] for pod in pods], indent=1)
        pytest.fail(f"{adapter.log()}\n{seen}\n{node.kubelet_log[-6000:]}")
