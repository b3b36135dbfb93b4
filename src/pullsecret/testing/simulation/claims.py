"""The invariants of what the service says: handed over, told to the API, acknowledged."""

from collections.abc import Callable, Iterator, Mapping

import attrs

from pullsecret.domain.clean_up import Deletion
from pullsecret.domain.conditions import Condition, Status, StatusReport
from pullsecret.domain.jobs import AnyKey, age_order, newest_jobs
from pullsecret.domain.provisioning import ProvisionJob
from pullsecret.domain.reasons import Reason
from pullsecret.ports.job_runner import Submitted
from pullsecret.testing.simulation.evidence import Effect, Evidence
from pullsecret.testing.simulation.looks import names, newest, says, tells_of
from pullsecret.testing.simulation.truth import ClusterTruth

_SETTLING_IN = 60.0
"""Seconds after a cluster became ready in which an event may still be settled for what was read before."""
_LONG_SINCE = 120.0
"""Seconds after which nobody is still about to tell what was so before."""
_FOLLOWED_WITHIN = 900.0
"""Seconds after which a cluster's secret has to be where placement moved it."""


@attrs.frozen
class ClaimInvariants:
    """Judges what replicas say that they did, and what they say of the clusters."""

    evidence: Evidence
    _told: dict[str, int] = attrs.field(factory=dict, init=False)
    """Newest generation of which anything was told, by cluster."""
    _told_of: set[str] = attrs.field(factory=set, init=False)
    """Names of the jobs whose ends the API took."""
    _handed_over: dict[str, dict[int, float]] = attrs.field(factory=dict, init=False)
    """Generations of which a job was made, by cluster, with the time of the first."""

    def checks(self) -> Mapping[str, Callable[[Effect], None]]:
        """What judges the effect of which call."""
        return {
            "job-runner.submit": self._submitted,
            "status-sink.post": self._status_told,
            "job-runner.mark-reported": self._marked_as_told,
            "event-source.ack": self._acknowledged,
        }

    def _submitted(self, effect: Effect) -> None:
        evidence, job = self.evidence, effect.result.job
        cluster_id = effect.args[0].key.cluster_id
        made = self._handed_over.setdefault(cluster_id.value, {})
        made.setdefault(job.key.generation, evidence.now)
        if not isinstance(effect.result, Submitted):
            return
        if not evidence.rolled_out(effect, cluster_id.value):
            evidence.violated(
                f"{effect.actor.name} made {job.key.name} though {cluster_id} is not rolled out"
            )
        if isinstance(job, ProvisionJob):
            self._where_placement_says(evidence.clusters[cluster_id.value], job)

    def _where_placement_says(self, truth: ClusterTruth, job: ProvisionJob) -> None:
        namespace = job.target.cluster_secret.namespace
        left_at = truth.namespaces.get(namespace)
        sent = f"{job.key.name} was sent to {namespace}, which placement"
        if left_at is None:
            self.evidence.violated(f"{sent} never chose")
        elif namespace != truth.namespace and self.evidence.now - left_at > _LONG_SINCE:
            self.evidence.violated(f"{sent} left long ago")

    def _status_told(self, effect: Effect) -> None:
        report: StatusReport = effect.args[0]
        if effect.result.status != 201:
            return
        evidence, key, conditions = self.evidence, report.cluster_id.value, report.conditions
        truth = evidence.clusters[key]
        self._told[key] = max(self._told.get(key, 0), report.generation)
        if report.job is not None:
            self._told_of.add(report.job.name)
        elif not evidence.rolled_out(effect, key):
            evidence.violated(f"{effect.actor.name} told of {key} though it is not rolled out")
        if conditions.finalized is not None and conditions.finalized.status is Status.TRUE:
            self._finalized(truth, conditions.finalized)
        subject = f"generation {report.generation} of {key}"
        if conditions.available.status is Status.TRUE and not self._is_past(effect, report):
            for problem in self._untrue(truth, report):
                evidence.violated(f"{subject} was told to be available but {problem}")
        if conditions.available.reason is Reason.PRECONDITIONS_NOT_MET:
            made_at = self._handed_over.get(key, {}).get(report.generation)
            if made_at is not None and evidence.now - made_at > _LONG_SINCE:
                evidence.violated(f"{subject} was told to wait though it had a job")

    def _finalized(self, truth: ClusterTruth, condition: Condition) -> None:
        evidence = self.evidence
        truth.finalized = True
        if not truth.deleted:
            evidence.violated(f"{truth.id} was told to be finalized though nobody deleted it")
        kept = evidence.kept.setdefault(truth.id, set())
        for place in evidence.stored_of(truth):
            if evidence.stored_secret is Deletion.RETAIN and place.existed:
                kept.add(place.ref.path)
                if not tells_of(condition.message, place.ref.path):
                    evidence.violated(
                        f"{truth.id} was told to be finalized and not that {place.ref.path} is kept"
                    )
                continue
            self._left_behind(truth, place.ref.path, condition)
        for ref in evidence.published_of(truth):
            self._left_behind(truth, ref.path, condition)

    def _left_behind(self, truth: ClusterTruth, path: str, condition: Condition) -> None:
        """What was given up has to be told as left, and not before its time."""
        evidence = self.evidence
        evidence.kept.setdefault(truth.id, set()).add(path)
        if condition.reason is not Reason.RETAINED or not tells_of(condition.message, path):
            evidence.violated(f"{truth.id} was told to be finalized but {path} is there")
        age = evidence.now - truth.deleted_at
        if age + evidence.jobs_clock_off < evidence.give_up_after:
            evidence.violated(f"{path} was given up after {age:.0f} s")

    def _is_past(self, effect: Effect, report: StatusReport) -> bool:
        """Whether the service need not stand by what it told any more."""
        made = self._handed_over.get(report.cluster_id.value, {})
        if max(made, default=0) > report.generation:
            return True  # The next generation is being written.
        # It was so when it was asked for, and the further attempt tells what is so since.
        return effect.late and self._gone_on_from(report)

    def _gone_on_from(self, report: StatusReport) -> bool:
        """Whether there is a further attempt of the reported job."""
        keys = [job.key for job in self.evidence.world.jobs.of_cluster(report.cluster_id)]
        told = next((key for key in keys if report.job is not None and key.name == report.job.name), None)
        return told is not None and any(
            key.generation == told.generation and age_order(key) > age_order(told) for key in keys
        )

    def _untrue(self, truth: ClusterTruth, report: StatusReport) -> Iterator[str]:
        """What contradicts Available=True; what others did since is not held against the service."""
        evidence, place = self.evidence, truth.place_of(report.generation)
        told, job = report.data.get("version"), f"job {report.job.name}" if report.job else ""
        if not place.altered_since(evidence.began.get(job, 0.0)):
            place.altered_at = None  # Whoever tells this has seen it since.
        if report.data.get("secretPath") != place.ref.version_path(told or ""):
            yield f"it is told to be at {report.data.get('secretPath')}"
        payload, stored = truth.specs[report.generation].payload, evidence.world.cloud.secret(place.ref)
        if not place.altered:
            last = newest(stored)
            if last is None or last[1] != payload:
                yield "Secret Manager's newest version does not hold it"
            elif not names(place, stored, told):
                yield f"version {told} was told and {last[0]} holds it"
        sent_to = evidence.sent_to(job) or truth.cluster_secret
        if sent_to not in truth.cluster_altered:
            published = evidence.ours(truth, sent_to)
            if published is None or published.payload is None or published.payload.reveal() != payload:
                yield "the cluster secret does not hold it"
        if sent_to != truth.cluster_secret and truth.ready:
            since = max(truth.namespaces.get(sent_to.namespace, 0.0), truth.unready_until)
            if evidence.now - since > _FOLLOWED_WITHIN:
                yield f"only where placement left it {evidence.now - since:.0f} s ago"

    def _marked_as_told(self, effect: Effect) -> None:
        """The end of the newest job has to be told before it is taken for told."""
        evidence = self.evidence
        key: AnyKey = effect.args[0]
        last = newest_jobs(evidence.world.jobs.of_cluster(key.cluster_id)).get(key.cluster_id)
        if last is None or last.key != key or key.name in self._told_of:
            return
        believed = evidence.api.status(key.cluster_id.value)
        overtaken = believed is not None and believed.generation > key.generation
        if key.cluster_id.value in evidence.api.clusters and not overtaken and not says(believed, last):
            evidence.violated(f"the end of {key.name} was taken for told and was not")

    def _acknowledged(self, effect: Effect) -> None:
        evidence, event_id = self.evidence, effect.args[0]
        cluster_id, generation = evidence.published_events.get(event_id, ("", 0))
        truth = evidence.clusters.get(cluster_id)
        if truth is None or truth.deleted or truth.vanished or not truth.ready:
            return
        done = max(self._told.get(cluster_id, 0), *self._handed_over.get(cluster_id, {}), 0)
        if done >= generation or not evidence.rolled_out(effect, cluster_id):
            return
        unsettled_at = max(truth.unready_until, evidence.api.lagged_at)
        if evidence.now - unsettled_at > _SETTLING_IN:
            evidence.violated(
                f"event {event_id} of {cluster_id}, generation {generation}, was acknowledged for nothing"
            )
