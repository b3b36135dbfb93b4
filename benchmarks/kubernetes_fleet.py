"""A fleet provisioned at once through real Jobs with real processes, then read back and verified.

``python -m benchmarks.kubernetes_fleet --clusters 100``

With ``--forked`` a job's process is forked from one that has imported the program, so that a machine of few
cores has room for more of them: it does all that a job does but load interpreter and modules.

Real: control plane with the job controllers, Jobs, pods run as processes of their own user with read-only
root, the adapter process with its production wiring, TLS to everything. Served fakes: Google Cloud and the
HyperFleet API, in this process. Prints a table in Markdown.
"""

import argparse
import asyncio
import base64
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from benchmarks.results import add_option, write_result
from tests.integration.kubernetes.job_harness import eventually
from tests.system.world import SystemWorld, system_world

from pullsecret.domain.cluster_secret import DOCKER_CONFIG_KEY
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.job_reading import time_of
from pullsecret.testing.kubernetes.binaries import find
from pullsecret.testing.kubernetes.container import Container
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.forked_jobs import ForkedJobs

_PROJECTS = 10
_PATIENCE = 900.0
_PATIENCE_FOR_ONE = 3.0


async def measure(
    control_plane: ControlPlane,
    folder: Path,
    number: int,
    at_once: int,
    forked: ForkedJobs | None,
) -> dict[str, float | int]:
    """Provision ``number`` clusters with ``at_once`` jobs at a time; prints and returns what it took."""
    start = forked.start if forked else Container
    async with system_world(control_plane, folder, start_container=start) as world:
        projects = [f"customer-prod-{10_000 + index}" for index in range(_PROJECTS)]
        owners = [projects[index % _PROJECTS] for index in range(number)]
        made = await asyncio.gather(*(world.new_cluster(project) for project in owners))
        clusters = dict(zip(made, owners, strict=True))
        limits = {"perProject": max(1, at_once // _PROJECTS), "overall": at_once}
        replica = await world.add_replica(limits=limits)
        await asyncio.sleep(5)
        used, used_around = replica.cpu_seconds, control_plane.cpu_seconds()
        began = time.monotonic()
        await world.announce(*clusters)
        await all_told(world, list(clusters))
        wall = time.monotonic() - began
        around = {name: spent - used_around[name] for name, spent in control_plane.cpu_seconds().items()}
        adapter = replica.cpu_seconds - used
        await asyncio.sleep(5)
        await verify(world, clusters)
        durations = await job_seconds(world)
        processes = [(f.ended.finished_at - f.ended.started_at).total_seconds() for f in world.node.findings]
        memory = [finding.ended.peak_rss / 1e6 for finding in world.node.findings]
        rows = {
            "clusters provisioned and verified": f"{number}",
            "jobs at a time": f"{at_once}",
            "wall time, first event to last status": f"{wall:.1f} s",
            "job, from pod to end: p50 / p95": spread(durations, "s"),
            "job's process: p50 / p95": spread(processes, "s"),
            **({} if forked else {"peak RSS of a job: p50 / p95 / largest": largest(memory)}),
            "peak RSS of the adapter": f"{replica.peak_rss / 1e6:.0f} MB",
            "processor time of the adapter": f"{adapter:.1f} s",
            **{f"processor time of {name}": f"{spent:.1f} s" for name, spent in around.items()},
            "temporary Secrets at the end": f"{len(await world.temporary_secrets())}",
            "machine": f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}",
        }
        print("| what | measured |\n| --- | --- |")
        for what, measured in rows.items():
            print(f"| {what} | {measured} |")
        return {
            "clusters": number,
            "jobs_at_a_time": at_once,
            "wall_seconds": wall,
            "job_p50_seconds": statistics.median(durations),
            "job_p95_seconds": sorted(durations)[int(number * 0.95)],
            "process_p50_seconds": statistics.median(processes),
            "process_p95_seconds": sorted(processes)[int(len(processes) * 0.95)],
            **({} if forked else {"job_peak_rss_bytes": int(max(memory) * 1e6)}),
            "adapter_peak_rss_bytes": replica.peak_rss,
            "adapter_cpu_seconds": adapter,
            "control_plane_cpu_seconds": sum(around.values()),
        }


async def all_told(world: SystemWorld, clusters: Sequence[str]) -> None:
    """Wait until the API knows that every secret is available."""

    async def told() -> bool:
        for replica in world.replicas:
            if replica.child is not None and not replica.child.running:
                raise SystemExit(f"the adapter has ended:\n{replica.child.tail()}")
        return all(world.condition(each) == "True" for each in clusters)

    await eventually(told, _PATIENCE + _PATIENCE_FOR_ONE * len(clusters))


async def verify(world: SystemWorld, clusters: dict[str, str]) -> None:
    """Read both stores back and compare them with each spec."""
    for cluster_id, project in clusters.items():
        wanted = json.loads(world.hyperfleet.store.get(cluster_id).spec["pullSecret"]["data"])
        stored = world.stored(cluster_id, project)
        secret = await world.admin.get(world.cluster_secret(cluster_id))
        held = json.loads(base64.b64decode(secret["data"][DOCKER_CONFIG_KEY]))
        if stored is None or json.loads(stored) != wanted or held != wanted:
            raise SystemExit(f"{cluster_id} is not where it should be")
    jobs = await world.jobs()
    unreported = [job for job in jobs if marks.REPORTED_LABEL not in job["metadata"]["labels"]]
    if len(jobs) != len(clusters) or unreported:
        raise SystemExit(f"{len(jobs)} jobs for {len(clusters)} clusters, {len(unreported)} unreported")


async def job_seconds(world: SystemWorld) -> list[float]:
    """Each job's time as Kubernetes has it, in whole seconds."""
    statuses = [job["status"] for job in await world.jobs()]
    return [(time_of(s["completionTime"]) - time_of(s["startTime"])).total_seconds() for s in statuses]


def spread(values: Sequence[float], unit: str) -> str:
    """Median and 95th percentile."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):.1f} / {ordered[int(len(ordered) * 0.95)]:.1f} {unit}"


def largest(memory: Sequence[float]) -> str:
    """Median, 95th percentile and maximum."""
    return f"{spread(memory, 'MB')} / {max(memory):.0f} MB"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=100, help="jobs that may run at the same time")
    parser.add_argument("--forked", action="store_true", help="fork the jobs' processes")
    add_option(parser)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        ControlPlane(find(), Path(folder)) as control_plane,
        tempfile.TemporaryDirectory() as scratch,
        ForkedJobs() if given.forked else nullcontext() as forked,
    ):
        figures = asyncio.run(measure(control_plane, Path(scratch), given.clusters, given.at_once, forked))
    if given.json:
        processes = "forked" if given.forked else "real"
        write_result(given.json, f"A fleet through real Jobs with {processes} processes", figures)


if __name__ == "__main__":
    main()
