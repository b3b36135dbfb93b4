"""Clusters that the events of a real broker shall bring to rest, whatever happens to the broker meanwhile."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import attrs
from prometheus_client import CollectorRegistry

from pullsecret.application.adapter import Adapter
from pullsecret.application.consume_events import ConsumePolicy
from pullsecret.domain.admission import ConcurrencyLimits
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.conditions import Status
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.facts import EventOutcome, HandedOver
from pullsecret.domain.identifiers import Generation
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef, Finished
from pullsecret.domain.pull_secret import PullSecret
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import embedded_adapter
from pullsecret.infrastructure.fan_out import FanOutTelemetry
from pullsecret.infrastructure.memory.cloud import StoredSecret
from pullsecret.infrastructure.memory.faults import Fault, FaultRule
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.metrics.registry import new_registry
from pullsecret.infrastructure.metrics.telemetry import PrometheusTelemetry
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.ports.event_source import EventSource
from pullsecret.testing.contracts.samples import new_cluster_id, new_pull_secret
from pullsecret.testing.documents import cluster_document

_PROJECT: Final = "customer-prod-12345"
_NO_QUOTA: Final = 1_000_000
_POLL: Final = 0.02
# Events that come again at once would hide that they are postponed; pauses as in production only take longer.
_CONFIGURATION: Final = Configuration(
    events=ConsumePolicy(
        concurrency=20,
        busy_pause=Backoff(initial=0.1, factor=1.5, maximum=0.5),
        redelivery=Backoff(initial=0.05, factor=2, maximum=0.5),
    ),
    limits=ConcurrencyLimits(per_project=100, overall=100),
    drift=None,
)
# The outside systems have bad moments of their own, so that events are postponed and come twice.
_FAULTS: Final = (
    FaultRule("cluster-catalog.get", Fault.FAIL, probability=0.2),
    FaultRule("job-runner.submit", Fault.LOSE_ANSWER, probability=0.1),
)


async def wait_until(condition: Callable[[], bool], patience: float) -> None:
    """Wait until it holds. Raises :class:`TimeoutError` after ``patience`` seconds."""
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(_POLL)


@attrs.define
class Fleet:
    """Clusters in an embedded world, in real time, and replicas of the production adapter that serve them
    with events from any broker."""

    publish: Callable[[ClusterEvent], Awaitable[None]]
    world: EmbeddedWorld = attrs.field(
        factory=lambda: EmbeddedWorld.create(faults=_FAULTS, latency=(0, 0), clock=SystemClock())
    )
    published: Counter[str] = attrs.field(factory=Counter)
    """Events for each cluster."""
    registry: CollectorRegistry = attrs.field(factory=new_registry)
    """The replicas' metrics, all together."""
    _generations: dict[Cluster, list[PullSecret]] = attrs.field(factory=dict)
    _build: Callable[[], Adapter] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.world.cloud.project(_PROJECT).writes_per_minute = _NO_QUOTA
        telemetry = FanOutTelemetry([self.world.telemetry, PrometheusTelemetry(self.registry)])
        self._build = embedded_adapter(_CONFIGURATION, self.world, telemetry)

    @property
    def clusters(self) -> list[Cluster]:
        """Every cluster."""
        return list(self._generations)

    @property
    def resting(self) -> int:
        """How many clusters are Available in their newest generation."""
        return len(self._generations) - len(self._restless())

    def grow(self, count: int) -> list[Cluster]:
        """Clusters that are ready for their pull secrets; nobody has been told yet."""
        grown = []
        for _ in range(count):
            cluster_id = new_cluster_id()
            namespace = f"clusters-{cluster_id}"
            cluster = Cluster(cluster_id, Generation(1), "gcp", _PROJECT, namespace=namespace)
            self.world.control_plane.namespaces.add(namespace)
            self._generations[cluster] = []
            grown.append(cluster)
        self.renew(grown)
        return grown

    def renew(self, clusters: Iterable[Cluster]) -> None:
        """Give each a new pull secret, which makes a new generation."""
        for cluster in clusters:
            secrets = self._generations[cluster]
            secrets.append(new_pull_secret())
            newest = attrs.evolve(cluster, generation=Generation(len(secrets)), pull_secret=secrets[-1])
            self.world.hyperfleet.put(cluster_document(newest))

    async def announce(self, clusters: Iterable[Cluster]) -> None:
        """Publish each cluster's event, twice."""
        for cluster in [*clusters] * 2:
            await self.publish(self.event(cluster))

    def event(self, cluster: Cluster) -> ClusterEvent:
        """An event as Sentinel would publish it now; it counts as published."""
        number = self.published.total() + 1
        generation = len(self._generations[cluster])
        data = {"clusterId": cluster.id.value, "provider": "gcp", "generation": generation}
        kind = "cluster.create" if generation == 1 else "cluster.update"
        self.published[cluster.id.value] += 1
        return ClusterEvent(f"evt-{number}", "hyperfleet-sentinel", kind, cluster.id, data)

    @asynccontextmanager
    async def served_by(self, *sources: EventSource) -> AsyncIterator[None]:
        """Run a replica on each source; they are stopped in order at the end."""
        stop = asyncio.Event()
        running = [asyncio.create_task(self._replica(source).run(stop)) for source in sources]
        try:
            yield
            stop.set()
            await asyncio.gather(*running)
        finally:
            for task in [*running, *self.world.jobs.processes]:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    @asynccontextmanager
    async def served_until_killed_by(self, source: EventSource) -> AsyncIterator[None]:
        """Run a replica that ends as a crash ends it: nothing in hand is settled."""
        running = asyncio.create_task(self._replica(source).run(asyncio.Event()))
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _replica(self, source: EventSource) -> Adapter:
        adapter = self._build()
        return attrs.evolve(adapter, consume=attrs.evolve(adapter.consume, source=source))

    async def disturbed(self, disturb: Callable[[], Awaitable[None]], clusters: int, patience: float) -> None:
        """Let half of ``clusters`` new ones come to rest, for ``patience`` seconds at most; then change them,
        add the others, and ``disturb`` what brings the events of all."""
        old = self.grow(clusters // 2)
        await self.announce(old)
        await self.at_rest(patience)
        self.renew(old)
        await self.announce([*old, *self.grow(clusters - len(old))])
        await disturb()

    async def at_rest(self, patience: float, lost: int = 0) -> None:
        """Return once every cluster is Available in its newest generation, and as many events were handled
        as were published less the ``lost`` ones. Raises :class:`AssertionError` naming what is not so after
        ``patience`` seconds."""
        try:
            async with asyncio.timeout(patience):
                while self._unrest(lost):
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise AssertionError(f"not at rest: {self._unrest(lost)}") from None

    def _unrest(self, lost: int) -> str:
        missing = self.published.total() - lost - self.handled
        if missing > 0:
            return f"{missing} events were not handled"
        if restless := self._restless():
            return ", ".join(restless)
        jobs = self.world.jobs
        return ", ".join(job.key.name for job in [*jobs.unfinished(), *jobs.unreported()])

    @property
    def handled(self) -> int:
        """How often an event was handled for good; one that comes twice counts twice."""
        settled = self._settled()
        return settled.total() - settled[EventOutcome.POSTPONED]

    def _settled(self) -> Counter[EventOutcome]:
        counted = self._count("pullsecret_events_total", "outcome")
        return Counter({outcome: counted[outcome.value] for outcome in EventOutcome})

    def _restless(self) -> list[str]:
        return [cluster.id.value for cluster in self._generations if not self._available(cluster)]

    def _available(self, cluster: Cluster) -> bool:
        report = self.world.hyperfleet.status(cluster.id.value)
        return (
            report is not None
            and report.generation == len(self._generations[cluster])
            and report.conditions.available.status is Status.TRUE
        )

    def prove(self, lost: int = 0) -> Mapping[str, int]:
        """Hold what there is against what was asked for: for each cluster one job and one verified version a
        generation, in their order, and the newest one published. ``lost`` events may never have arrived.

        Returns the counters that prove it. Raises :class:`AssertionError` where it is not so.
        """
        for cluster, secrets in self._generations.items():
            self._prove(cluster, secrets)
        orders = sum(len(secrets) for secrets in self._generations.values())
        counters = {
            "clusters": len(self._generations),
            "generations": orders,
            "events published": self.published.total(),
            "events handled": self.handled,
            "events postponed": self._settled()[EventOutcome.POSTPONED],
            "jobs handed over": len({fact.key for fact in self.world.telemetry.of(HandedOver)}),
            "jobs that succeeded": self._count("pullsecret_job_total", "result")["success"],
            "versions stored": sum(len(secret.versions) for secret in self._stored()),
        }
        assert counters["versions stored"] == counters["jobs that succeeded"] == orders, counters
        assert counters["events handled"] >= counters["events published"] - lost, counters
        return counters

    def _prove(self, cluster: Cluster, secrets: list[PullSecret]) -> None:
        assert self._available(cluster), cluster.id
        jobs = sorted(self.world.jobs.of_cluster(cluster.id), key=lambda job: job.key)
        assert [(job.key.generation, job.key.attempt) for job in jobs] == [
            (generation, 1) for generation, _ in enumerate(secrets, 1)
        ], cluster.id
        assert all(isinstance(job.state, Finished) and not job.state.result.failure for job in jobs)
        stored = self.world.cloud.secret(CloudSecretRef(_PROJECT, cloud_secret_name(cluster.id)))
        assert stored is not None
        assert [version.payload for version in stored.versions] == secrets, cluster.id
        ref = ClusterSecretRef(cluster.namespace or "", cluster_secret_name(cluster.id))
        assert self.world.control_plane.secrets[ref].payload == secrets[-1], cluster.id

    def _stored(self) -> Iterable[StoredSecret]:
        return self.world.cloud.project(_PROJECT).secrets.values()

    def _count(self, metric: str, label: str) -> Counter[str]:
        # Asked fifty times a second, and to collect what else there is took most of the tests' time.
        collected = self.registry.restricted_registry([metric]).collect()
        samples = (sample for family in collected for sample in family.samples)
        return Counter({sample.labels[label]: int(sample.value) for sample in samples})
