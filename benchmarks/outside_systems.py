"""What an adapter talks to beside the broker: embedded, or over the wire."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import attrs
import httpx

from pullsecret.application.adapter import Adapter
from pullsecret.entrypoints.configuration import Configuration, load
from pullsecret.entrypoints.container import Replica, open_adapter
from pullsecret.infrastructure.kubernetes import rbac
from pullsecret.infrastructure.kubernetes.api import KubernetesApi
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.ports.telemetry import Telemetry
from pullsecret.testing.contracts.samples import pull_secret_text
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.specs import cluster_spec
from pullsecret.testing.kubernetes.binaries import find
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.system import deploy_system

_PROGRAM = Path(sys.executable).parent / "pullsecret"
_PROJECT = "customer-prod-12345"


@attrs.frozen
class Surroundings:
    """Clusters that are ready for their pull secrets, and an adapter for them."""

    clusters: Sequence[str]
    adapter: Adapter
    control_plane: ControlPlane | None = None
    """The one that is served."""


Outside = Callable[[int, Telemetry], AbstractAsyncContextManager[Surroundings]]


@asynccontextmanager
async def embedded(count: int, telemetry: Telemetry) -> AsyncIterator[Surroundings]:
    """API and API server are in this process and answer at once."""
    world = EmbeddedWorld.create(latency=(0, 0), clock=SystemClock())
    ready = {name: {"available": "True"} for name in ("validation", "dns")}
    placement = {"available": "True", "data": {"namespace": "clusters-1"}}
    clusters = [f"cls-{number}" for number in range(count)]
    for cluster in clusters:
        status = {"adapters": {**ready, "placement": placement}}
        world.hyperfleet.put({"id": cluster, "generation": 1, "spec": _spec(), "status": status})
    async with open_adapter(_replica(Configuration(), telemetry), world) as adapter:
        yield Surroundings(clusters, adapter)


@asynccontextmanager
async def served(count: int, telemetry: Telemetry) -> AsyncIterator[Surroundings]:
    """A real kube-apiserver, and the fake HyperFleet API over HTTPS in a process of its own."""
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        ControlPlane(find(), Path(folder)) as control_plane,
    ):
        identity = control_plane.server_certificate()
        served = await asyncio.create_subprocess_exec(
            *(str(_PROGRAM), "fake-hyperfleet", "--dialect", "ddr", "--port", "0"),
            *("--certificate", str(identity.certificate), "--key", str(identity.key)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert served.stdout is not None
        try:
            url = (await served.stdout.readline()).decode().strip()
            clusters = await _created(url, control_plane.ca, count)
            async with KubernetesApi(control_plane.admin()) as admin:
                system = await deploy_system(control_plane, admin)
                file = Path(folder) / "adapter.yaml"
                kubeconfig = str(await system.kubeconfig(rbac.ADAPTER))
                job = {"image": "pullsecret.test/pullsecret:1", "namespace": system.namespace}
                given = {
                    "hyperfleet": "http",
                    "secretStore": "gcp",
                    "cluster": "kubernetes",
                    "api": {"url": url, "caBundle": str(control_plane.ca)},
                    "kubernetes": {"kubeconfig": kubeconfig, "job": job},
                }
                file.write_text(json.dumps(given))
                world = EmbeddedWorld.create(latency=(0, 0), clock=SystemClock())
                async with open_adapter(_replica(load(file, {}), telemetry), world) as adapter:
                    yield Surroundings(clusters, adapter, control_plane)
        finally:
            served.terminate()
            await served.wait()


async def _created(url: str, ca: Path, count: int) -> list[str]:
    async with httpx.AsyncClient(verify=str(ca)) as client:
        clusters = []
        for _ in range(count):
            answer = await client.post(f"{url}/clusters", json={"spec": _spec()})
            answer.raise_for_status()
            clusters.append(answer.json()["id"])
        return clusters


def _spec() -> dict[str, object]:
    return cluster_spec(Dialect.DDR, project=_PROJECT, pull_secret=pull_secret_text())


def _replica(configuration: Configuration, telemetry: Telemetry) -> Replica:
    return Replica(configuration, SystemClock(), telemetry, "benchmark")


OUTSIDE: dict[str, Outside] = {"embedded": embedded, "served": served}
