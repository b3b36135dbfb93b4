"""The use cases on an embedded world, wired by hand and driven step by step."""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs

from pullsecret.application.admit_jobs import AdmitJobs
from pullsecret.application.clean_up import CleanUp, CleanUpPolicy
from pullsecret.application.consume_events import ConsumeEvents, ConsumePolicy
from pullsecret.application.finalize import FinalizeCluster, FinalizePolicy
from pullsecret.application.handle_event import HandleEvent
from pullsecret.application.provision import Provision, ProvisionPolicy
from pullsecret.application.reconcile_cluster import ReconcileCluster, ReconcilePolicy
from pullsecret.application.report_jobs import ReportJobs
from pullsecret.application.retry_jobs import RetryJobs
from pullsecret.domain.admission import ConcurrencyLimits
from pullsecret.domain.clean_up import CleanUpJob, CleanUpKey, CleanUpOrder, CleanUpResult
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.cluster_document import DDR_PATHS
from pullsecret.domain.conditions import StatusReport
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.finalization import remains
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.jobs import AnyJob, AnyKey
from pullsecret.domain.provisioning import (
    Failure,
    Finished,
    ProvisionJob,
    ProvisionOrder,
    ProvisionResult,
    Queued,
    provision_order,
)
from pullsecret.domain.reasons import Reason
from pullsecret.domain.rollout import Rollout
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.expressions import Clause, EvaluationError, Program
from pullsecret.infrastructure.memory.broker import MemoryEventSource
from pullsecret.infrastructure.memory.cloud import MemorySecretStore, Project
from pullsecret.infrastructure.memory.cluster_secret_watch import MemoryClusterSecretWatch
from pullsecret.infrastructure.memory.control_plane import MemoryClusterSecrets
from pullsecret.infrastructure.memory.faults import FaultRule
from pullsecret.infrastructure.memory.hyperfleet import MemoryClusterCatalog, MemoryStatusSink
from pullsecret.infrastructure.memory.job_runner import MemoryJobRunner
from pullsecret.infrastructure.memory.simulated_time import run_simulated
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.testing.contracts.samples import new_cluster_id, new_pull_secret
from pullsecret.testing.documents import cluster_document

PROJECT = "customer-prod-12345"

CREATED = ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1")
FAILED_FOR_NOW = ProvisionResult(Stage.STARTED, failure=Failure(Reason.QUOTA_EXCEEDED, "No quota is left."))
FAILED_FOR_GOOD = ProvisionResult(Stage.STARTED, failure=Failure(Reason.PERMISSION_DENIED, "It is missing."))


def simulated(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Let pytest run the coroutine in simulated time."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        run_simulated(test(*args, **kwargs))

    return run


class Says(Program):
    """An expression that always has the same value, or fails with an error."""

    def __init__(self, value: object, source: str = "some.clause") -> None:
        self.source = source
        self._value = value
        self.seen: list[Mapping[str, Any]] = []

    def evaluate(self, environment: Mapping[str, Any]) -> Any:
        self.seen.append(environment)
        if isinstance(self._value, EvaluationError):
            raise self._value
        return self._value

    def clauses(self, environment: Mapping[str, Any]) -> Sequence[Clause]:
        return [Clause("first.clause", True, None, {}), Clause(self.source, self._value, None, {})]


def new_cluster(**changes: Any) -> Cluster:
    """A cluster that is ready for its pull secret."""
    cluster_id = new_cluster_id()
    made = Cluster(
        id=cluster_id,
        generation=Generation(1),
        provider="gcp",
        project=PROJECT,
        pull_secret=new_pull_secret(),
        namespace=f"clusters-{cluster_id}",
    )
    return attrs.evolve(made, **changes)


def event_about(cluster_id: ClusterId, **changes: Any) -> ClusterEvent:
    """An event of Sentinel's."""
    return attrs.evolve(ClusterEvent("evt-1", "sentinel", "cluster.create", cluster_id), **changes)


@attrs.define
class Scene:
    """One replica's use cases and everything outside of them."""

    world: EmbeddedWorld = attrs.field(factory=lambda: EmbeddedWorld.create(latency=(0, 0)))
    preconditions: Sequence[Program] = (Says(True),)
    report_waiting: bool = False
    event_filter: Program = attrs.field(factory=lambda: Says(True))
    rollout: Rollout = attrs.field(factory=Rollout)
    limits: ConcurrencyLimits = attrs.field(factory=ConcurrencyLimits)
    provision_policy: ProvisionPolicy = attrs.field(factory=ProvisionPolicy)
    clean_up_policy: CleanUpPolicy = attrs.field(factory=CleanUpPolicy)
    finalize_policy: FinalizePolicy = attrs.field(factory=FinalizePolicy)
    wakes: int = 0

    store: MemorySecretStore = attrs.field(init=False)
    cluster_secrets: MemoryClusterSecrets = attrs.field(init=False)
    catalog: MemoryClusterCatalog = attrs.field(init=False)
    status: MemoryStatusSink = attrs.field(init=False)
    provision: Provision = attrs.field(init=False)
    clean_up: CleanUp = attrs.field(init=False)
    jobs: MemoryJobRunner = attrs.field(init=False)
    finalize: FinalizeCluster = attrs.field(init=False)
    reconcile: ReconcileCluster = attrs.field(init=False)
    handle: HandleEvent = attrs.field(init=False)
    consume: ConsumeEvents = attrs.field(init=False)
    admit: AdmitJobs = attrs.field(init=False)
    report: ReportJobs = attrs.field(init=False)
    retry: RetryJobs = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        world, clock, faults, telemetry = (
            self.world,
            self.world.clock,
            self.world.faults,
            self.world.telemetry,
        )
        world.cloud.project(PROJECT)
        self.store = MemorySecretStore(world.cloud, clock, faults)
        self.cluster_secrets = MemoryClusterSecrets(world.control_plane, faults)
        self.catalog = MemoryClusterCatalog(world.hyperfleet, DDR_PATHS, faults)
        self.status = MemoryStatusSink(world.hyperfleet, faults)
        self.provision = Provision(self.store, self.cluster_secrets, clock, telemetry, self.provision_policy)
        self.clean_up = CleanUp(self.store, self.cluster_secrets, clock, telemetry, self.clean_up_policy)
        self.jobs = MemoryJobRunner(
            world.jobs, self.provision, clock, faults, telemetry, run_clean_up=self.clean_up
        )
        policy = ReconcilePolicy(self.preconditions, DDR_PATHS, self.report_waiting)
        self.finalize = FinalizeCluster(
            self.jobs,
            self.status,
            clock,
            telemetry,
            self.finalize_policy,
            policy.failed_job_pause,
            MemoryClusterSecretWatch(world.control_plane, clock),
        )
        self.reconcile = ReconcileCluster(
            self.catalog, self.jobs, self.status, clock, telemetry, policy, self.finalize, self.rollout
        )
        self.handle = HandleEvent(self.event_filter, self.reconcile, telemetry)
        source = MemoryEventSource(world.broker, clock, faults)
        self.consume = ConsumeEvents(source, self.handle, clock, telemetry, ConsumePolicy(), self.wake)
        self.admit = AdmitJobs(self.jobs, telemetry, self.limits)
        self.report = ReportJobs(self.jobs, self.status, self.reconcile, clock, telemetry, self.wake)
        self.retry = RetryJobs(self.jobs, self.reconcile, clock, telemetry, self.wake)

    def wake(self) -> None:
        """Count a wake-up of the admission."""
        self.wakes += 1

    async def tell_ends(self, seconds: float = 1.0, **parts: Any) -> None:
        """Let ends be told for simulated ``seconds``, with ``parts`` in place of the scene's."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await attrs.evolve(self.report, **parts)()

    @property
    def project(self) -> Project:
        """The customer's project."""
        return self.world.cloud.project(PROJECT)

    def put(self, cluster: Cluster) -> Cluster:
        """Let the API know the cluster, and let its namespace exist."""
        self.world.hyperfleet.put(cluster_document(cluster))
        if cluster.namespace is not None:
            self.world.control_plane.namespaces.add(cluster.namespace)
        return cluster

    def order(self, cluster: Cluster) -> ProvisionOrder:
        """The order for a cluster whose namespace exists."""
        self.put(cluster)
        return provision_order(cluster)

    def fault(self, *rules: FaultRule) -> None:
        """From now on these go wrong."""
        self.world.faults.rules = rules

    def versions(self, order: ProvisionOrder) -> list[Any]:
        """The stored payloads, oldest first."""
        secret = self.world.cloud.secret(order.target.cloud_secret)
        return [version.payload for version in secret.versions] if secret else []

    def published(self, order: ProvisionOrder) -> Any:
        """The payload that HyperShift sees."""
        found = self.world.control_plane.secrets.get(order.target.cluster_secret)
        return found and found.payload

    def landed(self, order: ProvisionOrder) -> bool:
        """True if the order's payload is the newest one in both stores, and the store holds no twin of it."""
        versions = self.versions(order)
        return (
            versions[-1:] == [order.pull_secret]
            and versions.count(order.pull_secret) == 1
            and self.published(order) == order.pull_secret
        )

    def told(self, cluster_id: ClusterId) -> StatusReport | None:
        """What the API believes."""
        return self.world.hyperfleet.status(cluster_id.value)

    def know_job(
        self,
        cluster: Cluster,
        result: ProvisionResult | None = None,
        *,
        attempt: int = 1,
        reported: bool = True,
        retry_asked: bool = False,
    ) -> ProvisionJob:
        """Put a job into the runner: finished with ``result``, or queued."""
        order = provision_order(cluster, attempt)
        now = self.world.clock.now()
        job = ProvisionJob(order.key, order.target, Queued(), now, retry_asked)
        if result is not None:
            job = attrs.evolve(job, state=Finished(result, now, reported))
        else:
            self.world.jobs.orders[job.key] = order
        self.world.jobs.put(job)
        return job

    def know_clean_up(
        self,
        cluster: Cluster,
        result: CleanUpResult | None = None,
        *,
        attempt: int = 1,
        reported: bool = True,
        retry_asked: bool = False,
    ) -> CleanUpJob:
        """Put a clean-up of the places that the cluster's spec names into the runner."""
        key = CleanUpKey(cluster.id, cluster.generation, attempt)
        now = self.world.clock.now()
        job = CleanUpJob(CleanUpOrder(key, remains(cluster, ())), Queued(), now, retry_asked)
        if result is not None:
            job = attrs.evolve(job, state=Finished(result, now, reported))
        self.world.jobs.put(job)
        return job

    def job_keys(self, cluster_id: ClusterId) -> set[tuple[int, int]]:
        """Generation and attempt of each known job."""
        return {(job.key.generation, job.key.attempt) for job in self.world.jobs.of_cluster(cluster_id)}

    def facts(self, kind: type[Any]) -> list[Any]:
        """What was told to the operator."""
        return self.world.telemetry.of(kind)


def keys(jobs: Iterable[AnyJob]) -> set[AnyKey]:
    """The keys of ``jobs``."""
    return {job.key for job in jobs}
