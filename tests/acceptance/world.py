"""The whole service as it runs in production, between real and served surroundings, for one acceptance run.

Real: control plane, Jobs with real job processes, RabbitMQ, Prometheus, the ``pullsecret adapter`` process.
Served: the HyperFleet API, and Google Cloud unless a real project is given. Everything but the scrape goes
over TLS, past a :class:`~tests.acceptance.wiretap.Wiretap`.
"""

import asyncio
import json
import ssl
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs
import httpx
from benchmarks.job_footprint import compile_modules
from tests.acceptance.cloud import Cloud, ServedCloud
from tests.acceptance.prometheus import Prometheus, prometheus
from tests.acceptance.wiretap import Wiretap
from tests.system.world import JOB_IMAGE, AdapterProcess, job_image

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.infrastructure.kubernetes import marks, rbac
from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.connection import from_kubeconfig
from pullsecret.infrastructure.kubernetes.paths import job_path, secret_path
from pullsecret.testing.brokers.fixtures import folder_in_memory
from pullsecret.testing.brokers.rabbitmq import PASSWORD, USER, RabbitMQNode, rabbitmq_node
from pullsecret.testing.contracts.samples import CANARY, pull_secret_text
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.hyperfleet.neighbours import complete_dependencies, report_as
from pullsecret.testing.hyperfleet.publishers import Publish, open_publisher
from pullsecret.testing.hyperfleet.records import Dialect, Report
from pullsecret.testing.hyperfleet.server import FakeHyperFleet, ServerTls
from pullsecret.testing.hyperfleet.specs import cluster_spec
from pullsecret.testing.kubernetes.binaries import find
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.node_agent import NodeAgent
from pullsecret.testing.kubernetes.processes import free_port
from pullsecret.testing.kubernetes.system import System, create, deploy_system

PATIENCE: Final = 180.0
FLEET: Final = 102
"""Clusters of the load test, and how many jobs may run at once."""
KUBERNETES, HYPERFLEET, RABBITMQ = "Kubernetes API", "HyperFleet API", "RabbitMQ"
"""Names of what is listened to."""
_BYTECODE: Final = "/run/bytecode"


@attrs.frozen
class Cluster:
    """A cluster of the run."""

    id: str
    project: str
    namespace: str
    """Where placement put its control plane."""

    @property
    def cloud_secret(self) -> str:
        """The secret's name in the customer's project."""
        return cloud_secret_name(ClusterId(self.id))

    @property
    def secret_path(self) -> str:
        """The Kubernetes secret."""
        return secret_path(self.namespace, cluster_secret_name(ClusterId(self.id)))


@attrs.define(eq=False)
class AcceptanceWorld:
    """What the checks look at, and the few things they do to it."""

    system: System
    node: NodeAgent
    hyperfleet: FakeHyperFleet
    broker: RabbitMQNode
    publish: Publish
    cloud: Cloud
    taps: Mapping[str, Wiretap]
    adapter: AdapterProcess
    metrics_url: str
    prometheus: Prometheus
    api: httpx.AsyncClient
    """The HyperFleet API, as a person with ``curl`` sees it."""
    folder: Path
    prefix: str
    """How every cluster's id begins."""
    exchange: str
    """Where Sentinel publishes."""
    began: datetime = attrs.field(factory=lambda: datetime.now(UTC))
    fleet_size: int = FLEET
    played: dict[str, "asyncio.Future[Any]"] = attrs.field(factory=dict)
    """What :mod:`~tests.acceptance.scenes` has shown so far."""
    clusters: list[Cluster] = attrs.field(factory=list)
    payloads: list[str] = attrs.field(factory=list)
    """Every pull secret that the run ever gave out."""

    @property
    def admin(self) -> KubernetesApi:
        """May do everything in the management cluster."""
        return self.system.admin

    @property
    def queue(self) -> str:
        """Where the adapter takes events from."""
        return f"{self.exchange}-pullsecret"

    @property
    def served(self) -> ServedCloud:
        """The cloud, where it must be one that can be made to fail."""
        assert isinstance(self.cloud, ServedCloud)
        return self.cloud

    async def new_cluster(
        self,
        customer: int = 0,
        *,
        namespace: str | None = None,
        ready: bool = True,
        spec: Mapping[str, Any] | None = None,
    ) -> Cluster:
        """A cluster with a placement of its own that nobody was told of yet.

        ``spec`` replaces parts of it. Unless ``ready`` no other adapter has reported.
        """
        project = self.cloud.customer(customer)
        cluster_id = f"{self.prefix}{uuid.uuid4().hex[:8]}"
        cluster = Cluster(cluster_id, project, namespace or f"clusters-{cluster_id}")
        document = cluster_spec(Dialect.DDR, project=project, pull_secret=self.new_payload())
        record = self.hyperfleet.store.create({**document, **(spec or {})}, cluster_id=cluster_id)
        await self.system.add_placement(cluster.namespace)
        if ready:
            complete_dependencies(self.hyperfleet.store, record)
            data = {"namespace": cluster.namespace}
            report_as(self.hyperfleet.store, cluster_id, "placement", available="True", data=data)
        self.clusters.append(cluster)
        return cluster

    def new_payload(self) -> str:
        """A pull secret unlike any before."""
        self.payloads.append(pull_secret_text())
        return self.payloads[-1]

    def change_payload(self, cluster: Cluster) -> str:
        """Give the cluster another pull secret, and with it a new generation."""
        text = self.new_payload()
        spec = {**self.hyperfleet.store.get(cluster.id).spec, "pullSecret": {"data": text}}
        self.hyperfleet.store.patch(cluster.id, spec)
        return text

    def wanted(self, cluster: Cluster) -> str:
        """The pull secret that the cluster's owner gave last."""
        return str(self.hyperfleet.store.get(cluster.id).spec["pullSecret"]["data"])

    async def announce(self, *clusters: Cluster, kind: str = "cluster.create") -> None:
        """Publish an event for each, as Sentinel does."""
        for cluster in clusters:
            await self.publish_event({"clusterId": cluster.id, "provider": "gcp"}, kind)

    async def publish_event(self, data: Mapping[str, Any], kind: str = "cluster.create") -> None:
        """Publish any event."""
        event = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "hyperfleet-sentinel",
            "type": kind,
            "datacontenttype": "application/json",
            "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "data": dict(data),
        }
        await self.publish(event)

    def report(self, cluster: Cluster) -> Report | None:
        """What we told the API about the cluster last."""
        return self.hyperfleet.store.get(cluster.id).reports.get("pullsecret")

    def condition(self, cluster: Cluster, kind: str = "Available") -> tuple[str, str, str]:
        """Status, reason and message of a condition; empty where none was told."""
        report = self.report(cluster)
        found = report.condition(kind) if report else None
        return (found.status, found.reason, found.message) if found else ("", "", "")

    async def statuses(self, cluster: Cluster) -> dict[str, Any]:
        """Our entry of ``GET /clusters/{id}/statuses``."""
        answer = await self.api.get(f"/clusters/{cluster.id}/statuses")
        items = answer.raise_for_status().json()["items"]
        return next((one for one in items if one["adapterName"] == "pullsecret"), {})

    async def until(
        self, holds: Callable[[], bool | Awaitable[bool]], what: str, patience: float = PATIENCE
    ) -> None:
        """Wait until something is so. Raises TimeoutError naming ``what`` never came."""
        try:
            async with asyncio.timeout(patience):
                while True:
                    answer = holds()
                    if answer if isinstance(answer, bool) else await answer:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimeoutError(f"not within {patience:.0f} s: {what}") from None

    async def provisioned(self, *clusters: Cluster, patience: float = PATIENCE) -> None:
        """Return once the API knows that all their secrets are available at the newest generation."""

        def told() -> bool:
            return all(self._is_available(each) for each in clusters)

        await self.until(told, f"{len(clusters)} clusters available", patience)

    async def settled(self, *clusters: Cluster) -> None:
        """Return once every job of the clusters is reported and its temporary secret gone."""

        async def nothing_left() -> bool:
            for cluster in clusters:
                jobs = await self.jobs(cluster)
                if any(marks.REPORTED_LABEL not in job["metadata"]["labels"] for job in jobs):
                    return False
                if await self.temporary_secrets(cluster):
                    return False
            return True

        await self.until(nothing_left, "every job reported")

    async def jobs(self, cluster: Cluster | None = None) -> list[Object]:
        """Our Jobs, of one cluster or all."""
        found, _ = await self.admin.list(job_path(self.system.namespace), labels=_selector(cluster))
        return found

    async def pods(self, cluster: Cluster | None = None) -> list[Object]:
        """The pods of our jobs."""
        path = f"/api/v1/namespaces/{self.system.namespace}/pods"
        found, _ = await self.admin.list(path, labels=_selector(cluster))
        return found

    async def temporary_secrets(self, cluster: Cluster | None = None) -> list[Object]:
        """Inputs of jobs that are left."""
        path = secret_path(self.system.namespace)
        found, _ = await self.admin.list(path, labels=_selector(cluster), metadata_only=True)
        return found

    def job_log(self, cluster: Cluster | None = None) -> str:
        """What the job processes wrote, of one cluster or all: ``kubectl logs``."""
        return "".join(
            self.node.logs(finding.pod)
            for finding in self.node.findings
            if cluster is None or cluster.id in finding.job
        )

    def job_lines(self, cluster: Cluster) -> list[dict[str, Any]]:
        """The cluster's job log, line by line."""
        return [json.loads(line) for line in self.job_log(cluster).splitlines()]

    def adapter_log(self) -> str:
        """What the adapter process wrote."""
        return self.adapter.log.read_text()

    def adapter_lines(
        self, operation: str | None = None, cluster: Cluster | None = None
    ) -> list[dict[str, Any]]:
        """The adapter's log, line by line."""
        lines = [json.loads(line) for line in self.adapter_log().splitlines()]
        return [
            line
            for line in lines
            if operation in (None, line.get("operation"))
            if cluster is None or line.get("cluster_id") == cluster.id
        ]

    async def metric(self, name: str, **labels: str) -> float:
        """The value of one series as the adapter exposes it now; 0 where it is not there."""
        text = (await self.api.get(self.metrics_url)).text
        for line in text.splitlines():
            series, _, value = line.rpartition(" ")
            found, _, given = series.partition("{")
            if found == name and all(f'{key}="{wanted}"' in given for key, wanted in labels.items()):
                return float(value)
        return 0.0

    def traces_of_payloads(self, text: str) -> list[str]:
        """What of the run's pull secrets shows in ``text``."""
        words = [CANARY, *(json.loads(each)["auths"]["quay.io"]["auth"] for each in self.payloads)]
        return [word for word in words if word in text]

    def _is_available(self, cluster: Cluster) -> bool:
        record = self.hyperfleet.store.get(cluster.id)
        report = record.reports.get("pullsecret")
        return (
            report is not None
            and report.observed_generation == record.generation
            and report.status_of("Available") == "True"
        )


def _selector(cluster: Cluster | None) -> str:
    return marks.OUR_JOBS if cluster is None else marks.selector_of(ClusterId(cluster.id))


OpenCloud = Callable[[Path, str, AsyncExitStack], Awaitable[tuple[Cloud, Sequence[Wiretap]]]]
"""Opens the cloud of a run, given a folder for what jobs need of it and the jobs' namespace."""


async def served_cloud(
    folder: Path, namespace: str, opened: AsyncExitStack
) -> tuple[Cloud, Sequence[Wiretap]]:
    """The fakes."""
    fake = opened.enter_context(FakeGoogleCloud(closed=True))
    taps = [
        await opened.enter_async_context(Wiretap(name, int(address.rpartition(":")[2])))
        for name, address in (
            ("Secret Manager", fake.endpoints.secret_manager),
            ("token exchange and IAM Credentials", fake.endpoints.rest),
        )
    ]
    cloud = ServedCloud(fake, folder, namespace, *taps)
    await opened.enter_async_context(cloud.reader.client)
    return cloud, taps


@asynccontextmanager
async def acceptance_world(
    open_cloud: OpenCloud = served_cloud,
    prefix: str = "cls-",
    control_plane: ControlPlane | None = None,
    broker: RabbitMQNode | None = None,
) -> AsyncIterator[AcceptanceWorld]:
    """Start everything but what is given; leaving it ends every process."""
    async with AsyncExitStack() as opened:
        memory = opened.enter_context(folder_in_memory())
        folder = _folder(opened.enter_context(tempfile.TemporaryDirectory(prefix="pullsecret-acceptance-")))
        control_plane = control_plane or opened.enter_context(ControlPlane(find(), memory))
        broker = broker or opened.enter_context(rabbitmq_node(folder / "broker"))
        exchange = f"clusters-{uuid.uuid4().hex[:8]}"
        await asyncio.to_thread(compile_modules, folder / "bytecode")
        identity = control_plane.server_certificate()
        hyperfleet = FakeHyperFleet(Dialect.DDR)
        tls = ServerTls(identity.certificate, identity.key)
        url = await opened.enter_async_context(hyperfleet.serve(tls=tls))
        taps = {
            name: await opened.enter_async_context(Wiretap(name, port))
            for name, port in (
                (KUBERNETES, control_plane.port),
                (HYPERFLEET, int(url.rpartition(":")[2])),
                (RABBITMQ, broker.tls_port),
            )
        }
        past_the_tap = f"https://127.0.0.1:{taps[KUBERNETES].port}"
        admin = await opened.enter_async_context(KubernetesApi(control_plane.admin(), threads=64))
        system = await deploy_system(control_plane, admin)
        await create(admin, rbac.drift_objects_for(system.namespace))
        cloud, cloud_taps = await open_cloud(folder / "cloud", system.namespace, opened)
        taps |= {tap.name: tap for tap in cloud_taps}
        node = await _node(opened, control_plane, system, cloud, folder, past_the_tap)
        adapter, port = await _adapter(
            opened, system, cloud, _rabbitmq(folder, broker, exchange, taps), taps, folder
        )
        context = ssl.create_default_context(cafile=str(control_plane.ca))
        world = AcceptanceWorld(
            system=system,
            node=node,
            hyperfleet=hyperfleet,
            broker=broker,
            publish=await opened.enter_async_context(open_publisher(f"{broker.url()}?exchange={exchange}")),
            cloud=cloud,
            taps=taps,
            adapter=adapter,
            metrics_url=f"http://127.0.0.1:{port}/metrics",
            prometheus=await opened.enter_async_context(prometheus(folder, port, node)),
            api=await opened.enter_async_context(
                httpx.AsyncClient(base_url=url, verify=context, trust_env=False)
            ),
            folder=folder,
            prefix=prefix,
            exchange=exchange,
        )
        await world.until(lambda: _takes_events(world), "the adapter takes events")
        await world.prometheus.until("pullsecret_build_info")
        yield world


def _folder(name: str) -> Path:
    folder = Path(name)
    # Jobs run as another user and see parts of it.
    folder.chmod(0o755)
    for part in ("cloud", "bytecode", "broker"):
        (folder / part).mkdir(mode=0o755)
    return folder


async def _node(
    opened: AsyncExitStack,
    control_plane: ControlPlane,
    system: System,
    cloud: Cloud,
    folder: Path,
    server: str,
) -> NodeAgent:
    """A node; containers are told the address of the API server that their node uses."""
    certificate = {
        "client-certificate": str(control_plane.folder / "admin.crt"),
        "client-key": str(control_plane.folder / "admin.key"),
    }
    kubeconfig = control_plane.write_kubeconfig(folder / "node.kubeconfig", certificate, server)
    api = await opened.enter_async_context(KubernetesApi(from_kubeconfig(kubeconfig), threads=64))
    image = job_image(folder / "cloud")
    image = attrs.evolve(
        image,
        environment={**image.environment, "PYTHONPYCACHEPREFIX": _BYTECODE},
        mounts={**cloud.mounts(), _BYTECODE: folder / "bytecode"},
        # A cluster runs them on nodes of their own; here they share the cores with all that is measured.
        niceness=19,
    )
    node = NodeAgent(api, system.namespace, {JOB_IMAGE: image}, folder / "node")
    return await opened.enter_async_context(node)


async def _adapter(
    opened: AsyncExitStack,
    system: System,
    cloud: Cloud,
    rabbitmq: Mapping[str, Any],
    taps: Mapping[str, Wiretap],
    folder: Path,
) -> tuple[AdapterProcess, int]:
    """The adapter's process, and the port of its metrics."""
    port = free_port()
    server = f"https://127.0.0.1:{taps[KUBERNETES].port}"
    configuration = {
        "broker": "rabbitmq",
        "hyperfleet": "http",
        "secretStore": "gcp",
        "cluster": "kubernetes",
        "rabbitmq": rabbitmq,
        "api": {
            "url": f"https://127.0.0.1:{taps[HYPERFLEET].port}",
            "caBundle": str(system.control_plane.ca),
        },
        "gcp": cloud.adapter_settings(),
        "kubernetes": {
            "kubeconfig": str(await system.kubeconfig(rbac.ADAPTER, server)),
            "job": {
                "image": JOB_IMAGE,
                "namespace": system.namespace,
                "backoffLimit": 0,
                **cloud.job_settings(),
            },
        },
        "limits": {"perProject": 11, "overall": FLEET},
        # More at a time come to no more a second on few cores, and each would take longer.
        "events": {"concurrency": 4},
        "jobs": {
            "retry": {"initial": 0.5, "factor": 2, "maximum": 4},
            "budget": 8,
            # What failed stays so until all checks have looked at it.
            "failedPause": {"initial": 600, "factor": 1, "maximum": 600},
        },
        "health": {"host": "127.0.0.1", "port": port},
        "logs": {"level": "debug"},
    }
    file = folder / "adapter.yaml"
    file.write_text(json.dumps(configuration, indent=2))
    program = str(Path(sys.executable).parent / "pullsecret")
    command = ["env", f"PYTHONPYCACHEPREFIX={folder / 'bytecode'}", program, "adapter", "--config", str(file)]
    adapter = AdapterProcess("adapter", command, folder / "adapter.log")
    adapter.start()
    opened.callback(adapter.kill)
    return adapter, port


async def _takes_events(world: AcceptanceWorld) -> bool:
    if world.adapter.child is None or not world.adapter.child.running:
        raise RuntimeError(f"the adapter ended:\n{world.adapter_log()}")
    listed = await asyncio.to_thread(world.broker.control, "list_queues", "name", "consumers")
    return any(line.split() == [world.queue, "1"] for line in listed.splitlines())


def _rabbitmq(
    folder: Path, broker: RabbitMQNode, exchange: str, taps: Mapping[str, Wiretap]
) -> Mapping[str, Any]:
    """The ``rabbitmq`` section of the adapter's configuration."""
    password = folder / "broker-password"
    password.write_text(PASSWORD)
    return {
        "urls": [f"amqps://127.0.0.1:{taps[RABBITMQ].port}/"],
        "user": USER,
        "passwordFile": str(password),
        "caBundle": str(broker.ca),
        "exchange": exchange,
        "topology": "create",
    }
