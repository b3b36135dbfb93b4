"""Resident memory of one adapter as the number of jobs that it knows grows.

``python -m benchmarks.adapter_memory --jobs 0 1000 10000``

One job is made on a real control plane, with its pod, ended and reported, as an hour of work leaves
thousands (``times.retention``); with ``--waiting`` one that waits to be released, with its temporary secret,
as thousands of clusters that change at once leave them. The others are copies: what the API server stored of
it, put into etcd under other names and ids. The adapter is a process of its own with its production wiring;
it starts when the jobs are there, and is looked at when it has read them all and then looked at them several
times.
"""

import argparse
import asyncio
import base64
import json
import sys
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import httpx
from benchmarks.kubernetes_reporting import end, new_cluster, queued_job, unfinished_job
from benchmarks.results import add_option, write_result
from tests.integration.kubernetes.job_harness import eventually
from tests.system.world import SystemWorld, system_world

from pullsecret.infrastructure.job_process.termination_message import encode_result
from pullsecret.infrastructure.kubernetes import marks, rbac
from pullsecret.infrastructure.kubernetes.api import STRATEGIC_PATCH, Object
from pullsecret.infrastructure.kubernetes.paths import job_path, pod_path
from pullsecret.testing.contracts.job_runner import SUCCESS
from pullsecret.testing.kubernetes.binaries import find
from pullsecret.testing.kubernetes.control_plane import ControlPlane

_SETTLE = 15.0
_PATIENCE = 600.0
_IN_ONE_WRITE = 60
"""A job and its pod or its secret each; etcd takes 128 writes at once."""


async def measure(
    control_plane: ControlPlane,
    folder: Path,
    numbers: list[int],
    make: "Callable[[SystemWorld], Awaitable[Sample]]",
) -> list[dict[str, Any]]:
    """For each of ``numbers``, in growing order, a new adapter's memory with so many jobs of ``make``."""
    async with system_world(control_plane, folder) as world:
        points = []
        sample: Sample | None = None
        for known, number in pairwise([0, *numbers]):
            if number:
                sample = sample or await make(world)
                # The sample is the first of them.
                for start in range(max(known, 1), number, _IN_ONE_WRITE):
                    await sample.copy(range(start, min(start + _IN_ONE_WRITE, number)))
            point = await memory_of_adapter(world, number)
            points.append(point)
            print(json.dumps(point), file=sys.stderr)
        return points


async def memory_of_adapter(world: SystemWorld, number: int) -> dict[str, Any]:
    """A new adapter's, once it has read all of the ``number`` jobs."""
    jobs = job_path(world.system.namespace)
    some = await world.admin.call("list", jobs, query={"limit": "1"}, metadata_only=True)
    there = len(some.body["items"] or []) + some.body["metadata"].get("remainingItemCount", 0)
    if there != number:
        raise SystemExit(f"The API server has {there} jobs in place of {number}.")
    log = world.system.control_plane.audit_log
    position = log.stat().st_size
    # What waits goes on waiting.
    replica = await world.add_replica(drift=None, limits={"perProject": 1, "overall": 1})

    async def has_read() -> bool:
        """It watches what it has read, and only then."""
        with log.open() as lines:
            lines.seek(position)
            return {"jobs", "pods"} <= {watched(line) for line in lines if line.endswith("\n")}

    await eventually(has_read, _PATIENCE)
    await asyncio.sleep(_SETTLE)
    before = replica.cpu_seconds
    await asyncio.sleep(_SETTLE)
    idle = (replica.cpu_seconds - before) / _SETTLE
    point = {"jobs": number, "rss_bytes": replica.rss, "peak_rss_bytes": replica.peak_rss}
    replica.kill()
    return point | {"idle_cpu_share": round(idle, 4)}


def watched(line: str) -> str | None:
    """What the request of an audit log's line watches, if it is an adapter's watch."""
    event = json.loads(line)
    adapter = event["user"]["username"].endswith(f":{rbac.ADAPTER}")
    return event["objectRef"]["resource"] if adapter and event["verb"] == "watch" else None


@attrs.frozen
class Sample:
    """A job and what belongs to it as the API server stored them in etcd."""

    etcd: str
    """Its URL."""
    values: Mapping[bytes, bytes]
    """By key."""
    cluster_id: bytes
    uids: Sequence[bytes]

    @classmethod
    async def of(cls, world: SystemWorld, cluster_id: str, objects: Mapping[str, Object]) -> "Sample":
        """``objects`` by kind, in Kubernetes' plural."""
        etcd = world.system.control_plane.etcd_url
        values = {}
        for kind, item in objects.items():
            key = f"/registry/{kind}/{world.system.namespace}/{item['metadata']['name']}".encode()
            answer = await ask(etcd, "range", {"key": _base64(key)})
            values[key] = base64.b64decode(answer["kvs"][0]["value"])
        uids = [item["metadata"]["uid"].encode() for item in objects.values()]
        return cls(etcd, values, cluster_id.encode(), uids)

    async def copy(self, numbers: Iterable[int]) -> None:
        """Store it once more for each of ``numbers``. Names and ids change, but not in length: what is stored
        is binary and says how long each of them is."""
        puts = []
        for number in numbers:
            others = {uid: str(uuid.uuid4()).encode() for uid in self.uids}
            others[self.cluster_id] = b"%0*d" % (len(self.cluster_id), number)
            for key, value in self.values.items():
                put = {"key": _base64(_replaced(key, others)), "value": _base64(_replaced(value, others))}
                puts.append({"requestPut": put})
        await ask(self.etcd, "txn", {"success": puts})


async def ask(etcd: str, call: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """One call of etcd's key-value API, by its JSON gateway."""
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(f"{etcd}/v3/kv/{call}", json=body)
    return answer.raise_for_status().json()  # type: ignore[no-any-return]


def _replaced(text: bytes, others: Mapping[bytes, bytes]) -> bytes:
    for found, other in others.items():
        text = text.replace(found, other)
    return text


def _base64(text: bytes) -> str:
    return base64.b64encode(text).decode()


async def reported_job(world: SystemWorld) -> Sample:
    """A job as it is once its end was told, and its pod."""
    namespace = world.system.namespace
    cluster_id = await new_cluster(world)
    job = await unfinished_job(world, cluster_id)
    await end(world, job)
    done = {
        "metadata": {
            "labels": {marks.ENDED_LABEL: "true", marks.REPORTED_LABEL: "true"},
            "annotations": {marks.CLAIM: "benchmark/0", marks.RESULT: encode_result(SUCCESS, "", {})},
            "$deleteFromPrimitiveList/finalizers": [marks.REPORT_FINALIZER],
        }
    }
    path = job_path(namespace, job["metadata"]["name"])
    await world.admin.call("patch", path, done, content_type=STRATEGIC_PATCH)
    (pod,), _ = await world.admin.list(pod_path(namespace))
    return await Sample.of(world, cluster_id, {"jobs": job, "pods": pod})


async def waiting_job(world: SystemWorld) -> Sample:
    """A job that was handed over and not released yet, and its temporary secret."""
    cluster_id = await new_cluster(world)
    job = await queued_job(world, cluster_id)
    (secret,) = await world.temporary_secrets()
    return await Sample.of(world, cluster_id, {"jobs": job, "secrets": secret})


def main() -> None:
    """Run the benchmark; prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[0, 1000, 10_000])
    parser.add_argument("--waiting", action="store_true", help="jobs that wait, in place of reported ones")
    add_option(parser)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        ControlPlane(find(), Path(folder)) as control_plane,
        tempfile.TemporaryDirectory() as scratch,
    ):
        make = waiting_job if given.waiting else reported_job
        points = asyncio.run(measure(control_plane, Path(scratch), sorted(given.jobs), make))
    print("| known jobs | resident | peak | processor when idle |\n| --- | --- | --- | --- |")
    for point in points:
        rss, peak = point["rss_bytes"] / 1e6, point["peak_rss_bytes"] / 1e6
        print(f"| {point['jobs']} | {rss:.0f} MB | {peak:.0f} MB | {point['idle_cpu_share']:.1%} |")
    if given.json:
        which = "waiting jobs" if given.waiting else "jobs"
        name = f"Memory of an adapter by the number of {which} that it knows"
        write_result(given.json, name, {"points": points})


if __name__ == "__main__":
    main()
