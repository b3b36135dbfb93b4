"""What a kube-apiserver allows a client that does nothing else: ``python -m benchmarks.apiserver_limit``.

A bare HTTP client on one core creates pairs of a Secret and a suspended Job, 50 at a time; API server, etcd
and controllers have the other cores. The adapter's hand-over (benchmarks/brokers.py, ``--outside served``)
makes such a pair too and ties the two, beside reading the HyperFleet API. Then one Job is looked for by a
label among all of them: as it is now, and as the server remembers it.
"""

import argparse
import asyncio
import os
import ssl
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import yaml
from benchmarks.results import add_option, write_result

from pullsecret.testing.kubernetes.binaries import find
from pullsecret.testing.kubernetes.control_plane import ControlPlane

_AT_ONCE = 50
_SECRETS = "/api/v1/namespaces/default/secrets"
_JOBS = "/apis/batch/v1/namespaces/default/jobs"
_LOOKS = 20


def client(control_plane: ControlPlane) -> httpx.AsyncClient:
    """With the administrator's certificate."""
    user = yaml.safe_load(control_plane.kubeconfig.read_text())["users"][0]["user"]
    trust = ssl.create_default_context(cafile=str(control_plane.ca))
    trust.load_cert_chain(user["client-certificate"], user["client-key"])
    limits = httpx.Limits(max_connections=_AT_ONCE)
    return httpx.AsyncClient(verify=trust, base_url=control_plane.url, timeout=60, limits=limits)


async def create_pair(api: httpx.AsyncClient, number: int) -> None:
    """One Secret and one Job."""
    secret = {"metadata": {"name": f"pair-{number}"}, "stringData": {"data": "x" * 500}}
    pod = {"restartPolicy": "Never", "containers": [{"name": "job", "image": "job"}]}
    metadata = {"name": f"pair-{number}", "labels": {"number": str(number)}}
    job = {"metadata": metadata, "spec": {"suspend": True, "template": {"spec": pod}}}
    for path, body in ((_SECRETS, secret), (_JOBS, job)):
        (await api.post(path, json=body)).raise_for_status()


async def seconds_for_a_look(api: httpx.AsyncClient, **query: str) -> float:
    """The median of finding the first Job by its label, one look after the other."""
    taken = []
    for _ in range(_LOOKS):
        began = time.perf_counter()
        answer = await api.get(_JOBS, params={"labelSelector": "number=0", **query})
        taken.append(time.perf_counter() - began)
        assert len(answer.raise_for_status().json()["items"]) == 1
    return round(statistics.median(taken), 4)


async def measure(control_plane: ControlPlane, pairs: int) -> dict[str, Any]:
    """Create ``pairs``."""
    numbers = iter(range(pairs))

    async def worker(api: httpx.AsyncClient) -> None:
        for number in numbers:
            await create_pair(api, number)

    async with client(control_plane) as api:
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(worker(api) for _ in range(_AT_ONCE)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        now, remembered = await seconds_for_a_look(api), await seconds_for_a_look(api, resourceVersion="0")
    return {
        "pairs": pairs,
        "pairs_per_second": round(pairs / wall, 1),
        "client_core_used_ratio": round(cpu / wall, 2),
        "look_as_it_is_now_seconds": now,
        "look_as_remembered_seconds": remembered,
    }


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pairs", type=int, default=600)
    add_option(arguments)
    given = arguments.parse_args()
    cores = os.sched_getaffinity(0)
    ours = max(cores)
    os.sched_setaffinity(0, cores - {ours} or cores)  # of the processes that are started
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        ControlPlane(find(), Path(folder)) as control_plane,
    ):
        os.sched_setaffinity(0, {ours})
        figures = asyncio.run(measure(control_plane, given.pairs))
    print(figures)
    if given.json:
        write_result(given.json, "What the API server allows", figures)


if __name__ == "__main__":
    main()
