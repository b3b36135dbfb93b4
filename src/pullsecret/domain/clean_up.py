"""What a job is asked to delete after a cluster, and what it says it did."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum

import attrs

from pullsecret.domain.events import TraceContext
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.names import clean_up_job_name
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    Failure,
    Finished,
    Queued,
    Running,
)


class Deletion(Enum):
    """What happens to the stored secret when its cluster is deleted."""

    DELETE = "delete"
    RETAIN = "retain"


@attrs.frozen
class Remains:
    """Every place where the cluster's pull secret may stand."""

    cloud_secrets: tuple[CloudSecretRef, ...] = ()
    cluster_secrets: tuple[ClusterSecretRef, ...] = ()

    @property
    def nowhere(self) -> bool:
        """True if there is no place to look at."""
        return not self.cloud_secrets and not self.cluster_secrets

    @property
    def project(self) -> str:
        """The customer's project: that of the first stored secret; empty where none is known."""
        return self.cloud_secrets[0].project if self.cloud_secrets else ""

    def and_those_of(self, other: "Remains") -> "Remains":
        """These places and then the others, each once."""
        return Remains(
            tuple(dict.fromkeys([*self.cloud_secrets, *other.cloud_secrets])),
            tuple(dict.fromkeys([*self.cluster_secrets, *other.cluster_secrets])),
        )


@attrs.frozen(order=True)
class CleanUpKey:
    """One attempt at cleaning up after one cluster, at the generation that asks for its deletion."""

    cluster_id: ClusterId
    generation: Generation
    attempt: int = attrs.field(default=1, validator=attrs.validators.ge(1))

    @property
    def name(self) -> str:
        """The job's name, at most 63 characters."""
        return clean_up_job_name(self.cluster_id, self.generation, self.attempt)


@attrs.frozen
class CleanUpOrder:
    """Which secrets of a deleted cluster are to go, as far as they are its own. It holds no payload."""

    key: CleanUpKey
    places: Remains
    stored_secret: Deletion = Deletion.DELETE
    give_up_at: datetime | None = None
    """From then on, what still cannot be deleted is left behind; None: never."""
    trace: TraceContext | None = None


@attrs.frozen
class CleanUpResult:
    """What a job says it deleted. The texts are paths, as :class:`CloudSecretRef` and
    :class:`ClusterSecretRef` give them. It fits a 4,096 byte termination message."""

    deleted: tuple[str, ...] = ()
    """What this very run deleted; an earlier one may have deleted more."""
    retained: tuple[str, ...] = ()
    """Stored secrets that policy keeps."""
    left: tuple[str, ...] = ()
    """What could not be deleted and was given up."""
    failure: Failure | None = None
    """None if nothing is left to do."""
    duration: float = 0.0
    """Seconds from the job's first step to its last."""
    calls: Mapping[str, int] = attrs.field(factory=dict)
    """Calls to the cloud, counted by ``method/status_code``."""
    latencies: Mapping[str, Sequence[float]] = attrs.field(factory=dict)
    """Seconds that calls to the cloud took, by method; not of all of them if there were very many."""


@attrs.frozen
class CleanUpJob:
    """A clean-up as the runner knows it. It outlives the adapter, as a
    :class:`~pullsecret.domain.provisioning.ProvisionJob` does."""

    order: CleanUpOrder
    state: Queued | Running | Finished[CleanUpResult]
    submitted_at: datetime
    retry_asked: bool = False
    """A person asked for another attempt after this one, whatever its result."""

    @property
    def key(self) -> CleanUpKey:
        """Which attempt it is."""
        return self.order.key

    @property
    def trace(self) -> TraceContext | None:
        """The order's."""
        return self.order.trace

    @property
    def project(self) -> str:
        """The customer's project whose quota it uses; empty where none is known."""
        return self.order.places.project

    @property
    def active(self) -> bool:
        """True until the job has finished."""
        return not isinstance(self.state, Finished)
