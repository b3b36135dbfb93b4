"""Our Job objects: reading them with their results, and the few changes we make to them."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Final

import attrs

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.jobs import AnyJob, AnyKey, AnyResult
from pullsecret.domain.provisioning import Queued
from pullsecret.infrastructure.job_process.environment import Purpose
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import (
    MERGE_PATCH,
    STRATEGIC_PATCH,
    KubernetesApi,
    Object,
    version_of,
)
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.job_reading import (
    JOB_UID_LABEL,
    ended_at,
    job_of,
    noted_result,
    result_of,
)
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.order_annotations import (
    attempt_of,
    clean_up_order_of,
    purpose_of,
    target_of,
)
from pullsecret.infrastructure.kubernetes.paths import job_path, pod_path

_TRIES_TO_DISCARD: Final = 5
"""Kubernetes itself writes to a new Job once or twice."""


@attrs.frozen
class JobObjects:
    """All methods raise :class:`ApiError`."""

    api: KubernetesApi
    settings: JobSettings

    async def get(self, key: AnyKey) -> Object | None:
        """The Job, or None."""
        return await self.named(key.name)

    async def named(self, name: str) -> Object | None:
        """The Job of this name, if there is one that we made."""
        found = await self.api.get_or_none(self._path(name)) if name else None
        return found if found is not None and made_by_us(found) else None

    async def each(self, selector: str, since: str = "") -> AsyncGenerator[Object]:
        """The Jobs with these labels that we made, as they are now, or at ``since`` or later.

        One after the other, since a Job takes some 40 KB of memory: keep of thousands only what is needed.
        """
        async for page, _ in self.api.pages(self._path(), labels=selector, since=since):
            for item in page:
                if made_by_us(item):
                    yield item

    async def peek(self) -> None:
        """Read one Job, or none: that we can."""
        await self.api.call("list", self._path(), query={"limit": "1"}, metadata_only=True)

    async def read(self, selector: str, since: str = "") -> list[AnyJob]:
        """The same, each ended one with its result."""
        jobs: list[AnyJob] = []
        unnoted: list[Object] = []
        async for item in self.each(selector, since):
            if ended_at(item) is not None and noted_result(item) is None:
                unnoted.append(item)
            else:
                jobs.append(job_of(item))
        if unnoted:
            pods, _ = await self.api.list(pod_path(self.settings.namespace), labels=selector)
            jobs += [job_of(item, result_of(item, pods_of(item, pods))) for item in unnoted]
        return jobs

    async def result(self, found: Object) -> AnyResult:
        """An ended Job's result, from its pods as they are now."""
        selector = f"{JOB_UID_LABEL}={uid_of(found)}"
        pods, _ = await self.api.list(pod_path(self.settings.namespace), labels=selector)
        return result_of(found, pods)

    async def create(self, job: Object) -> Object:
        """Create the Job."""
        return (await self.api.call("create", self._path(), job)).body

    async def unsuspend(self, found: Object) -> Object | None:
        """Let the Job run; return it, or None if it is gone."""
        return await self._patch(found, {"spec": {"suspend": False}})

    async def note_pod_problem(self, found: Object, problem: str) -> None:
        """Note why the Job's pod does not start, so that it is still known when the pod is gone."""
        await self._patch(found, {"metadata": {"annotations": {marks.POD_PROBLEM: problem}}})

    async def claim(self, found: Object, claim: str, result: str) -> int | None:
        """Mark the ended Job as taken up, with its result: its new version, or None if another replica was
        faster."""
        body = {
            "metadata": {
                "resourceVersion": found["metadata"]["resourceVersion"],
                "labels": {marks.ENDED_LABEL: "true"},
                "annotations": {marks.CLAIM: claim, marks.RESULT: result},
            }
        }
        try:
            answer = await self.api.call(
                "patch",
                self._path(found["metadata"]["name"]),
                body,
                content_type=MERGE_PATCH,
                metadata_only=True,
            )
        except ApiError as fault:
            if fault.not_found or fault.conflict:
                return None
            raise
        return version_of(answer.body)

    async def mark_reported(self, key: AnyKey) -> Object | None:
        """Mark the Job as reported and let it be deleted; return its metadata, or None if it is gone."""
        body = {
            "metadata": {
                "labels": {marks.REPORTED_LABEL: "true"},
                "annotations": {marks.REPORTED_AT: datetime.now(UTC).isoformat(timespec="seconds")},
                "$deleteFromPrimitiveList/finalizers": [marks.REPORT_FINALIZER],
            }
        }
        try:
            answer = await self.api.call(
                "patch",
                self._path(key.name),
                body,
                content_type=STRATEGIC_PATCH,
                patient=True,
                metadata_only=True,
            )
        except ApiError as fault:
            if fault.not_found:
                return None
            raise
        return answer.body

    async def discard(self, found: Object) -> bool:
        """Delete a Job that never was released. False if it was released meanwhile: then it stays."""
        name = found["metadata"]["name"]
        for _ in range(_TRIES_TO_DISCARD):
            now = await self.named(name)
            if now is None or uid_of(now) != uid_of(found):
                return True
            if ended_at(now) is not None or not isinstance(job_of(now).state, Queued):
                return False
            try:
                await self._delete_unchanged(now)
            except ApiError as fault:
                if not fault.not_found and not fault.conflict:
                    raise
            else:
                return True
        return False

    async def _delete_unchanged(self, found: Object) -> None:
        metadata, path = found["metadata"], self._path(found["metadata"]["name"])
        release = {
            "metadata": {
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
                "$deleteFromPrimitiveList/finalizers": [marks.REPORT_FINALIZER],
            }
        }
        freed = await self.api.call("patch", path, release, content_type=STRATEGIC_PATCH)
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {
                "uid": metadata["uid"],
                "resourceVersion": freed.body["metadata"]["resourceVersion"],
            },
        }
        await self.api.call("delete", path, options)

    async def _patch(self, found: Object, change: Object) -> Object | None:
        """Change this very Job, whatever else has changed about it; None if it is gone."""
        metadata = found["metadata"]
        body = {**change, "metadata": {**change.get("metadata", {}), "uid": metadata["uid"]}}
        try:
            path = self._path(metadata["name"])
            return (await self.api.call("patch", path, body, content_type=MERGE_PATCH)).body
        except ApiError as fault:
            if not fault.not_found and not fault.conflict:
                raise
            return None

    def _path(self, name: str = "") -> str:
        return job_path(self.settings.namespace, name)


def uid_of(item: Object) -> str:
    """The object's uid."""
    return str(item["metadata"]["uid"])


def payload_uid_of(job: Object) -> str | None:
    """The uid of the temporary secret that the job was made for."""
    uid: str | None = job["metadata"]["annotations"].get(marks.PAYLOAD_UID)
    return uid


def pods_of(job: Object, pods: list[Object]) -> list[Object]:
    """Those of ``pods`` that belong to ``job``."""
    return [pod for pod in pods if pod["metadata"]["labels"].get(JOB_UID_LABEL) == uid_of(job)]


def made_by_us(job: Object) -> bool:
    """False for a Job that merely carries our labels: nothing can be known about it."""
    annotations = job["metadata"].get("annotations") or {}
    try:
        if purpose_of(annotations) is Purpose.CLEAN_UP:
            clean_up_order_of(annotations)
        else:
            target_of(annotations)
        return attempt_of(annotations) >= 1
    except (KeyError, ValueError, PermanentError):
        return False
