"""How what is stored, and what is told, is compared with what is true."""

from collections.abc import Mapping

from pullsecret.application.report_jobs import end_report
from pullsecret.domain.conditions import StatusReport
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob
from pullsecret.domain.ownership import Decision, decide
from pullsecret.domain.provisioning import Finished
from pullsecret.infrastructure.memory.cloud import StoredSecret
from pullsecret.testing.simulation.truth import ClusterTruth, PlaceTruth


def fingerprint(secret: StoredSecret) -> str:
    """What changes if anybody touches the secret."""
    return f"{secret.etag} {sorted(secret.labels.items())} {[one.enabled for one in secret.versions]}"


def is_ours(labels: Mapping[str, str], truth: ClusterTruth) -> bool:
    """True if the labels name this very cluster."""
    return decide(labels, ClusterId(truth.id)) is Decision.UNCHANGED


def is_refused(labels: Mapping[str, str], truth: ClusterTruth) -> bool:
    """True if the labels name somebody else, or another cluster."""
    return decide(labels, ClusterId(truth.id)) is Decision.REFUSE


def newest(stored: StoredSecret | None) -> tuple[str, bytes] | None:
    """Number and payload of the newest version, if it can be read."""
    if stored is None or not stored.versions or not stored.versions[-1].enabled:
        return None
    return str(len(stored.versions)), stored.versions[-1].payload.reveal()


def names(place: PlaceTruth, stored: StoredSecret | None, version: str | None) -> bool:
    """True if ``version`` is the newest one, or one just like it where a version too many is tolerated."""
    if stored is None or version is None or not 0 < int(version) <= len(stored.versions):
        return False
    named, last = stored.versions[int(version) - 1], stored.versions[-1]
    return named is last or (bool(place.excuses) and named.payload == last.payload)


def tells_of(message: str, path: str) -> bool:
    """True if a condition's message names ``path``, or says that there are more than it can name."""
    return path in message or " more" in message


def says(believed: StatusReport | None, job: AnyJob) -> bool:
    """True if ``believed`` says what the end of ``job`` does, whichever job it was told of."""
    if believed is None or not isinstance(job.state, Finished):
        return False
    ended, said = end_report(job, believed.observed_at).conditions, believed.conditions
    return (ended.applied.message, ended.available.reason) == (said.applied.message, said.available.reason)
