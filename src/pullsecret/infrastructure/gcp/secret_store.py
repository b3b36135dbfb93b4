"""The SecretStore port on Google Secret Manager (DDR phase 4)."""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio

from pullsecret.domain.checksum import crc32c
from pullsecret.domain.cloud_secret import CloudSecret, SecretVersion, UnreadableVersions
from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.infrastructure.gcp import messages
from pullsecret.infrastructure.gcp import secret_manager_api as api
from pullsecret.infrastructure.gcp.call_failure import CallFailure
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.gcp.error_table import CallContext, operation_error, reason_of
from pullsecret.infrastructure.gcp.identity.sign_in import project_identity
from pullsecret.infrastructure.gcp.permissions import ON_EXISTING_SECRET, grant_command
from pullsecret.infrastructure.gcp.replication import set_replication
from pullsecret.infrastructure.gcp.request_pace import RequestPace
from pullsecret.infrastructure.gcp.retention import versions_to_retire
from pullsecret.infrastructure.gcp.settings import GoogleSettings
from pullsecret.ports.clock import Clock
from pullsecret.ports.secret_store import (
    SecretAlreadyExistsError,
    SecretChangedError,
    SecretNotFoundError,
)

_UNREADABLE_STATE = ("is in DISABLED state", "is in DESTROYED state")


class GoogleSecretStore:
    """Secrets in customers' projects. It never repeats a call; see :func:`open_secret_store`."""

    def __init__(
        self, channel: grpc.aio.Channel, settings: GoogleSettings, clock: Clock, meter: CallMeter
    ) -> None:
        self._channel = channel
        self._settings = settings
        self._clock = clock
        self._meter = meter
        self._projects: dict[str, api.SecretManagerApi] = {}

    async def get(self, ref: CloudSecretRef) -> CloudSecret | None:
        """See the port."""
        request = messages.GetSecretRequest(name=self._name(ref))
        try:
            found = await self._call("get-secret", ref, api.GET_SECRET, request)
        except SecretNotFoundError:
            return None
        return _cloud_secret(ref, found)

    async def create(
        self, ref: CloudSecretRef, labels: Mapping[str, str], storage: StoragePolicy
    ) -> CloudSecret:
        """See the port."""
        secret = messages.Secret(labels=labels)
        set_replication(secret, storage, self._settings.location)
        parent = self._name(ref).partition("/secrets/")[0]
        request = messages.CreateSecretRequest(parent=parent, secret_id=ref.name, secret=secret)
        return _cloud_secret(ref, await self._call("create-secret", ref, api.CREATE_SECRET, request))

    async def relabel(self, secret: CloudSecret, labels: Mapping[str, str]) -> CloudSecret:
        """See the port."""
        wanted = messages.Secret(
            name=self._name(secret.ref), labels={**secret.labels, **labels}, etag=secret.etag
        )
        request = messages.UpdateSecretRequest(secret=wanted)
        request.update_mask.paths.append("labels")
        changed = await self._call("update-secret", secret.ref, api.UPDATE_SECRET, request)
        return _cloud_secret(secret.ref, changed)

    async def add_version(self, ref: CloudSecretRef, payload: SecretPayload) -> str:
        """See the port."""
        request = messages.AddSecretVersionRequest(
            parent=self._name(ref),
            payload=messages.SecretPayload(data=payload.reveal(), data_crc32c=payload.crc32c),
        )
        added = await self._call("add-secret-version", ref, api.ADD_SECRET_VERSION, request)
        return _number(added.name)

    async def access_latest(self, ref: CloudSecretRef) -> SecretVersion | None:
        """See the port."""
        try:
            return await self._access(ref, "latest")
        except _UnreadableVersionError:
            return None
        except SecretNotFoundError:
            # The API answers alike for a secret that is gone and for one without versions.
            if await self.get(ref) is None:
                raise
            return None

    async def access_after(
        self, ref: CloudSecretRef, version: str
    ) -> SecretVersion | UnreadableVersions | None:
        """See the port. Only ``latest`` is eventually consistent; a version is found by its number at once
        (https://cloud.google.com/secret-manager/docs/reference/consistency)."""
        none_readable = None
        for number in itertools.count(int(version) + 1):
            try:
                return await self._access(ref, str(number))
            except _UnreadableVersionError:
                none_readable = UnreadableVersions()
            except SecretNotFoundError:
                break
        return none_readable

    async def _access(self, ref: CloudSecretRef, version: str) -> SecretVersion:
        request = messages.AccessSecretVersionRequest(name=f"{self._name(ref)}/versions/{version}")
        answer = await self._call("access-secret-version", ref, api.ACCESS_SECRET_VERSION, request)
        data, checksum = answer.payload.data, answer.payload.data_crc32c
        if crc32c(data) != checksum:
            raise TransientError(
                "access-secret-version",
                ref.version_path(_number(answer.name)),
                Reason.VERIFICATION_FAILED,
                "The payload was damaged on its way: its checksum is not the one Secret Manager keeps.",
            )
        return SecretVersion(_number(answer.name), SecretPayload(data), checksum)

    async def prune(self, ref: CloudSecretRef, keep: int, protect: str) -> int:
        """See the port. With ``destroy_old_versions`` what is retired is destroyed as well; a run that was
        cut short between the two is completed by the next."""
        listed = [version async for version in self._versions(ref)]
        retired = 0
        for version in versions_to_retire(listed, keep, protect, destroy=self._settings.destroy_old_versions):
            if version.state == messages.SecretVersion.State.ENABLED:
                version = await self._retire(
                    ref, "disable-secret-version", api.DISABLE_SECRET_VERSION, version
                )
                retired += version is not None
            if version is not None and self._settings.destroy_old_versions:
                await self._retire(ref, "destroy-secret-version", api.DESTROY_SECRET_VERSION, version)
        return retired

    async def delete(self, secret: CloudSecret) -> None:
        """See the port."""
        request = messages.DeleteSecretRequest(name=self._name(secret.ref), etag=secret.etag)
        try:
            await self._call("delete-secret", secret.ref, api.DELETE_SECRET, request)
        except SecretNotFoundError:
            return

    async def held_permissions(self, ref: CloudSecretRef, permissions: Sequence[str]) -> frozenset[str]:
        """Which of ``permissions`` we hold on the secret; none at all if it does not exist.

        Conditions on bindings count, as they do for the calls themselves.
        """
        method, kind = api.test_iam_permissions()
        request = kind(resource=self._name(ref), permissions=permissions)
        answer = await self._call("test-permissions", ref, method, request)
        return frozenset(answer.permissions)

    async def require_permissions(self, ref: CloudSecretRef) -> None:
        """Raise PermanentError naming every permission that is missing on a secret that exists.

        A secret that does not exist passes: only creating it tells whether we may.
        """
        held = await self.held_permissions(ref, ON_EXISTING_SECRET)
        missing = [one for one in ON_EXISTING_SECRET if held and one not in held]
        if missing:
            member = self.member(ref.project)
            raise PermanentError(
                "test-permissions",
                ref.path,
                Reason.PERMISSION_DENIED,
                f"{member} lacks {' and '.join(missing)}.",
                "; ".join(grant_command(ref.project, member, one) for one in missing),
            )

    async def _versions(self, ref: CloudSecretRef) -> AsyncIterator[Any]:
        request = messages.ListSecretVersionsRequest(
            parent=self._name(ref), filter="NOT state:DESTROYED", page_size=100
        )
        while True:
            page = await self._call("list-secret-versions", ref, api.LIST_SECRET_VERSIONS, request)
            for version in page.versions:
                yield version
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def _retire(
        self, ref: CloudSecretRef, operation: str, method: api.Method, version: Any
    ) -> Any | None:
        """The version after the change; None if somebody else changed it meanwhile."""
        kind = (
            messages.DisableSecretVersionRequest
            if method is api.DISABLE_SECRET_VERSION
            else messages.DestroySecretVersionRequest
        )
        try:
            return await self._call(operation, ref, method, kind(name=version.name, etag=version.etag))
        except (SecretChangedError, SecretNotFoundError):
            return None

    def _name(self, ref: CloudSecretRef) -> str:
        if self._settings.location is None:
            return ref.path
        return f"projects/{ref.project}/locations/{self._settings.location}/secrets/{ref.name}"

    async def _call(self, operation: str, ref: CloudSecretRef, method: api.Method, request: Any) -> Any:
        try:
            return await self._project(ref.project).call(method, request)
        except api.CallFailedError as error:
            raise self._error(operation, ref, error.failure) from None

    def _project(self, project: str) -> api.SecretManagerApi:
        if project not in self._projects:
            self._projects[project] = api.SecretManagerApi(
                self._channel,
                project_identity(self._settings, project, self._clock),
                deadline=self._settings.call_deadline,
                pace=RequestPace(self._settings.limits, self._clock),
                meter=self._meter,
            )
        return self._projects[project]

    def _error(self, operation: str, ref: CloudSecretRef, failure: CallFailure) -> OperationError:
        if failure.code == "NOT_FOUND" and "/secrets/" in failure.message:
            return SecretNotFoundError(operation, ref.path, Reason.WRITE_CONFLICT, "The secret is gone.")
        if failure.code == "ALREADY_EXISTS":
            return SecretAlreadyExistsError(
                operation, ref.path, Reason.WRITE_CONFLICT, "The secret exists already."
            )
        if failure.code == "FAILED_PRECONDITION" and reason_of(failure) is Reason.REQUEST_REFUSED:
            if any(state in failure.message for state in _UNREADABLE_STATE) and operation.startswith(
                "access"
            ):
                return _UnreadableVersionError(operation, ref.path, Reason.WRITE_CONFLICT, "It is disabled.")
            if failure.method in _GUARDED_BY_ETAG:
                return SecretChangedError(
                    operation, ref.path, Reason.WRITE_CONFLICT, "The secret has changed since it was read."
                )
        context = CallContext(operation, ref.path, ref.project, self.member(ref.project))
        return operation_error(failure, context)

    def member(self, project: str) -> str:
        """Who the store is in ``project``, as an IAM member."""
        account = self._settings.service_account_for(project)
        return f"serviceAccount:{account}" if account else "the identity we signed in as"


_GUARDED_BY_ETAG = frozenset({"UpdateSecret", "DeleteSecret", "DisableSecretVersion", "DestroySecretVersion"})


class _UnreadableVersionError(TransientError):
    """The version is disabled or destroyed."""


@asynccontextmanager
async def open_secret_store(
    settings: GoogleSettings, clock: Clock, meter: CallMeter
) -> AsyncIterator[GoogleSecretStore]:
    """A store on a channel of its own, closed at the end."""
    channel = api.open_channel(settings)
    try:
        yield GoogleSecretStore(channel, settings, clock, meter)
    finally:
        await channel.close()


def _cloud_secret(ref: CloudSecretRef, found: Any) -> CloudSecret:
    return CloudSecret(ref, dict(found.labels), found.etag)


def _number(version_name: str) -> str:
    return version_name.rpartition("/")[2]
