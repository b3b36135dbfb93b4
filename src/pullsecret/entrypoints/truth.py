"""Compares what was told about a cluster with what the stores hold."""

from collections.abc import Iterator

from pullsecret.domain.cluster import Cluster
from pullsecret.domain.conditions import Status, StatusReport
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.provisioning import provision_target
from pullsecret.infrastructure.memory.world import EmbeddedWorld


def untruths(world: EmbeddedWorld, cluster: Cluster, report: StatusReport | None) -> Iterator[str]:
    """What the last status says that is not so; nothing if it tells the truth."""
    if report is None or report.conditions.available.status is not Status.TRUE:
        return
    try:
        target = provision_target(cluster)
    except PermanentError as error:
        yield f"it is told to be available, but {error.cause}"
        return
    stored = world.cloud.secret(target.cloud_secret)
    newest = stored.versions[-1].payload if stored and stored.versions else None
    published = world.control_plane.secrets.get(target.cluster_secret)
    if newest is None or newest != cluster.pull_secret:
        yield "it is told to be available, but the newest stored version is not its pull secret"
    if published is None or published.payload != newest:
        yield "it is told to be available, but the cluster secret is not the newest stored version"
    if stored and report.data.get("version") != str(len(stored.versions)):
        yield "the told version is not the newest"
