"""A whole pull secret world for another team's tests, without any service and without waiting."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from pullsecret.domain.cluster_document import DDR_PATHS, read_cluster
from pullsecret.domain.cluster_secret import PublishedSecret
from pullsecret.domain.conditions import StatusReport
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.facts import Fact
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import embedded_adapter
from pullsecret.entrypoints.embedded import EmbeddedService
from pullsecret.infrastructure.memory.cloud import Project
from pullsecret.infrastructure.memory.faults import FaultRule
from pullsecret.infrastructure.memory.sentinel import MemorySentinel
from pullsecret.infrastructure.memory.simulated_time import SimulatedTimeLoop
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.testing.pull_secrets import pull_secret_text

DEFAULT_PROJECT = "customer-prod-12345"


class PullSecretWorld:
    """The production adapter and its jobs, between an embedded broker, API, cloud and control plane.

    Everything is synchronous, for tests without ``async``: prepare the world, :meth:`settle` it, look at
    it. Time is simulated, so hours of retries pass in milliseconds, and the same steps always give the same
    end. Close it, or use it as a context manager.
    """

    def __init__(
        self, faults: Sequence[FaultRule] = (), seed: int = 0, configuration: Configuration | None = None
    ) -> None:
        """``faults`` go wrong by script; ``configuration`` defaults to the design document's."""
        self._runner = asyncio.Runner(loop_factory=SimulatedTimeLoop)
        self.embedded = EmbeddedWorld.create(seed, faults)
        """The outside systems, to prepare and inspect directly."""
        self._build = embedded_adapter(
            configuration or Configuration.default(), self.embedded, self.embedded.telemetry
        )
        self.project(DEFAULT_PROJECT)

    def project(self, name: str = DEFAULT_PROJECT) -> Project:
        """The customer's project, made on first use: deny permissions, set quotas, look at secrets."""
        return self.embedded.cloud.project(name)

    def add_cluster(
        self,
        cluster_id: str = "cls-123",
        *,
        pull_secret: str | None = None,
        project: str = DEFAULT_PROJECT,
        provider: str = "gcp",
        spec: Mapping[str, Any] | None = None,
    ) -> str:
        """Create a cluster that is ready for its pull secret; return its id.

        ``pull_secret`` is the document's text, by default a valid one of its own. ``spec`` is laid over the
        spec that is made, key by key. Raises :class:`ValueError` for an id that no cluster can have.
        """
        _require_cluster_id(cluster_id)
        self.embedded.control_plane.namespaces.add(_namespace(cluster_id))
        made = {
            "provider": provider,
            "gcp": {"projectId": project},
            "pullSecret": {"data": pull_secret or pull_secret_text()},
        }
        self.embedded.hyperfleet.put(
            {
                "kind": "Cluster",
                "id": cluster_id,
                "generation": 1,
                "spec": {**made, **(spec or {})},
                "status": {
                    "adapters": {
                        "validation": {"available": "True"},
                        "dns": {"available": "True"},
                        "placement": {"available": "True", "data": {"namespace": _namespace(cluster_id)}},
                    }
                },
            }
        )
        return cluster_id

    def update_cluster(self, cluster_id: str, *, pull_secret: str) -> None:
        """Give the cluster a new pull secret, which makes a new generation."""
        document = self.embedded.hyperfleet.clusters[cluster_id]
        spec = {**document["spec"], "pullSecret": {"data": pull_secret}}
        self.embedded.hyperfleet.put({**document, "generation": document["generation"] + 1, "spec": spec})

    def delete_cluster(self, cluster_id: str) -> None:
        """Ask for the cluster's deletion; it goes when the adapter has told that it cleaned up."""
        _require_no_loop()
        document = self.embedded.hyperfleet.clusters[cluster_id]
        asked_at = self._runner.run(self._now()).isoformat()
        generation = document["generation"] + 1
        self.embedded.hyperfleet.put({**document, "generation": generation, "deletedTime": asked_at})

    async def _now(self) -> datetime:
        return self.embedded.clock.now()

    def settle(self, limit: float = 6 * 3600.0, replicas: int = 1) -> None:
        """Let Sentinel, broker, adapter and jobs work until nothing changes any more.

        Raises :class:`~pullsecret.entrypoints.embedded.NotSettledError` after ``limit`` simulated seconds.
        """
        _require_no_loop()
        self._runner.run(self._settle(limit, replicas))

    async def _settle(self, limit: float, replicas: int) -> None:
        world = self.embedded
        sentinel = MemorySentinel(world.hyperfleet, world.broker, world.clock, world.faults)
        async with EmbeddedService(world, self._build, sentinel, replicas).running() as service:
            await service.settle(limit)

    def status(self, cluster_id: str) -> StatusReport | None:
        """What the API was told last about the cluster, if anything."""
        return self.embedded.hyperfleet.status(cluster_id)

    def stored(self, cluster_id: str) -> list[bytes]:
        """The versions in the customer's Secret Manager, oldest first."""
        cluster, _ = read_cluster(self.embedded.hyperfleet.clusters[cluster_id], DDR_PATHS)
        name = cloud_secret_name(cluster.id, cluster.secret_name)
        secret = self.embedded.cloud.secret(CloudSecretRef(cluster.project or "", name))
        return [version.payload.reveal() for version in secret.versions] if secret else []

    def published(self, cluster_id: str) -> PublishedSecret | None:
        """The Kubernetes secret that HyperShift would use."""
        ref = ClusterSecretRef(_namespace(cluster_id), cluster_secret_name(ClusterId(cluster_id)))
        return self.embedded.control_plane.secrets.get(ref)

    def published_registries(self, cluster_id: str) -> set[str]:
        """The registries the published pull secret has credentials for."""
        published = self.published(cluster_id)
        if published is None or published.payload is None:
            return set()
        return set(json.loads(published.payload.reveal())["auths"])

    @property
    def facts(self) -> list[Fact]:
        """Everything the service told its operator, oldest first."""
        return self.embedded.telemetry.facts

    def close(self) -> None:
        """Free what the world holds."""
        self._runner.close()

    def __enter__(self) -> "PullSecretWorld":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _require_cluster_id(cluster_id: str) -> None:
    try:
        ClusterId(cluster_id)
    except PermanentError as error:
        raise ValueError(error.cause) from None


def _require_no_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "a PullSecretWorld has an event loop of its own, in simulated time: use it in tests without 'async'"
    )


def _namespace(cluster_id: str) -> str:
    return f"clusters-{cluster_id}"
