"""Sentinel, embedded: looks at every cluster again and again, and publishes an event where work is due."""

import attrs

from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.identifiers import ClusterId
from pullsecret.infrastructure.cloudevents.codec import render
from pullsecret.infrastructure.memory.broker import MemoryBroker
from pullsecret.infrastructure.memory.faults import DELAY_SECONDS, Fault, FaultScript
from pullsecret.infrastructure.memory.hyperfleet import MemoryHyperFleet
from pullsecret.ports.clock import Clock


@attrs.define
class MemorySentinel:
    """Polls as the design's Sentinel does (DDR phase 1): a cluster whose current generation is not known to
    be available gets an event at once, and then every ``remind`` seconds."""

    hyperfleet: MemoryHyperFleet
    broker: MemoryBroker
    clock: Clock
    faults: FaultScript
    poll_interval: float = 10.0
    remind: float = 60.0
    _told: dict[tuple[str, int], float] = attrs.field(factory=dict)
    _count: int = 0

    async def __call__(self) -> None:
        """Poll for ever."""
        while True:
            await self.poll_once()
            await self.clock.sleep(self.poll_interval)

    async def poll_once(self) -> None:
        """Publish the events that are due."""
        for document in self.hyperfleet.unavailable():
            cluster_id = document["id"]
            key = (cluster_id, document["generation"])
            last = self._told.get(key)
            now = self.clock.monotonic()
            if last is None or now - last >= self.remind:
                self._told[key] = now
                await self.publish(cluster_id)

    async def publish(self, cluster_id: str, delay: float = 0.0) -> None:
        """Publish one event about the cluster, whether or not it is due."""
        document = self.hyperfleet.clusters[cluster_id]
        self._count += 1
        provider = document["spec"].get("provider")
        event = ClusterEvent(
            id=f"evt-{self._count}",
            source="sentinel",
            type="cluster.create" if document["generation"] == 1 else "cluster.update",
            cluster_id=ClusterId(cluster_id),
            data={"clusterId": cluster_id, "provider": provider, "generation": document["generation"]},
        )
        headers, body = render(event)
        fault = self.faults.choose("sentinel.publish")
        if fault is Fault.DELAY:
            delay += DELAY_SECONDS
        times = {Fault.DROP: 0, Fault.DUPLICATE: 2}.get(fault, 1) if fault else 1
        for _ in range(times):
            await self.broker.publish(headers, body, delay)
