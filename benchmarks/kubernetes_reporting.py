"""How soon the HyperFleet API hears of jobs that end at the same moment (DDR G5: within 5 seconds).

``python -m benchmarks.kubernetes_reporting --jobs 500``

The jobs and their pods are made by hand on a real control plane, with the status that the job controller and
a kubelet would have written, so that they end as fast as the API server takes it. The adapter is a process of
its own with its production wiring. A job's delay runs from the API server's answer to the write that ends it
to the moment at which the HyperFleet API has its status.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.system.world import SystemWorld, system_world

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import ProvisionOrder
from pullsecret.infrastructure.job_process.termination_message import encode_result
from pullsecret.infrastructure.kubernetes import job_manifest, marks
from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH
from pullsecret.infrastructure.kubernetes.job_reading import JOB_UID_LABEL
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.paths import job_path, pod_path
from pullsecret.testing.contracts.job_runner import SUCCESS
from pullsecret.testing.contracts.samples import new_pull_secret, new_target
from pullsecret.testing.kubernetes.binaries import find
from pullsecret.testing.kubernetes.control_plane import ControlPlane

_PATIENCE = 300.0


async def measure(control_plane: ControlPlane, folder: Path, number: int) -> None:
    """Let ``number`` jobs end, and print how long their statuses took."""
    async with system_world(control_plane, folder) as world:
        told: dict[str, float] = {}
        noting = asyncio.create_task(note_reports(world, told, number))
        clusters = [await new_cluster(world) for _ in range(number)]
        jobs = await asyncio.gather(*(unfinished_job(world, each) for each in clusters))
        replica = await world.add_replica(drift=None)
        await asyncio.sleep(5)
        began, used = time.monotonic(), replica.cpu_seconds
        ended = dict(zip(clusters, await asyncio.gather(*(end(world, job) for job in jobs)), strict=True))
        await asyncio.wait_for(noting, _PATIENCE)
        delays = sorted(told[each] - ended[each] for each in clusters)
        p50, p95 = statistics.median(delays), delays[int(len(delays) * 0.95)]
        ending, telling = max(ended.values()) - began, max(told.values()) - began
        print(f"{number} jobs ended within {ending:.1f} s; all told {telling:.1f} s after the first.")
        print(f"delay: p50 {p50:.2f} s, p95 {p95:.2f} s, longest {delays[-1]:.2f} s")
        await asyncio.sleep(5)
        print(f"adapter: {replica.cpu_seconds - used:.1f} CPU s, peak RSS {replica.peak_rss / 1e6:.0f} MB")
        print(f"load average: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


async def note_reports(world: SystemWorld, told: dict[str, float], number: int) -> None:
    """Note when the API first had each cluster's final status, to 10 ms, until it has ``number`` of them."""
    seen = 0
    while len(told) < number:
        accepted = world.hyperfleet.store.accepted
        for cluster_id, report in accepted[seen:]:
            if report.adapter == "pullsecret" and report.status_of("Available") == "True":
                told.setdefault(cluster_id, time.monotonic())
        seen = len(accepted)
        await asyncio.sleep(0.01)


async def new_cluster(world: SystemWorld) -> str:
    """A cluster that the API knows; nothing else is needed to tell its status."""
    target = new_target()
    world.hyperfleet.store.create({}, cluster_id=target.cluster_id.value)
    return target.cluster_id.value


async def unfinished_job(world: SystemWorld, cluster_id: str) -> dict[str, Any]:
    """A released job and its pod, which has just succeeded without the job knowing yet."""
    settings = JobSettings(image="none", namespace=world.system.namespace)
    order = ProvisionOrder(new_target(ClusterId(cluster_id)), new_pull_secret())
    body = job_manifest.job(order, "no-payload", settings)
    body["metadata"]["annotations"].pop(marks.PAYLOAD_UID)
    # The job controller leaves it to us.
    body["spec"]["managedBy"] = "pullsecret.test/benchmark"
    job = (await world.admin.call("create", job_path(settings.namespace), body)).body
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": order.key.name, "uid": job["metadata"]["uid"]}
    template = body["spec"]["template"]
    template["spec"]["volumes"] = []
    template["spec"]["containers"][0]["volumeMounts"] = []
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{order.key.name}-pod",
            "labels": template["metadata"]["labels"] | {JOB_UID_LABEL: job["metadata"]["uid"]},
            "ownerReferences": [owner],
        },
        # On a node of its own, so that no test node takes it.
        "spec": {**template["spec"], "nodeName": "by-hand"},
    }
    await world.admin.call("create", pod_path(settings.namespace), pod)
    state = {"exitCode": 0, "reason": "Completed", "message": encode_result(SUCCESS, "", {})}
    times = {"startedAt": _now(), "finishedAt": _now()}
    container = {"name": job_manifest.CONTAINER, "image": "none", "imageID": "", "ready": False}
    status = {
        "phase": "Succeeded",
        "containerStatuses": [container | {"restartCount": 0, "state": {"terminated": state | times}}],
    }
    path = f"{pod_path(settings.namespace, pod['metadata']['name'])}/status"  # type: ignore[index]
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


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=500)
    number = parser.parse_args().jobs
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        ControlPlane(find(), Path(folder)) as control_plane,
        tempfile.TemporaryDirectory() as scratch,
    ):
        asyncio.run(measure(control_plane, Path(scratch), number))


if __name__ == "__main__":
    main()
