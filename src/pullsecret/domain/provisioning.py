"""What a job is asked to do, and what it says it did (DDR phases 3 to 6)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import attrs

from pullsecret.domain.cluster import Cluster, StoragePolicy
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.events import TraceContext
from pullsecret.domain.identifiers import ClusterId, Generation, namespace, project_id
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name, job_name
from pullsecret.domain.pull_secret import PullSecret
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.domain.secret_lifecycle import Change, Stage

Result = TypeVar("Result")


@attrs.frozen(order=True)
class ProvisionKey:
    """One attempt at one generation of one cluster."""

    cluster_id: ClusterId
    generation: Generation
    attempt: int = attrs.field(default=1, validator=attrs.validators.ge(1))

    @property
    def name(self) -> str:
        """The job's name, at most 63 characters."""
        return job_name(self.cluster_id, self.generation, self.attempt)


@attrs.frozen
class CloudSecretRef:
    """A secret in the customer's project."""

    project: str
    name: str

    @classmethod
    def at(cls, path: str) -> "CloudSecretRef | None":
        """The secret that has this :attr:`path`, or something below it; None for what is no such path."""
        match path.split("/"):
            case ["projects", project, "secrets", name, *_] if project and name:
                return cls(project, name)
        return None

    @property
    def path(self) -> str:
        """``projects/{project}/secrets/{name}``."""
        return f"projects/{self.project}/secrets/{self.name}"

    def version_path(self, version: str = "latest") -> str:
        """``projects/{project}/secrets/{name}/versions/{version}``."""
        return f"{self.path}/versions/{version}"


@attrs.frozen
class ClusterSecretRef:
    """A Kubernetes secret on the management cluster."""

    namespace: str
    name: str

    @property
    def path(self) -> str:
        """``{namespace}/{name}``."""
        return f"{self.namespace}/{self.name}"


@attrs.frozen
class ProvisionTarget:
    """Where one generation of one cluster's pull secret has to land."""

    cluster_id: ClusterId
    generation: Generation
    cloud_secret: CloudSecretRef
    cluster_secret: ClusterSecretRef
    storage: StoragePolicy = attrs.field(factory=StoragePolicy)
    earlier: tuple[CloudSecretRef, ...] = ()
    """Other places where the cluster's pull secret was stored before it moved, or may have been, as far as
    the order's giver knows."""


@attrs.frozen
class ProvisionOrder:
    """A target, the payload to land there, and which attempt this is."""

    target: ProvisionTarget
    pull_secret: PullSecret
    attempt: int = 1
    trace: TraceContext | None = None

    @property
    def key(self) -> ProvisionKey:
        """The job that carries this order out."""
        return ProvisionKey(self.target.cluster_id, self.target.generation, self.attempt)


@attrs.frozen
class Failure:
    """Why a job did not reach the end. Raises :class:`ValueError` for a reason that is a success."""

    reason: Reason = attrs.field()
    message: str
    """What failed, why, and what to do; without a payload."""

    @reason.validator
    def _check(self, _attribute: object, reason: Reason) -> None:
        if reason.outlook is Outlook.SUCCESS:
            raise ValueError(f"{reason} is no failure")


@attrs.frozen
class ProvisionResult:
    """What a job says about itself. It never holds a payload and fits a 4,096 byte termination message.

    Raises :class:`ValueError` where its parts contradict each other.
    """

    stage: Stage
    change: Change | None = None
    version: str | None = None
    """``change`` and ``version`` are known if the stage is PUBLISHED."""
    failure: Failure | None = None
    """None if and only if the stage is PUBLISHED."""
    earlier: tuple[str, ...] = ()
    """Paths where secrets of before the cluster moved are, or may be; none is touched until it is deleted."""
    duration: float = 0.0
    """Seconds from the job's first step to its last."""
    calls: Mapping[str, int] = attrs.field(factory=dict)
    """Calls to the cloud, counted by ``method/status_code``."""
    latencies: Mapping[str, Sequence[float]] = attrs.field(factory=dict)
    """Seconds that calls to the cloud took, by method; not of all of them if there were very many."""

    def __attrs_post_init__(self) -> None:
        if (self.failure is None) != (self.stage is Stage.PUBLISHED):
            raise ValueError("a result has a failure if and only if it is not published")
        if self.failure is None and (self.change is None or self.version is None):
            raise ValueError("a published result says its change and its version")

    @property
    def stored_nothing(self) -> bool:
        """True if the job was refused for good before it asked for anything to be stored."""
        refused = self.failure is not None and self.failure.reason.outlook is Outlook.PERMANENT
        return refused and self.stage is Stage.STARTED and self.change is None


@attrs.frozen
class Queued:
    """Handed over durably, waiting for its turn."""


@attrs.frozen
class Running:
    """Released; the job works."""


@attrs.frozen
class Finished(Generic[Result]):
    """The job ended and its result is known, or its loss is (then ``result`` says so)."""

    result: Result
    at: datetime
    reported: bool = False


@attrs.frozen
class ProvisionJob:
    """A job as the runner knows it. It outlives the adapter; nothing about it is kept only in memory."""

    key: ProvisionKey
    target: ProvisionTarget
    state: Queued | Running | Finished[ProvisionResult]
    submitted_at: datetime
    retry_asked: bool = False
    """A person asked for another attempt after this one, whatever its result."""
    trace: TraceContext | None = None
    """The order's."""

    @property
    def project(self) -> str:
        """The customer's project whose quota it uses."""
        return self.target.cloud_secret.project

    @property
    def active(self) -> bool:
        """True until the job has finished."""
        return not isinstance(self.state, Finished)


def provision_target(cluster: Cluster) -> ProvisionTarget:
    """Name the places for ``cluster``.

    Raises :class:`PermanentError` (``InvalidCluster``) naming the field that is missing or malformed.
    """
    project = project_id(_required(cluster, "customer project", cluster.project))
    return ProvisionTarget(
        cluster.id,
        cluster.generation,
        CloudSecretRef(project, cloud_secret_name(cluster.id, cluster.secret_name)),
        ClusterSecretRef(
            namespace(_required(cluster, "placement namespace", cluster.namespace)),
            cluster_secret_name(cluster.id),
        ),
        cluster.storage,
    )


def provision_order(
    cluster: Cluster,
    attempt: int = 1,
    trace: TraceContext | None = None,
    known_places: Sequence[CloudSecretRef] = (),
) -> ProvisionOrder:
    """Turn ``cluster`` into an order. Of ``known_places`` its job notes those that are not its target.

    Raises :class:`PermanentError`: ``InvalidCluster`` as :func:`provision_target` does, or
    ``InvalidPullSecret`` naming the registry entry at fault.
    """
    target = provision_target(cluster)
    target = attrs.evolve(target, earlier=tuple(ref for ref in known_places if ref != target.cloud_secret))
    if cluster.pull_secret is None:
        raise PermanentError(
            "read-cluster", f"cluster {cluster.id}", Reason.INVALID_PULL_SECRET, "It has no pull secret."
        )
    return ProvisionOrder(target, PullSecret(cluster.pull_secret.reveal()), attempt, trace)


def _required(cluster: Cluster, what: str, value: str | None) -> str:
    if value is None:
        raise PermanentError(
            "read-cluster", f"cluster {cluster.id}", Reason.INVALID_CLUSTER, f"It names no {what}."
        )
    return value
