"""Jobs of either purpose: provisioning a cluster's pull secret, or cleaning up after a deleted cluster."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pullsecret.domain.backoff import Backoff
from pullsecret.domain.clean_up import CleanUpJob, CleanUpKey, CleanUpOrder, CleanUpResult
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import (
    Finished,
    ProvisionJob,
    ProvisionKey,
    ProvisionOrder,
    ProvisionResult,
)
from pullsecret.domain.reasons import Outlook

AnyKey = ProvisionKey | CleanUpKey
AnyOrder = ProvisionOrder | CleanUpOrder
AnyResult = ProvisionResult | CleanUpResult
AnyJob = ProvisionJob | CleanUpJob


def age_order(key: AnyKey) -> tuple[int, bool, int]:
    """Sorts one cluster's jobs, the newest last: a clean-up comes after all others of its generation."""
    return key.generation, isinstance(key, CleanUpKey), key.attempt


def newest_jobs(jobs: Iterable[AnyJob]) -> Mapping[ClusterId, AnyJob]:
    """The newest of each cluster's ``jobs``: the last attempt at its latest generation."""
    newest: dict[ClusterId, AnyJob] = {}
    for job in jobs:
        known = newest.get(job.key.cluster_id)
        if known is None or age_order(known.key) < age_order(job.key):
            newest[job.key.cluster_id] = job
    return newest


def in_the_way(jobs: Iterable[AnyJob], key: AnyKey) -> AnyJob | None:
    """Of its cluster's ``jobs`` the one because of which ``key`` may not be handed over now, if there is one.

    That is another one that has not finished; and for provisioning also one of a later generation, or a
    clean-up at the same one, so that whoever decided before an update or a deletion writes nothing after it.
    """
    for job in jobs:
        if job.active and job.key != key:
            return job
        newer = age_order(job.key)[:2] > (key.generation, False)
        if newer and isinstance(key, ProvisionKey):
            return job
    return None


def goes_again(job: AnyJob) -> bool:
    """True if another attempt is to follow ``job``, now or later: its end was told, and a person asked for
    another one or it failed.

    A provisioning that failed for good, or that a newer generation overtook, waits for a newer generation. A
    deleted cluster gets none, so its clean-up goes again whatever its failure.
    """
    if not isinstance(job.state, Finished) or not job.state.reported:
        return False
    if job.retry_asked:
        return True
    failure = job.state.result.failure
    return failure is not None and (
        isinstance(job, CleanUpJob) or failure.reason.outlook is Outlook.TRANSIENT
    )


def going_again(jobs: Iterable[AnyJob]) -> Mapping[ClusterId, AnyJob]:
    """The newest of each cluster's ``jobs``, if another attempt is to follow it."""
    return {cluster_id: job for cluster_id, job in newest_jobs(jobs).items() if goes_again(job)}


def is_due_again(job: AnyJob, pause: Backoff, now: datetime) -> bool:
    """True if the attempt that is to follow ``job`` may start now: a person asked for it, or the pause is
    over."""
    if not isinstance(job.state, Finished) or not goes_again(job):
        return False
    return job.retry_asked or now >= next_attempt(job.key, job.state, pause)


def next_attempt(key: AnyKey, finished: Finished[Any], pause: Backoff) -> datetime:
    """When the next attempt after the failed job ``key`` may start."""
    return finished.at + timedelta(seconds=pause.pause(key.attempt, chance=1.0))
