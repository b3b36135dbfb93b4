"""What happens to the world from outside: owners, persons, strangers and saboteurs."""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

import attrs

from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.cluster_secret import DOCKER_CONFIG_TYPE, PublishedSecret
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import newest_jobs
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.infrastructure.memory.broker import Message
from pullsecret.infrastructure.memory.cloud import StoredSecret, StoredVersion
from pullsecret.testing.simulation.looks import fingerprint, is_ours
from pullsecret.testing.simulation.truth import CANARY, ClusterTruth, PlaceTruth, Spec, pull_secret

if TYPE_CHECKING:
    from pullsecret.testing.simulation.simulation import Simulation

Undo = Callable[[], None]

SOMEBODYS = {"managed-by": "somebody"}
"""Labels of what is not ours."""
UNCLAIMED = {"managed-by": "hyperfleet"}
"""Labels of what is HyperFleet's and names no cluster, so that it may be adopted."""


@attrs.frozen
class Incident:
    """Something that happens at a time, and perhaps ends after a while."""

    at: float
    who: str
    what: str
    happen: "Callable[[Simulation], Undo | None]"
    lasts: float = 0.0


# What owners do


def update(truth: ClusterTruth, spec: Spec) -> "Callable[[Simulation], None]":
    """Ask for ``spec``, which makes a new generation."""

    def happen(simulation: "Simulation") -> None:
        if truth.deleted or truth.vanished:
            return
        truth.ask(spec)
        simulation.world.hyperfleet.put(truth.document())

    return happen


def delete(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Ask for the cluster's deletion."""

    def happen(simulation: "Simulation") -> None:
        if truth.deleted or truth.vanished or not truth.specs:
            return
        truth.ask(truth.spec)
        truth.deleted, truth.deleted_at = True, simulation.loop.time()
        simulation.world.hyperfleet.put(truth.document(simulation.world.clock.now().isoformat()))

    return happen


def vanish(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """The API forgets the cluster, whether or not somebody asked for its deletion."""

    def happen(simulation: "Simulation") -> None:
        if truth.specs and not truth.finalized:
            simulation.world.hyperfleet.remove(truth.id)
            truth.vanished = True

    return happen


def become_prepared(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Let the last of the other adapters be done for the first time."""

    def happen(simulation: "Simulation") -> None:
        truth.prepared = True
        _tell_ready(truth, simulation)

    return happen


def stop_resolving(truth: ClusterTruth, *, for_good: bool) -> "Callable[[Simulation], Undo | None]":
    """Let an adapter that was done tell that it is not."""

    def happen(simulation: "Simulation") -> Undo | None:
        def resolve() -> None:
            truth.resolves = True
            _tell_ready(truth, simulation)

        truth.resolves = False
        _tell_ready(truth, simulation)
        return None if for_good else resolve

    return happen


def place_in(truth: ClusterTruth, namespace: str) -> "Callable[[Simulation], None]":
    """Let placement choose another namespace, which makes no new generation."""

    def happen(simulation: "Simulation") -> None:
        if namespace == truth.namespace:
            return
        truth.settle_in(namespace, simulation.loop.time())
        simulation.world.control_plane.namespaces.add(namespace)
        _put_anew(truth, simulation)

    return happen


def _tell_ready(truth: ClusterTruth, simulation: "Simulation") -> None:
    truth.unready_until = simulation.loop.time()
    _put_anew(truth, simulation)


def _put_anew(truth: ClusterTruth, simulation: "Simulation") -> None:
    document = simulation.world.hyperfleet.clusters.get(truth.id)
    if document is not None:
        simulation.world.hyperfleet.put(truth.document(document.get("deletedTime")))


# What others do behind the service's back


def put_stored(truth: ClusterTruth, spec: Spec, labels: dict[str, str]) -> "Callable[[Simulation], None]":
    """Somebody has a stored secret where the cluster's belongs. Only where the service never had one: a
    request to add a version that is still under way cannot be kept from it."""

    def happen(simulation: "Simulation") -> None:
        cloud, ref = simulation.world.cloud, spec.stored_at(truth.id)
        place = truth.places.get(ref)
        if cloud.secret(ref) is None and not (place and place.existed):
            versions = [StoredVersion(SecretPayload(b"somebody else's"), added_at=simulation.loop.time())]
            stored = StoredSecret(dict(labels), StoragePolicy(), cloud.next_etag(), versions)
            cloud.project(ref.project).secrets[ref.name] = stored
            if labels != UNCLAIMED:
                simulation.evidence.foreign_cloud[ref] = fingerprint(stored)

    return happen


def put_published(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Somebody has a Kubernetes secret where the cluster's belongs."""

    def happen(simulation: "Simulation") -> None:
        control_plane, ref = simulation.world.control_plane, truth.cluster_secret
        if ref in control_plane.secrets:
            return
        payload = SecretPayload(b"somebody else's")
        control_plane.put(PublishedSecret(ref, SOMEBODYS, {}, payload, DOCKER_CONFIG_TYPE, ""))
        simulation.evidence.foreign_cluster[ref] = control_plane.secrets[ref]
        truth.cluster_altered.add(ref)

    return happen


def remove_foreign(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Take somebody else's secrets out of the way."""

    def happen(simulation: "Simulation") -> None:
        evidence, world = simulation.evidence, simulation.world
        for ref in truth.places:
            if evidence.foreign_cloud.pop(ref, None) is not None:
                del world.cloud.project(ref.project).secrets[ref.name]
        for published in truth.cluster_secrets:
            if evidence.foreign_cluster.pop(published, None) is not None:
                del world.control_plane.secrets[published]

    return happen


def delete_published(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Delete the cluster secret."""

    def happen(simulation: "Simulation") -> None:
        if simulation.evidence.ours(truth) is not None:
            del simulation.world.control_plane.secrets[truth.cluster_secret]
            truth.cluster_altered.add(truth.cluster_secret)
            truth.forgotten = True

    return happen


def alter_published(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Write something else into the cluster secret."""

    def happen(simulation: "Simulation") -> None:
        found = simulation.evidence.ours(truth)
        if found is not None:
            payload = SecretPayload(f"{CANARY} altered".encode())
            simulation.world.control_plane.put(attrs.evolve(found, payload=payload))
            truth.cluster_altered.add(truth.cluster_secret)

    return happen


class Meddling(Enum):
    """What a customer may do to the stored secret."""

    DISABLES = "disables the newest version"
    DESTROYS = "destroys the newest version"
    ADDS = "adds a version"
    ADDS_AND_DISABLES = "adds a version and disables it at once"
    DELETES = "deletes the secret"


def meddle(truth: ClusterTruth, how: Meddling) -> "Callable[[Simulation], Undo | None]":
    """Let the customer meddle with the stored secret. What is merely disabled is enabled again in the end."""

    def happen(simulation: "Simulation") -> Undo | None:
        if not truth.specs:
            return None
        place = truth.place
        stored = simulation.world.cloud.secret(place.ref)
        if stored is None or not stored.versions or not is_ours(stored.labels, truth):
            return None
        if how in (Meddling.ADDS, Meddling.ADDS_AND_DISABLES):
            payload = SecretPayload(f"{CANARY} meddled".encode())
            stored.versions.append(StoredVersion(payload, added_at=simulation.loop.time()))
        if how is Meddling.DELETES:
            del simulation.world.cloud.project(place.ref.project).secrets[place.ref.name]
            place.excuses.add("somebody deleted the stored secret, so its versions start anew")
        newest = stored.versions[-1]
        newest.enabled = newest.enabled and how is Meddling.ADDS
        _note_meddling(place, simulation)
        if how is not Meddling.DISABLES:
            return None

        def enable() -> None:
            newest.enabled = True
            _note_meddling(place, simulation)

        return enable

    return happen


def _note_meddling(place: PlaceTruth, simulation: "Simulation") -> None:
    place.meddled += 1
    place.altered_at = simulation.loop.time()


def publish_stray(number: int, body: bytes, *, malformed: bool) -> "Callable[[Simulation], None]":
    """Put a message on the queue that is of no use to the service."""

    def happen(simulation: "Simulation") -> None:
        simulation.evidence.malformed += malformed
        headers = {"content-type": "application/cloudevents+json"}
        stray = simulation.world.broker.put(Message(headers, body))
        simulation.background(stray, f"stray {number}")

    return happen


# What people do


def ask_again(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Ask for another attempt after the cluster's newest job, whatever its result."""

    def happen(simulation: "Simulation") -> None:
        jobs = simulation.world.jobs
        newest = newest_jobs(jobs.of_cluster(ClusterId(truth.id))).get(ClusterId(truth.id))
        if newest is not None:
            jobs.put(attrs.evolve(newest, retry_asked=True))

    return happen


def fresh(truth: ClusterTruth, number: int) -> bytes:
    """A pull secret that the cluster did not have yet."""
    return pull_secret(truth.id, number).encode()
