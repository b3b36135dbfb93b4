"""The invariants that can only be judged when all has settled."""

from collections.abc import Iterator

from pullsecret.domain.clean_up import CleanUpJob, Deletion
from pullsecret.domain.cluster_secret import DOCKER_CONFIG_TYPE, VERSION_ANNOTATION
from pullsecret.domain.conditions import Status, StatusReport
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob, newest_jobs
from pullsecret.domain.provisioning import Finished, ProvisionJob
from pullsecret.domain.reasons import Reason
from pullsecret.domain.rollout import Rollout
from pullsecret.testing.simulation.evidence import Evidence
from pullsecret.testing.simulation.looks import names, newest, tells_of
from pullsecret.testing.simulation.truth import CANARY, ClusterTruth


def unsettled(evidence: Evidence, rollout: Rollout, *, tells_waiting: bool) -> Iterator[str]:
    """What is not yet as it has to be in the end."""
    world = evidence.world
    if world.jobs.unfinished():
        yield "a job is not finished"
    if world.jobs.unreported():
        yield "a job's end is not told"
    if world.jobs.orders:
        yield "a temporary payload is left"
    for truth in evidence.clusters.values():
        if not truth.specs:
            continue
        included = rollout.includes(ClusterId(truth.id))
        about = _of_cluster(evidence, truth, tells_waiting) if included else _left_alone(evidence, truth)
        for problem in about:
            yield f"{truth.id}: {problem}"


def _left_alone(evidence: Evidence, truth: ClusterTruth) -> Iterator[str]:
    if evidence.world.jobs.of_cluster(ClusterId(truth.id)) or evidence.world.hyperfleet.status(truth.id):
        yield "it is not rolled out and something was done about it"


def _of_cluster(evidence: Evidence, truth: ClusterTruth, tells_waiting: bool) -> Iterator[str]:
    last = newest_jobs(evidence.world.jobs.of_cluster(ClusterId(truth.id))).get(ClusterId(truth.id))
    if truth.vanished:
        if isinstance(last, CleanUpJob) and isinstance(last.state, Finished) and last.state.result.failure:
            yield "its clean-up was begun before the API forgot it, and is not done"
        return
    if truth.deleted:
        yield from _not_gone(evidence, truth)
        return
    report = evidence.world.hyperfleet.status(truth.id)
    if not truth.ready:
        if tells_waiting and (report is None or report.generation != truth.generation):
            yield f"it waits and generation {truth.generation} is not told of"
        return
    if report is None or report.generation != truth.generation:
        yield f"generation {truth.generation} is not told of"
    elif not truth.spec.usable:
        if report.conditions.applied.reason is not Reason.INVALID_PULL_SECRET:
            yield f"{report.conditions.applied.reason} is told of an unusable pull secret"
    elif (refusal := evidence.refusal(truth)) is not None:
        # Nobody watches the stored secret: only the next job sees that somebody else has it now.
        landed = report.conditions.available.status is Status.TRUE and truth.place.altered
        if report.conditions.available.reason is not refusal and not landed:
            yield f"{report.conditions.available.reason} is told instead of {refusal}"
    else:
        yield from _not_landed(evidence, truth, report)
        yield from _not_followed(truth, last)


def _not_followed(truth: ClusterTruth, last: AnyJob | None) -> Iterator[str]:
    if isinstance(last, ProvisionJob) and last.target.cluster_secret != truth.cluster_secret:
        yield f"{last.key.name} was sent to {last.target.cluster_secret.path}"
    if last is not None and last.retry_asked:
        yield f"another attempt after {last.key.name} was asked for and not made"


def _not_gone(evidence: Evidence, truth: ClusterTruth) -> Iterator[str]:
    if truth.id in evidence.world.hyperfleet.clusters:
        yield "it is deleted and not finalized"
    kept = evidence.kept.get(truth.id, set())
    there = {place.ref.path for place in evidence.stored_of(truth)}
    there.update(ref.path for ref in evidence.published_of(truth))
    for path in sorted(there - kept):
        yield f"it is deleted and {path} is left, which nobody was told"
    if evidence.stored_secret is Deletion.RETAIN:
        for place in truth.places.values():
            stored = evidence.world.cloud.secret(place.ref)
            if place.ref.path in kept and stored is None and not place.meddled:
                yield f"{place.ref.path} was to be kept"


def _not_landed(evidence: Evidence, truth: ClusterTruth, report: StatusReport) -> Iterator[str]:
    place = truth.place
    stored = evidence.world.cloud.secret(place.ref)
    last = newest(stored)
    if not place.altered and (last is None or last[1] != truth.payload):
        yield "Secret Manager does not hold its newest pull secret"
    if report.conditions.available.status is not Status.TRUE:
        yield f"it is told to be not available: {report.conditions.available.message}"
    published = evidence.ours(truth)
    if published is None or published.payload is None or published.payload.reveal() != truth.payload:
        yield "the cluster secret does not hold its newest pull secret"
    elif published.generation != truth.generation or published.type != DOCKER_CONFIG_TYPE:
        yield f"the cluster secret says generation {published.generation}"
    elif not place.altered and not names(place, stored, version := published.annotations[VERSION_ANNOTATION]):
        yield f"the cluster secret says version {version}"
    for earlier in evidence.stored_of(truth):
        known = earlier is not place and earlier.published and not truth.forgotten
        if known and not tells_of(report.conditions.applied.message, earlier.ref.path):
            yield f"it moved and nobody is told that {earlier.ref.path} is still there"


def judge(evidence: Evidence, thorough: bool) -> None:
    """Look at what remains to be seen at the end. ``thorough`` reads every word that was said."""
    world = evidence.world
    evidence.foreign_untouched()
    if (put_aside := len(world.broker.dead_letters)) != evidence.malformed:
        evidence.violated(f"{put_aside} messages were put aside and {evidence.malformed} were malformed")
    for job in world.jobs.all():
        if job.key.cluster_id.value not in evidence.clusters:
            evidence.violated(f"{job.key.name} is of a cluster that there never was")
    for truth in evidence.clusters.values():
        for place in truth.places.values():
            needed = len(place.wanted) + place.meddled + len(place.excuses) + place.overtaken
            if len(place.added) > needed:
                what = f"{len(place.added)} versions for {len(place.wanted)} pull secrets"
                evidence.violated(f"{place.ref.path}: {what}")
    if any(CANARY in text for text in _said(evidence, thorough)):
        evidence.violated("a payload was said outside of the two stores")


def _said(evidence: Evidence, thorough: bool) -> Iterator[str]:
    world = evidence.world
    for report in world.hyperfleet.told:
        conditions = report.conditions
        yield f"{conditions.applied.message} {conditions.available.message} {conditions.health.message}"
        yield str(report.data)
    if thorough:
        yield from map(repr, world.telemetry.facts)
        yield from map(repr, world.jobs.all())
        yield from map(repr, world.jobs.orders.values())
        yield from evidence.chaos.history.lines()
