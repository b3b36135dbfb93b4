"""The adapter has no rights in the cloud and none on cluster secrets: it is made without their clients."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "here",
    "contexts": [{"name": "here", "context": {"cluster": "here", "user": "adapter"}}],
    "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "adapter", "user": {"token": "none"}}],
}
# In a process of its own: what another test imported would be seen here too.
_WIRE = """
import asyncio, gc, json, sys
from pathlib import Path
from pullsecret.entrypoints.configuration import load
from pullsecret.entrypoints.container import Replica, open_adapter
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.system_clock import SystemClock

async def wire():
    clock = SystemClock()
    replica = Replica(load(Path(sys.argv[1]), {}), clock, MemoryTelemetry(), "replica-1")
    async with open_adapter(replica, EmbeddedWorld.create(clock=clock)) as adapter:
        kinds = {type(each).__name__ for each in gc.get_objects()}
        print(json.dumps([type(adapter.jobs).__name__, sorted(kinds), sorted(sys.modules)]))

asyncio.run(wire())
"""


def wired(folder: Path, **changes: object) -> tuple[str, set[str], set[str]]:
    """The job runner, the kinds of objects that there are, and the modules that were imported."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(_KUBECONFIG))
    configuration = {
        "hyperfleet": "http",
        "secretStore": "gcp",
        "cluster": "kubernetes",
        "api": {"url": "https://127.0.0.1:1"},
        "kubernetes": {"kubeconfig": str(kubeconfig), "job": {"image": "pullsecret.test/pullsecret:1"}},
        **changes,
    }
    file = folder / "adapter.yaml"
    file.write_text(json.dumps(configuration))
    ran = subprocess.run([sys.executable, "-c", _WIRE, str(file)], capture_output=True, text=True, check=True)
    jobs, kinds, modules = json.loads(ran.stdout.splitlines()[-1])
    return jobs, set(kinds), set(modules)


STORES = {"GoogleSecretStore", "MemorySecretStore"}
CLUSTER_SECRETS = {"KubernetesClusterSecrets", "MemoryClusterSecrets"}
CLIENTS = ("pullsecret.infrastructure.gcp.secret_store", "pullsecret.infrastructure.gcp.secret_manager_api")


def test_with_jobs_on_kubernetes_neither_store_is_made_and_no_google_client_is_imported(
    tmp_path: Path,
) -> None:
    jobs, kinds, modules = wired(tmp_path)
    assert jobs == "KubernetesJobRunner"
    assert "FinalizeCluster" in kinds
    assert not kinds & {*STORES, *CLUSTER_SECRETS, "Provision", "CleanUp"}
    assert not modules & set(CLIENTS)
    assert not any(name.startswith(("google.cloud.secretmanager", "grpc")) for name in modules)


@pytest.mark.parametrize("store", ["memory", "gcp"])
def test_embedded_jobs_have_both_stores_in_the_process(tmp_path: Path, store: str) -> None:
    jobs, kinds, modules = wired(tmp_path, cluster="memory", kubernetes=None, secretStore=store)
    assert jobs == "MemoryJobRunner"
    assert {"Provision", "CleanUp", "MemoryClusterSecrets"} <= kinds
    assert ("GoogleSecretStore" in kinds) == (store == "gcp")
    assert (CLIENTS[0] in modules) == (store == "gcp")
