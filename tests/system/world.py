"""The whole service on a real control plane: replicas and jobs are processes, clouds and API are served."""

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
from tests.system.broker import ServedBroker, SystemBroker

import pullsecret
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef
from pullsecret.infrastructure.kubernetes import marks, rbac
from pullsecret.infrastructure.kubernetes.api import CallLimits, KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.paths import job_path, secret_path
from pullsecret.testing.contracts.samples import pull_secret_text
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.customer import Customer, onboard
from pullsecret.testing.hyperfleet.neighbours import complete_dependencies
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.server import FakeHyperFleet, ServerTls
from pullsecret.testing.hyperfleet.specs import cluster_spec
from pullsecret.testing.kubernetes.container import Container, ContainerSpec, RunningContainer
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.node_agent import Image, NodeAgent
from pullsecret.testing.kubernetes.processes import Child, start
from pullsecret.testing.kubernetes.system import System, create, deploy_system
from pullsecret.testing.patience import PATIENCE

JOB_IMAGE: Final = "pullsecret.test/pullsecret:1"
TRUST: Final = "/run/cloud"
"""Where pods see the certificate of the fake cloud."""
_SOURCE: Final = Path(pullsecret.__file__).parents[1]
_PROGRAMS: Final = Path(sys.prefix)


def job_image(trust: Path) -> Image:
    """The real job process, from this checkout, with a folder that holds the fake cloud's certificate."""
    return Image(
        ["pullsecret", "job"],
        [_PROGRAMS, Path(sys.base_prefix), _SOURCE],
        environment={"PATH": f"{_PROGRAMS / 'bin'}:/usr/local/bin:/usr/bin:/bin"},
        mounts={TRUST: trust},
    )


@attrs.define(eq=False)
class AdapterProcess:
    """A replica; :meth:`start` it again after it was killed, as a Deployment does."""

    name: str
    command: Sequence[str]
    log: Path
    child: Child | None = None

    def start(self) -> None:
        """Start the process."""
        self.child = start(self.command, self.log)

    def kill(self) -> None:
        """SIGKILL."""
        assert self.child is not None
        self.child.kill()

    async def stop(self) -> int:
        """SIGTERM, as the kubelet does; returns the exit code."""
        assert self.child is not None
        self.child.signal(signal.SIGTERM)
        return await asyncio.to_thread(self.child.process.wait, PATIENCE)

    @property
    def peak_rss(self) -> int:
        """Bytes, so far."""
        return self._memory("VmHWM")

    @property
    def rss(self) -> int:
        """Bytes, now."""
        return self._memory("VmRSS")

    def _memory(self, what: str) -> int:
        assert self.child is not None
        status = Path(f"/proc/{self.child.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith(f"{what}:"))
        return int(line.split()[1]) * 1024

    @property
    def cpu_seconds(self) -> float:
        """Processor time, so far."""
        assert self.child is not None
        fields = Path(f"/proc/{self.child.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def lines(self, operation: str) -> list[dict[str, Any]]:
        """Its log lines about one operation."""
        parsed = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in parsed if line.get("operation") == operation]


@attrs.define(eq=False)
class SystemWorld:
    """Everything around the replicas, and what a test asks of it."""

    system: System
    node: NodeAgent
    cloud: FakeGoogleCloud
    hyperfleet: FakeHyperFleet
    broker: SystemBroker
    folder: Path
    job: dict[str, Any]
    """The ``kubernetes.job`` section of the replicas' configuration."""
    customers: dict[str, Customer] = attrs.field(factory=dict)
    replicas: list[AdapterProcess] = attrs.field(factory=list)

    @property
    def admin(self) -> KubernetesApi:
        """May do everything."""
        return self.system.admin

    def customer(self, project: str) -> Customer:
        """A customer's project, set up on first use."""
        if project not in self.customers:
            folder = self.folder / project
            folder.mkdir()
            self.customers[project] = onboard(self.cloud, folder, project)
        return self.customers[project]

    async def new_cluster(self, project: str = "customer-prod-12345") -> str:
        """A cluster that is ready for its pull secret, and its namespace; nobody has been told yet."""
        self.customer(project)
        cluster_id = f"cls-{uuid.uuid4().hex[:8]}"
        spec = cluster_spec(Dialect.DDR, project=project, pull_secret=pull_secret_text())
        cluster = self.hyperfleet.store.create(spec, cluster_id=cluster_id)
        await self.system.add_placement(f"clusters-{cluster_id}")
        complete_dependencies(self.hyperfleet.store, cluster)
        return cluster_id

    async def announce(self, *cluster_ids: str, kind: str = "cluster.create") -> None:
        """Publish an event for each cluster."""
        for cluster_id in cluster_ids:
            await self.broker.publish(cluster_id, kind)

    def google(self, trust: str) -> dict[str, Any]:
        """A ``gcp`` section; ``trust`` is where the process sees the cloud's certificate."""
        endpoints = self.cloud.endpoints
        return {
            "metadataHost": endpoints.metadata,
            "secretManagerEndpoint": endpoints.secret_manager,
            "restEndpoint": endpoints.rest,
            "trustFile": f"{trust}/ca.pem",
        }

    async def add_replica(self, server: str | None = None, **sections: Any) -> AdapterProcess:
        """Start a replica that reaches the API server at ``server``; ``sections`` go into its
        configuration."""
        name = f"replica-{len(self.replicas) + 1}"
        control_plane = self.system.control_plane
        configuration = {
            "hyperfleet": "http",
            "secretStore": "gcp",
            "cluster": "kubernetes",
            "api": {"url": self.hyperfleet.url, "caBundle": str(control_plane.ca)},
            "gcp": self.google(str(self.folder / "trust")),
            "kubernetes": {
                "kubeconfig": str(await self.system.kubeconfig(rbac.ADAPTER, server)),
                "job": self.job,
            },
            **self.broker.sections,
            **sections,
        }
        file = self.folder / f"{name}.yaml"
        file.write_text(json.dumps(configuration))
        replica = AdapterProcess(name, self.broker.replica(file, name), self.folder / f"{name}.log")
        replica.start()
        self.replicas.append(replica)
        return replica

    def condition(self, cluster_id: str, kind: str = "Available") -> str | None:
        """The status of one of our conditions, as the API knows it."""
        report = self.hyperfleet.store.get(cluster_id).reports.get("pullsecret")
        return None if report is None else report.status_of(kind)

    async def jobs(self) -> list[Object]:
        """Every Job of ours."""
        found, _ = await self.admin.list(job_path(self.system.namespace), labels=marks.OUR_JOBS)
        return found

    async def temporary_secrets(self) -> list[Object]:
        """Every temporary secret that is left."""
        found, _ = await self.admin.list(
            secret_path(self.system.namespace), labels=marks.OUR_JOBS, metadata_only=True
        )
        return found

    def stored(self, cluster_id: str, project: str = "customer-prod-12345") -> bytes | None:
        """What the customer's secret manager holds as the newest version."""
        ref = CloudSecretRef(project, cloud_secret_name(ClusterId(cluster_id)))
        number = self.cloud.world.add_project(project).number
        record = self.cloud.world.secrets.get(f"projects/{number}/secrets/{ref.name}")
        return record.versions[-1].payload if record and record.versions else None

    def cluster_secret(self, cluster_id: str) -> str:
        """The path of the cluster secret."""
        ref = ClusterSecretRef(f"clusters-{cluster_id}", cluster_secret_name(ClusterId(cluster_id)))
        return secret_path(ref.namespace, ref.name)


@attrs.frozen
class Surroundings:
    """What is there before any replica: a namespace with its rights, and the two services it calls."""

    system: System
    cloud: FakeGoogleCloud
    hyperfleet: FakeHyperFleet
    trust: Path
    """A folder that holds the fake cloud's certificate; pods see it as :data:`TRUST`."""

    def job(self, image: str, **settings: Any) -> dict[str, Any]:
        """A ``kubernetes.job`` section."""
        return {
            "image": image,
            "namespace": self.system.namespace,
            "extraEnvironment": {"GCP_TRUST_FILE": f"{TRUST}/ca.pem"},
            **settings,
        }


@asynccontextmanager
async def surroundings(control_plane: ControlPlane, folder: Path) -> AsyncIterator[Surroundings]:
    """Fresh ones; ``folder`` is for their files."""
    trust = folder / "trust"
    trust.mkdir()
    trust.chmod(0o755)
    identity = control_plane.server_certificate()
    hyperfleet = FakeHyperFleet(Dialect.DDR)
    with FakeGoogleCloud(closed=True) as cloud:
        cloud.authority.write_certificate(trust / "ca.pem").chmod(0o644)
        async with (
            KubernetesApi(control_plane.admin(), threads=64, limits=CallLimits(patience=PATIENCE)) as admin,
            hyperfleet.serve(tls=ServerTls(identity.certificate, identity.key)),
        ):
            system = await deploy_system(control_plane, admin)
            await create(admin, rbac.drift_objects_for(system.namespace))
            yield Surroundings(system, cloud, hyperfleet, trust)


@asynccontextmanager
async def system_world(
    control_plane: ControlPlane,
    folder: Path,
    image: Image | None = None,
    broker: SystemBroker | None = None,
    start_container: Callable[[ContainerSpec], RunningContainer] = Container,
    **job: Any,
) -> AsyncIterator[SystemWorld]:
    """A world without replicas yet; leaving it ends every process. ``image`` stands in for the real job's;
    without a ``broker`` one is served."""
    async with surroundings(control_plane, folder) as around, ServedBroker().serve() as served:
        system, images = around.system, {JOB_IMAGE: image or job_image(around.trust)}
        async with NodeAgent(
            system.admin, system.namespace, images, folder / "node", start_container
        ) as node:
            settings = around.job(JOB_IMAGE, **job)
            world = SystemWorld(
                system, node, around.cloud, around.hyperfleet, broker or served, folder, settings
            )
            try:
                yield world
            finally:
                for replica in world.replicas:
                    replica.kill()
