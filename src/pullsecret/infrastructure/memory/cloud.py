"""The customers' Secret Managers, embedded: projects, permissions, quotas, secrets and versions."""

import itertools
from collections import deque
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

import attrs

from pullsecret.domain.cloud_secret import CloudSecret, SecretVersion, UnreadableVersions
from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.domain.pull_secret import MAX_PULL_SECRET_BYTES
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.infrastructure.memory.faults import FaultScript
from pullsecret.ports.clock import Clock
from pullsecret.ports.secret_store import (
    SecretAlreadyExistsError,
    SecretChangedError,
    SecretNotFoundError,
)

_QUOTA_WINDOW = timedelta(minutes=1)


@attrs.define
class StoredVersion:
    """A version as the cloud keeps it."""

    payload: SecretPayload
    enabled: bool = True
    added_at: float = 0.0
    """By the monotonic clock."""


@attrs.define
class StoredSecret:
    """A secret as the cloud keeps it; version n is ``versions[n - 1]``."""

    labels: dict[str, str]
    storage: StoragePolicy
    etag: str
    versions: list[StoredVersion] = attrs.field(factory=list)


@attrs.define
class Project:
    """A customer's project. ``denied`` are permissions its owner did not grant us."""

    secrets: dict[str, StoredSecret] = attrs.field(factory=dict)
    denied: set[str] = attrs.field(factory=set)
    api_enabled: bool = True
    writes_per_minute: int = 600
    latest_lags: float = 0.0
    """Seconds by which ``latest`` is behind, as it may be
    (https://cloud.google.com/secret-manager/docs/reference/consistency)."""
    _writes: deque[datetime] = attrs.field(factory=deque)

    def count_write(self, now: datetime) -> float | None:
        """Count one write against the quota; seconds to wait if there is none left."""
        while self._writes and now - self._writes[0] >= _QUOTA_WINDOW:
            self._writes.popleft()
        if len(self._writes) >= self.writes_per_minute:
            return (self._writes[0] + _QUOTA_WINDOW - now).total_seconds()
        self._writes.append(now)
        return None


@attrs.define
class MemoryCloud:
    """All projects. Inspect and prepare it directly; the service reaches it through the port."""

    projects: dict[str, Project] = attrs.field(factory=dict)
    _etags: "itertools.count[int]" = attrs.field(factory=itertools.count)

    def project(self, name: str) -> Project:
        """The project, made on first use."""
        return self.projects.setdefault(name, Project())

    def next_etag(self) -> str:
        """An etag never given before."""
        return f'"{next(self._etags):x}"'

    def secret(self, ref: CloudSecretRef) -> StoredSecret | None:
        """The secret as it stands."""
        project = self.projects.get(ref.project)
        return project.secrets.get(ref.name) if project else None


@attrs.frozen
class MemorySecretStore:
    """SecretStore port on a :class:`MemoryCloud`."""

    cloud: MemoryCloud
    clock: Clock
    faults: FaultScript

    async def get(self, ref: CloudSecretRef) -> CloudSecret | None:
        """See the port."""
        async with self._call("get", ref):
            project = self._allowed(ref, "secretmanager.secrets.get")
            stored = project.secrets.get(ref.name)
            return None if stored is None else CloudSecret(ref, dict(stored.labels), stored.etag)

    async def create(
        self, ref: CloudSecretRef, labels: Mapping[str, str], storage: StoragePolicy
    ) -> CloudSecret:
        """See the port."""
        async with self._call("create", ref):
            project = self._allowed(ref, "secretmanager.secrets.create", write=True)
            if ref.name in project.secrets:
                raise SecretAlreadyExistsError(
                    "create-secret", ref.path, Reason.WRITE_CONFLICT, "The secret exists already."
                )
            stored = StoredSecret(dict(labels), storage, self.cloud.next_etag())
            project.secrets[ref.name] = stored
            return CloudSecret(ref, dict(labels), stored.etag)

    async def relabel(self, secret: CloudSecret, labels: Mapping[str, str]) -> CloudSecret:
        """See the port."""
        ref = secret.ref
        async with self._call("relabel", ref):
            self._allowed(ref, "secretmanager.secrets.update", write=True)
            stored = self._existing("update-secret", ref)
            self._unchanged("update-secret", secret, stored)
            stored.labels.update(labels)
            stored.etag = self.cloud.next_etag()
            return CloudSecret(ref, dict(stored.labels), stored.etag)

    async def add_version(self, ref: CloudSecretRef, payload: SecretPayload) -> str:
        """See the port."""
        async with self._call("add-version", ref):
            self._allowed(ref, "secretmanager.versions.add", write=True)
            stored = self._existing("add-secret-version", ref)
            if payload.size > MAX_PULL_SECRET_BYTES:
                raise PermanentError(
                    "add-secret-version",
                    ref.path,
                    Reason.REQUEST_REFUSED,
                    f"The payload has {payload.size} bytes, more than {MAX_PULL_SECRET_BYTES}.",
                )
            stored.versions.append(StoredVersion(payload, added_at=self.clock.monotonic()))
            return str(len(stored.versions))

    async def access_latest(self, ref: CloudSecretRef) -> SecretVersion | None:
        """See the port."""
        async with self._call("access-latest", ref):
            project = self._allowed(ref, "secretmanager.versions.access")
            until = self.clock.monotonic() - project.latest_lags
            versions = [
                version
                for version in self._existing("access-secret-version", ref).versions
                if version.added_at <= until
            ]
            newest = None
            if versions and versions[-1].enabled:
                payload = versions[-1].payload
                newest = SecretVersion(str(len(versions)), payload, payload.crc32c)
        return newest

    async def access_after(
        self, ref: CloudSecretRef, version: str
    ) -> SecretVersion | UnreadableVersions | None:
        """See the port."""
        async with self._call("access-after", ref):
            project = self._allowed(ref, "secretmanager.versions.access")
            stored = project.secrets.get(ref.name)
            later = list(enumerate(stored.versions, 1))[int(version) :] if stored else []
            readable = (
                SecretVersion(str(number), each.payload, each.payload.crc32c)
                for number, each in later
                if each.enabled
            )
            return next(readable, UnreadableVersions() if later else None)

    async def prune(self, ref: CloudSecretRef, keep: int, protect: str) -> int:
        """See the port."""
        retired = 0
        async with self._call("prune", ref):
            self._allowed(ref, "secretmanager.versions.destroy", write=True)
            versions = self._existing("destroy-secret-version", ref).versions
            enabled = [number for number, version in enumerate(versions, 1) if version.enabled]
            for number in enabled[:-keep]:
                if str(number) != protect:
                    versions[number - 1].enabled = False
                    retired += 1
        return retired

    async def delete(self, secret: CloudSecret) -> None:
        """See the port."""
        ref = secret.ref
        async with self._call("delete", ref):
            project = self._allowed(ref, "secretmanager.secrets.delete", write=True)
            stored = project.secrets.get(ref.name)
            if stored is not None:
                self._unchanged("delete-secret", secret, stored)
                del project.secrets[ref.name]

    def _call(self, method: str, ref: CloudSecretRef) -> AbstractAsyncContextManager[None]:
        return self.faults.at(f"secret-store.{method}", ref.path, Reason.SECRET_MANAGER_UNAVAILABLE)

    def _allowed(self, ref: CloudSecretRef, permission: str, *, write: bool = False) -> Project:
        project = self.cloud.projects.get(ref.project)
        subject = f"projects/{ref.project}"
        if project is None:
            raise PermanentError(permission, subject, Reason.PROJECT_NOT_FOUND, "There is no such project.")
        if not project.api_enabled:
            raise PermanentError(permission, subject, Reason.API_DISABLED, "The API is switched off.")
        if permission in project.denied:
            raise PermanentError(
                permission,
                subject,
                Reason.PERMISSION_DENIED,
                f"Permission {permission} is missing.",
                f"Grant {permission} to pullsecret-manager@{ref.project}.iam.gserviceaccount.com.",
            )
        wait = project.count_write(self.clock.now()) if write else None
        if wait is not None:
            raise TransientError(
                permission,
                subject,
                Reason.QUOTA_EXCEEDED,
                f"The quota of {project.writes_per_minute} writes per minute is used up.",
                retry_after=wait,
            )
        return project

    def _existing(self, operation: str, ref: CloudSecretRef) -> StoredSecret:
        stored = self.cloud.secret(ref)
        if stored is None:
            raise SecretNotFoundError(operation, ref.path, Reason.WRITE_CONFLICT, "The secret is gone.")
        return stored

    def _unchanged(self, operation: str, read: CloudSecret, stored: StoredSecret) -> None:
        if read.etag != stored.etag:
            raise SecretChangedError(
                operation, read.ref.path, Reason.WRITE_CONFLICT, "The secret has changed since it was read."
            )
