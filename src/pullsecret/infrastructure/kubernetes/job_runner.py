"""The JobRunner port on Kubernetes Jobs (DDR decision 2)."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

import attrs

from pullsecret.domain.errors import TransientError
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob, AnyKey, AnyOrder, going_again, in_the_way
from pullsecret.domain.provisioning import Queued
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.kubernetes import job_manifest, marks
from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError, operation_error
from pullsecret.infrastructure.kubernetes.finished_jobs import FinishedJobs
from pullsecret.infrastructure.kubernetes.job_events import JobEvents
from pullsecret.infrastructure.kubernetes.job_objects import JobObjects, payload_uid_of, uid_of
from pullsecret.infrastructure.kubernetes.job_reading import ended_at, job_of
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.known_jobs import WAIT_FOR_THE_WATCH
from pullsecret.infrastructure.kubernetes.temporary_secrets import TemporarySecret, TemporarySecrets
from pullsecret.ports.job_runner import Busy, Existing, Submitted
from pullsecret.ports.telemetry import Telemetry

_SUBMIT_TRIES: Final = 20
_SUBMIT_PAUSE: Final = 0.1
_MARK_WITHIN: Final = 3
"""A told end gets its mark early in the time after which it would be told again: in a third of it."""


def _replica_name() -> str:
    return f"replica-{uuid.uuid4().hex[:8]}"


@attrs.define(eq=False)
class KubernetesJobRunner:
    """Keeps every job as a Job object and its payload as a temporary secret.

    Any number of replicas may work on one namespace. The temporary secret's one name per cluster decides
    which of them submits; a mark bound to the Job's resource version decides which of them reports.

    A Job counts once its temporary secret is tied to it. It is tied only by who has looked, after the Job was
    made, that no other of its cluster is in its way: whatever is made later has to take the secret first.

    While :meth:`finished` is followed, what it watches answers where moments do not matter: :meth:`known`,
    :meth:`unfinished`, :meth:`going_again` and :meth:`jobs` of all clusters, and that look: once the watch
    has told of the new Job, it has told of all before it. Otherwise the API server is asked.
    """

    api: KubernetesApi
    settings: JobSettings
    telemetry: Telemetry
    replica: str = attrs.field(factory=_replica_name)
    """A name of this replica that no other has, e.g. its pod's."""
    _ended: FinishedJobs | None = attrs.field(default=None, init=False)
    _reading: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)

    async def submit(self, order: AnyOrder) -> Submitted | Existing | Busy:
        """See the port."""
        try:
            for _ in range(_SUBMIT_TRIES):
                if answer := await self._try_submit(order):
                    return answer
                # Another replica is in the middle of submitting for this cluster.
                await asyncio.sleep(_SUBMIT_PAUSE)
        except ApiError as fault:
            raise operation_error("submit-job", fault) from None
        raise TransientError(
            "submit-job", order.key.name, Reason.WRITE_CONFLICT, "Another submission is under way."
        )

    async def release(self, key: AnyKey) -> None:
        """See the port."""
        try:
            await self._release(key)
        except ApiError as fault:
            raise operation_error("release-job", fault) from None

    async def jobs(self, cluster_id: ClusterId | None = None) -> Sequence[AnyJob]:
        """See the port."""
        if cluster_id is None and (ended := await self._read_in()) is not None:
            return ended.all()
        return await self._read(cluster_id)

    async def known(self, cluster_id: ClusterId) -> Sequence[AnyJob]:
        """See the port."""
        return await self._known(cluster_id)

    async def exists(self, key: AnyKey) -> bool:
        """See the port."""
        try:
            return await self._jobs.get(key) is not None
        except ApiError as fault:
            raise operation_error("get-job", fault) from None

    async def unfinished(self) -> Sequence[AnyJob]:
        """See the port."""
        if (ended := await self._read_in()) is not None:
            return [known.job for known in ended.jobs.unfinished()]
        try:
            found = self._jobs.each(marks.OUR_UNFINISHED_JOBS)
            return [job_of(item) async for item in found if ended_at(item) is None]
        except ApiError as fault:
            raise operation_error("list-jobs", fault) from None

    async def going_again(self) -> Sequence[AnyJob]:
        """See the port."""
        if (ended := await self._read_in()) is not None:
            return list(ended.jobs.going_again())
        return list(going_again(await self.jobs()).values())

    async def reach(self) -> None:
        """Raises a transient error if the API server does not let us read jobs."""
        try:
            await self._jobs.peek()
        except ApiError as fault:
            raise operation_error("list-jobs", fault) from None

    async def finished(self) -> AsyncGenerator[AnyJob, None]:
        """See the port."""
        ended = FinishedJobs(self._jobs, self._secrets, self._events, self.telemetry, self.replica)
        self._ended = ended
        try:
            async with aclosing(ended.stream()) as jobs:
                async for job in jobs:
                    yield job
        finally:
            if self._ended is ended:
                self._ended = None

    async def mark_reported(self, key: AnyKey) -> None:
        """See the port. Ends that wait to be taken up go first, for a while: only those are in a hurry."""
        if self._ended is not None:
            await self._ended.all_taken_up(self.settings.times.remind / _MARK_WITHIN)
        try:
            found = await self._jobs.mark_reported(key)
        except ApiError as fault:
            raise operation_error("mark-job-reported", fault) from None
        if found is not None:
            await self._events.reported(found)

    async def sweep(self) -> int:
        """See the port."""
        try:
            return await self._sweep()
        except ApiError as fault:
            raise operation_error("sweep-payloads", fault) from None

    async def _try_submit(self, order: AnyOrder) -> Submitted | Existing | Busy | None:
        # A first look, which may be an old one: it spares us making what would only be discarded.
        if answer := _found(await self._seen(order.key.cluster_id) or (), order.key):
            return answer
        secret = await self._secrets.take(order)
        if secret is None:
            return await self._held_up(order.key)
        try:
            made = await self._jobs.create(job_manifest.job(order, secret.uid, self.settings))
        except ApiError as fault:
            if not fault.already_exists:
                raise
            # Our own call whose answer was lost, or an earlier submission.
            made = await self._jobs.get(order.key) or {}
            if not made or payload_uid_of(made) != secret.uid:
                await self._secrets.remove(secret.name, secret.uid)
                return _found(await self.jobs(order.key.cluster_id), order.key)
        return await self._confirm(made, secret)

    async def _confirm(self, made: Object, secret: TemporarySecret) -> Submitted | Busy | None:
        """Tie the secret to the suspended Job, so that it counts; discard the Job if it may not.

        None if the secret is not that Job's: it was taken for abandoned before the Job was there, or the Job
        has been released, and may even have ended, since it was read.
        """
        job, other = job_of(made), None
        if payload_uid_of(made) == secret.uid:
            other = in_the_way(await self._known(job.key.cluster_id, made), job.key)
            if other is None and await self._secrets.tie(secret, made):
                self._note(made)
                return Submitted(job)
        if not await self._jobs.discard(made) or other is None:
            return None
        await self._secrets.remove(secret.name, secret.uid)
        return Busy(other)

    async def _held_up(self, key: AnyKey) -> Existing | Busy | None:
        """What the job that holds the cluster's secret makes of a submission of ``key``.

        The secret is removed if that job has ended or was never made. None if ``key`` is to be tried again.
        """
        secret = await self._secrets.of(key)
        if secret is None:
            return None
        holder = await self._jobs.named(secret.job)
        if holder is not None and ended_at(holder) is None:
            job = job_of(holder)
            return Existing(job) if job.key == key else Busy(job)
        if holder is None and (secret.owner is not None or secret.age <= self.settings.times.orphan_grace):
            return None
        await self._secrets.remove(secret.name, secret.uid)
        return _found(await self.jobs(key.cluster_id), key)

    async def _release(self, key: AnyKey) -> None:
        found = await self._jobs.get(key)
        if found is None or ended_at(found) is not None or not isinstance(job_of(found).state, Queued):
            return
        secret = await self._secrets.of(key)
        if secret is None:
            # Somebody removed it: perhaps as abandoned, before the Job was there.
            await self._release_without_payload(found)
        elif secret.owner == uid_of(found) or isinstance(await self._confirm(found, secret), Submitted):
            # If it was not tied: of a submission that is under way, or whose replica died.
            self._note(await self._jobs.unsuspend(found))

    async def _release_without_payload(self, found: Object) -> None:
        """A job that waits for a payload in vain ends by its deadline, and is told; if it is not too late."""
        key = job_of(found).key
        if in_the_way(await self._known(key.cluster_id, found), key) is None:
            self._note(await self._jobs.unsuspend(found))
        else:
            await self._jobs.discard(found)

    async def _sweep(self) -> int:
        secrets, removed = await self._secrets.all(), 0
        ended = await self._read_in()
        at_work = {known.uid for known in ended.jobs.unfinished()} if ended is not None else ()
        for secret in secrets:
            # Most secrets are of jobs that are known to need them.
            if secret.owner not in at_work:
                removed += await self._swept(secret)
        return removed

    async def _swept(self, secret: TemporarySecret) -> bool:
        """Whether the secret was removed, since no job needs it. A job that is not there although its secret
        is was never made, or its submission is still under way."""
        job = await self._jobs.named(secret.job)
        if job is None and secret.age < self.settings.times.orphan_grace:
            return False
        if job is None or ended_at(job) is not None:
            return await self._secrets.remove(secret.name, secret.uid)
        if secret.owner is None:
            await self._confirm(job, secret)
        return False

    async def _known(self, cluster_id: ClusterId, made: Object | None = None) -> Sequence[AnyJob]:
        """The cluster's jobs; at least those that were there before the Job ``made``."""
        if (seen := await self._seen(cluster_id, made)) is not None:
            return seen
        asked = asyncio.create_task(self._read_in_turn(cluster_id, made))
        told = asyncio.create_task(self._seen(cluster_id, made, patience=None))
        try:
            await asyncio.wait((asked, told), return_when=asyncio.FIRST_COMPLETED)
            if not asked.done() and (seen := await told) is not None:
                return seen
            return await asked
        finally:
            asked.cancel()
            told.cancel()

    async def _read_in_turn(self, cluster_id: ClusterId, made: Object | None) -> Sequence[AnyJob]:
        """One after the other: an API server whose watches lag is kept from catching up by our lists."""
        async with self._reading:
            return await self._read(cluster_id, "" if made is None else made["metadata"]["resourceVersion"])

    async def _seen(
        self, cluster_id: ClusterId, made: Object | None = None, patience: float | None = WAIT_FOR_THE_WATCH
    ) -> Sequence[AnyJob] | None:
        """The same from what is watched, if that can be said."""
        return None if self._ended is None else await self._ended.of_cluster(cluster_id, made, patience)

    async def _read(self, cluster_id: ClusterId | None, since: str = "") -> Sequence[AnyJob]:
        """The cluster's jobs, or all, as the API server has them now, or had them at ``since`` or later."""
        selector = marks.OUR_JOBS if cluster_id is None else marks.selector_of(cluster_id)
        try:
            known = await self._jobs.read(selector, since)
        except ApiError as fault:
            raise operation_error("list-jobs", fault) from None
        return [job for job in known if cluster_id is None or job.key.cluster_id == cluster_id]

    async def _read_in(self) -> FinishedJobs | None:
        """What is watched, once all jobs are there; None if nothing is, or if it cannot be read in."""
        ended = self._ended
        return ended if ended is not None and await ended.jobs.complete() else None

    def _note(self, found: Object | None) -> None:
        """What we wrote ourselves is known at once."""
        if self._ended is not None and found is not None:
            self._ended.jobs.put(found)

    @property
    def _jobs(self) -> JobObjects:
        return JobObjects(self.api, self.settings)

    @property
    def _events(self) -> JobEvents:
        return JobEvents(self.api, self.telemetry, self.replica)

    @property
    def _secrets(self) -> TemporarySecrets:
        return TemporarySecrets(self.api, self.settings)


def _found(known: Sequence[AnyJob], key: AnyKey) -> Existing | Busy | None:
    """What the jobs that are known make of a submission of ``key``."""
    for job in known:
        if job.key == key:
            return Existing(job)
    other = in_the_way(known, key)
    return None if other is None else Busy(other)
