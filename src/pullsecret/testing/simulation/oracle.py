"""The invariants: looked at after every call that took effect, and once more when all has settled."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from pullsecret.domain.cluster_secret import (
    DOCKER_CONFIG_TYPE,
    GENERATION_ANNOTATION,
    VERSION_ANNOTATION,
    ClusterSecret,
    PublishedSecret,
)
from pullsecret.domain.conditions import Status, StatusReport
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.ownership import Decision, decide
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.memory.cloud import StoredSecret
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.ports.status_sink import Receipt
from pullsecret.testing.simulation.chaos import LATE, Actor, Chaos
from pullsecret.testing.simulation.truth import CANARY, ClusterTruth

_GENERATION = re.compile(r"-gen(\d+)")
_SETTLING_IN = 60.0
"""Seconds after a cluster became ready in which an event may still be settled for what was read before."""


@attrs.define
class Oracle:
    """Knows what is true and says where the service contradicts it."""

    world: EmbeddedWorld
    chaos: Chaos
    clusters: Mapping[str, ClusterTruth]
    violations: list[str] = attrs.field(factory=list)
    published_events: dict[str, tuple[str, int]] = attrs.field(factory=dict)
    """By the event's id: its cluster, and the generation it tells of."""
    foreign_cloud: dict[CloudSecretRef, str] = attrs.field(factory=dict)
    foreign_cluster: dict[ClusterSecretRef, PublishedSecret] = attrs.field(factory=dict)
    _by_cloud_ref: dict[CloudSecretRef, ClusterTruth] = attrs.field(factory=dict)
    _by_cluster_ref: dict[ClusterSecretRef, ClusterTruth] = attrs.field(factory=dict)
    _checks: dict[str, Callable[[Actor, tuple[Any, ...], Any], None]] = attrs.field(factory=dict)
    _told: dict[str, int] = attrs.field(factory=dict)
    """Newest generation of which anything was told, by cluster."""
    _handed_over: dict[str, int] = attrs.field(factory=dict)
    """Newest generation of which a job was made, by cluster."""
    _late: bool = False
    """Whether the effect looked at came after its caller gave up."""

    def __attrs_post_init__(self) -> None:
        for truth in self.clusters.values():
            self._by_cloud_ref[truth.cloud_secret] = truth
            self._by_cluster_ref[truth.cluster_secret] = truth
        self._checks = {
            "secret-store.access-latest": self._read_back,
            "secret-store.add-version": self._version_added,
            "secret-store.create": self._cloud_written,
            "secret-store.relabel": self._cloud_written,
            "secret-store.delete": self._cloud_deleted,
            "secret-store.prune": self._cloud_pruned,
            "cluster-secrets.create": self._published,
            "cluster-secrets.replace": self._published,
            "cluster-secrets.delete": self._cluster_deleted,
            "status-sink.post": self._status_told,
            "job-runner.submit": self._submitted,
            "event-source.ack": self._acknowledged,
        }

    def violated(self, what: str) -> None:
        """Note that an invariant does not hold."""
        self.violations.append(what)
        self.chaos.history.add(self.chaos.loop.time(), "oracle", "VIOLATION", what)

    def after(self, actor: Actor, point: str, args: tuple[Any, ...], result: Any) -> None:
        """Look at the effect that a call just had."""
        check = self._checks.get(point.removesuffix(LATE))
        if check is not None:
            self._late = point.endswith(LATE)
            check(actor, args, result)

    # Continuous

    def _read_back(self, actor: Actor, args: tuple[Any, ...], found: Any) -> None:
        truth = self._by_cloud_ref[args[0]]
        stored = self.world.cloud.secret(args[0])
        newest = stored.versions[-1] if stored and stored.versions else None
        if found is not None:
            truth.verified.add(found.payload.reveal())
        number = int(found.version) if found is not None else 0
        if stored and newest and newest.enabled and number < len(stored.versions):
            unanswered = self.chaos.unanswered[actor.name, "secret-store.add-version"]
            truth.excuses.add(
                f"latest lagged behind for {actor.name} after {unanswered} unanswered additions"
            )
            untold = truth.unpublished or truth.cluster_altered
            if untold and found is not None and found.payload.reveal() == truth.payload:
                # Nothing tells that there is a newer version: whoever stored it died before it could say so,
                # or somebody took away the cluster secret that said so.
                truth.cloud_altered = True

    def _version_added(self, actor: Actor, args: tuple[Any, ...], version: str) -> None:
        ref, payload = args[0], args[1].reveal()
        truth = self._by_cloud_ref[ref]
        self._cloud_written(actor, args, version)
        stored = self.world.cloud.secret(ref)
        before = stored.versions[-2] if stored is not None and len(stored.versions) > 1 else None
        generation = _generation_of(actor)
        if truth.generations.get(generation) != payload:
            self.violated(f"{ref.path}: version {version} does not hold generation {generation}")
            return
        if self._late:
            truth.excuses.add(f"version {version} was added after its caller had given up")
        again = before is not None and before.enabled and before.payload.reveal() == payload
        backwards = bool(truth.added) and generation < truth.added[-1] and not truth.cloud_altered
        truth.unneeded += again or backwards
        if truth.unneeded > len(truth.excuses):
            what = "equals the one before" if again else f"is older than generation {truth.added[-1]}'s"
            self.violated(f"{ref.path}: version {version}, of generation {generation}, {what}")
        # A request under way from before the newer one cannot be fenced off: the API takes no precondition.
        truth.cloud_altered = backwards and (self._late or actor.lost)
        truth.added.append(generation)
        truth.unpublished = True

    def _cloud_written(self, _: Actor, args: tuple[Any, ...], __: Any) -> None:
        ref = getattr(args[0], "ref", args[0])
        self._nothing_after_the_end(self._by_cloud_ref[ref], ref.path)
        self._foreign_untouched()

    def _cloud_deleted(self, _: Actor, args: tuple[Any, ...], __: Any) -> None:
        truth = self._by_cloud_ref[args[0].ref]
        if not truth.deleted:
            self.violated(f"{args[0].ref.path} was deleted though its cluster is not")
        self._foreign_untouched()

    def _cloud_pruned(self, _: Actor, args: tuple[Any, ...], __: Any) -> None:
        stored, truth = self.world.cloud.secret(args[0]), self._by_cloud_ref[args[0]]
        published = self.world.control_plane.secrets.get(truth.cluster_secret)
        version = published.version_from(args[0]) if published else None
        if stored and version and not truth.meddled and not stored.versions[int(version) - 1].enabled:
            self.violated(f"{args[0].path}: version {version} was retired though it is in use")
        self._foreign_untouched()

    def _published(self, _: Actor, args: tuple[Any, ...], __: Any) -> None:
        wanted: ClusterSecret = args[-1]
        truth, payload = self._by_cluster_ref[wanted.ref], wanted.payload.reveal()
        self._nothing_after_the_end(truth, wanted.ref.path)
        self._foreign_untouched()
        generation = int(wanted.annotations[GENERATION_ANNOTATION])
        if payload not in truth.verified:
            self.violated(f"{wanted.ref.path} holds what was never read back from Secret Manager")
        if payload != truth.generations.get(generation):
            self.violated(f"{wanted.ref.path} does not hold generation {generation} as it says")
        if len(args) == 2 and args[0].generation > generation:
            self.violated(f"{wanted.ref.path}: generation {generation} replaced {args[0].generation}")
        truth.cluster_altered = truth.unpublished = False

    def _cluster_deleted(self, _: Actor, args: tuple[Any, ...], __: Any) -> None:
        if not self._by_cluster_ref[args[0].ref].deleted:
            self.violated(f"{args[0].ref.path} was deleted though its cluster is not")
        self._foreign_untouched()

    def _submitted(self, _: Actor, args: tuple[Any, ...], answer: Any) -> None:
        key = args[0].key
        known = self._handed_over.get(key.cluster_id.value, 0)
        self._handed_over[key.cluster_id.value] = max(known, answer.job.key.generation)

    def _status_told(self, _: Actor, args: tuple[Any, ...], receipt: Receipt) -> None:
        report: StatusReport = args[0]
        if receipt is not Receipt.ACCEPTED:
            return
        key = report.cluster_id.value
        truth = self.clusters[key]
        self._told[key] = max(self._told.get(key, 0), report.generation)
        conditions = report.conditions
        if conditions.finalized is not None and conditions.finalized.status is Status.TRUE:
            truth.finalized = True
            if not truth.deleted:
                self.violated(f"{key} was told to be finalized though nobody deleted it")
            for place in self._left_of(truth):
                self.violated(f"{key} was told to be finalized but {place} is there")
        if conditions.available.status is Status.TRUE:
            for problem in self._untrue(truth, report):
                self.violated(
                    f"generation {report.generation} of {key} was told to be available but {problem}"
                )

    def _untrue(self, truth: ClusterTruth, report: StatusReport) -> Iterator[str]:
        """What contradicts Available=True; what others did since is not held against the service."""
        if self._handed_over.get(truth.id, 0) > report.generation:
            return  # The next generation is being written.
        payload = truth.generations[report.generation]
        stored = self.world.cloud.secret(truth.cloud_secret)
        if not truth.cloud_altered:
            newest = _newest(stored)
            if newest is None or newest[1] != payload:
                yield "Secret Manager's newest version does not hold it"
            elif not _names(truth, stored, report.data.get("version")):
                yield f"version {report.data.get('version')} was told and {newest[0]} holds it"
        if not truth.cluster_altered:
            published = self.world.control_plane.secrets.get(truth.cluster_secret)
            if published is None or published.payload is None or published.payload.reveal() != payload:
                yield "the cluster secret does not hold it"

    def _acknowledged(self, _: Actor, args: tuple[Any, ...], __: Any) -> None:
        cluster_id, generation = self.published_events[args[0]]
        truth = self.clusters[cluster_id]
        done = max(self._told.get(cluster_id, 0), self._handed_over.get(cluster_id, 0))
        if done >= generation or truth.deleted or not truth.ready:
            return
        if self.chaos.loop.time() - truth.unready_until > _SETTLING_IN:
            self.violated(
                f"event {args[0]} of {cluster_id}, generation {generation}, was acknowledged for nothing"
            )

    def _nothing_after_the_end(self, truth: ClusterTruth, path: str) -> None:
        if truth.finalized:
            self.violated(f"{path} was written after its cluster was told to be finalized")

    def _foreign_untouched(self) -> None:
        for ref, before in self.foreign_cloud.items():
            stored = self.world.cloud.secret(ref)
            if stored is None or fingerprint(stored) != before:
                self.violated(f"{ref.path} is somebody else's and was touched")
        for place, secret in self.foreign_cluster.items():
            if self.world.control_plane.secrets.get(place) != secret:
                self.violated(f"{place.path} is somebody else's and was touched")

    def _left_of(self, truth: ClusterTruth) -> Iterator[str]:
        """What of ours is still there."""
        owner = ClusterId(truth.id)
        stored = self.world.cloud.secret(truth.cloud_secret)
        if stored is not None and decide(stored.labels, owner) is Decision.UNCHANGED:
            yield truth.cloud_secret.path
        published = self.world.control_plane.secrets.get(truth.cluster_secret)
        if published is not None and decide(published.labels, owner) is Decision.UNCHANGED:
            yield truth.cluster_secret.path

    # In the end

    def unsettled(self) -> Iterator[str]:
        """What is not yet as it has to be in the end."""
        world = self.world
        if world.jobs.unfinished():
            yield "a job is not finished"
        if world.jobs.unreported():
            yield "a job's end is not told"
        if world.jobs.orders:
            yield "a temporary payload is left"
        for truth in self.clusters.values():
            for problem in self._unsettled_cluster(truth):
                yield f"{truth.id}: {problem}"

    def _unsettled_cluster(self, truth: ClusterTruth) -> Iterator[str]:
        report = self.world.hyperfleet.status(truth.id)
        if not truth.generations:
            return
        if truth.deleted:
            if truth.id in self.world.hyperfleet.clusters:
                yield "it is deleted and not finalized"
            for place in self._left_of(truth):
                yield f"it is deleted and {place} is left"
        elif report is None or report.generation != truth.generation:
            yield f"generation {truth.generation} is not told of"
        elif not truth.usable[truth.generation]:
            if report.conditions.applied.reason is not Reason.INVALID_PULL_SECRET:
                yield f"{report.conditions.applied.reason} is told of an unusable pull secret"
        elif truth.refusal is not None:
            if report.conditions.available.reason is not truth.refusal:
                yield f"{report.conditions.available.reason} is told instead of {truth.refusal}"
        else:
            yield from self._not_landed(truth, report)

    def _not_landed(self, truth: ClusterTruth, report: StatusReport) -> Iterator[str]:
        stored = self.world.cloud.secret(truth.cloud_secret)
        newest = _newest(stored)
        if not truth.cloud_altered and (newest is None or newest[1] != truth.payload):
            yield "Secret Manager does not hold its newest pull secret"
        if report.conditions.available.status is not Status.TRUE:
            yield f"it is told to be not available: {report.conditions.available.message}"
        published = self.world.control_plane.secrets.get(truth.cluster_secret)
        if published is None or published.payload is None or published.payload.reveal() != truth.payload:
            yield "the cluster secret does not hold its newest pull secret"
        elif published.generation != truth.generation or published.type != DOCKER_CONFIG_TYPE:
            yield f"the cluster secret says generation {published.generation}"
        elif not truth.cloud_altered and not _names(
            truth, stored, version := published.annotations[VERSION_ANNOTATION]
        ):
            yield f"the cluster secret says version {version}"

    def in_the_end(self, thorough: bool) -> None:
        """Look at what can only be judged afterwards. ``thorough`` reads every word that was said."""
        self._foreign_untouched()
        if self.world.broker.dead_letters:
            self.violated("an event was put aside though none was malformed")
        for truth in self.clusters.values():
            needed = truth.changes + truth.meddled + len(truth.excuses)
            if len(truth.added) > needed:
                self.violated(f"{truth.id}: {len(truth.added)} versions for {truth.changes} pull secrets")
        if any(CANARY in text for text in self._said(thorough)):
            self.violated("a payload was said outside of the two stores")

    def _said(self, thorough: bool) -> Iterator[str]:
        for report in self.world.hyperfleet.told:
            conditions = report.conditions
            yield f"{conditions.applied.message} {conditions.available.message} {conditions.health.message}"
            yield str(report.data)
        if thorough:
            yield from map(repr, self.world.telemetry.facts)
            yield from map(repr, self.world.jobs.all())
            yield from map(repr, self.world.jobs.orders.values())
            yield from self.chaos.history.lines()


def fingerprint(secret: StoredSecret) -> str:
    """What changes if anybody touches the secret."""
    return f"{secret.etag} {sorted(secret.labels.items())} {[one.enabled for one in secret.versions]}"


def _newest(stored: StoredSecret | None) -> tuple[str, bytes] | None:
    """Number and payload of the newest version, if it can be read."""
    if stored is None or not stored.versions or not stored.versions[-1].enabled:
        return None
    return str(len(stored.versions)), stored.versions[-1].payload.reveal()


def _names(truth: ClusterTruth, stored: StoredSecret | None, version: str | None) -> bool:
    """True if ``version`` is the newest one, or one just like it where a version too many is tolerated."""
    if stored is None or version is None or not 0 < int(version) <= len(stored.versions):
        return False
    named, newest = stored.versions[int(version) - 1], stored.versions[-1]
    return named is newest or (bool(truth.excuses) and named.payload == newest.payload)


def _generation_of(job: Actor) -> int:
    """The generation that a job works for, as its name tells."""
    match = _GENERATION.search(job.name)
    return int(match[1]) if match else 0
