"""Reads both stores and the API back and compares them with what should be: the demo's proof."""

from collections.abc import Iterable
from itertools import pairwise

from pullsecret.domain.cluster_document import DDR_PATHS, read_cluster
from pullsecret.domain.cluster_secret import DOCKER_CONFIG_TYPE, VERSION_ANNOTATION
from pullsecret.domain.conditions import Status, StatusReport
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.ownership import Decision, decide
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef, ProvisionTarget, provision_target
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.entrypoints.demo.fleet import (
    FOREIGN_PAYLOAD,
    Fails,
    FleetCluster,
    IsSkipped,
    Lands,
)
from pullsecret.infrastructure.memory.world import EmbeddedWorld


def verify(world: EmbeddedWorld, fleet: Iterable[FleetCluster]) -> dict[str, list[str]]:
    """For each cluster that is not as it should be, what is wrong with it."""
    problems = {cluster.id: list(_problems(world, cluster)) for cluster in fleet}
    if left := len(world.jobs.orders):
        problems["(all)"] = [f"{left} temporary payloads are left"]
    return {cluster_id: found for cluster_id, found in problems.items() if found}


def _problems(world: EmbeddedWorld, cluster: FleetCluster) -> Iterable[str]:
    report = world.hyperfleet.status(cluster.id)
    match cluster.expected:
        case Lands():
            yield from _landed(world, cluster, report)
        case Fails(reason):
            yield from _untouched(world, cluster)
            if report is None:
                yield f"nothing was told, but it should have failed with {reason}"
            elif report.conditions.applied.reason is not reason:
                yield f"{report.conditions.applied.reason} was told instead of {reason}"
            elif report.conditions.available.status is Status.TRUE:
                yield "it is told to be available but nothing was stored"
        case IsSkipped():
            yield from _untouched(world, cluster)
            if report is not None:
                yield f"{report.conditions.applied.reason} was told about a cluster to be skipped"


def _landed(world: EmbeddedWorld, cluster: FleetCluster, report: StatusReport | None) -> Iterable[str]:
    read, _ = read_cluster(cluster.newest, DDR_PATHS)
    target, wanted = provision_target(read), read.pull_secret
    stored = world.cloud.secret(target.cloud_secret)
    if stored is None or not stored.versions or stored.versions[-1].payload != wanted:
        yield "the newest version in Secret Manager is not its newest pull secret"
        return
    if decide(stored.labels, target.cluster_id) is not Decision.UNCHANGED:
        yield "the secret's labels do not name it"
    payloads = [version.payload for version in stored.versions]
    if any(one == other for one, other in pairwise(payloads)):
        yield "a version was stored twice"
    if len(payloads) > len(cluster.generations):
        yield f"{len(payloads)} versions were stored for {len(cluster.generations)} generations"
    yield from _published(world, target, wanted, str(len(payloads)))
    yield from _told(report, cluster, str(len(payloads)))


def _published(
    world: EmbeddedWorld, target: ProvisionTarget, wanted: SecretPayload | None, version: str
) -> Iterable[str]:
    published = world.control_plane.secrets.get(target.cluster_secret)
    if published is None:
        yield "there is no cluster secret"
        return
    if published.payload != wanted or published.type != DOCKER_CONFIG_TYPE:
        yield "the cluster secret is not its newest pull secret"
    if decide(published.labels, target.cluster_id) is not Decision.UNCHANGED:
        yield "the cluster secret's labels do not name it"
    if published.annotations.get(VERSION_ANNOTATION) != version:
        yield "the cluster secret names another version"
    if published.generation != target.generation:
        yield "the cluster secret names another generation"


def _told(report: StatusReport | None, cluster: FleetCluster, version: str) -> Iterable[str]:
    if report is None:
        yield "nothing was told about it"
        return
    if report.generation != cluster.newest["generation"]:
        yield f"generation {report.generation} was told last"
    if report.conditions.available.status is not Status.TRUE:
        yield f"{report.conditions.available.reason} was told though it is available"
    if report.data.get("version") != version:
        yield f"version {report.data.get('version')} was told, {version} is stored"


def _untouched(world: EmbeddedWorld, cluster: FleetCluster) -> Iterable[str]:
    read, _ = read_cluster(cluster.newest, DDR_PATHS)
    stored = world.cloud.secret(CloudSecretRef(read.project or "", cloud_secret_name(read.id)))
    if stored and any(version.payload != FOREIGN_PAYLOAD for version in stored.versions):
        yield "a version was stored that should not be"
    ref = ClusterSecretRef(f"clusters-{read.id}", cluster_secret_name(read.id))
    published = world.control_plane.secrets.get(ref)
    if published and published.payload != FOREIGN_PAYLOAD:
        yield "a cluster secret was written that should not be"
