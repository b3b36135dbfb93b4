"""The only place that wires: which class fulfils which port, and what each use case is given."""

from collections.abc import Callable

from dependency_injector import containers, providers

from pullsecret.application.adapter import Adapter
from pullsecret.application.admit_jobs import AdmitJobs
from pullsecret.application.consume_events import ConsumeEvents, ConsumePolicy
from pullsecret.application.finalize import FinalizeCluster, FinalizePolicy
from pullsecret.application.handle_event import HandleEvent
from pullsecret.application.provision import Provision, ProvisionPolicy
from pullsecret.application.reconcile_cluster import ReconcileCluster, ReconcilePolicy
from pullsecret.application.report_jobs import ReportJobs
from pullsecret.application.retry_jobs import RetryJobs
from pullsecret.domain.admission import ConcurrencyLimits
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.expressions import Program
from pullsecret.infrastructure.memory.broker import MemoryEventSource
from pullsecret.infrastructure.memory.cloud import MemorySecretStore
from pullsecret.infrastructure.memory.control_plane import MemoryClusterSecrets
from pullsecret.infrastructure.memory.hyperfleet import MemoryClusterCatalog, MemoryStatusSink
from pullsecret.infrastructure.memory.job_runner import MemoryJobRunner
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.ports.telemetry import Telemetry


class EmbeddedContainer(containers.DeclarativeContainer):
    """One replica of the adapter, and its jobs, on an embedded world."""

    world = providers.Dependency(instance_of=EmbeddedWorld)
    telemetry: providers.Dependency[Telemetry] = providers.Dependency()
    event_filter = providers.Dependency(instance_of=Program)
    reconcile_policy = providers.Dependency(instance_of=ReconcilePolicy)
    consume_policy = providers.Dependency(instance_of=ConsumePolicy)
    provision_policy = providers.Dependency(instance_of=ProvisionPolicy)
    finalize_policy = providers.Dependency(instance_of=FinalizePolicy)
    limits = providers.Dependency(instance_of=ConcurrencyLimits)

    clock = world.provided.clock
    faults = world.provided.faults

    secret_store = providers.Singleton(MemorySecretStore, world.provided.cloud, clock, faults)
    cluster_secrets = providers.Singleton(MemoryClusterSecrets, world.provided.control_plane, faults)
    catalog = providers.Singleton(
        MemoryClusterCatalog, world.provided.hyperfleet, reconcile_policy.provided.document_paths, faults
    )
    status = providers.Singleton(MemoryStatusSink, world.provided.hyperfleet, faults)
    event_source = providers.Singleton(
        MemoryEventSource, world.provided.broker, clock, faults, consume_policy.provided.concurrency
    )

    provision = providers.Singleton(
        Provision, secret_store, cluster_secrets, clock, telemetry, provision_policy
    )
    jobs = providers.Singleton(MemoryJobRunner, world.provided.jobs, provision, clock, faults, telemetry)

    finalize = providers.Singleton(
        FinalizeCluster, secret_store, cluster_secrets, jobs, status, clock, telemetry, finalize_policy
    )
    reconcile = providers.Singleton(
        ReconcileCluster, catalog, jobs, status, clock, telemetry, reconcile_policy, finalize
    )
    admit = providers.Singleton(AdmitJobs, jobs, telemetry, limits)
    wake_admission = admit.provided.wake
    consume = providers.Singleton(
        ConsumeEvents,
        event_source,
        providers.Singleton(HandleEvent, event_filter, reconcile, telemetry),
        clock,
        telemetry,
        consume_policy,
        wake_admission,
    )
    report = providers.Singleton(ReportJobs, jobs, status, reconcile, clock, telemetry, wake_admission)
    retry = providers.Singleton(RetryJobs, jobs, reconcile, clock, telemetry, wake_admission)
    adapter = providers.Singleton(Adapter, jobs, consume, admit, report, retry, clock, telemetry)


def embedded_adapter(
    configuration: Configuration, world: EmbeddedWorld, telemetry: Telemetry
) -> Callable[[], Adapter]:
    """What starts a replica on ``world``: each call makes a new one with nothing kept from the last."""

    def build() -> Adapter:
        adapter: Adapter = EmbeddedContainer(
            world=world,
            telemetry=telemetry,
            event_filter=configuration.spec.event_filter.expression,
            reconcile_policy=configuration.reconcile_policy,
            consume_policy=configuration.events,
            provision_policy=configuration.provision_policy,
            finalize_policy=configuration.deletion,
            limits=configuration.limits,
        ).adapter()
        return adapter

    return build
