"""The service's surroundings for an adapter that runs from the image: real broker, real control plane."""

import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import attrs
import httpx
import yaml
from aiormq import spec
from aiormq.abc import AbstractChannel
from tests.integration.deploy.engine import Engine
from tests.integration.deploy.image_archive import BuiltImage
from tests.integration.deploy.image_containers import AdapterContainer
from tests.integration.kubernetes.job_harness import eventually
from tests.integration.rabbitmq.harness import administrator
from tests.system.world import TRUST, SystemWorld, surroundings

from pullsecret.infrastructure.kubernetes import rbac
from pullsecret.testing.brokers.rabbitmq import PASSWORD, USER, RabbitMQNode
from pullsecret.testing.kubernetes.container import ContainerSpec, RunningContainer
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.node_agent import Image, NodeAgent
from pullsecret.testing.kubernetes.processes import free_port
from pullsecret.testing.patience import PATIENCE

CONFIGURATION: Final = "/etc/pullsecret"


@attrs.frozen
class Exchange:
    """An exchange of RabbitMQ, to which events are published as Sentinel does."""

    channel: AbstractChannel
    node: RabbitMQNode
    name: str = attrs.field(factory=lambda: f"clusters-{uuid.uuid4().hex[:8]}")

    async def publish(self, cluster_id: str, kind: str) -> None:
        """Publish an event about a cluster; the adapter's queue must be there."""
        event = {
            "specversion": "1.0",
            "id": f"{kind}-{cluster_id}",
            "source": "hyperfleet-sentinel",
            "type": kind,
            "datacontenttype": "application/json",
            "data": {"clusterId": cluster_id, "provider": "gcp"},
        }
        properties = spec.Basic.Properties(content_type="application/cloudevents+json", delivery_mode=2)
        body = json.dumps(event).encode()
        await self.channel.basic_publish(
            body, exchange=self.name, routing_key="", properties=properties, mandatory=True
        )


@attrs.define(eq=False)
class ImageWorld(SystemWorld):
    """A world whose adapter is a container of the image."""

    port: int = attrs.field(factory=free_port)
    """Where the adapter serves health and metrics."""

    async def start_adapter(self, engine: Engine, image: str) -> AdapterContainer:
        """Start it; nobody has waited for anything yet."""
        folder = self.folder / "configuration"
        folder.mkdir()
        (folder / "ca.pem").write_bytes(self.system.control_plane.ca.read_bytes())
        (folder / "password").write_text(PASSWORD)
        kubeconfig = yaml.safe_load((await self.system.kubeconfig(rbac.ADAPTER)).read_text())
        kubeconfig["clusters"][0]["cluster"]["certificate-authority"] = f"{CONFIGURATION}/ca.pem"
        (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        (folder / "adapter.yaml").write_text(yaml.safe_dump(self._configuration()))
        folder.chmod(0o755)
        return AdapterContainer.start(
            engine,
            image,
            ["pullsecret", "adapter", "--config", f"{CONFIGURATION}/adapter.yaml"],
            {CONFIGURATION: folder, TRUST: self.folder / "trust"},
        )

    async def await_ready(self, adapter: AdapterContainer) -> None:
        """Wait until the adapter says that it is ready. Raises :class:`RuntimeError` with its log."""
        async with httpx.AsyncClient() as client:

            async def ready() -> bool:
                try:
                    answer = await client.get(f"http://127.0.0.1:{self.port}/readyz")
                except httpx.TransportError:
                    return False
                return answer.status_code == HTTPStatus.OK

            try:
                await eventually(ready, PATIENCE)
            except TimeoutError:
                raise RuntimeError(f"the adapter is not ready:\n{adapter.log()}") from None

    def _configuration(self) -> dict[str, Any]:
        return {
            "broker": "rabbitmq",
            "rabbitmq": {
                "urls": [f"amqp://{self.broker.node.address}/"],
                "user": USER,
                "passwordFile": f"{CONFIGURATION}/password",
                "exchange": self.broker.name,
                "topology": "create",
            },
            "hyperfleet": "http",
            "api": {"url": self.hyperfleet.url, "caBundle": f"{CONFIGURATION}/ca.pem"},
            "secretStore": "gcp",
            "gcp": self.google(TRUST),
            "cluster": "kubernetes",
            "kubernetes": {"kubeconfig": f"{CONFIGURATION}/kubeconfig", "job": self.job},
            "health": {"host": "127.0.0.1", "port": self.port},
        }


@asynccontextmanager
async def image_world(
    control_plane: ControlPlane,
    rabbitmq: RabbitMQNode,
    folder: Path,
    run_container: Callable[[ContainerSpec], RunningContainer] | None,
) -> AsyncIterator[ImageWorld]:
    """A world without an adapter yet. ``run_container`` runs the jobs' pods; None: a kubelet does."""
    async with (
        surroundings(control_plane, folder) as around,
        administrator(rabbitmq) as channel,
        AsyncExitStack() as opened,
    ):
        system, node = around.system, None
        if run_container is not None:
            images = {BuiltImage.name: Image(["pullsecret", "job"], [], mounts={TRUST: around.trust})}
            agent = NodeAgent(system.admin, system.namespace, images, folder / "node", run_container)
            node = await opened.enter_async_context(agent)
        yield ImageWorld(
            system,
            node,
            around.cloud,
            around.hyperfleet,
            Exchange(channel, rabbitmq),
            folder,
            around.job(BuiltImage.name),
        )
