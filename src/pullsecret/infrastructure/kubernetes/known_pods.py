"""The pods of the jobs that are not reported yet, without what nobody reads of them."""

from collections.abc import Callable, Sequence
from typing import Final

from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.job_objects import JobObjects
from pullsecret.infrastructure.kubernetes.job_reading import JOB_UID_LABEL
from pullsecret.infrastructure.kubernetes.paths import pod_path
from pullsecret.infrastructure.kubernetes.reflector import Reflector, Selection, key_of

_READ_OF_METADATA: Final = ("name", "namespace", "labels", "creationTimestamp")
_READ_OF_STATUS: Final = ("phase", "reason", "message", "conditions", "containerStatuses")


class KnownPods:
    """:meth:`run` keeps them up to date; ``on_pod`` is called with each as it is now."""

    def __init__(
        self, jobs: JobObjects, on_pod: Callable[[Object], None], on_fault: Callable[[ApiError], None]
    ) -> None:
        settings = jobs.settings
        self._on_pod = on_pod
        self._of_job: dict[str, dict[str, Object]] = {}
        self._seen = Reflector(
            jobs.api,
            Selection(pod_path(settings.namespace), marks.OUR_JOBS, keep=_read_part),
            self._note,
            resync=settings.times.resync,
            on_fault=on_fault,
        )

    async def run(self) -> None:
        """Keep them until cancelled."""
        await self._seen.run()

    def of_job(self, job_uid: str) -> Sequence[Object]:
        """The pods of the job."""
        return list(self._of_job.get(job_uid, {}).values())

    def drop(self, job_uid: str) -> None:
        """The job's pods are of no interest any more."""
        for key in self._of_job.pop(job_uid, {}):
            self._seen.drop(key)

    def _note(self, before: Object | None, now: Object | None) -> None:
        if before is not None:
            self._of_job.get(job_uid_of(before), {}).pop(key_of(before), None)
        if now is not None:
            self._of_job.setdefault(job_uid_of(now), {})[key_of(now)] = now
            self._on_pod(now)
        elif before is not None and not self._of_job.get(job_uid_of(before)):
            self._of_job.pop(job_uid_of(before), None)


def job_uid_of(pod: Object) -> str:
    """The uid of the job that the pod belongs to."""
    return str(pod["metadata"]["labels"].get(JOB_UID_LABEL, ""))


def _read_part(pod: Object) -> Object:
    metadata, status = pod["metadata"], pod.get("status") or {}
    return {
        "metadata": {name: metadata[name] for name in _READ_OF_METADATA if name in metadata},
        "status": {name: status[name] for name in _READ_OF_STATUS if name in status},
    }
