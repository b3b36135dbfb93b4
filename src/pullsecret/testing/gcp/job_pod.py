"""Runs the real job process as its pod would: own mounts and user, a fake Google Cloud, a real control
plane."""

import json
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import attrs

import pullsecret
from pullsecret.domain.provisioning import ProvisionTarget
from pullsecret.infrastructure.kubernetes.api import KubernetesApi
from pullsecret.testing.contracts.samples import new_pull_secret, new_target
from pullsecret.testing.gcp.customer import Customer
from pullsecret.testing.kubernetes.container import Container, ContainerSpec
from pullsecret.testing.kubernetes.control_plane import ControlPlane

_USER = 1000
_IDENTITY = "/var/run/secrets/kubernetes.io/serviceaccount"
_PAYLOAD = "/var/run/secrets/pullsecret/payload"
_CLOUD = "/var/run/secrets/cloud"
_PAYLOAD_FILE = "pull-secret.json"
_BYTECODE = "/var/run/pullsecret-bytecode"


@attrs.frozen
class JobRun:
    """One job that has ended."""

    exit_code: int
    message: dict[str, Any]
    """The termination message; empty if it left none."""
    log: str
    peak_rss: int
    """Bytes."""

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log, parsed."""
        return [json.loads(line) for line in self.log.splitlines()]


@attrs.define
class JobPod:
    """A pod of one cluster, to be run as often as wanted."""

    customer: Customer
    control_plane: ControlPlane
    folder: Path
    target: ProvisionTarget
    variables: dict[str, str] = attrs.field(factory=dict)
    """Further environment variables, or others."""
    bytecode: Path | None = None
    """A PYTHONPYCACHEPREFIX folder that stands for the image's compiled modules."""

    @classmethod
    async def create(cls, customer: Customer, control_plane: ControlPlane, folder: Path) -> Self:
        """Make the namespaces, the job's identity and a payload."""
        target = new_target(project=customer.project)
        pod = cls(customer, control_plane, folder, target)
        async with KubernetesApi(control_plane.admin()) as admin:
            await pod._prepare(admin)
        pod.put_payload(new_pull_secret().reveal())
        cloud = pod._folder("cloud")
        settings = customer.settings
        if settings.trust_file is not None:
            _write(cloud / "ca.pem", settings.trust_file.read_bytes())
        if settings.external_account_file is not None:
            account = json.loads(settings.external_account_file.read_text())
            source = Path(account["credential_source"]["file"])
            _write(cloud / "token", source.read_bytes())  # noqa: ASYNC240
            pod.variables["GCP_WORKLOAD_IDENTITY_PROVIDER"] = account["audience"].removeprefix(
                "//iam.googleapis.com/"
            )
            pod.variables["GCP_IDENTITY_FILE"] = f"{_CLOUD}/token"
        return pod

    def put_payload(self, payload: bytes) -> None:
        """Change what the job is given."""
        _write(self._folder("payload") / _PAYLOAD_FILE, payload)

    def start(self) -> Container:
        """Start the job's process."""
        scratch = self.folder / f"run-{uuid.uuid4().hex[:8]}"
        scratch.mkdir()
        installed = Path(sys.prefix)
        mounts = {
            _IDENTITY: self._folder("identity"),
            _PAYLOAD: self._folder("payload"),
            _CLOUD: self._folder("cloud"),
        }
        environment = {**self._environment(), **self.variables}
        if self.bytecode is not None:
            mounts[_BYTECODE] = self.bytecode
            environment["PYTHONPYCACHEPREFIX"] = _BYTECODE
        return Container(
            ContainerSpec(
                command=[str(installed / "bin" / "pullsecret"), "job"],
                environment=environment,
                user=_USER,
                group=_USER,
                mounts=mounts,
                image=[installed, Path(sys.base_prefix), Path(pullsecret.__file__).parents[1]],
                folder=scratch,
            )
        )

    async def finish(self, container: Container) -> JobRun:
        """Wait until ``container`` has ended."""
        ended = await container.ended()
        try:
            message = json.loads(ended.message)
        except ValueError:
            message = {}
        return JobRun(ended.exit_code, message, container.log.read_text(), ended.peak_rss)

    async def run(self) -> JobRun:
        """Start the job and wait until it has ended."""
        return await self.finish(self.start())

    def _environment(self) -> Mapping[str, str]:
        settings = self.customer.settings
        target = self.target
        host, _, port = self.control_plane.url.removeprefix("https://").partition(":")
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
            "CLUSTER_ID": target.cluster_id.value,
            "GENERATION": str(target.generation),
            "GCP_PROJECT_ID": target.cloud_secret.project,
            "SECRET_NAME": target.cloud_secret.name,
            "MANAGEMENT_NAMESPACE": target.cluster_secret.namespace,
            "PULL_SECRET_FILE": f"{_PAYLOAD}/{_PAYLOAD_FILE}",
            "GCE_METADATA_HOST": settings.metadata_host,
            "GCP_TRUST_FILE": f"{_CLOUD}/ca.pem",
            "GCP_SECRET_MANAGER_ENDPOINT": settings.secret_manager_endpoint or "",
            "GCP_REST_ENDPOINT": settings.rest_endpoint or "",
        }

    async def _prepare(self, admin: KubernetesApi) -> None:
        namespace = self.target.cluster_secret.namespace
        await _create(admin, "/api/v1/namespaces", "v1", "Namespace", namespace)
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        await _create(admin, accounts, "v1", "ServiceAccount", "job")
        rules = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "patch", "delete"]}
        group = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        version = "rbac.authorization.k8s.io/v1"
        await _create(admin, f"{group}/roles", version, "Role", "job", rules=[rules])
        await _create(
            admin,
            f"{group}/rolebindings",
            version,
            "RoleBinding",
            "job",
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "job"},
            subjects=[{"kind": "ServiceAccount", "name": "job", "namespace": namespace}],
        )
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": []},
        }
        answer = await admin.call("create", f"{accounts}/job/token", request)
        identity = self._folder("identity")
        _write(identity / "token", answer.body["status"]["token"].encode())
        _write(identity / "ca.crt", self.control_plane.ca.read_bytes())
        _write(identity / "namespace", namespace.encode())

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder


async def _create(admin: KubernetesApi, path: str, version: str, kind: str, name: str, **fields: Any) -> None:
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}
    await admin.call("create", path, body)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o444)
