"""Serves what is outside of the service, and prepares it for a fleet."""

import json
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
import trustme

from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.demo.fleet import Document, FleetCluster
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.gcp.secret_store import open_secret_store
from pullsecret.infrastructure.hyperfleet.settings import HyperFleetSettings
from pullsecret.infrastructure.intake.topology import Topology
from pullsecret.infrastructure.memory.cloud import Project
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.testing.brokers.rabbitmq import (
    PASSWORD,
    USER,
    RabbitMQMissingError,
    RabbitMQNode,
    rabbitmq_node,
)
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.customer import ALL_PERMISSIONS, onboard
from pullsecret.testing.hyperfleet.neighbours import report_as
from pullsecret.testing.hyperfleet.publishers import CONTENT_TYPE, Publish, open_publisher
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.server import FakeHyperFleet, ServerTls


@attrs.frozen
class Surroundings:
    """Everything that is served, and how it is reached."""

    world: EmbeddedWorld
    """Holds what stays embedded: jobs, and the management cluster."""
    hyperfleet: FakeHyperFleet
    cloud: FakeGoogleCloud
    publish: Publish
    client: httpx.AsyncClient
    """Sentinel's, over the wire as well."""
    configuration: Configuration
    wires: Mapping[str, str]
    """For each system, where it is served."""

    def put(self, document: Document) -> None:
        """Create or change a cluster, with what its other adapters say."""
        store, cluster_id = self.hyperfleet.store, str(document["id"])
        if cluster_id in store.clusters:
            store.patch(cluster_id, document["spec"])
        else:
            store.create(document["spec"], cluster_id=cluster_id)
        for adapter, told in document["status"]["adapters"].items():
            data = told.get("data")
            report_as(store, cluster_id, adapter, available=told["available"], data=data)

    def payloads(self, ref: CloudSecretRef) -> list[bytes]:
        """The versions that Secret Manager holds, oldest first."""
        world = self.cloud.world
        with world.lock:
            if ref.project not in self.world.cloud.projects:
                return []
            number = world.add_project(ref.project).number
            record = world.secrets.get(f"projects/{number}/secrets/{ref.name}")
            return [version.payload for version in record.versions if version.payload] if record else []


@asynccontextmanager
async def served(world: EmbeddedWorld, fleet: Sequence[FleetCluster]) -> AsyncIterator[Surroundings]:
    """Serve everything as long as the block; ``world`` says how each customer's project is prepared."""
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="pullsecret-demo-")))
        identity = _identity(folder)
        hyperfleet = FakeHyperFleet(Dialect.DDR)
        url = await opened.enter_async_context(
            hyperfleet.serve(tls=ServerTls(folder / "server.pem", folder / "server.key"))
        )
        cloud = opened.enter_context(FakeGoogleCloud(closed=True))
        trust = folder / "cloud"
        trust.mkdir()
        configuration = attrs.evolve(
            Configuration.default(),
            hyperfleet="http",
            secret_store="gcp",
            api=HyperFleetSettings(url=url, ca_bundle=identity),
            gcp=await _prepared(cloud, world, trust),
        )
        node = _node(opened)
        if node is None:
            publish: Publish = _embedded(world)
            broker = "embedded (no RabbitMQ is installed)"
        else:
            configuration = attrs.evolve(configuration, broker="rabbitmq", rabbitmq=_rabbitmq(node, folder))
            publish = await opened.enter_async_context(open_publisher(node.url()))
            broker = f"amqp://{node.address}"
        context = ssl.create_default_context(cafile=str(identity))
        client = httpx.AsyncClient(base_url=url, verify=context, trust_env=False)
        yield Surroundings(
            world,
            hyperfleet,
            cloud,
            publish,
            await opened.enter_async_context(client),
            configuration,
            {
                "HyperFleet API": url,
                "Secret Manager": f"grpcs://{cloud.endpoints.secret_manager}",
                "Broker": broker,
            },
        )


def _identity(folder: Path) -> Path:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    leaf.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    leaf.private_key_pem.write_to_path(str(folder / "server.key"))
    return folder / "ca.pem"


async def _prepared(cloud: FakeGoogleCloud, world: EmbeddedWorld, folder: Path) -> Any:
    """Give each project of the embedded cloud its like; return the settings that reach them."""
    settings = None
    for name, project in world.cloud.projects.items():
        customer = onboard(cloud, folder, name)
        settings = customer.settings
        await _put_foreign_secrets(name, project, settings)
        customer.permit(*(set(ALL_PERMISSIONS) - project.denied))
    return settings


async def _put_foreign_secrets(name: str, project: Project, settings: Any) -> None:
    if not project.secrets:
        return
    async with open_secret_store(settings, EmbeddedWorld.create().clock, CallMeter()) as store:
        for secret_name, secret in project.secrets.items():
            ref = CloudSecretRef(name, secret_name)
            await store.create(ref, secret.labels, secret.storage)
            for version in secret.versions:
                await store.add_version(ref, version.payload)


def _node(opened: AsyncExitStack) -> RabbitMQNode | None:
    memory = Path("/dev/shm")  # noqa: S108 - brokers wait for the disk at every durable message
    place = memory if memory.is_dir() and shutil.disk_usage(memory).free > 2**28 else None
    folder = Path(opened.enter_context(tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True)))
    try:
        return opened.enter_context(rabbitmq_node(folder))
    except RabbitMQMissingError:
        return None


def _rabbitmq(node: RabbitMQNode, folder: Path) -> RabbitMQSettings:
    password = folder / "password"
    password.write_text(PASSWORD)
    url = f"amqp://{node.address}/"
    return RabbitMQSettings(urls=(url,), user=USER, password_file=password, topology=Topology.CREATE)


def _embedded(world: EmbeddedWorld) -> Publish:
    async def publish(event: Mapping[str, Any]) -> None:
        await world.broker.publish({"content-type": CONTENT_TYPE}, json.dumps(event).encode())

    return publish
