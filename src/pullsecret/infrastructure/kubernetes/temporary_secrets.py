"""The temporary secrets: a job's payload, and the lock that lets a cluster have one unfinished job.

A cluster's temporary secret has one name, so creating it decides between replicas. Its life is tied to its
job: we remove it as soon as the job has ended, and an owner reference lets Kubernetes do so at the latest
when the job expires, dependents first, also where no replica is left to tell its end and let go of it.
"""

from datetime import UTC, datetime

import attrs

from pullsecret.domain.jobs import AnyKey, AnyOrder
from pullsecret.domain.names import temporary_secret_name
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH, KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.job_manifest import temporary_secret
from pullsecret.infrastructure.kubernetes.job_objects import uid_of
from pullsecret.infrastructure.kubernetes.job_reading import time_of
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.paths import secret_path


@attrs.frozen
class TemporarySecret:
    """A temporary secret's metadata; the payload itself is never read back."""

    name: str
    uid: str
    resource_version: str
    job: str
    """The name of the job it is for."""
    owner: str | None
    """That job's uid, once the two are tied together."""
    age: float
    """Seconds since it was created, by this machine's clock."""


@attrs.frozen
class TemporarySecrets:
    """All methods raise :class:`ApiError`."""

    api: KubernetesApi
    settings: JobSettings

    async def take(self, order: AnyOrder) -> TemporarySecret | None:
        """Create the secret for ``order``; None if its cluster has one."""
        body = temporary_secret(order, self.settings)
        try:
            answer = await self.api.call("create", self._path(), body, sensitive=True)
        except ApiError as fault:
            if fault.already_exists:
                return None
            raise
        return _read(answer.body)

    async def of(self, key: AnyKey) -> TemporarySecret | None:
        """The secret that the key's cluster has now, whichever job it is for."""
        path = self._path(temporary_secret_name(key.cluster_id))
        found = await self.api.get_or_none(path, metadata_only=True)
        return None if found is None else _read(found)

    async def all(self) -> list[TemporarySecret]:
        """Every temporary secret."""
        pages = self.api.pages(self._path(), labels=marks.OUR_JOBS, metadata_only=True)
        return [_read(item) async for page, _ in pages for item in page]

    async def tie(self, secret: TemporarySecret, job: Object) -> bool:
        """Make ``job`` the secret's owner; False if the secret is no longer as it was read, and not the
        job's either."""
        metadata = job["metadata"]
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
        body = {
            "metadata": {
                "uid": secret.uid,
                "resourceVersion": secret.resource_version,
                "ownerReferences": [owner],
            }
        }
        try:
            await self.api.call("patch", self._path(secret.name), body, content_type=MERGE_PATCH)
        except ApiError as fault:
            if fault.not_found or fault.conflict or fault.status == 422:
                # Another replica may have done it.
                now = await self.api.get_or_none(self._path(secret.name), metadata_only=True)
                return now is not None and _read(now).owner == uid_of(job)
            raise
        return True

    async def remove(self, name: str, uid: str) -> bool:
        """Delete the secret, if it is still this one; False if it is gone or another by now."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        try:
            await self.api.call("delete", self._path(name), options)
        except ApiError as fault:
            if fault.not_found or fault.conflict:
                return False
            raise
        return True

    def _path(self, name: str = "") -> str:
        return secret_path(self.settings.namespace, name)


def _read(found: Object) -> TemporarySecret:
    metadata = found["metadata"]
    owners = metadata.get("ownerReferences") or []
    return TemporarySecret(
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        job=(metadata.get("labels") or {}).get(marks.JOB_LABEL, ""),
        owner=owners[0]["uid"] if owners else None,
        age=(datetime.now(UTC) - time_of(metadata["creationTimestamp"])).total_seconds(),
    )
