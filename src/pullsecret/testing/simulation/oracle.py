"""The invariants that are looked at after every call that took effect."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from pullsecret.domain.clean_up import Deletion
from pullsecret.domain.cloud_secret import SecretVersion
from pullsecret.domain.cluster_secret import (
    GENERATION_ANNOTATION,
    SECRET_PATH_ANNOTATION,
    ClusterSecret,
    PublishedSecret,
)
from pullsecret.domain.conditions import Condition, Status, StatusReport
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyKey, age_order, newest_jobs
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef, ProvisionJob
from pullsecret.domain.reasons import Reason
from pullsecret.domain.rollout import Rollout
from pullsecret.infrastructure.hyperfleet.answers import Answer
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.ports.job_runner import Submitted
from pullsecret.testing.simulation.api import SimulatedApi
from pullsecret.testing.simulation.chaos import LATE, Actor, Chaos
from pullsecret.testing.simulation.looks import (
    fingerprint,
    is_ours,
    is_refused,
    names,
    newest,
    says,
    tells_of,
)
from pullsecret.testing.simulation.truth import ClusterTruth, PlaceTruth

_JOB = re.compile(r"job pullsecret-(\w+)-(?:gen|del)(\d+)")
_SETTLING_IN = 60.0
"""Seconds after a cluster became ready in which an event may still be settled for what was read before."""
_LONG_SINCE = 120.0
"""Seconds after which nobody is still about to tell what was so before."""
_FOLLOWED_WITHIN = 900.0
"""Seconds after which a cluster's secret has to be where placement moved it."""


@attrs.define
class Oracle:
    """Knows what is true and says where the service contradicts it."""

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
    _by_secret_name: dict[str, ClusterTruth] = attrs.field(factory=dict)
    _checks: dict[str, Callable[[Actor, tuple[Any, ...], Any], None]] = attrs.field(factory=dict)
    _told: dict[str, int] = attrs.field(factory=dict)
    """Newest generation of which anything was told, by cluster."""
    _told_of: set[str] = attrs.field(factory=set)
    """Names of the jobs whose ends the API took."""
    _handed_over: dict[str, dict[int, float]] = attrs.field(factory=dict)
    """Generations of which a job was made, by cluster, with the time of the first."""
    _began: dict[str, float] = attrs.field(factory=dict)
    """When each process made its first call that took effect, by its name."""
    _late: bool = False
    """Whether the effect looked at came after its caller gave up."""

    def __attrs_post_init__(self) -> None:
        for truth in self.clusters.values():
            self._by_secret_name[truth.cluster_secret.name] = truth
        self._checks = {
            "secret-store.access-latest": self._read_back,
            "secret-store.access-after": self._read_back,
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
            "job-runner.mark-reported": self._marked_as_told,
            "event-source.ack": self._acknowledged,
        }

    def violated(self, what: str) -> None:
        """Note that an invariant does not hold."""
        self.violations.append(what)
        self.chaos.history.add(self.chaos.loop.time(), "oracle", "VIOLATION", what)

    def after(self, actor: Actor, point: str, args: tuple[Any, ...], result: Any) -> None:
        """Look at the effect that a call just had."""
        self._began.setdefault(actor.name, self.chaos.loop.time())
        check = self._checks.get(point.removesuffix(LATE))
        if check is not None:
            self._late = point.endswith(LATE)
            check(actor, args, result)

    def after_all(self) -> None:
        """Look once more at what is somebody else's."""
        self._foreign_untouched()

    # What is there

    def of_job(self, actor: Actor) -> ClusterTruth:
        """The cluster that a job works for, as its name tells."""
        match = _JOB.match(actor.name)
        if match is None:
            raise ValueError(f"{actor.name} is no job")
        return self.clusters[match[1]]

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

    # After each call

    def _read_back(self, actor: Actor, _: tuple[Any, ...], found: Any) -> None:
        if isinstance(found, SecretVersion):
            self.of_job(actor).verified.add(found.payload.reveal())

    def _version_added(self, actor: Actor, args: tuple[Any, ...], version: str) -> None:
        ref, payload = args[0], args[1].reveal()
        truth, stored = self.of_job(actor), self.world.cloud.secret(args[0])
        if stored is not None and not is_ours(stored.labels, truth) and (self._late or actor.lost):
            self._fell_into_anothers(ref)
            return
        self._cloud_written(actor, args, version)
        place = truth.places[ref]
        before = stored.versions[-2] if stored is not None and len(stored.versions) > 1 else None
        generation = _generation_of(actor)
        spec = truth.specs[generation]
        if spec.payload != payload or spec.stored_at(truth.id) != ref:
            self.violated(f"{ref.path}: version {version} does not hold generation {generation}")
            return
        if self._late:
            place.excuses.add(f"version {version} was added after its caller had given up")
        unseen = place.altered_since(self._began[actor.name])
        again = not unseen and before is not None and before.enabled and before.payload.reveal() == payload
        backwards = bool(place.added) and generation < place.added[-1] and not place.altered
        place.unneeded += again or backwards
        if backwards and self._late and not actor.lost and self.replicas_clock_off <= 0:
            self.violated(f"{ref.path}: generation {generation} came on top of {place.added[-1]}'s")
        if place.unneeded > len(place.excuses):
            what = "equals the one before" if again else f"is older than generation {place.added[-1]}'s"
            self.violated(f"{ref.path}: version {version}, of generation {generation}, {what}")
        # What comes when everybody thinks that it can no more cannot be fenced off: the API takes no
        # precondition.
        untimely = backwards and (actor.lost or self.replicas_clock_off > 0)
        place.altered_at = self.chaos.loop.time() if untimely else None
        place.overtaken += backwards
        place.added.append(generation)

    def _fell_into_anothers(self, ref: CloudSecretRef) -> None:
        """A request under way since before the secret became another cluster's; it cannot be fenced off."""
        for truth in self.clusters.values():
            if ref in truth.places:
                truth.places[ref].altered_at = self.chaos.loop.time()
                truth.places[ref].excuses.add("a late request of another cluster of the same name")

    def _cloud_written(self, actor: Actor, args: tuple[Any, ...], _: Any) -> None:
        ref, truth = getattr(args[0], "ref", args[0]), self.of_job(actor)
        truth.places[ref].existed = True
        if ref is not args[0] and is_refused(args[0].labels, truth):
            self.violated(f"{ref.path} is another cluster's and was taken over")
        stored = self.world.cloud.secret(ref)
        if stored is not None and not is_ours(stored.labels, truth):
            self.violated(f"{ref.path} is not the cluster's own and was written")
        self._nothing_after_the_end(truth, ref.path)
        self._foreign_untouched()

    def _cloud_deleted(self, actor: Actor, args: tuple[Any, ...], __: Any) -> None:
        path, truth = args[0].ref.path, self.of_job(actor)
        if not truth.deleted:
            self.violated(f"{path} was deleted though its cluster is not")
        if self.stored_secret is Deletion.RETAIN:
            self.violated(f"{path} was deleted though policy retains it")
        if not is_ours(args[0].labels, truth):
            self.violated(f"{path} is not the cluster's own and was deleted")
        self._foreign_untouched()

    def _cloud_pruned(self, actor: Actor, args: tuple[Any, ...], __: Any) -> None:
        truth = self.of_job(actor)
        stored, place = self.world.cloud.secret(args[0]), truth.places[args[0]]
        published = self.world.control_plane.secrets.get(self._sent_to(actor.name) or truth.cluster_secret)
        version = published.version_from(args[0]) if published else None
        if stored and version and not place.meddled and not stored.versions[int(version) - 1].enabled:
            self.violated(f"{args[0].path}: version {version} was retired though it is in use")
        self._foreign_untouched()

    def _published(self, _: Actor, args: tuple[Any, ...], __: Any) -> None:
        wanted: ClusterSecret = args[-1]
        truth, payload = self._by_secret_name[wanted.ref.name], wanted.payload.reveal()
        self._nothing_after_the_end(truth, wanted.ref.path)
        self._foreign_untouched()
        generation = int(wanted.annotations[GENERATION_ANNOTATION])
        spec = truth.specs.get(generation)
        if payload not in truth.verified:
            self.violated(f"{wanted.ref.path} holds what was never read back from Secret Manager")
        if spec is None or payload != spec.payload:
            self.violated(f"{wanted.ref.path} does not hold generation {generation} as it says")
            return
        place = truth.place_of(generation)
        if not wanted.annotations[SECRET_PATH_ANNOTATION].startswith(f"{place.ref.path}/"):
            self.violated(
                f"{wanted.ref.path} does not say {place.ref.path}, where generation {generation} is"
            )
        if len(args) == 2 and args[0].generation > generation:
            self.violated(f"{wanted.ref.path}: generation {generation} replaced {args[0].generation}")
        truth.cluster_altered.discard(wanted.ref)
        place.published = True

    def _cluster_deleted(self, _: Actor, args: tuple[Any, ...], __: Any) -> None:
        if not self._by_secret_name[args[0].ref.name].deleted:
            self.violated(f"{args[0].ref.path} was deleted though its cluster is not")
        self._foreign_untouched()

    def _submitted(self, actor: Actor, args: tuple[Any, ...], answer: Any) -> None:
        cluster_id = args[0].key.cluster_id
        made = self._handed_over.setdefault(cluster_id.value, {})
        made.setdefault(answer.job.key.generation, self.chaos.loop.time())
        if not isinstance(answer, Submitted):
            return
        if not self._rolled_out(actor, cluster_id.value):
            self.violated(f"{actor.name} made {answer.job.key.name} though {cluster_id} is not rolled out")
        if isinstance(answer.job, ProvisionJob):
            self._where_placement_says(self.clusters[cluster_id.value], answer.job)

    def _where_placement_says(self, truth: ClusterTruth, job: ProvisionJob) -> None:
        namespace = job.target.cluster_secret.namespace
        left_at = truth.namespaces.get(namespace)
        if left_at is None:
            self.violated(f"{job.key.name} was sent to {namespace}, which placement never chose")
        elif namespace != truth.namespace and self.chaos.loop.time() - left_at > _LONG_SINCE:
            self.violated(f"{job.key.name} was sent to {namespace}, which placement left long ago")

    def _rolled_out(self, actor: Actor, cluster_id: str) -> bool:
        # What takes effect late was asked for by an earlier life of the replica.
        return self._late or self.rollouts[actor.name].includes(ClusterId(cluster_id))

    def _status_told(self, actor: Actor, args: tuple[Any, ...], answer: Answer) -> None:
        report: StatusReport = args[0]
        if answer.status != 201:
            return
        key, conditions = report.cluster_id.value, report.conditions
        truth = self.clusters[key]
        self._told[key] = max(self._told.get(key, 0), report.generation)
        if report.job is not None:
            self._told_of.add(report.job.name)
        elif not self._rolled_out(actor, key):
            self.violated(f"{actor.name} told of {key} though it is not rolled out")
        if conditions.finalized is not None and conditions.finalized.status is Status.TRUE:
            self._finalized(truth, conditions.finalized)
        if conditions.available.status is Status.TRUE:
            for problem in self._untrue(truth, report):
                self.violated(
                    f"generation {report.generation} of {key} was told to be available but {problem}"
                )
        if conditions.available.reason is Reason.PRECONDITIONS_NOT_MET:
            made_at = self._handed_over.get(key, {}).get(report.generation)
            if made_at is not None and self.chaos.loop.time() - made_at > _LONG_SINCE:
                self.violated(f"generation {report.generation} of {key} was told to wait though it had a job")

    def _marked_as_told(self, _: Actor, args: tuple[Any, ...], __: Any) -> None:
        """The end of the newest job has to be told before it is taken for told."""
        key: AnyKey = args[0]
        last = newest_jobs(self.world.jobs.of_cluster(key.cluster_id)).get(key.cluster_id)
        if last is None or last.key != key or key.name in self._told_of:
            return
        believed = self.api.status(key.cluster_id.value)
        overtaken = believed is not None and believed.generation > key.generation
        if key.cluster_id.value in self.api.clusters and not overtaken and not says(believed, last):
            self.violated(f"the end of {key.name} was taken for told and was not")

    def _finalized(self, truth: ClusterTruth, condition: Condition) -> None:
        truth.finalized = True
        if not truth.deleted:
            self.violated(f"{truth.id} was told to be finalized though nobody deleted it")
        kept = self.kept.setdefault(truth.id, set())
        for place in self.stored_of(truth):
            if self.stored_secret is Deletion.RETAIN and place.existed:
                kept.add(place.ref.path)
                if not tells_of(condition.message, place.ref.path):
                    self.violated(
                        f"{truth.id} was told to be finalized and not that {place.ref.path} is kept"
                    )
                continue
            self._left_behind(truth, place.ref.path, condition)
        for ref in self.published_of(truth):
            self._left_behind(truth, ref.path, condition)

    def _left_behind(self, truth: ClusterTruth, path: str, condition: Condition) -> None:
        """What was given up has to be told as left, and not before its time."""
        self.kept.setdefault(truth.id, set()).add(path)
        if condition.reason is not Reason.RETAINED or not tells_of(condition.message, path):
            self.violated(f"{truth.id} was told to be finalized but {path} is there")
        age = self.chaos.loop.time() - truth.deleted_at
        if age + self.jobs_clock_off < self.give_up_after:
            self.violated(f"{path} was given up after {age:.0f} s")

    def _untrue(self, truth: ClusterTruth, report: StatusReport) -> Iterator[str]:
        """What contradicts Available=True; what others did since is not held against the service."""
        if max(self._handed_over.get(truth.id, {}), default=0) > report.generation:
            return  # The next generation is being written.
        if self._late and self._gone_on_from(report):
            return  # It was so when it was asked for, and the further attempt tells what is so since.
        payload, place = truth.specs[report.generation].payload, truth.place_of(report.generation)
        stored, told = self.world.cloud.secret(place.ref), report.data.get("version")
        job = f"job {report.job.name}" if report.job else ""
        if not place.altered_since(self._began.get(job, 0.0)):
            place.altered_at = None  # Whoever tells this has seen it since.
        if report.data.get("secretPath") != place.ref.version_path(told or ""):
            yield f"it is told to be at {report.data.get('secretPath')}"
        if not place.altered:
            last = newest(stored)
            if last is None or last[1] != payload:
                yield "Secret Manager's newest version does not hold it"
            elif not names(place, stored, told):
                yield f"version {told} was told and {last[0]} holds it"
        sent_to = self._sent_to(job) or truth.cluster_secret
        if sent_to not in truth.cluster_altered:
            published = self.ours(truth, sent_to)
            if published is None or published.payload is None or published.payload.reveal() != payload:
                yield "the cluster secret does not hold it"
        if sent_to != truth.cluster_secret and truth.ready:
            since = max(truth.namespaces.get(sent_to.namespace, 0.0), truth.unready_until)
            if self.chaos.loop.time() - since > _FOLLOWED_WITHIN:
                yield f"only where placement left it {self.chaos.loop.time() - since:.0f} s ago"

    def _gone_on_from(self, report: StatusReport) -> bool:
        """Whether there is a further attempt of the reported job."""
        known = self.world.jobs.of_cluster(report.cluster_id)
        told = [each.key for each in known if report.job is not None and each.key.name == report.job.name]
        return any(
            each.key.generation == told[0].generation and age_order(each.key) > age_order(told[0])
            for each in known
            if told
        )

    def _sent_to(self, job: str) -> ClusterSecretRef | None:
        """Where the running or remembered job writes the cluster secret."""
        match = _JOB.match(job)
        known = self.world.jobs.of_cluster(ClusterId(match[1])) if match else ()
        for each in known:
            if isinstance(each, ProvisionJob) and job == f"job {each.key.name}":
                return each.target.cluster_secret
        return None

    def _acknowledged(self, actor: Actor, args: tuple[Any, ...], __: Any) -> None:
        cluster_id, generation = self.published_events.get(args[0], ("", 0))
        truth = self.clusters.get(cluster_id)
        if truth is None or truth.deleted or truth.vanished or not truth.ready:
            return
        done = max(self._told.get(cluster_id, 0), *self._handed_over.get(cluster_id, {}), 0)
        if done >= generation or not self._rolled_out(actor, cluster_id):
            return
        unsettled_at = max(truth.unready_until, self.api.lagged_at)
        if self.chaos.loop.time() - unsettled_at > _SETTLING_IN:
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


def _generation_of(job: Actor) -> int:
    """The generation that a job works for, as its name tells."""
    match = _JOB.match(job.name)
    return int(match[2]) if match else 0
