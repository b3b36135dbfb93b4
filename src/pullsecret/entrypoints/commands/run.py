"""``pullsecret run``: provision the clusters of a file in the embedded world."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from pullsecret.domain.cluster import Cluster
from pullsecret.domain.conditions import Status, StatusReport
from pullsecret.domain.facts import EventSkipped
from pullsecret.entrypoints.command_errors import told_in_one_line
from pullsecret.entrypoints.configuration import Configuration, load
from pullsecret.entrypoints.container import embedded_adapter
from pullsecret.entrypoints.embedded import EmbeddedService, NotSettledError
from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.entrypoints.input_files import read_clusters, read_event_lines
from pullsecret.entrypoints.truth import untruths
from pullsecret.infrastructure.hyperfleet.render import render_ddr, render_v1
from pullsecret.infrastructure.hyperfleet.settings import Dialect
from pullsecret.infrastructure.memory.simulated_time import run_simulated
from pullsecret.infrastructure.memory.world import EmbeddedWorld

_TIME_LIMIT = 12 * 3600.0

Clusters = Sequence[tuple[Cluster, Mapping[str, Any]]]


@told_in_one_line
def run(
    *,
    clusters: Path,
    events: Path,
    config: Path | None = None,
    seed: Annotated[int, Parameter(help="The same seed gives the same run.")] = 0,
) -> ExitCode:
    """Provision the clusters of a file in the embedded world, as the events of a file ask for it.

    The production use cases run; broker, API, cloud and control plane are embedded and empty at the start.
    One JSON line for each cluster is written to standard output: its status as the HyperFleet API would be
    told, or why nothing was told. Problems go to standard error.

    Exits 0 if every cluster was provisioned or rightly skipped, 1 if any failed or an event was malformed,
    2 if a file cannot be used.

    For example:

    ```
    pullsecret run --clusters clusters.json --events events.jsonl
    pullsecret run --config adapter.yaml --clusters clusters.json --events events.jsonl
    ```

    Parameters
    ----------
    clusters
        Clusters in the HyperFleet API's JSON: an array, a list with items, or one a line. In dialect v1 the
        adapters' statuses are read from the key statuses of each.
    events
        CloudEvents in structured mode, one a line.
    config
        Configuration file; without one, the design document's.
    """
    configuration = load(config, os.environ)
    read = read_clusters(clusters, configuration.document_paths)
    world = EmbeddedWorld.create(seed)
    settled = run_simulated(_provision(configuration, world, read, read_event_lines(events)))
    problems = list(_problems(world, read))
    if not settled:
        problems.append("the clusters did not come to rest")
    for cluster, _ in read:
        sys.stdout.write(json.dumps(_line(configuration, world, cluster)) + "\n")
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return ExitCode.NOT_AS_IT_SHOULD_BE if problems else ExitCode.OK


async def _provision(
    configuration: Configuration, world: EmbeddedWorld, clusters: Clusters, messages: Sequence[bytes]
) -> bool:
    for cluster, document in clusters:
        world.hyperfleet.put(document)
        if cluster.project is not None:
            world.cloud.project(cluster.project)
        if cluster.namespace is not None:
            world.control_plane.namespaces.add(cluster.namespace)
    for body in messages:
        await world.broker.publish({}, body)
    build = embedded_adapter(configuration, world, world.telemetry)
    async with EmbeddedService(world, build).running() as service:
        try:
            await service.settle(_TIME_LIMIT)
        except NotSettledError:
            return False
    return True


def _line(configuration: Configuration, world: EmbeddedWorld, cluster: Cluster) -> dict[str, Any]:
    report = world.hyperfleet.status(cluster.id.value)
    if report is not None:
        render = render_v1 if configuration.api.dialect is Dialect.V1 else render_ddr
        return {"cluster_id": cluster.id.value, "status": render(report)}
    skips = [fact for fact in world.telemetry.of(EventSkipped) if fact.cluster_id == cluster.id]
    why = skips[-1].detail or skips[-1].reason.value if skips else "no event"
    return {"cluster_id": cluster.id.value, "status": None, "skipped": why}


def _problems(world: EmbeddedWorld, clusters: Clusters) -> Iterator[str]:
    for cluster, _ in clusters:
        report = world.hyperfleet.status(cluster.id.value)
        if report is not None and report.conditions.health.status is not Status.TRUE:
            yield f"{cluster.id}: {_failure(report)}"
        for untruth in untruths(world, cluster, report):
            yield f"{cluster.id}: {untruth}"
    for letter in world.broker.dead_letters:
        yield f"event put aside: {letter.reason}"


def _failure(report: StatusReport) -> str:
    applied = report.conditions.applied
    return f"{applied.reason}: {applied.message}"
