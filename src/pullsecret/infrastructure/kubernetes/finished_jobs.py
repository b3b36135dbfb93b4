"""Ended jobs, each brought to one replica at a time until it is reported."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Final

from pullsecret.domain.facts import InternalFault
from pullsecret.domain.jobs import AnyJob, AnyResult
from pullsecret.domain.names import temporary_secret_name
from pullsecret.domain.provisioning import Job, ProvisionResult
from pullsecret.infrastructure.job_process.termination_message import encode
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError, operation_error
from pullsecret.infrastructure.kubernetes.job_events import JobEvents
from pullsecret.infrastructure.kubernetes.job_objects import JobObjects, made_by_us, pods_of, uid_of
from pullsecret.infrastructure.kubernetes.job_reading import (
    JOB_UID_LABEL,
    ended_at,
    has_ended,
    job_of,
    noted_result,
    pod_problem,
    result_of,
)
from pullsecret.infrastructure.kubernetes.paths import job_path, pod_path
from pullsecret.infrastructure.kubernetes.reflector import Reflector, Selection
from pullsecret.infrastructure.kubernetes.temporary_secrets import TemporarySecrets
from pullsecret.ports.telemetry import Telemetry

_AT_ONCE: Final = 32
_AFTER_FAULT: Final = 1.0


class FinishedJobs:
    """Watches the unreported jobs and their pods; use one instance for one :meth:`stream`.

    A replica takes an ended job up by a mark on it, written only if the job is still as it was read, so of
    several replicas one succeeds. The result is written with the mark: from then on it does not depend on the
    pod. Whether a mark is old is judged by how long this replica has seen it unchanged, so clocks need not
    agree.
    """

    def __init__(
        self,
        jobs: JobObjects,
        secrets: TemporarySecrets,
        events: JobEvents,
        telemetry: Telemetry,
        replica: str,
    ) -> None:
        self._jobs = jobs
        self._secrets = secrets
        self._events = events
        self._telemetry = telemetry
        self._replica = replica
        settings = jobs.settings
        self._remind = settings.times.remind
        self._ended: dict[str, Object] = {}
        self._marks: dict[str, tuple[str, float]] = {}
        self._problems: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._retry_soon = False
        self._watches: set[asyncio.Task[None]] = set()
        self._changes: set[asyncio.Task[None]] = set()
        self._seen_jobs = Reflector(
            jobs.api,
            Selection(job_path(settings.namespace), marks.OUR_UNREPORTED_JOBS),
            self._on_job,
            resync=settings.times.resync,
            on_fault=self._on_fault,
        )
        self._seen_pods = Reflector(
            jobs.api,
            Selection(pod_path(settings.namespace), marks.OUR_JOBS),
            self._on_pod,
            resync=settings.times.resync,
            on_fault=self._on_fault,
        )

    async def stream(self) -> AsyncGenerator[AnyJob, None]:
        """Ended, unreported jobs, for ever; see the port."""
        _spawn(self._seen_jobs.run(), self._watches)
        _spawn(self._seen_pods.run(), self._watches)
        try:
            while True:
                self._wake.clear()
                self._retry_soon = False
                due = [item for item in self._ended.values() if self._due(item)]
                for start in range(0, len(due), _AT_ONCE):
                    batch = due[start : start + _AT_ONCE]
                    for job in await asyncio.gather(*(self._take_up(item) for item in batch)):
                        if job is not None:
                            yield job
                await self._wait()
        finally:
            for task in self._watches:
                task.cancel()
            # A payload that is being removed shall be gone, whoever closes the stream.
            await asyncio.gather(*self._watches, *self._changes, return_exceptions=True)

    def _due(self, found: Object) -> bool:
        mark = found["metadata"]["annotations"].get(marks.CLAIM)
        if mark is None:
            return True
        uid, now = uid_of(found), asyncio.get_running_loop().time()
        known, since = self._marks.get(uid, ("", now))
        if known != mark:
            self._marks[uid] = (mark, now)
            return False
        return now - since >= self._remind

    async def _take_up(self, found: Object) -> AnyJob | None:
        try:
            return await self._claim(found)
        except ApiError as fault:
            self._on_fault(fault)
            self._retry_soon = True
            return None

    async def _claim(self, found: Object) -> AnyJob | None:
        result = noted_result(found)
        if result is None:
            pods = pods_of(found, list(self._seen_pods.objects.values()))
            # The two watches are not in step: the job's end may be seen before its pod's.
            ended = any(map(has_ended, pods))
            result = result_of(found, pods) if ended else await self._jobs.result(found)
        job = job_of(found, result)
        mark = f"{self._replica}/{uuid.uuid4().hex[:8]}"
        claimed = await self._jobs.claim(found, mark, encode(result, _secret_path(job, result)))
        if claimed is None:
            return None
        self._marks[uid_of(found)] = (mark, asyncio.get_running_loop().time())
        if uid_of(found) in self._ended:
            self._ended[uid_of(found)] = claimed
        _spawn(self._remove_payload(job, claimed), self._changes)
        return job

    async def _remove_payload(self, job: AnyJob, found: Object) -> None:
        uid = found["metadata"]["annotations"].get(marks.PAYLOAD_UID)
        if uid is None:
            return
        try:
            await self._secrets.remove(temporary_secret_name(job.key.cluster_id), uid)
        except ApiError as fault:
            # It still goes with the next sweep, and with the job at the latest.
            self._on_fault(fault)

    async def _wait(self) -> None:
        """Until something changed, or a mark may have grown old."""
        patience = _AFTER_FAULT if self._retry_soon else self._remind
        if self._ended:
            patience = min(patience, self._remind / 4)
        try:
            await asyncio.wait_for(self._wake.wait(), patience)
        except TimeoutError:
            return

    def _on_job(self, before: Object | None, now: Object | None) -> None:
        if now is None:
            uid = uid_of(before or {})
            self._ended.pop(uid, None)
            self._marks.pop(uid, None)
            self._problems.pop(uid, None)
        elif made_by_us(now) and ended_at(now) is not None:
            self._ended[uid_of(now)] = now
            self._wake.set()

    def _on_pod(self, before: Object | None, now: Object | None) -> None:
        problem = pod_problem(now) if now is not None else None
        if now is None or problem is None:
            return
        job_uid = now["metadata"]["labels"].get(JOB_UID_LABEL, "")
        kind = problem.partition(":")[0]
        if self._problems.get(job_uid) == kind:
            return
        for found in self._seen_jobs.objects.values():
            if uid_of(found) == job_uid:
                self._problems[job_uid] = kind
                _spawn(self._note_problem(found, problem), self._changes)

    async def _note_problem(self, found: Object, problem: str) -> None:
        try:
            await self._jobs.note_pod_problem(found, problem)
        except ApiError as fault:
            self._problems.pop(uid_of(found), None)
            self._on_fault(fault)
            return
        await self._events.pod_not_starting(found, problem)

    def _on_fault(self, fault: ApiError) -> None:
        self._telemetry.record(InternalFault("watch-jobs", str(operation_error("watch-jobs", fault).reason)))


def _secret_path(job: AnyJob, result: AnyResult) -> str:
    """The version that a provisioning stored, or would have."""
    if isinstance(job, Job) and isinstance(result, ProvisionResult):
        return job.target.cloud_secret.version_path(result.version or "latest")
    return ""


def _spawn(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
