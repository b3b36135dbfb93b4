"""The only place that wires: which class fulfils which port, and what each use case is given.

A port is fulfilled by its embedded part unless the configuration names another one. Each other one is a line
of ``_PARTS``, and imported only when it is chosen.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import Any

import attrs
from dependency_injector import containers, providers

from pullsecret.application.adapter import Adapter
from pullsecret.application.admit_jobs import AdmitJobs
from pullsecret.application.clean_up import CleanUp
from pullsecret.application.consume_events import ConsumeEvents
from pullsecret.application.finalize import FinalizeCluster
from pullsecret.application.handle_event import HandleEvent
from pullsecret.application.provision import Provision
from pullsecret.application.reconcile_cluster import ReconcileCluster
from pullsecret.application.repair_drift import RepairDrift, RepairPolicy
from pullsecret.application.report_jobs import ReportJobs
from pullsecret.application.retry_jobs import RetryJobs
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.readiness import Readiness
from pullsecret.infrastructure.intake.checked_source import CheckedEventSource
from pullsecret.infrastructure.memory.broker import MemoryEventSource
from pullsecret.infrastructure.memory.cloud import MemorySecretStore
from pullsecret.infrastructure.memory.cluster_secret_watch import MemoryClusterSecretWatch
from pullsecret.infrastructure.memory.control_plane import MemoryClusterSecrets
from pullsecret.infrastructure.memory.hyperfleet import MemoryClusterCatalog, MemoryStatusSink
from pullsecret.infrastructure.memory.job_runner import MemoryJobRunner
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.ports.clock import Clock
from pullsecret.ports.cluster_secret_watch import ClusterSecretWatch
from pullsecret.ports.event_source import EventSource
from pullsecret.ports.job_runner import JobRunner
from pullsecret.ports.telemetry import Telemetry


def _repair(
    watch: ClusterSecretWatch,
    jobs: JobRunner,
    reconcile: ReconcileCluster,
    clock: Clock,
    telemetry: Telemetry,
    on_submitted: Callable[[], None],
    policy: RepairPolicy | None,
) -> RepairDrift | None:
    if policy is None:
        return None
    return RepairDrift(watch, jobs, reconcile, clock, telemetry, on_submitted, policy)


class AdapterContainer(containers.DeclarativeContainer):
    """One replica of the adapter; its ports are fulfilled by an embedded world unless overridden."""

    configuration = providers.Dependency(instance_of=Configuration)
    world = providers.Dependency(instance_of=EmbeddedWorld)
    telemetry: providers.Dependency[Telemetry] = providers.Dependency()

    clock = world.provided.clock
    faults = world.provided.faults

    # For embedded jobs only: what runs jobs elsewhere leaves both to them.
    secret_store = providers.Singleton(MemorySecretStore, world.provided.cloud, clock, faults)
    cluster_secrets = providers.Singleton(MemoryClusterSecrets, world.provided.control_plane, faults)
    cluster_secret_watch = providers.Singleton(MemoryClusterSecretWatch, world.provided.control_plane, clock)
    catalog = providers.Singleton(
        MemoryClusterCatalog, world.provided.hyperfleet, configuration.provided.document_paths, faults
    )
    status = providers.Singleton(MemoryStatusSink, world.provided.hyperfleet, faults)
    event_source = providers.Singleton(
        MemoryEventSource, world.provided.broker, clock, faults, configuration.provided.events.concurrency
    )
    provision = providers.Singleton(
        Provision, secret_store, cluster_secrets, clock, telemetry, configuration.provided.provision_policy
    )
    clean_up = providers.Singleton(
        CleanUp, secret_store, cluster_secrets, clock, telemetry, configuration.provided.clean_up_policy
    )
    jobs = providers.Singleton(
        MemoryJobRunner,
        world.provided.jobs,
        provision,
        clock,
        faults,
        telemetry,
        run_clean_up=clean_up,
    )

    finalize = providers.Singleton(
        FinalizeCluster,
        jobs,
        status,
        clock,
        telemetry,
        configuration.provided.deletion,
        configuration.provided.jobs.failed_pause,
        cluster_secret_watch,
    )
    reconcile = providers.Singleton(
        ReconcileCluster,
        catalog,
        jobs,
        status,
        clock,
        telemetry,
        configuration.provided.reconcile_policy,
        finalize,
        configuration.provided.rollout,
    )
    admit = providers.Singleton(AdmitJobs, jobs, telemetry, configuration.provided.limits)
    wake_admission = admit.provided.wake
    handle = providers.Singleton(
        HandleEvent,
        configuration.provided.spec.event_filter.expression,
        reconcile,
        telemetry,
    )
    consume = providers.Singleton(
        ConsumeEvents,
        event_source,
        handle,
        clock,
        telemetry,
        configuration.provided.events,
        wake_admission,
    )
    report = providers.Singleton(ReportJobs, jobs, status, reconcile, clock, telemetry, wake_admission)
    retry = providers.Singleton(RetryJobs, jobs, reconcile, clock, telemetry, wake_admission)
    repair = providers.Singleton(
        _repair,
        cluster_secret_watch,
        jobs,
        reconcile,
        clock,
        telemetry,
        wake_admission,
        configuration.provided.drift,
    )
    adapter = providers.Singleton(Adapter, jobs, consume, admit, report, retry, repair, clock, telemetry)


def embedded_adapter(
    configuration: Configuration, world: EmbeddedWorld, telemetry: Telemetry
) -> Callable[[], Adapter]:
    """What starts a replica on ``world``: each call makes a new one with nothing kept from the last."""

    def build() -> Adapter:
        adapter: Adapter = AdapterContainer(
            configuration=configuration, world=world, telemetry=telemetry
        ).adapter()
        return adapter

    return build


@attrs.frozen
class Replica:
    """What a part is opened with."""

    configuration: Configuration
    clock: Clock
    telemetry: Telemetry
    name: str
    """A name that no other replica has."""
    readiness: Readiness = attrs.field(factory=Readiness)
    """Parts that can be out of reach count themselves in."""


Ports = Mapping[str, object]
"""What fulfils which port, by the container's name for it."""


@asynccontextmanager
async def _rabbitmq(replica: Replica) -> AsyncIterator[Ports]:
    from pullsecret.infrastructure.rabbitmq.event_source import RabbitMQEventSource

    configuration = replica.configuration
    source = RabbitMQEventSource(
        configuration.rabbitmq,
        replica.clock,
        replica.telemetry,
        replica.name,
        configuration.events.concurrency,
    )
    yield {"event_source": _counted_in(replica, "RabbitMQ", source)}


@asynccontextmanager
async def _pubsub(replica: Replica) -> AsyncIterator[Ports]:
    from pullsecret.infrastructure.pubsub.event_source import PubSubEventSource

    configuration = replica.configuration
    assert configuration.pubsub is not None  # noqa: S101 - the configuration was checked
    source = PubSubEventSource(
        configuration.pubsub, replica.clock, replica.telemetry, configuration.events.concurrency
    )
    yield {"event_source": _counted_in(replica, "Pub/Sub", source)}


def _counted_in(replica: Replica, broker: str, source: EventSource) -> EventSource:
    """Let the replica be ready only while the broker brings events."""
    checked = CheckedEventSource(source)
    replica.readiness.depends_on(broker, checked.check)
    return checked


@asynccontextmanager
async def _hyperfleet_over_http(replica: Replica) -> AsyncIterator[Ports]:
    from pullsecret.infrastructure.hyperfleet.api import hyperfleet_api

    configuration = replica.configuration
    async with hyperfleet_api(
        configuration.api, replica.clock, configuration.document_paths, replica.telemetry
    ) as api:
        yield {"catalog": api.catalog, "status": api.status}


@asynccontextmanager
async def _google_secret_manager(replica: Replica) -> AsyncIterator[Ports]:
    if replica.configuration.cluster != "memory":
        # Each job opens it for itself; this process needs no rights in the cloud, and no client.
        yield {}
        return
    from pullsecret.infrastructure.gcp.call_meter import CallMeter
    from pullsecret.infrastructure.gcp.secret_store import open_secret_store

    async with open_secret_store(replica.configuration.gcp, replica.clock, CallMeter()) as store:
        yield {"secret_store": store}


@asynccontextmanager
async def _kubernetes(replica: Replica) -> AsyncIterator[Ports]:
    from pullsecret.infrastructure.kubernetes.api import KubernetesApi
    from pullsecret.infrastructure.kubernetes.cluster_secret_watch import KubernetesClusterSecretWatch
    from pullsecret.infrastructure.kubernetes.connection import connect
    from pullsecret.infrastructure.kubernetes.job_runner import KubernetesJobRunner

    settings = replica.configuration.kubernetes_settings
    async with KubernetesApi(connect(settings.kubeconfig, settings.context), threads=settings.threads) as api:
        jobs = KubernetesJobRunner(api, settings.job, replica.telemetry, replica.name)
        replica.readiness.depends_on("Kubernetes API", jobs.reach)
        yield {
            "jobs": jobs,
            "cluster_secret_watch": KubernetesClusterSecretWatch(
                api, settings.job, replica.telemetry, replica.name
            ),
        }


_PARTS: Mapping[str, Mapping[str, Callable[[Replica], AbstractAsyncContextManager[Ports]]]] = {
    "broker": {"rabbitmq": _rabbitmq, "pubsub": _pubsub},
    "hyperfleet": {"http": _hyperfleet_over_http},
    "secret_store": {"gcp": _google_secret_manager},
    "cluster": {"kubernetes": _kubernetes},
}
"""For each choice of the configuration and each of its values but ``memory``, what opens it."""


@asynccontextmanager
async def open_adapter(replica: Replica, world: EmbeddedWorld) -> AsyncIterator[Adapter]:
    """A replica on the parts that the configuration names, and on ``world`` for those it leaves embedded.

    The parts stay open as long as the block. Raises a permanent error naming what cannot be opened.
    """
    container: Any = AdapterContainer(
        configuration=replica.configuration, world=world, telemetry=replica.telemetry
    )
    async with AsyncExitStack() as opened:
        for choice, parts in _PARTS.items():
            if part := parts.get(getattr(replica.configuration, choice)):
                for name, port in (await opened.enter_async_context(part(replica))).items():
                    getattr(container, name).override(providers.Object(port))
        if endpoint := replica.configuration.tracing.endpoint:
            opened.enter_context(_traced(container, endpoint, replica.configuration.tracing.share))
        yield container.adapter()


@contextmanager
def _traced(container: Any, endpoint: str, share: float) -> Iterator[None]:
    """Put spans around what an event and a status go through. It comes after the parts are chosen."""
    from pullsecret.infrastructure.tracing.adapter_spans import (
        TracedCatalog,
        TracedHandle,
        TracedStatusSink,
    )
    from pullsecret.infrastructure.tracing.tracer import open_tracer

    with open_tracer(endpoint, "pullsecret-adapter", share) as tracer:
        # In this order: what handles events is made with the other two.
        container.catalog.override(providers.Object(TracedCatalog(container.catalog(), tracer)))
        container.status.override(providers.Object(TracedStatusSink(container.status(), tracer)))
        container.handle.override(providers.Object(TracedHandle(container.handle(), tracer)))
        yield
