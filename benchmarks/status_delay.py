"""How long after its end a job's status is with the HyperFleet API, when many jobs end at once.

``python -m benchmarks.status_delay``

The whole adapter runs, on embedded jobs, and tells a served fake in a process of its own over HTTPS. The
delay is from a job's end to the API's answer that it took the status (DDR G5 wants less than 5 seconds).
``cpu`` is the adapter's processor time for all of them, in seconds: what a busy machine does not distort.
"""

import argparse
import asyncio
import json
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import httpx
import trustme
from benchmarks.results import add_option, write_result

from pullsecret.domain.facts import StatusTold
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    Finished,
    ProvisionJob,
    ProvisionKey,
    ProvisionResult,
    ProvisionTarget,
    Running,
)
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import Replica, open_adapter
from pullsecret.infrastructure.hyperfleet.settings import Dialect, HyperFleetSettings
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.system_clock import SystemClock

LIMIT = 120.0
RESULT = ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1")


@asynccontextmanager
async def served(dialect: Dialect, folder: Path) -> AsyncIterator[tuple[str, Path]]:
    """A fake API in a process of its own: its URL and its authority's certificate."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    leaf = authority.issue_cert("127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    leaf.private_key_pem.write_to_path(str(folder / "server.key"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pullsecret.entrypoints.program", "fake-hyperfleet", "--port", "0"),
        *("--dialect", dialect.value, "--no-dependencies"),
        *("--certificate", str(folder / "server.pem"), "--key", str(folder / "server.key")),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip(), folder / "ca.pem"
    finally:
        process.terminate()
        await process.wait()


async def create_clusters(url: str, ca: Path, count: int) -> list[str]:
    """As many clusters in the API."""
    context = ssl.create_default_context(cafile=str(ca))
    ids = [f"cls-{number:05d}" for number in range(count)]
    async with httpx.AsyncClient(
        verify=context, limits=httpx.Limits(max_connections=8), timeout=60
    ) as client:
        for cluster_id in ids:
            body = {"kind": "Cluster", "name": cluster_id, "id": cluster_id, "spec": {}}
            (await client.post(f"{url}/clusters", json=body)).raise_for_status()
    return ids


def running_job(cluster_id: str, world: EmbeddedWorld) -> ProvisionJob:
    """A job of the cluster that has been handed over and runs."""
    key = ProvisionKey(ClusterId(cluster_id), Generation(1))
    target = ProvisionTarget(
        key.cluster_id,
        key.generation,
        CloudSecretRef("customer-prod-12345", f"hyperfleet-{cluster_id}-pull-secret"),
        ClusterSecretRef(f"clusters-{cluster_id}", f"{cluster_id}-pull-secret"),
    )
    return ProvisionJob(key, target, Running(), world.clock.now())


async def all_reported(world: EmbeddedWorld) -> None:
    """Return once no end of a job is untold."""
    async with asyncio.timeout(LIMIT):
        for _ in iter(world.jobs.unreported, []):
            await asyncio.sleep(0.05)


async def measure(dialect: Dialect, count: int) -> dict[str, object]:
    """The delays' quantiles in seconds, for ``count`` ends at once."""
    world = EmbeddedWorld.create(latency=(0, 0), clock=SystemClock())
    with tempfile.TemporaryDirectory() as folder:
        async with served(dialect, Path(folder)) as (url, ca):
            api = HyperFleetSettings(url=url.removesuffix(dialect.base_path), dialect=dialect, ca_bundle=ca)
            configuration = attrs.evolve(Configuration.default(), hyperfleet="http", api=api)
            jobs = [running_job(each, world) for each in await create_clusters(url, ca, count)]
            for job in jobs:
                world.jobs.put(job)
            stop = asyncio.Event()
            async with open_adapter(
                Replica(configuration, world.clock, world.telemetry, "benchmark"), world
            ) as adapter:
                work = asyncio.create_task(adapter.run(stop))
                await asyncio.sleep(1)
                ended, cpu = world.clock.now(), time.process_time()
                for job in jobs:
                    world.jobs.put(attrs.evolve(job, state=Finished(RESULT, ended)))
                async with world.jobs.job_ended:
                    world.jobs.ended += count
                    world.jobs.job_ended.notify_all()
                await all_reported(world)
                cpu = time.process_time() - cpu
                stop.set()
                await work
    told = [fact for fact in world.telemetry.of(StatusTold) if fact.receipt == "accepted"]
    delays = sorted(fact.delay for fact in told)
    if len({fact.key for fact in told}) != count:
        raise SystemExit(f"{len(told)} of {count} statuses were accepted")
    return {
        "dialect": dialect.value,
        "completions": count,
        "p50": round(delays[count // 2], 2),
        "p95": round(delays[int(count * 0.95)], 2),
        "max": round(delays[-1], 2),
        "cpu": round(cpu, 2),
    }


def main() -> None:
    """Measure both dialects; print one line of JSON each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--completions", type=int, default=500)
    add_option(parser)
    given = parser.parse_args()
    lines = []
    for dialect in Dialect:
        lines.append(asyncio.run(measure(dialect, given.completions)))
        print(json.dumps(lines[-1]))
    if given.json:
        write_result(given.json, "Delay of statuses over HTTPS, embedded jobs; seconds", {"dialects": lines})


if __name__ == "__main__":
    main()
