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
from pullsecret.testing.simulation.looks import names, newest, tells_of
from pullsecret.testing.simulation.oracle import Oracle
from pullsecret.testing.simulation.truth import CANARY, ClusterTruth


def unsettled(oracle: Oracle, rollout: Rollout, *, tells_waiting: bool) -> Iterator[str]:
    """What is not yet as it has to be in the end."""
    world = oracle.world
    if world.jobs.unfinished():
        yield "a job is not finished"
    if world.jobs.unreported():
        yield "a job's end is not told"
    if world.jobs.orders:
        yield "a temporary payload is left"
    for truth in oracle.clusters.values():
        if not truth.specs:
            continue
        included = rollout.includes(ClusterId(truth.id))
        about = _of_cluster(oracle, truth, tells_waiting) if included else _left_alone(oracle, truth)
        for problem in about:
            yield f"{truth.id}: {problem}"


def _left_alone(oracle: Oracle, truth: ClusterTruth) -> Iterator[str]:
    if oracle.world.jobs.of_cluster(ClusterId(truth.id)) or oracle.world.hyperfleet.status(truth.id):
        yield "it is not rolled out and something was done about it"


def _of_cluster(oracle: Oracle, truth: ClusterTruth, tells_waiting: bool) -> Iterator[str]:
    last = newest_jobs(oracle.world.jobs.of_cluster(ClusterId(truth.id))).get(ClusterId(truth.id))
    if truth.vanished:
        if isinstance(last, CleanUpJob) and isinstance(last.state, Finished) and last.state.result.failure:
            yield "its clean-up was begun before the API forgot it, and is not done"
        return
    if truth.deleted:
        yield from _not_gone(oracle, truth)
        return
    report = oracle.world.hyperfleet.status(truth.id)
    if not truth.ready:
        if tells_waiting and (report is None or report.generation != truth.generation):
            yield f"it waits and generation {truth.generation} is not told of"
        return
    if report is None or report.generation != truth.generation:
        yield f"generation {truth.generation} is not told of"
    elif not truth.spec.usable:
        if report.conditions.applied.reason is not Reason.INVALID_PULL_SECRET:
            yield f"{report.conditions.applied.reason} is told of an unusable pull secret"
    elif (refusal := oracle.refusal(truth)) is not None:
        # Nobody watches the stored secret: only the next job sees that somebody else has it now.
        landed = report.conditions.available.status is Status.TRUE and truth.place.altered
        if report.conditions.available.reason is not refusal and not landed:
            yield f"{report.conditions.available.reason} is told instead of {refusal}"
    else:
        yield from _not_landed(oracle, truth, report)
        yield from _not_followed(truth, last)


def _not_followed(truth: ClusterTruth, last: AnyJob | None) -> Iterator[str]:
    if isinstance(last, ProvisionJob) and last.target.cluster_secret != truth.cluster_secret:
        yield f"{last.key.name} was sent to {last.target.cluster_secret.path}"
    if last is not None and last.retry_asked:
        yield f"another attempt after {last.key.name} was asked for and not made"


def _not_gone(oracle: Oracle, truth: ClusterTruth) -> Iterator[str]:
    if truth.id in oracle.world.hyperfleet.clusters:
        yield "it is deleted and not finalized"
    kept = oracle.kept.get(truth.id, set())
    there = {place.ref.path for place in oracle.stored_of(truth)}
    there.update(ref.path for ref in oracle.published_of(truth))
    for path in sorted(there - kept):
        yield f"it is deleted and {path} is left, which nobody was told"
    if oracle.stored_secret is Deletion.RETAIN:
        for place in truth.places.values():
            stored = oracle.world.cloud.secret(place.ref)
            if place.ref.path in kept and stored is None and not place.meddled:
                yield f"{place.ref.path} was to be kept"


def _not_landed(oracle: Oracle, truth: ClusterTruth, report: StatusReport) -> Iterator[str]:
    place = truth.place
    stored = oracle.world.cloud.secret(place.ref)
    last = newest(stored)
    if not place.altered and (last is None or last[1] != truth.payload):
        yield "Secret Manager does not hold its newest pull secret"
    if report.conditions.available.status is not Status.TRUE:
        yield f"it is told to be not available: {report.conditions.available.message}"
    published = oracle.ours(truth)
    if published is None or published.payload is None or published.payload.reveal() != truth.payload:
        yield "the cluster secret does not hold its newest pull secret"
    elif published.generation != truth.generation or published.type != DOCKER_CONFIG_TYPE:
        yield f"the cluster secret says generation {published.generation}"
    elif not place.altered and not names(place, stored, version := published.annotations[VERSION_ANNOTATION]):
        yield f"the cluster secret says version {version}"
    for earlier in oracle.stored_of(truth):
        known = earlier is not place and earlier.published and not truth.forgotten
        if known and not tells_of(report.conditions.applied.message, earlier.ref.path):
            yield f"it moved and nobody is told that {earlier.ref.path} is still there"


def judge(oracle: Oracle, thorough: bool) -> None:
    """Look at what remains to be seen at the end. ``thorough`` reads every word that was said."""
    world = oracle.world
    oracle.after_all()
    if len(world.broker.dead_letters) != oracle.malformed:
        oracle.violated(
            f"{len(world.broker.dead_letters)} messages were put aside and {oracle.malformed} were malformed"
        )
    for job in world.jobs.all():
        if job.key.cluster_id.value not in oracle.clusters:
            oracle.violated(f"{job.key.name} is of a cluster that there never was")
    for truth in oracle.clusters.values():
        for place in truth.places.values():
            needed = len(place.wanted) + place.meddled + len(place.excuses) + place.overtaken
            if len(place.added) > needed:
                what = f"{len(place.added)} versions for {len(place.wanted)} pull secrets"
                oracle.violated(f"{place.ref.path}: {what}")
    if any(CANARY in text for text in _said(oracle, thorough)):
        oracle.violated("a payload was said outside of the two stores")


def _said(oracle: Oracle, thorough: bool) -> Iterator[str]:
    world = oracle.world
    for report in world.hyperfleet.told:
        conditions = report.conditions
        yield f"{conditions.applied.message} {conditions.available.message} {conditions.health.message}"
        yield str(report.data)
    if thorough:
        yield from map(repr, world.telemetry.facts)
        yield from map(repr, world.jobs.all())
        yield from map(repr, world.jobs.orders.values())
        yield from oracle.chaos.history.lines()
