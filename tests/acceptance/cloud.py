"""The customers' Google Cloud of a run: the served one, or a real project. The checks see no difference."""

import base64
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

import attrs
import httpx
from tests.acceptance.wiretap import Wiretap

from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.customer import Customer, onboard
from pullsecret.testing.gcp.workloads import WorkloadIdentityProvider
from pullsecret.testing.kubernetes.control_plane import ISSUER

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_AUDITOR: Final = "user:auditor@example.com"
_MOUNTED: Final = "/run/cloud"

Bearer = Callable[[], Awaitable[str]]


@attrs.frozen
class CloudReader:
    """Reads a project past the service, by the REST surface, as ``gcloud`` does."""

    client: httpx.AsyncClient
    bearer: Bearer
    """The text of a credential that may read secrets, their payloads and the audit log."""
    secrets_base: str
    logging_base: str

    async def secret(self, project: str, name: str) -> dict[str, Any] | None:
        """A secret's metadata (``gcloud secrets describe``); None where there is none."""
        return await self._get(f"projects/{project}/secrets/{name}")

    async def secrets(self, project: str, labels: Mapping[str, str]) -> list[str]:
        """Names of the secrets that carry ``labels``."""
        wanted = " AND ".join(f"labels.{key}={value}" for key, value in labels.items())
        found = await self._get(f"projects/{project}/secrets", {"filter": wanted}) or {}
        return [str(one["name"]).rpartition("/")[2] for one in found.get("secrets", [])]

    async def versions(self, project: str, name: str) -> dict[int, str]:
        """The state of each version, by its number."""
        found = await self._get(f"projects/{project}/secrets/{name}/versions") or {}
        return {int(one["name"].rpartition("/")[2]): one["state"] for one in found.get("versions", [])}

    async def payload(self, project: str, name: str, version: str = "latest") -> bytes | None:
        """What a version holds."""
        found = await self._get(f"projects/{project}/secrets/{name}/versions/{version}:access")
        return base64.b64decode(found["payload"]["data"]) if found else None

    async def delete(self, project: str, name: str) -> None:
        """Remove a secret with all its versions, if it is there."""
        url = f"{self.secrets_base}/v1/projects/{project}/secrets/{name}"
        answer = await self.client.delete(url, headers=await self._headers())
        if answer.status_code != 404:
            answer.raise_for_status()

    async def audit(self, project: str, resource: str, since: datetime) -> list[dict[str, Any]]:
        """Who did what to secrets whose name holds ``resource`` (``gcloud logging read``), oldest first."""
        moment = since.isoformat().replace("+00:00", "Z")
        wanted = (
            'protoPayload.serviceName="secretmanager.googleapis.com"'
            f' AND protoPayload.resourceName:"{resource}" AND timestamp>="{moment}"'
        )
        body = {
            "resourceNames": [f"projects/{project}"],
            "filter": wanted,
            "orderBy": "timestamp asc",
            "pageSize": 200,
        }
        url = f"{self.logging_base}/v2/entries:list"
        answer = await self.client.post(url, headers=await self._headers(), json=body)
        entries = answer.raise_for_status().json().get("entries", [])
        return [entry["protoPayload"] for entry in entries]

    async def _get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        url = f"{self.secrets_base}/v1/{path}"
        answer = await self.client.get(url, headers=await self._headers(), params=query)
        if answer.status_code == 404:
            return None
        document: dict[str, Any] = answer.raise_for_status().json()
        return document

    async def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {await self.bearer()}"}


class Cloud(Protocol):
    """Where customers' projects are."""

    reader: CloudReader

    def customer(self, number: int) -> str:
        """The project of the ``number``-th customer, ready for the service. Real clouds have but one."""
        ...

    def principal(self, project: str) -> str:
        """Email (or its beginning) of who the service is in ``project``."""
        ...

    def adapter_settings(self) -> dict[str, Any]:
        """The ``gcp`` section of the adapter's configuration."""
        ...

    def job_settings(self) -> dict[str, Any]:
        """What the cloud adds to the ``kubernetes.job`` section."""
        ...

    def mounts(self) -> dict[str, Path]:
        """Folders that the job's image holds because of the cloud."""
        ...


class ServedCloud:
    """The fakes, closed to strangers.

    Jobs sign in as they do outside of Google: their projected Kubernetes token is exchanged, and they act for
    the customer's service account.
    """

    def __init__(
        self, fake: FakeGoogleCloud, folder: Path, namespace: str, secret_manager: Wiretap, rest: Wiretap
    ) -> None:
        self.fake = fake
        self._folder = folder
        self._secret_manager, self._rest = secret_manager, rest
        self._customers: dict[str, Customer] = {}
        self.provider = WorkloadIdentityProvider("123456789012", "hyperfleet", "management", ISSUER)
        fake.world.workloads.providers.append(self.provider)
        # Who asks for the metadata server here asks for it in error.
        fake.world.workloads.pod = None
        self.member = self.provider.member(f"system:serviceaccount:{namespace}:pullsecret-adapter-job")
        fake.authority.write_certificate(folder / "ca.pem").chmod(0o644)
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        base = fake.endpoints.rest
        self.reader = CloudReader(
            httpx.AsyncClient(verify=context, trust_env=False), self._bearer, base, base
        )

    def customer(self, number: int) -> str:
        project = f"customer-prod-{12345 + number}"
        if project not in self._customers:
            self._customers[project] = self._onboard(project)
        return project

    def owner(self, project: str) -> Customer:
        """The customer, who may grant and revoke."""
        return self._customers[project]

    def principal(self, project: str) -> str:
        return f"pullsecret-manager@{project}.iam.gserviceaccount.com"

    def revoke_binding(self, project: str) -> None:
        """Let the jobs no longer act for the project's service account."""
        self.fake.world.policies.revoke(self._customers[project].account_resource, self.member)

    def adapter_settings(self) -> dict[str, Any]:
        return {
            "workloadIdentityProvider": self.provider.audience.removeprefix("//iam.googleapis.com/"),
            "secretManagerEndpoint": f"localhost:{self._secret_manager.port}",
            "restEndpoint": f"https://localhost:{self._rest.port}",
            "trustFile": str(self._folder / "ca.pem"),
        }

    def job_settings(self) -> dict[str, Any]:
        return {
            "identityAudience": f"https:{self.provider.audience}",
            "extraEnvironment": {"GCP_TRUST_FILE": f"{_MOUNTED}/ca.pem"},
        }

    def mounts(self) -> dict[str, Path]:
        return {_MOUNTED: self._folder}

    def _onboard(self, project: str) -> Customer:
        customer = onboard(self.fake, self._folder, project)
        policies = self.fake.world.policies
        policies.grant(customer.account_resource, self.member, "roles/iam.workloadIdentityUser")
        for role in ("roles/secretmanager.admin", "roles/logging.privateLogViewer"):
            self.fake.world.grant(project, _AUDITOR, role)
        return customer

    async def _bearer(self) -> str:
        world = self.fake.world
        return world.credentials.issue(_AUDITOR, world.clock.now(), 60.0, [_SCOPE])
