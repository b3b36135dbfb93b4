"""Whether a customer's project is ready, check by check (DDR risks 1, 2, 4 and 7).

docs/preflight.md says which permission can be tested where.
"""

from collections.abc import Iterable
from enum import Enum

import attrs

from pullsecret.domain.errors import OperationError, PermanentError
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.names import cloud_secret_name
from pullsecret.domain.ownership import Decision, decide, describe_owner
from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.gcp.identity.credential import Credential
from pullsecret.infrastructure.gcp.identity.sign_in import own_identity, project_identity
from pullsecret.infrastructure.gcp.permissions import (
    DELETION,
    DESTRUCTION,
    PROVISIONING,
    RETENTION,
    grant_command,
)
from pullsecret.infrastructure.gcp.project_services import NotAnsweredError, ProjectServices
from pullsecret.infrastructure.gcp.secret_store import GoogleSecretStore, open_secret_store
from pullsecret.infrastructure.gcp.settings import GoogleSettings
from pullsecret.ports.clock import Clock

_PROBE = ClusterId("preflight")
_READ = "secretmanager.secrets.get"


class Finding(Enum):
    """What a check found."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_TESTED = "not tested"
    """Something else failed first, or we may not ask. It makes nothing fail."""


@attrs.frozen
class Check:
    """One line of the report."""

    name: str
    finding: Finding
    detail: str
    remedy: str = ""


@attrs.frozen
class Subject:
    """What is to be ready for what."""

    project: str
    cluster_id: ClusterId | None = None
    """Looks for a naming conflict too, and tests the permissions on the cluster's secret if it exists."""
    secret_name: str | None = None
    encryption_keys: tuple[str, ...] = ()
    retention: bool = True
    deletion: bool = True

    @property
    def ref(self) -> CloudSecretRef:
        """The cluster's secret, or one that nobody has.

        Raises PermanentError (``InvalidCluster``) for a malformed ``secret_name``.
        """
        return CloudSecretRef(self.project, cloud_secret_name(self.cluster_id or _PROBE, self.secret_name))

    def permissions(self, settings: GoogleSettings) -> tuple[str, ...]:
        """Everything that will be needed."""
        return (
            PROVISIONING
            + (RETENTION if self.retention else ())
            + (DESTRUCTION if self.retention and settings.destroy_old_versions else ())
            + (DELETION if self.deletion else ())
        )


async def preflight(settings: GoogleSettings, subject: Subject, clock: Clock) -> list[Check]:
    """Every check, in the order in which they depend on each other. Reads only, and no payload."""
    try:
        credential, checks = await _sign_in(settings, subject.project, clock)
    except _SignInFailedError as failed:
        return failed.checks
    async with open_secret_store(settings, clock, CallMeter()) as store:
        run = _Run(settings, subject, store, ProjectServices(settings, credential))
        checks.extend(await run.everything())
    return checks


class _SignInFailedError(Exception):
    def __init__(self, checks: list[Check]) -> None:
        super().__init__("no credential")
        self.checks = checks


async def _sign_in(settings: GoogleSettings, project: str, clock: Clock) -> tuple[Credential, list[Check]]:
    checks: list[Check] = []
    account = settings.service_account_for(project)
    name = "sign-in"
    try:
        own = own_identity(settings)
        await own.fetch()
        checks.append(Check(name, Finding.PASSED, f"signed in as {await own.member()}"))
        name = "impersonation"
        credential = await project_identity(settings, project, clock).get()
    except OperationError as error:
        raise _SignInFailedError([*checks, _failed(name, error)]) from None
    if account is not None:
        checks.append(Check(name, Finding.PASSED, f"acts as {account}"))
    return credential, checks


@attrs.frozen
class _Run:
    settings: GoogleSettings
    subject: Subject
    store: GoogleSecretStore
    services: ProjectServices

    async def everything(self) -> list[Check]:
        permissions = self.subject.permissions(self.settings)
        try:
            # Answers whoever asks, also about a secret that does not exist, if only the API is there.
            on_secret = await self.store.held_permissions(self.subject.ref, permissions)
        except OperationError as error:
            return [_failed("api", error)]
        checks = [Check("api", Finding.PASSED, "the Secret Manager API answers, and the project is billed")]
        checks += await self.permissions(permissions, on_secret)
        if self.subject.cluster_id is not None:
            checks.append(await self.name_is_free(self.subject.cluster_id))
        checks += [await self.key(key) for key in self.subject.encryption_keys]
        checks.append(await self.quota())
        return checks

    async def permissions(self, wanted: Iterable[str], on_secret: frozenset[str]) -> list[Check]:
        project, wanted = self.subject.project, tuple(wanted)
        unknown: NotAnsweredError | None = None
        try:
            in_project = await self.services.held_permissions(project, wanted)
        except NotAnsweredError as not_answered:
            in_project, unknown = frozenset(), not_answered
        return [self.permission(one, in_project, on_secret, unknown) for one in wanted]

    def permission(
        self,
        permission: str,
        in_project: frozenset[str],
        on_secret: frozenset[str],
        unknown: NotAnsweredError | None,
    ) -> Check:
        project = self.subject.project
        if permission in in_project:
            return Check(permission, Finding.PASSED, "held in the project")
        if permission in on_secret:
            return Check(permission, Finding.PASSED, f"held on the secret {self.subject.ref.name}")
        if unknown is not None:
            return Check(
                permission,
                Finding.NOT_TESTED,
                f"Resource Manager does not tell: {unknown}",
                f"gcloud services enable cloudresourcemanager.googleapis.com --project={project}",
            )
        member = self.store.member(project)
        return Check(
            permission,
            Finding.FAILED,
            "not held in the project",
            grant_command(project, member, permission),
        )

    async def name_is_free(self, cluster_id: ClusterId) -> Check:
        """No secret of the name is somebody else's."""
        ref = self.subject.ref
        try:
            secret = await self.store.get(ref)
        except PermanentError as error:
            if error.reason is Reason.PERMISSION_DENIED:
                return Check("secret name", Finding.NOT_TESTED, f"it takes {_READ}")
            return _failed("secret name", error)
        except OperationError as error:
            return _failed("secret name", error)
        if secret is None:
            return Check("secret name", Finding.PASSED, f"no secret is named {ref.name}")
        if decide(secret.labels, cluster_id) is Decision.REFUSE:
            return Check(
                "secret name",
                Finding.FAILED,
                f"{ref.path} exists: {describe_owner(secret.labels)}",
                Reason.NAMING_CONFLICT.remedy,
            )
        return Check("secret name", Finding.PASSED, f"{ref.name} exists and is this cluster's")

    async def key(self, key: str) -> Check:
        """The key's primary version is enabled."""
        project = self.subject.project
        grant = (
            f"gcloud kms keys add-iam-policy-binding {key} --role=roles/cloudkms.cryptoKeyEncrypterDecrypter "
            '--member="serviceAccount:service-PROJECT_NUMBER@gcp-sa-secretmanager.iam.gserviceaccount.com" '
            f"(PROJECT_NUMBER: gcloud projects describe {project} --format='value(projectNumber)')"
        )
        try:
            state = await self.services.key_state(key)
        except NotAnsweredError as unknown:
            if unknown.status == 404:
                return Check(
                    "encryption key",
                    Finding.FAILED,
                    f"{key} does not exist",
                    "Correct the key's name: gcloud kms keys list --keyring=KEY_RING --location=LOCATION",
                )
            return Check("encryption key", Finding.NOT_TESTED, f"{key}: {unknown}", grant)
        if state != "ENABLED":
            return Check(
                "encryption key",
                Finding.FAILED,
                f"{key} is {state}",
                f"gcloud kms keys versions list --key={key}, then enable or restore its primary version",
            )
        return Check(
            "encryption key", Finding.PASSED, f"{key} is enabled; only a write shows who may use it", grant
        )

    async def quota(self) -> Check:
        """The project's limits are not below the pace that one process keeps."""
        project, limits = self.subject.project, self.settings.limits
        try:
            quotas = await self.services.request_quotas(project)
        except NotAnsweredError as unknown:
            return Check(
                "quota",
                Finding.NOT_TESTED,
                "it takes serviceusage.quotas.get" if unknown.status == 403 else str(unknown),
                grant_command(project, self.store.member(project), "serviceusage.quotas.get"),
            )
        ours = {"read": limits.reads, "write": limits.writes, "access": limits.accesses}
        told = {
            kind: limit for kind in ours for name, limit in quotas.items() if name.lower().startswith(kind)
        }
        text = ", ".join(f"{told[kind]} {kind}" for kind in told) or "no limit told"
        if any(limit < ours[kind] for kind, limit in told.items()):
            return Check(
                "quota",
                Finding.FAILED,
                f"the project allows {text} requests a minute, less than one process may send",
                "Set the job's GCP_READS_PER_MINUTE, GCP_WRITES_PER_MINUTE and GCP_ACCESSES_PER_MINUTE below "
                f"that, or ask for more at https://console.cloud.google.com/iam-admin/quotas?project={project}",
            )
        return Check("quota", Finding.PASSED, f"{text} requests a minute")


def _failed(name: str, error: OperationError) -> Check:
    return Check(name, Finding.FAILED, error.cause, error.remedy)
