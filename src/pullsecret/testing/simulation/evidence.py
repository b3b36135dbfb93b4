"""What the invariants are judged by: what is there, what the service did so far, and what others did."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from pullsecret.domain.clean_up import Deletion
from pullsecret.domain.cluster_secret import PublishedSecret
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef, ProvisionJob
from pullsecret.domain.reasons import Reason
from pullsecret.domain.rollout import Rollout
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.testing.simulation.api import SimulatedApi
from pullsecret.testing.simulation.chaos import Actor, Chaos
from pullsecret.testing.simulation.looks import fingerprint, is_ours, is_refused
from pullsecret.testing.simulation.truth import ClusterTruth, PlaceTruth

_JOB = re.compile(r"job pullsecret-(\w+)-(?:gen|del)(\d+)")


@attrs.frozen
class Effect:
    """A call that just took effect."""

    actor: Actor
    args: tuple[Any, ...]
    result: Any
    late: bool
    """Whether its caller had given up by then."""


@attrs.define
class Evidence:
    """Knows what is true, and where the service contradicted it."""

    world: EmbeddedWorld
    api: SimulatedApi
    chaos: Chaos
    clusters: Mapping[str, ClusterTruth]
    stored_secret: Deletion = Deletion.DELETE
    give_up_after: float = 3600.0
    violations: list[str] = attrs.field(factory=list)
    published_events: dict[str, tuple[str, int]] = attrs.field(factory=dict)
    """By the event's id: its cluster, and the generation it tells of."""
    malformed: int = 0
    """How many malformed messages were put on the queue."""
    foreign_cloud: dict[CloudSecretRef, str] = attrs.field(factory=dict)
    foreign_cluster: dict[ClusterSecretRef, PublishedSecret] = attrs.field(factory=dict)
    replicas_clock_off: float = 0.0
    """Seconds by which the clock of a replica was ahead at most."""
    jobs_clock_off: float = 0.0
    """Seconds by which the clock of the jobs was ahead at most."""
    rollouts: dict[str, Rollout] = attrs.field(factory=dict)
    """What each replica is configured with, by its name."""
    kept: dict[str, set[str]] = attrs.field(factory=dict)
    """By cluster: the paths that were told to stay when it was told to be finalized."""
    began: dict[str, float] = attrs.field(factory=dict)
    """When each process made its first call that took effect, by its name."""

    @property
    def now(self) -> float:
        """Virtual seconds since the run began."""
        return self.chaos.loop.time()

    def violated(self, what: str) -> None:
        """Note that an invariant does not hold."""
        self.violations.append(what)
        self.chaos.history.add(self.now, "oracle", "VIOLATION", what)

    def of_job(self, actor: Actor) -> ClusterTruth:
        """The cluster that a job works for, as its name tells."""
        match = _JOB.match(actor.name)
        if match is None:
            raise ValueError(f"{actor.name} is no job")
        return self.clusters[match[1]]

    def generation_of(self, actor: Actor) -> int:
        """The generation that a job works for, as its name tells."""
        match = _JOB.match(actor.name)
        return int(match[2]) if match else 0

    def sent_to(self, job: str) -> ClusterSecretRef | None:
        """Where the running or remembered job writes the cluster secret."""
        match = _JOB.match(job)
        known = self.world.jobs.of_cluster(ClusterId(match[1])) if match else ()
        for each in known:
            if isinstance(each, ProvisionJob) and job == f"job {each.key.name}":
                return each.target.cluster_secret
        return None

    def rolled_out(self, effect: Effect, cluster_id: str) -> bool:
        """Whether the replica may do something about the cluster."""
        # What takes effect late was asked for by an earlier life of the replica.
        return effect.late or self.rollouts[effect.actor.name].includes(ClusterId(cluster_id))

    def ours(self, truth: ClusterTruth, ref: ClusterSecretRef | None = None) -> PublishedSecret | None:
        """The cluster secret, or the one at ``ref``, if it is there and the service's."""
        found = self.world.control_plane.secrets.get(ref or truth.cluster_secret)
        return found if found is not None and is_ours(found.labels, truth) else None

    def published_of(self, truth: ClusterTruth) -> Iterator[ClusterSecretRef]:
        """Where a cluster secret of the cluster is, also of before placement moved it."""
        return (ref for ref in truth.cluster_secrets if self.ours(truth, ref) is not None)

    def refusal(self, truth: ClusterTruth) -> Reason | None:
        """As what a secret that is in the newest generation's way has to be told."""
        published = self.world.control_plane.secrets.get(truth.cluster_secret)
        if published is not None and is_refused(published.labels, truth):
            return Reason.CLUSTER_SECRET_CONFLICT
        stored = self.world.cloud.secret(truth.place.ref)
        return Reason.NAMING_CONFLICT if stored is not None and is_refused(stored.labels, truth) else None

    def stored_of(self, truth: ClusterTruth) -> Iterator[PlaceTruth]:
        """The places where a stored secret of the cluster is, and can be known to be."""
        for place in truth.places.values():
            stored = self.world.cloud.secret(place.ref)
            if stored is not None and is_ours(stored.labels, truth) and not place.untraceable:
                yield place

    def lose_track(self, truth: ClusterTruth) -> None:
        """The jobs of the cluster were forgotten, so only its cluster secret tells of earlier places."""
        gone = truth.forgotten or self.ours(truth) is None
        for place in truth.places.values():
            place.untraceable = place is not truth.place and (gone or not place.published)

    def foreign_untouched(self) -> None:
        """What is somebody else's has to be as they left it."""
        for ref, before in self.foreign_cloud.items():
            stored = self.world.cloud.secret(ref)
            if stored is None or fingerprint(stored) != before:
                self.violated(f"{ref.path} is somebody else's and was touched")
        for place, secret in self.foreign_cluster.items():
            if self.world.control_plane.secrets.get(place) != secret:
                self.violated(f"{place.path} is somebody else's and was touched")
