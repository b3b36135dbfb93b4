"""What the management cluster holds of each cluster: its newest job and its secret, side by side."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum

import attrs

from pullsecret.domain.clean_up import CleanUpResult
from pullsecret.domain.drift import DriftKind
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob, newest_jobs
from pullsecret.domain.names import cluster_label
from pullsecret.domain.ownership import CLUSTER_LABEL
from pullsecret.domain.provisioning import Finished
from pullsecret.infrastructure.kubernetes.api import KubernetesApi
from pullsecret.infrastructure.kubernetes.api_errors import ApiError, operation_error
from pullsecret.infrastructure.kubernetes.paths import ALL_SECRETS
from pullsecret.infrastructure.kubernetes.published_metadata import (
    CLUSTER_SECRETS,
    PublishedMetadata,
    published_metadata,
)
from pullsecret.ports.job_runner import JobRunner


class Sync(Enum):
    """Whether the cluster secret is what the newest job says."""

    IN_SYNC = "in sync"
    PENDING = "pending"
    """A job is queued or runs."""
    FAILED = "failed"
    """The newest job failed; the secret, if there is one, is an older one."""
    CLEANED_UP = "cleaned up"
    """The cluster was deleted and its secret with it."""
    LEFT = "left"
    """The cluster was deleted and its secret could not be."""
    MISSING = "missing"
    """The newest job published it, and it is gone."""
    DELETING = "deleting"
    """It was deleted and its finalizer keeps it."""
    ALTERED = "altered"
    """Somebody changed it."""
    OTHER_VERSION = "other version"
    """It is not the version that the newest job published."""


_DRIFTED = {
    DriftKind.DELETED: Sync.MISSING,
    DriftKind.DELETING: Sync.DELETING,
    DriftKind.ALTERED: Sync.ALTERED,
}


@attrs.frozen
class Holding:
    """One cluster. ``job`` is None once its last job has expired; ``secret`` if there is none."""

    cluster_id: ClusterId
    job: AnyJob | None
    secret: PublishedMetadata | None

    @property
    def sync(self) -> Sync:
        """How the two fit together."""
        if self.job is not None and self.job.active:
            return Sync.PENDING
        if self.job is not None and isinstance(self.job.state, Finished):
            result = self.job.state.result
            if result.failure is not None:
                return Sync.FAILED
            if isinstance(result, CleanUpResult):
                return Sync.CLEANED_UP if self.secret is None else Sync.LEFT
            if self.secret is None:
                return Sync.MISSING
            if self.secret.drift is None and self.secret.version != result.version:
                return Sync.OTHER_VERSION
        if self.secret is not None and self.secret.drift is not None:
            return _DRIFTED[self.secret.drift]
        return Sync.IN_SYNC

    @property
    def secret_created_at(self) -> datetime | None:
        """When the secret was first written, as noted on it; None where no moment is."""
        try:
            at = datetime.fromisoformat(self.secret.created_at) if self.secret else None
        except ValueError:
            return None
        return at if at and at.tzinfo else None


async def holdings(
    api: KubernetesApi, jobs: JobRunner, cluster_id: ClusterId | None = None
) -> Sequence[Holding]:
    """All clusters, or one, in the order of their ids; a cluster of which nothing is held is not among them.

    Reads no payload. Raises what the job runner raises.
    """
    newest = newest_jobs(await jobs.jobs(cluster_id))
    secrets = await _secrets(api, cluster_id)
    known = sorted(newest.keys() | secrets.keys())
    return [Holding(each, newest.get(each), secrets.get(each)) for each in known]


async def _secrets(api: KubernetesApi, cluster_id: ClusterId | None) -> Mapping[ClusterId, PublishedMetadata]:
    selector = CLUSTER_SECRETS
    if cluster_id is not None:
        selector += f",{CLUSTER_LABEL}={cluster_label(cluster_id)}"
    try:
        found, _ = await api.list(ALL_SECRETS, labels=selector, metadata_only=True)
    except ApiError as fault:
        raise operation_error("list-cluster-secrets", fault) from None
    published = [read for item in found if (read := published_metadata(item)) is not None]
    return {read.cluster_id: read for read in published if cluster_id in (None, read.cluster_id)}
