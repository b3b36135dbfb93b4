"""What a cluster's deletion leaves to do, and what is told about it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from enum import Enum

import attrs

from pullsecret.domain.cluster import Cluster
from pullsecret.domain.cluster_secret import SECRET_PATH_ANNOTATION, PublishedSecret
from pullsecret.domain.conditions import Condition, Conditions, Status, StatusReport
from pullsecret.domain.errors import OperationError, PermanentError
from pullsecret.domain.identifiers import namespace, project_id
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef, Job
from pullsecret.domain.reasons import Reason

_MAX_NAMED = 3


class Deletion(Enum):
    """What happens to the stored secret when its cluster is deleted."""

    DELETE = "delete"
    RETAIN = "retain"


@attrs.frozen
class Remains:
    """Every place where the cluster's pull secret may stand."""

    cloud_secrets: tuple[CloudSecretRef, ...]
    cluster_secrets: tuple[ClusterSecretRef, ...]


def remains(cluster: Cluster, jobs: Iterable[Job]) -> Remains:
    """Where to look: where the spec points now, and where known jobs were sent before it was changed.

    A spec that names no place is no failure here: nothing can have been written with it.
    """
    known = [job.target for job in jobs]
    cloud_secrets = [target.cloud_secret for target in known]
    cluster_secrets = [target.cluster_secret for target in known]
    with suppress(PermanentError):
        if cluster.project is not None:
            name = cloud_secret_name(cluster.id, cluster.secret_name)
            cloud_secrets.append(CloudSecretRef(project_id(cluster.project), name))
    with suppress(PermanentError):
        if cluster.namespace is not None:
            ref = ClusterSecretRef(namespace(cluster.namespace), cluster_secret_name(cluster.id))
            cluster_secrets.append(ref)
    return Remains(tuple(dict.fromkeys(cloud_secrets)), tuple(dict.fromkeys(cluster_secrets)))


def cloud_secret_of(published: PublishedSecret) -> CloudSecretRef | None:
    """The stored secret that a cluster secret says it was read from."""
    match published.annotations.get(SECRET_PATH_ANNOTATION, "").split("/"):
        case ["projects", project, "secrets", name, *_] if project and name:
            return CloudSecretRef(project, name)
    return None


def finalizing_report(cluster: Cluster, why: str, now: datetime) -> StatusReport:
    """The clean-up is not over, and nothing failed."""
    pending = Condition(Status.FALSE, Reason.IN_PROGRESS, f"The cluster is being deleted: {why}")
    return _report(cluster, pending, _HEALTHY, pending, now)


def unfinalized_report(cluster: Cluster, failure: OperationError, now: datetime) -> StatusReport:
    """Something cannot be deleted until a person helps, or until it is given up."""
    failed = Condition(Status.FALSE, failure.reason, f"{failure.cause} {failure.remedy}".strip())
    return _report(cluster, failed, failed, failed, now)


def finalized_report(
    cluster: Cluster, retained: Sequence[str], left: Sequence[str], now: datetime
) -> StatusReport:
    """Nothing of ours is left but what policy retains and what had to be ``left`` behind."""
    kept = [
        *(f"{_named(retained)} kept by policy" for _ in retained[:1]),
        *(f"{_named(left)} left behind, delete by hand" for _ in left[:1]),
    ]
    text = (
        f"The cluster is deleted; {'; '.join(kept)}." if kept else "The cluster is deleted with its secrets."
    )
    reason = Reason.RETAINED if kept else Reason.FINALIZED
    gone = Condition(Status.FALSE, reason, text)
    return _report(cluster, gone, _HEALTHY, attrs.evolve(gone, status=Status.TRUE), now)


_HEALTHY = Condition(Status.TRUE, Reason.HEALTHY, "No failure was seen.")


def _report(
    cluster: Cluster, state: Condition, health: Condition, finalized: Condition, now: datetime
) -> StatusReport:
    conditions = Conditions(state, state, health, finalized)
    return StatusReport(cluster.id, cluster.generation, conditions, now)


def _named(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:_MAX_NAMED])
    return f"{shown} and {len(paths) - _MAX_NAMED} more" if len(paths) > _MAX_NAMED else shown
