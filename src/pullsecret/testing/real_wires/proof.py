"""Reads everything back and compares it with what should be."""

from collections.abc import Iterator

from pullsecret.domain.cluster_document import DDR_PATHS, read_cluster
from pullsecret.domain.provisioning import provision_target
from pullsecret.domain.reasons import Reason
from pullsecret.entrypoints.demo.fleet import FOREIGN_PAYLOAD, Fails, FleetCluster, IsSkipped, Lands
from pullsecret.testing.hyperfleet.records import Report
from pullsecret.testing.real_wires.surroundings import Surroundings


def problems(around: Surroundings, cluster: FleetCluster) -> Iterator[str]:
    """What is wrong with the cluster; nothing is the proof."""
    told = around.hyperfleet.store.get(cluster.id).reports.get("pullsecret")
    match cluster.expected:
        case Lands():
            yield from _landed(around, cluster, told)
        case Fails(reason):
            yield from _untouched(around, cluster)
            if told is None or told.status_of("Available") != "False":
                yield f"it should have failed with {reason}"
            # Google does not tell a stranger whether a project exists.
            elif reason is not Reason.PROJECT_NOT_FOUND and str(reason) != reason_of(told):
                yield f"{reason_of(told)} was told instead of {reason}"
        case IsSkipped():
            yield from _untouched(around, cluster)
            if told is not None:
                yield f"{reason_of(told)} was told about a cluster to be skipped"


def reason_of(report: Report) -> str:
    """The reason that Applied was told with."""
    condition = report.condition("Applied")
    return condition.reason if condition else ""


def _landed(around: Surroundings, cluster: FleetCluster, told: Report | None) -> Iterator[str]:
    read, _ = read_cluster(cluster.newest, DDR_PATHS)
    target, wanted = provision_target(read), read.pull_secret
    assert wanted is not None
    stored = around.payloads(target.cloud_secret)
    if not stored or stored[-1] != wanted.reveal():
        yield "the newest version in Secret Manager is not its newest pull secret"
    published = around.world.control_plane.secrets.get(target.cluster_secret)
    if published is None or published.payload != wanted:
        yield "the cluster secret is not its newest pull secret"
    if told is None or told.observed_generation != cluster.newest["generation"]:
        yield "its newest generation was not told"
    elif told.status_of("Available") != "True":
        yield f"{reason_of(told)} was told though it should be available"


def _untouched(around: Surroundings, cluster: FleetCluster) -> Iterator[str]:
    read, _ = read_cluster(cluster.newest, DDR_PATHS)
    if read.project is None or read.namespace is None:
        return
    target = provision_target(read)
    # A secret without a version may be there: it was made before the permission turned out to be missing.
    if any(payload != FOREIGN_PAYLOAD.reveal() for payload in around.payloads(target.cloud_secret)):
        yield "a version was stored that should not be"
    published = around.world.control_plane.secrets.get(target.cluster_secret)
    if published is not None and published.payload != FOREIGN_PAYLOAD:
        yield "a cluster secret was written that should not be"
