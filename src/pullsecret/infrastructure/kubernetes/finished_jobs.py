"""Ended jobs, each brought to one replica at a time until it is reported."""

import asyncio
import random
import uuid
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

from pullsecret.domain.facts import InternalFault
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob, AnyResult
from pullsecret.domain.names import temporary_secret_name
from pullsecret.domain.provisioning import ProvisionJob, ProvisionResult
from pullsecret.infrastructure.job_process.termination_message import encode
from pullsecret.infrastructure.kubernetes.api import Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError, operation_error
from pullsecret.infrastructure.kubernetes.job_events import JobEvents
from pullsecret.infrastructure.kubernetes.job_objects import JobObjects, payload_uid_of, uid_of
from pullsecret.infrastructure.kubernetes.job_reading import (
    has_ended,
    noted_result,
    pod_problem,
    result_of,
    with_result,
)
from pullsecret.infrastructure.kubernetes.known_jobs import KnownJob, KnownJobs
from pullsecret.infrastructure.kubernetes.known_pods import KnownPods, job_uid_of
from pullsecret.infrastructure.kubernetes.temporary_secrets import TemporarySecrets
from pullsecret.ports.telemetry import Telemetry

_AT_ONCE: Final = 16
_REACH: Final = 64
"""Of so many that have been due for longest one is taken, by chance."""
_AFTER_FAULT: Final = 1.0


class FinishedJobs:
    """Watches the jobs and their pods; use one instance for one :meth:`stream`.

    A replica takes an ended job up by a mark on it, written only if the job is still as it was read, so of
    several replicas one succeeds. The result is written with the mark: from then on it does not depend on the
    pod. Whether a mark is old is judged by how long this replica has seen it unchanged, so clocks need not
    agree.

    Jobs are taken up only as fast as they are asked for, so that what one replica cannot tell soon is left to
    the others, and in no fixed order, so that replicas rarely reach for the same one.
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
        self._remind = jobs.settings.times.remind
        self._due: list[str] = []
        """Uids of ended jobs to take up, about the oldest first."""
        self._claimed: dict[str, tuple[str, float]] = {}
        """By uid, the mark on an ended job and since when it has been there."""
        self._problems: dict[str, str] = {}
        self._taking_up: set[str] = set()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._watches: list[asyncio.Task[None]] = []
        self._changes: set[asyncio.Task[None]] = set()
        self.jobs = KnownJobs(jobs, self._on_job, self._on_fault)
        self._pods = KnownPods(jobs, self._on_pod, self._on_fault)

    async def stream(self) -> AsyncGenerator[AnyJob, None]:
        """Ended, unreported jobs, for ever; see the port. Raises what nobody foresaw and a watch met."""
        for work in (self.jobs.run(), self._pods.run(), self._keep_looking()):
            watch = asyncio.get_running_loop().create_task(work)
            watch.add_done_callback(lambda _: self._wake.set())
            self._watches.append(watch)
        claims: set[asyncio.Task[AnyJob | None]] = set()
        try:
            while True:
                self._raise_if_deaf()
                while len(claims) < _AT_ONCE and (known := self._next_due()):
                    claims.add(asyncio.get_running_loop().create_task(self._take_up(known)))
                if not claims:
                    self._wake.clear()
                    self._idle.set()
                    await self._wake.wait()
                    continue
                done, claims = await asyncio.wait(claims, return_when=asyncio.FIRST_COMPLETED)
                for claim in done:
                    if (job := claim.result()) is not None:
                        yield job
        finally:
            for task in (*self._watches, *claims):
                task.cancel()
            # A payload that is being removed shall be gone, whoever closes the stream.
            await asyncio.gather(*self._watches, *self._changes, *claims, return_exceptions=True)

    def _raise_if_deaf(self) -> None:
        """Watches end only by what they raise, and without them no end would ever be seen."""
        for watch in self._watches:
            if watch.done():
                watch.result()

    async def all_taken_up(self, patience: float) -> None:
        """Return once no ended job waits to be taken up, or after ``patience`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._idle.wait()

    def all(self) -> Sequence[AnyJob]:
        """Every job with its result, as it was a moment ago."""
        return [self._with_result(known) for known in self.jobs.all()]

    async def of_cluster(
        self, cluster_id: ClusterId, made: Object | None, patience: float | None
    ) -> Sequence[AnyJob] | None:
        """The cluster's jobs with their results; see :meth:`KnownJobs.of_cluster`.

        None as well if another replica may have taken up what this one took up, and gone on from there.
        """
        seen = await self.jobs.of_cluster(cluster_id, made, patience)
        if seen is None or any(map(self._may_be_taken_over, seen)):
            return None
        return [self._with_result(known) for known in seen]

    def _may_be_taken_over(self, known: KnownJob) -> bool:
        mark, since = self._claimed.get(known.uid, ("", 0.0))
        return mark.startswith(f"{self._replica}/") and self._old(since)

    def _with_result(self, known: KnownJob) -> AnyJob:
        if not known.ended or known.found is None or noted_result(known.found) is not None:
            return known.job
        return with_result(known.job, result_of(known.found, self._pods.of_job(known.uid)))

    def _next_due(self) -> KnownJob | None:
        """One of the longest due that nobody has taken up meanwhile."""
        while self._due:
            uid = self._due.pop(random.randrange(min(len(self._due), _REACH)))  # noqa: S311
            known = self.jobs.get(uid)
            if known is None or known.found is None or uid in self._taking_up or not self._free(known):
                continue
            self._taking_up.add(uid)
            return known
        return None

    def _free(self, known: KnownJob) -> bool:
        """Whether the ended job carries no mark, or one that is old."""
        mark, since = self._claimed.get(known.uid, (None, 0.0))
        old = self._old(since)
        # Our own mark may be there before the watch tells of it.
        return (mark is None or old) if known.claim is None else (mark == known.claim and old)

    async def _keep_looking(self) -> None:
        """Take up what carries an old mark, and whatever else was passed over."""
        while True:
            await asyncio.sleep(self._remind / 4)
            waiting = self._taking_up.union(self._due)
            for known in self.jobs.all():
                ended = known.ended and known.found is not None
                if ended and known.uid not in waiting and self._free(known):
                    self._make_due(known.uid)

    async def _take_up(self, known: KnownJob) -> AnyJob | None:
        try:
            job = await self._claim(known)
            now = self.jobs.get(known.uid)
            if job is None and now is not None and now.version > known.version:
                # It has changed meanwhile, and may still be free.
                self._make_due(known.uid)
            return job
        except ApiError as fault:
            self._on_fault(fault)
            asyncio.get_running_loop().call_later(_AFTER_FAULT, self._make_due, known.uid)
            return None
        finally:
            self._taking_up.discard(known.uid)

    async def _claim(self, known: KnownJob) -> AnyJob | None:
        found = known.found
        assert found is not None  # noqa: S101 - the job was due
        result = noted_result(found)
        if result is None:
            pods = self._pods.of_job(known.uid)
            # The two watches are not in step: the job's end may be seen before its pod's.
            ended = any(map(has_ended, pods))
            result = result_of(found, pods) if ended else await self._jobs.result(found)
        job = with_result(known.job, result)
        mark = f"{self._replica}/{uuid.uuid4().hex[:8]}"
        version = await self._jobs.claim(found, mark, encode(result, _secret_path(job, result)))
        if version is None:
            return None
        now = self.jobs.get(known.uid)
        if now is not None and now.found is not None:
            # Of one that is gone or reported by now, nobody would forget the mark again.
            self._claimed[known.uid] = (mark, self._now())
            self.jobs.wrote(known, version)
        _spawn(self._remove_payload(job, found), self._changes)
        return job

    async def _remove_payload(self, job: AnyJob, found: Object) -> None:
        uid = payload_uid_of(found)
        if uid is None:
            return
        try:
            await self._secrets.remove(temporary_secret_name(job.key.cluster_id), uid)
        except ApiError as fault:
            # It still goes with the next sweep, and with the job at the latest.
            self._on_fault(fault)

    def _on_job(self, before: KnownJob | None, now: KnownJob | None) -> None:
        if before is not None and (now is None or now.uid != before.uid):
            self._forget(before.uid)
        if now is None:
            return
        if before is None:
            for pod in self._pods.of_job(now.uid):
                self._on_pod(pod)
        if now.found is None:
            self._forget(now.uid)
        elif now.ended and now.claim is None:
            self._make_due(now.uid)
        elif now.ended and self._claimed.get(now.uid, ("", 0.0))[0] != now.claim:
            self._claimed[now.uid] = (now.claim or "", self._now())

    def _forget(self, uid: str) -> None:
        self._claimed.pop(uid, None)
        self._problems.pop(uid, None)
        self._pods.drop(uid)

    def _make_due(self, uid: str) -> None:
        self._due.append(uid)
        self._idle.clear()
        self._wake.set()

    def _on_pod(self, pod: Object) -> None:
        known = self.jobs.get(job_uid_of(pod))
        if known is None:
            return
        if known.found is None:
            self._pods.drop(known.uid)
            return
        problem = pod_problem(pod)
        if problem is None or self._problems.get(known.uid) == (kind := problem.partition(":")[0]):
            return
        self._problems[known.uid] = kind
        _spawn(self._note_problem(known.found, problem), self._changes)

    async def _note_problem(self, found: Object, problem: str) -> None:
        try:
            await self._jobs.note_pod_problem(found, problem)
        except ApiError as fault:
            self._problems.pop(uid_of(found), None)
            self._on_fault(fault)
            return
        await self._events.pod_not_starting(found, problem)

    def _old(self, since: float) -> bool:
        """Whether a mark that has been there ``since`` then keeps no replica any more."""
        return self._now() - since >= self._remind

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _on_fault(self, fault: ApiError) -> None:
        self._telemetry.record(InternalFault("watch-jobs", str(operation_error("watch-jobs", fault).reason)))


def _secret_path(job: AnyJob, result: AnyResult) -> str:
    """The version that a provisioning stored, or would have."""
    if isinstance(job, ProvisionJob) and isinstance(result, ProvisionResult):
        return job.target.cloud_secret.version_path(result.version or "latest")
    return ""


def _spawn(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
