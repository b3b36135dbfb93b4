"""Resident memory of one adapter as the number of jobs that it knows grows.

``python -m benchmarks.adapter_memory --jobs 0 1000 10000``

The jobs are made by hand on a real control plane, each with its pod, ended and reported, as an hour of work
leaves them (``times.retention``). The adapter is a process of its own with its production wiring; it starts
when the jobs are there, and is looked at when it has known them all for a while and looked at them several
times.
"""

import argparse
import asyncio
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.kubernetes_reporting import end, new_cluster, unfinished_job
from benchmarks.results import add_option, write_result
from tests.system.world import AdapterProcess, SystemWorld, system_world

from pullsecret.infrastructure.job_process.termination_message import encode_result
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import STRATEGIC_PATCH
from pullsecret.infrastructure.kubernetes.paths import job_path
from pullsecret.testing.contracts.job_runner import SUCCESS
from pullsecret.testing.kubernetes.binaries import find
from pullsecret.testing.kubernetes.control_plane import ControlPlane

_SETTLE = 15.0
_AT_REST = 0.05
"""A replica that takes no larger share of a processor reads nothing any more."""
_AT_ONCE = 200


async def measure(control_plane: ControlPlane, folder: Path, numbers: list[int]) -> list[dict[str, Any]]:
    """For each of ``numbers``, in growing order, a new adapter's memory."""
    async with system_world(control_plane, folder) as world:
        points = []
        for known, number in pairwise([0, *numbers]):
            for start in range(known, number, _AT_ONCE):
                await asyncio.gather(
                    *(reported_job(world) for _ in range(start, min(start + _AT_ONCE, number)))
                )
            replica = await world.add_replica(drift=None)
            await at_rest(replica)
            before = replica.cpu_seconds
            await asyncio.sleep(_SETTLE)
            idle = (replica.cpu_seconds - before) / _SETTLE
            point = {"jobs": number, "rss_bytes": replica.rss, "peak_rss_bytes": replica.peak_rss}
            points.append(point | {"idle_cpu_share": round(idle, 4)})
            replica.kill()
        return points


async def at_rest(replica: AdapterProcess) -> None:
    """Return once the replica has read whatever is there, however busy the machine is."""
    busy = 1.0
    while busy > _AT_REST:
        before = replica.cpu_seconds
        await asyncio.sleep(_SETTLE)
        busy = (replica.cpu_seconds - before) / _SETTLE


async def reported_job(world: SystemWorld) -> None:
    """A job as it is once its end was told."""
    job = await unfinished_job(world, await new_cluster(world))
    await end(world, job)
    done = {
        "metadata": {
            "labels": {marks.ENDED_LABEL: "true", marks.REPORTED_LABEL: "true"},
            "annotations": {marks.CLAIM: "benchmark/0", marks.RESULT: encode_result(SUCCESS, "", {})},
            "$deleteFromPrimitiveList/finalizers": [marks.REPORT_FINALIZER],
        }
    }
    path = job_path(world.system.namespace, job["metadata"]["name"])
    await world.admin.call("patch", path, done, content_type=STRATEGIC_PATCH)


def main() -> None:
    """Run the benchmark; prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[0, 1000, 10_000])
    add_option(parser)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        ControlPlane(find(), Path(folder)) as control_plane,
        tempfile.TemporaryDirectory() as scratch,
    ):
        points = asyncio.run(measure(control_plane, Path(scratch), sorted(given.jobs)))
    print("| known jobs | resident | peak | processor when idle |\n| --- | --- | --- | --- |")
    for point in points:
        rss, peak = point["rss_bytes"] / 1e6, point["peak_rss_bytes"] / 1e6
        print(f"| {point['jobs']} | {rss:.0f} MB | {peak:.0f} MB | {point['idle_cpu_share']:.1%} |")
    if given.json:
        write_result(
            given.json, "Memory of an adapter by the number of jobs that it knows", {"points": points}
        )


if __name__ == "__main__":
    main()
