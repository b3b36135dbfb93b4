"""Where a deleted cluster may have left secrets, and what is told about its deletion."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

import attrs

from pullsecret.domain.clean_up import CleanUpJob, CleanUpResult, Remains
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.conditions import (
    HEALTHY,
    Condition,
    Conditions,
    Status,
    StatusReport,
    job_metadata,
    some_of,
    with_outlook,
)
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import ClusterId, Generation, namespace, project_id
from pullsecret.domain.jobs import AnyJob
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef, Finished, ProvisionJob
from pullsecret.domain.reasons import Reason


def remains(cluster: Cluster, jobs: Iterable[AnyJob]) -> Remains:
    """Where to look: where known jobs were sent, and where the spec points now.

    A spec that names no place is no failure here: nothing can have been written with it.
    """
    places = Remains()
    for job in jobs:
        match job:
            case ProvisionJob(target=target):
                stored = (target.cloud_secret, *target.earlier)
                places = places.and_those_of(Remains(stored, (target.cluster_secret,)))
            case CleanUpJob(order=order):
                places = places.and_those_of(order.places)
    with suppress(PermanentError):
        if cluster.project is not None:
            name = cloud_secret_name(cluster.id, cluster.secret_name)
            named = CloudSecretRef(project_id(cluster.project), name)
            places = places.and_those_of(Remains(cloud_secrets=(named,)))
    with suppress(PermanentError):
        if cluster.namespace is not None:
            ref = ClusterSecretRef(namespace(cluster.namespace), cluster_secret_name(cluster.id))
            places = places.and_those_of(Remains(cluster_secrets=(ref,)))
    return places


def stored_before(jobs: Iterable[AnyJob]) -> tuple[CloudSecretRef, ...]:
    """Where the pull secret of the cluster whose ``jobs`` these are was stored, or may have been.

    A place that refused it for good, as a mistyped project or somebody else's secret does, is none of them.
    """
    places: list[CloudSecretRef] = []
    for job in jobs:
        if isinstance(job, ProvisionJob):
            nothing = isinstance(job.state, Finished) and job.state.result.stored_nothing
            places += job.target.earlier if nothing else (job.target.cloud_secret, *job.target.earlier)
    return tuple(dict.fromkeys(places))


def finalizing_report(cluster: Cluster, why: str, now: datetime) -> StatusReport:
    """The clean-up is not over, and nothing failed."""
    pending = Condition(Status.FALSE, Reason.IN_PROGRESS, f"The cluster is being deleted: {why}")
    conditions = Conditions(pending, pending, HEALTHY, pending)
    return StatusReport(cluster.id, cluster.generation, conditions, now)


def nothing_to_clean_up_report(cluster: Cluster, now: datetime) -> StatusReport:
    """No secret of the cluster can be anywhere, so no job has to look for one."""
    return _finalized(cluster.id, cluster.generation, CleanUpResult(), now)


def clean_up_report(job: CleanUpJob, finished: Finished[CleanUpResult], now: datetime) -> StatusReport:
    """What a finished clean-up's result means for its cluster."""
    key, failure = job.key, finished.result.failure
    if failure is None:
        report = _finalized(key.cluster_id, key.generation, finished.result, now)
    else:
        failed = Condition(Status.FALSE, failure.reason, with_outlook(failure))
        conditions = Conditions(failed, failed, failed, failed)
        report = StatusReport(key.cluster_id, key.generation, conditions, now)
    return attrs.evolve(report, job=job_metadata(job, finished))


def _finalized(
    cluster_id: ClusterId, generation: Generation, result: CleanUpResult, now: datetime
) -> StatusReport:
    """Nothing of ours is left but what policy retains and what had to be left behind."""
    kept = [
        *(f"{some_of(result.retained)} kept by policy" for _ in result.retained[:1]),
        *(f"{some_of(result.left)} left behind, delete by hand" for _ in result.left[:1]),
    ]
    text = (
        f"The cluster is deleted; {'; '.join(kept)}." if kept else "The cluster is deleted with its secrets."
    )
    reason = Reason.RETAINED if kept else Reason.FINALIZED
    gone = Condition(Status.FALSE, reason, text)
    finalized = attrs.evolve(gone, status=Status.TRUE)
    return StatusReport(cluster_id, generation, Conditions(gone, gone, HEALTHY, finalized), now)
