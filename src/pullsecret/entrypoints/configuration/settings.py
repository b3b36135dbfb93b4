"""Every key of the configuration. The text under a field is its documentation, here and in the reference."""

from collections.abc import Mapping
from typing import Literal

import attrs
from attrs.validators import ge, gt

from pullsecret.application.clean_up import CleanUpPolicy
from pullsecret.application.consume_events import ConsumePolicy
from pullsecret.application.finalize import FinalizePolicy
from pullsecret.application.provision import ProvisionPolicy
from pullsecret.application.reconcile_cluster import ReconcilePolicy
from pullsecret.application.repair_drift import RepairPolicy
from pullsecret.domain.admission import ConcurrencyLimits
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.cluster_document import ClusterDocumentPaths, Paths
from pullsecret.domain.rollout import Rollout
from pullsecret.expressions import Program, compile
from pullsecret.infrastructure.gcp.settings import GoogleSettings
from pullsecret.infrastructure.health.settings import HealthSettings
from pullsecret.infrastructure.hyperfleet.settings import Dialect, HyperFleetSettings
from pullsecret.infrastructure.job_process.variables import job_variables
from pullsecret.infrastructure.kubernetes.settings import KubernetesSettings
from pullsecret.infrastructure.logs.settings import LogSettings
from pullsecret.infrastructure.pubsub.settings import PubSubSettings
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.infrastructure.tracing.settings import COLLECTOR, TracingSettings

EVENT_FILTER = 'event.Type in ["cluster.create", "cluster.update"] && event.Data.provider == "gcp"'
"""The design document's event filter."""
PRECONDITION = (
    'cloudProvider == "gcp" && gcpProjectId != nil && pullSecretData != nil && '
    'validationStatus == "True" && dnsStatus == "True" && placementStatus == "True"'
)
"""The design document's precondition."""

_KEEP_VERSIONS: int | None = 2

ConditionName = Literal["applied", "available", "health"]
_THE_THREE: tuple[ConditionName, ...] = ("applied", "available", "health")


@attrs.frozen
class AdapterInfo:
    """What the file is written for."""

    version: str = "1.0.0"
    """Version of the adapter's configuration."""


@attrs.frozen
class Condition:
    """An expression that is true or not."""

    expression: Program
    """In the Expr language; see the expressions page."""


@attrs.frozen
class Precondition:
    """Something that must hold before a cluster's pull secret is provisioned."""

    when: Condition
    """The condition. It reads the cluster and the event."""
    type: Literal["api_call"] = "api_call"
    """How the cluster is had; the design knows one way."""
    method: Literal["GET"] = "GET"
    """The design knows one method."""
    endpoint: Literal["/clusters/{clusterId}"] = "/clusters/{clusterId}"
    """The design knows one endpoint."""


@attrs.frozen
class Resource:
    """A kind of Kubernetes resource the adapter creates."""

    kind: Literal["Secret", "Job"]
    """``Secret`` (the job's input) or ``Job``."""


def _both_kinds(_instance: object, _attribute: object, value: tuple[Resource, ...]) -> None:
    if sorted(resource.kind for resource in value) != ["Job", "Secret"]:
        raise ValueError("'resources' must name the kinds Secret and Job, once each")


def _all_three(_instance: object, _attribute: object, value: tuple[ConditionName, ...]) -> None:
    if sorted(value) != sorted(_THE_THREE):
        raise ValueError("'conditions' must name applied, available and health, once each")


@attrs.frozen
class Post:
    """What is told afterwards."""

    conditions: tuple[ConditionName, ...] = attrs.field(default=_THE_THREE, validator=_all_three)
    """The three conditions of the design; all of them are always told."""


@attrs.frozen
class AdapterSpec:
    """The design document's part of the configuration."""

    adapter: AdapterInfo = attrs.field(factory=AdapterInfo)
    """What the file is written for."""
    event_filter: Condition = attrs.field(factory=lambda: Condition(compile(EVENT_FILTER)))
    """Events for which this is not true are skipped."""
    preconditions: tuple[Precondition, ...] = attrs.field(
        factory=lambda: (Precondition(Condition(compile(PRECONDITION))),)
    )
    """All must hold; otherwise the event is skipped and Sentinel asks again."""
    resources: tuple[Resource, ...] = attrs.field(
        default=(Resource("Secret"), Resource("Job")), validator=_both_kinds
    )
    """What the adapter creates for each piece of work."""
    post: Post = attrs.field(factory=Post)
    """What is told afterwards."""


@attrs.frozen
class Jobs:
    """How a job tries, and how soon another one follows it."""

    retry: Backoff = attrs.field(factory=Backoff)
    """Pauses between retries inside of a job."""
    budget: float = attrs.field(default=300.0, validator=attrs.validators.gt(0))
    """Seconds after which a job starts no further retry."""
    keep_versions: int | None = attrs.field(
        default=_KEEP_VERSIONS, validator=attrs.validators.optional(ge(1))
    )
    """Enabled versions to keep of each secret; older ones are retired. Null: none is retired, and the
    permissions to list and disable versions are not needed."""
    failed_pause: Backoff = attrs.field(factory=lambda: Backoff(initial=30, factor=2, maximum=1800))
    """Pauses between a job that failed for now and its next attempt."""


@attrs.frozen
class DocumentPaths:
    """Where the cluster's JSON keeps each value, as lists of paths of which the first that holds something
    counts. What is not given stays as the dialect has it."""

    provider: Paths | None = None
    """The cloud provider."""
    project: Paths | None = None
    """The customer's project."""
    region: Paths | None = None
    """The region."""
    pull_secret: Paths | None = None
    """The pull secret, text or object."""
    secret_name: Paths | None = None
    """The override of the stored secret's name."""
    namespace: Paths | None = None
    """The namespace that placement chose."""
    deleting: Paths | None = None
    """Present when the cluster is being deleted."""
    replica_locations: Paths | None = None
    """Locations of user-managed replication."""
    encryption_keys: Paths | None = None
    """Customer-managed encryption keys."""
    dependencies: Mapping[str, Paths] | None = None
    """For each adapter waited for, where its ``True`` stands."""

    def over(self, base: ClusterDocumentPaths) -> ClusterDocumentPaths:
        """``base`` with what is given here in its place."""
        given = attrs.asdict(self, recurse=False, filter=lambda _, value: value is not None)
        return attrs.evolve(base, **given)


@attrs.frozen
class Configuration:
    """The whole file. Every key has a default; without a file the embedded world runs."""

    spec: AdapterSpec = attrs.field(factory=AdapterSpec)
    """The design document's part."""
    broker: Literal["memory", "rabbitmq", "pubsub"] = "memory"
    """Where events come from."""
    hyperfleet: Literal["memory", "http"] = "memory"
    """Where clusters are read and statuses told."""
    secret_store: Literal["memory", "gcp"] = attrs.field(default="memory")
    """The customers' secret manager; ``gcp`` where ``cluster`` is ``kubernetes``, whose jobs write there."""
    cluster: Literal["memory", "kubernetes"] = "memory"
    """Where jobs run and cluster secrets are."""
    rabbitmq: RabbitMQSettings = attrs.field(factory=RabbitMQSettings)
    """RabbitMQ."""
    pubsub: PubSubSettings | None = attrs.field(default=None)
    """Google Cloud Pub/Sub; required where ``broker`` is ``pubsub``."""
    api: HyperFleetSettings = attrs.field(factory=HyperFleetSettings)
    """The HyperFleet API."""
    gcp: GoogleSettings = attrs.field(factory=GoogleSettings)
    """Google Cloud."""
    kubernetes: KubernetesSettings | None = attrs.field(default=None)
    """The management cluster; required where ``cluster`` is ``kubernetes``."""
    cluster_document: DocumentPaths = attrs.field(factory=DocumentPaths)
    """Where the cluster's JSON keeps each value, where it differs from the dialect's places."""
    limits: ConcurrencyLimits = attrs.field(factory=ConcurrencyLimits)
    """How many jobs run at once."""
    rollout: Rollout = attrs.field(factory=Rollout)
    """Which clusters the service is switched on for."""
    events: ConsumePolicy = attrs.field(factory=ConsumePolicy)
    """How events are taken."""
    jobs: Jobs = attrs.field(factory=Jobs)
    """How a job tries, and how soon another one follows it."""
    drift: RepairPolicy | None = attrs.field(factory=RepairPolicy)
    """How cluster secrets that somebody deleted or altered are repaired. Null: they are not, and the adapter
    needs no right to watch secrets."""
    deletion: FinalizePolicy = attrs.field(factory=FinalizePolicy)
    """What happens when a cluster is deleted."""
    health: HealthSettings = attrs.field(factory=HealthSettings)
    """Where metrics and health are served."""
    logs: LogSettings = attrs.field(factory=LogSettings)
    """What is logged, and how."""
    tracing: TracingSettings = attrs.field(factory=TracingSettings)
    """Where traces are sent; jobs send theirs to the same place."""
    shutdown_grace: float = attrs.field(default=20.0, validator=gt(0))
    """Seconds that a stopping adapter has for the events in hand; the pod's own grace must be longer."""

    @pubsub.validator
    def _needed_by_the_broker(self, _attribute: object, value: PubSubSettings | None) -> None:
        if self.broker == "pubsub" and value is None:
            raise ValueError("'pubsub' is required where broker is pubsub")

    @secret_store.validator
    def _same_as_the_jobs(self, _attribute: object, value: str) -> None:
        # The jobs of a cluster write to Secret Manager: the file shall say what is so.
        if self.cluster == "kubernetes" and value != "gcp":
            raise ValueError("'secret_store' must be gcp where cluster is kubernetes")

    @kubernetes.validator
    def _needed_by_the_cluster(self, _attribute: object, value: KubernetesSettings | None) -> None:
        if self.cluster == "kubernetes" and value is None:
            raise ValueError("'kubernetes' is required where cluster is kubernetes")

    @classmethod
    def default(cls) -> "Configuration":
        """What runs without a file."""
        return cls()

    @property
    def document_paths(self) -> ClusterDocumentPaths:
        """Where the cluster's JSON keeps each value."""
        return self.cluster_document.over(self.api.dialect.document_paths)

    @property
    def reconcile_policy(self) -> ReconcilePolicy:
        """For the use case."""
        return ReconcilePolicy(
            preconditions=tuple(each.when.expression for each in self.spec.preconditions),
            document_paths=self.document_paths,
            report_waiting=self.api.dialect is Dialect.V1,
            failed_job_pause=self.jobs.failed_pause,
        )

    @property
    def provision_policy(self) -> ProvisionPolicy:
        """For the use case."""
        return ProvisionPolicy(self.jobs.retry, self.jobs.budget, self.jobs.keep_versions)

    @property
    def clean_up_policy(self) -> CleanUpPolicy:
        """For the use case."""
        return CleanUpPolicy(self.jobs.retry, self.jobs.budget)

    @property
    def kubernetes_settings(self) -> KubernetesSettings:
        """The management cluster; each job is given the settings it shares with the adapter.

        Raises :class:`ValueError` where ``cluster`` is not ``kubernetes`` and the section is not given.
        """
        if self.kubernetes is None:
            raise ValueError("no management cluster is configured")
        share = self.gcp.limits.share(self.limits.per_project)
        shared = dict(job_variables(attrs.evolve(self.gcp, limits=share), self.provision_policy))
        if self.tracing.endpoint:
            shared[COLLECTOR] = self.tracing.endpoint
        job = self.kubernetes.job
        given = attrs.evolve(job, extra_environment={**shared, **job.extra_environment})
        return attrs.evolve(self.kubernetes, job=given)
