"""What a replica knows of every job without asking: a copy, kept by one watch and by its own writes."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from typing import Final

import attrs

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob
from pullsecret.infrastructure.going_again import GoingAgain
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import Object, version_of
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.job_objects import JobObjects, made_by_us, uid_of
from pullsecret.infrastructure.kubernetes.job_reading import job_of
from pullsecret.infrastructure.kubernetes.paths import job_path
from pullsecret.infrastructure.kubernetes.reflector import Reflector, Selection

WAIT_FOR_THE_WATCH: Final = 5.0
"""An API server whose watches lag has enough to do without our lists, which would make them lag longer."""
_WAIT_FOR_THE_LIST: Final = 60.0
_UNREAD: Final = ("managedFields", "ownerReferences", "finalizers", "generation")


@attrs.frozen
class KnownJob:
    """One job as it was when last heard of."""

    uid: str
    version: int
    job: AnyJob
    """Of an ended one without a noted result, the result says only that it is not known."""
    found: Object | None
    """What reporting needs of the object; None once the job is reported."""

    @property
    def ended(self) -> bool:
        """True once nothing of it runs any more."""
        return not self.job.active

    @property
    def claim(self) -> str | None:
        """The mark of the replica that reports it."""
        return None if self.found is None else self.found["metadata"]["annotations"].get(marks.CLAIM)


class KnownJobs:
    """Every job of ours. :meth:`run` keeps it up to date, and ``on_change`` is called with each difference.

    A watch tells what happened in its order. So once it has told of a write of ours, the copy holds whatever
    was there before that write, whoever made it: what asking the API server right then would have shown.
    """

    def __init__(
        self,
        jobs: JobObjects,
        on_change: Callable[[KnownJob | None, KnownJob | None], None],
        on_fault: Callable[[ApiError], None],
    ) -> None:
        settings = jobs.settings
        self._on_change = on_change
        self._by_uid: dict[str, KnownJob] = {}
        self._of_cluster: dict[ClusterId, set[str]] = {}
        self._unfinished: dict[str, KnownJob] = {}
        self._going_again = GoingAgain()
        self._written: dict[str, int] = {}
        """By uid the version that a write of ours left, until the watch has told of it."""
        self._waiting: dict[str, list[_Waiter]] = {}
        self._seen = Reflector(
            jobs.api,
            Selection(job_path(settings.namespace), marks.OUR_JOBS, keep=_known_job),
            self._on_job,
            resync=settings.times.resync,
            on_fault=on_fault,
        )

    async def run(self) -> None:
        """Keep the copy until cancelled."""
        await self._seen.run()

    async def complete(self) -> bool:
        """Wait until every job was seen; False if that takes more than a minute.

        Who would read the jobs elsewhere meanwhile reads thousands of objects twice at once.
        """
        try:
            async with asyncio.timeout(_WAIT_FOR_THE_LIST):
                await self._seen.synced.wait()
        except TimeoutError:
            return False
        return True

    def all(self) -> Iterator[KnownJob]:
        """Every job."""
        return iter(self._by_uid.values())

    def unfinished(self) -> Collection[KnownJob]:
        """Those that are queued or running."""
        return self._unfinished.values()

    def going_again(self) -> Collection[AnyJob]:
        """The newest job of each cluster if another attempt is to follow it."""
        return self._going_again.jobs()

    def get(self, uid: str) -> KnownJob | None:
        """A job by its uid."""
        return self._by_uid.get(uid)

    def put(self, found: Object) -> None:
        """Note a job as a write of ours left it."""
        self._seen.put(found)

    def wrote(self, job: KnownJob, version: int) -> None:
        """A write of ours left ``job`` at ``version``; the watch will tell so."""
        now = self.get(job.uid)
        if now is not None and now.version < version:
            self._written[job.uid] = version

    async def of_cluster(
        self, cluster_id: ClusterId, made: Object | None = None, patience: float | None = WAIT_FOR_THE_WATCH
    ) -> Collection[KnownJob] | None:
        """The cluster's jobs; at least those that were there when one of them was last written by us, or when
        ``made`` was.

        None if that cannot be said within ``patience`` seconds, since the watch lags behind: then ask the API
        server. Without ``patience`` it is waited for.
        """
        try:
            async with asyncio.timeout(patience):
                await self._seen.synced.wait()
                if made is not None:
                    await self._told_of(uid_of(made), version_of(made))
                for uid in list(self._of_cluster.get(cluster_id, ())):
                    if (version := self._written.get(uid)) is not None:
                        await self._told_of(uid, version)
                await self._seen.whole.wait()
        except TimeoutError:
            return None
        return [self._by_uid[uid] for uid in self._of_cluster.get(cluster_id, ())]

    async def _told_of(self, uid: str, version: int) -> None:
        """Return once the watch has told of the job at ``version``, or that it is gone."""
        now = self.get(uid)
        if now is not None and now.version >= version:
            return
        waiter = _Waiter(version)
        waiting = self._waiting.setdefault(uid, [])
        waiting.append(waiter)
        try:
            await waiter.told.wait()
        finally:
            waiting.remove(waiter)
            if not waiting:
                del self._waiting[uid]

    def _on_job(self, before: KnownJob | None, now: KnownJob | None) -> None:
        if before is not None and (now is None or now.uid != before.uid):
            self._forget(before)
        if now is not None:
            self._by_uid[now.uid] = now
            if now.ended:
                self._unfinished.pop(now.uid, None)
            else:
                self._unfinished[now.uid] = now
            self._of_cluster.setdefault(now.job.key.cluster_id, set()).add(now.uid)
            if now.version >= self._written.get(now.uid, now.version):
                self._written.pop(now.uid, None)
            self._wake(now.uid, now.version)
        for cluster_id in {known.job.key.cluster_id for known in (before, now) if known is not None}:
            uids = self._of_cluster.get(cluster_id, ())
            self._going_again.note(cluster_id, (self._by_uid[uid].job for uid in uids))
        self._on_change(before, now)

    def _forget(self, job: KnownJob) -> None:
        self._by_uid.pop(job.uid, None)
        self._unfinished.pop(job.uid, None)
        others = self._of_cluster[job.job.key.cluster_id]
        others.discard(job.uid)
        if not others:
            del self._of_cluster[job.job.key.cluster_id]
        self._written.pop(job.uid, None)
        self._wake(job.uid)

    def _wake(self, uid: str, told: int | None = None) -> None:
        """Wake who waits for the job at ``told`` or earlier; all where it is gone."""
        for waiter in self._waiting.get(uid, ()):
            if told is None or waiter.version <= told:
                waiter.told.set()


@attrs.frozen(eq=False)
class _Waiter:
    version: int
    told: asyncio.Event = attrs.field(factory=asyncio.Event)


def _known_job(found: Object) -> KnownJob | None:
    if not made_by_us(found):
        return None
    reported = marks.REPORTED_LABEL in found["metadata"].get("labels", {})
    kept = None if reported else _without_template(found)
    return KnownJob(uid_of(found), version_of(found), job_of(found), kept)


def _without_template(found: Object) -> Object:
    metadata, spec = found["metadata"], found["spec"]
    return {
        "metadata": {name: metadata[name] for name in metadata if name not in _UNREAD},
        "spec": {name: spec[name] for name in ("suspend", "activeDeadlineSeconds") if name in spec},
        "status": found.get("status") or {},
    }
