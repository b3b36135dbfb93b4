"""How soon the HyperFleet API hears of jobs that end at the same moment (DDR G5: within 5 seconds).

``python -m benchmarks.kubernetes_reporting --jobs 500 --replicas 1``

The jobs and their pods are made by hand on a real control plane, with the status that the job controller and
a kubelet would have written, so that they end as fast as the API server takes it. The adapter is a process of
its own with its production wiring. A job's delay runs from the API server's answer to the write that ends it
to the moment at which the HyperFleet API has its status. Control plane, adapter, HyperFleet API and this
program share the machine: what each of them used is told as processor time, which a busy machine distorts
least.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.results import add_option, write_result
from tests.integration.kubernetes.job_harness import eventually
from tests.system.world import AdapterProcess, SystemWorld, system_world

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import ProvisionOrder
from pullsecret.infrastructure.job_process.termination_message import encode_result
from pullsecret.infrastructure.kubernetes import job_manifest, marks
from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH
from pullsecret.infrastructure.kubernetes.job_reading import JOB_UID_LABEL
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.paths import job_path, pod_path
from pullsecret.infrastructure.kubernetes.temporary_secrets import TemporarySecrets
from pullsecret.testing.contracts.job_runner import SUCCESS
from pullsecret.testing.contracts.samples import new_pull_secret, new_target
from pullsecret.testing.hyperfleet.records import Report
from pullsecret.testing.kubernetes.binaries import find
from pullsecret.testing.kubernetes.control_plane import ControlPlane

_PATIENCE = 300.0


async def measure(control_plane: ControlPlane, folder: Path, number: int, replicas: int) -> dict[str, Any]:
    """Let ``number`` jobs end and see how long their statuses take."""
    async with system_world(control_plane, folder) as world:
        told: dict[str, float] = {}
        noting = asyncio.create_task(note_reports(world, told, number))
        clusters = [await new_cluster(world) for _ in range(number)]
        jobs = await asyncio.gather(*(unfinished_job(world, each) for each in clusters))
        adapters = [await world.add_replica(drift=None) for _ in range(replicas)]
        await asyncio.sleep(5)
        began, before = time.monotonic(), cpu_seconds(control_plane, adapters)
        ended = dict(zip(clusters, await asyncio.gather(*(end(world, job) for job in jobs)), strict=True))
        await asyncio.wait_for(noting, _PATIENCE)
        used = {who: at - before[who] for who, at in cpu_seconds(control_plane, adapters).items()}
        await all_marked(world)
        marked = time.monotonic()
        await payloads_gone(world)
        tidied = time.monotonic()
        delays = sorted(told[each] - ended[each] for each in clusters)
        posts = Counter(cluster for cluster, report in world.hyperfleet.store.accepted if is_end(report))
        return {
            "jobs": number,
            "replicas": replicas,
            "ended_within_seconds": max(ended.values()) - began,
            "told_within_seconds": max(told.values()) - began,
            "marked_within_seconds": marked - began,
            "payloads_gone_within_seconds": tidied - began,
            "delay_p50_seconds": statistics.median(delays),
            "delay_p95_seconds": delays[int(len(delays) * 0.95)],
            "delay_longest_seconds": delays[-1],
            "told_more_than_once": sum(times > 1 for times in posts.values()),
            "cpu_seconds_until_told": used,
            "peak_rss_bytes": max(each.peak_rss for each in adapters),
            "delays_seconds": [round(delay, 3) for delay in delays],
        }


def cpu_seconds(control_plane: ControlPlane, adapters: list[AdapterProcess]) -> dict[str, float]:
    """Processor time of everybody who takes part, so far."""
    spent = control_plane.cpu_seconds() | {"adapters": sum(each.cpu_seconds for each in adapters)}
    return spent | {"HyperFleet API and benchmark": time.process_time()}


async def all_marked(world: SystemWorld) -> None:
    """Wait until every job is marked as told."""

    async def marked() -> bool:
        return all(marks.REPORTED_LABEL in job["metadata"]["labels"] for job in await world.jobs())

    await eventually(marked, _PATIENCE)


async def payloads_gone(world: SystemWorld) -> None:
    """Wait until no temporary secret is left."""

    async def gone() -> bool:
        return not await world.temporary_secrets()

    await eventually(gone, _PATIENCE)


def is_end(report: Report) -> bool:
    """Whether this is the status that tells a job's success."""
    return report.adapter == "pullsecret" and report.status_of("Available") == "True"


async def note_reports(world: SystemWorld, told: dict[str, float], number: int) -> None:
    """Note when the API first had each cluster's final status, to 10 ms, until it has ``number`` of them."""
    seen = 0
    while len(told) < number:
        accepted = world.hyperfleet.store.accepted
        for cluster_id, report in accepted[seen:]:
            if is_end(report):
                told.setdefault(cluster_id, time.monotonic())
        seen = len(accepted)
        await asyncio.sleep(0.01)


async def new_cluster(world: SystemWorld) -> str:
    """A cluster that the API knows; nothing else is needed to tell its status."""
    target = new_target()
    world.hyperfleet.store.create({}, cluster_id=target.cluster_id.value)
    return target.cluster_id.value


async def queued_job(world: SystemWorld, cluster_id: str, *, released: bool = False) -> dict[str, Any]:
    """A job as it is once it was handed over, and its temporary secret."""
    settings = JobSettings(image="none", namespace=world.system.namespace)
    order = ProvisionOrder(new_target(ClusterId(cluster_id)), new_pull_secret())
    secrets = TemporarySecrets(world.admin, settings)
    secret = await secrets.take(order)
    assert secret is not None, "a cluster of its own has no temporary secret yet"
    body = job_manifest.job(order, secret.uid, settings)
    # The job controller leaves it to us.
    body["spec"] |= {"managedBy": "pullsecret.test/benchmark", "suspend": not released}
    job = (await world.admin.call("create", job_path(settings.namespace), body)).body
    await secrets.tie(secret, job)
    return job


async def unfinished_job(world: SystemWorld, cluster_id: str) -> dict[str, Any]:
    """A released job, its temporary secret, and its pod, which has just succeeded without the job knowing
    yet."""
    job = await queued_job(world, cluster_id, released=True)
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"]}
    template = job["spec"]["template"]
    template["spec"]["volumes"] = []
    template["spec"]["containers"][0]["volumeMounts"] = []
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-pod",
            "labels": template["metadata"]["labels"] | {JOB_UID_LABEL: job["metadata"]["uid"]},
            "ownerReferences": [owner],
        },
        # On a node of its own, so that no test node takes it.
        "spec": {**template["spec"], "nodeName": "by-hand"},
    }
    await world.admin.call("create", pod_path(namespace), pod)
    state = {"exitCode": 0, "reason": "Completed", "message": encode_result(SUCCESS, "", {})}
    times = {"startedAt": _now(), "finishedAt": _now()}
    container = {"name": job_manifest.CONTAINER, "image": "none", "imageID": "", "ready": False}
    status = {
        "phase": "Succeeded",
        "containerStatuses": [container | {"restartCount": 0, "state": {"terminated": state | times}}],
    }
    path = f"{pod_path(namespace, pod['metadata']['name'])}/status"  # type: ignore[index]
    await world.admin.call("patch", path, {"status": status}, content_type=MERGE_PATCH)
    return job


async def end(world: SystemWorld, job: dict[str, Any]) -> float:
    """Complete the job; returns when the API server had taken it."""
    now = _now()
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": now, "lastProbeTime": now}
        for kind in ("SuccessCriteriaMet", "Complete")
    ]
    status = {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions}
    path = f"{job_path(world.system.namespace, job['metadata']['name'])}/status"
    await world.admin.call("patch", path, {"status": status}, content_type=MERGE_PATCH)
    return time.monotonic()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def show(figures: dict[str, Any]) -> None:
    """Print what was measured."""
    print(
        f"{figures['jobs']} jobs ended within {figures['ended_within_seconds']:.1f} s; all told "
        f"{figures['told_within_seconds']:.1f} s, all marked {figures['marked_within_seconds']:.1f} s, "
        f"all payloads gone {figures['payloads_gone_within_seconds']:.1f} s after the first, "
        f"{figures['told_more_than_once']} of them told more than once."
    )
    p50, p95, longest = (figures[f"delay_{each}_seconds"] for each in ("p50", "p95", "longest"))
    print(f"delay: p50 {p50:.2f} s, p95 {p95:.2f} s, longest {longest:.2f} s")
    used = ", ".join(f"{who} {seconds:.1f}" for who, seconds in figures["cpu_seconds_until_told"].items())
    print(f"processor seconds until all were told: {used}")
    print(f"peak RSS of an adapter: {figures['peak_rss_bytes'] / 1e6:.0f} MB")
    print(f"load average: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--replicas", type=int, default=1, help="adapter processes that share the work")
    add_option(parser)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        ControlPlane(find(), Path(folder)) as control_plane,
        tempfile.TemporaryDirectory() as scratch,
    ):
        figures = asyncio.run(measure(control_plane, Path(scratch), given.jobs, given.replicas))
    show(figures)
    if given.json:
        write_result(given.json, "Delay of the statuses of jobs that end at once", figures)


if __name__ == "__main__":
    main()
