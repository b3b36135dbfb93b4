"""Every query of dashboards, alerts and runbook, answered by a real Prometheus that scraped real runs.

What is scraped: a run of the whole service in the embedded world, calls to Google's API over the wire, and an
API that does not answer.
"""

import asyncio
import math
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import grpc
import httpx
import pytest
import yaml
from deploy.generate.dashboards import RANGE, queries
from tests.integration.deploy.conftest import DEPLOY, ROOT, tool

from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.errors import TransientError
from pullsecret.domain.facts import Fact, JobEnded
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.ownership import ownership_labels
from pullsecret.domain.provisioning import CloudSecretRef, ProvisionKey, ProvisionResult
from pullsecret.domain.pull_secret import PullSecret
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.gcp.secret_store import open_secret_store
from pullsecret.infrastructure.health.server import health_server
from pullsecret.infrastructure.health.settings import HealthSettings
from pullsecret.infrastructure.hyperfleet.api import hyperfleet_api
from pullsecret.infrastructure.hyperfleet.settings import CircuitPolicy, HyperFleetSettings
from pullsecret.infrastructure.metrics.registry import new_registry
from pullsecret.infrastructure.metrics.telemetry import PrometheusTelemetry
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.contracts.samples import pull_secret_text
from pullsecret.testing.gcp.customer import Customer, onboard
from pullsecret.testing.gcp.faults import Fault
from pullsecret.testing.gcp.fixtures import closed_google_cloud
from pullsecret.testing.kubernetes.processes import free_port
from pullsecret.testing.patience import PATIENCE
from pullsecret.testing.world import PullSecretWorld

__all__ = ["closed_google_cloud"]

pytestmark = pytest.mark.service

SCRAPE_SECONDS = 0.2

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()


def alert_queries() -> Iterator[str]:
    """What each alert compares with its limit."""
    groups = yaml.safe_load((DEPLOY / "alerts" / "pullsecret.rules.yaml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        compared = re.fullmatch(r"(.*)(?:>|<|==)\s*[\d.]+\s*", rule["expr"], re.DOTALL)
        absent = re.fullmatch(r"absent\((.*)\)", rule["expr"])
        found = compared or absent
        assert found, f"{rule['alert']}: no comparison in {rule['expr']}"
        yield found[1]


def runbook_queries() -> list[str]:
    return re.findall(r"```promql\n(.*?)```", RUNBOOK, re.DOTALL)


ALL = [*queries(), *alert_queries(), *runbook_queries()]


def facts_of_a_run() -> list[Fact]:
    """Successes, updates, failures, deletions and what is skipped, in the embedded world."""
    with PullSecretWorld() as world:
        for number in range(10):
            world.project(f"customer-{number % 3}-prod")
            world.add_cluster(f"cls-{number}", project=f"customer-{number % 3}-prod")
        world.add_cluster("cls-denied", project="customer-denied")
        world.project("customer-denied").denied.add("secretmanager.secrets.create")
        world.settle()
        world.update_cluster("cls-1", pull_secret=pull_secret_text())
        world.settle()
        return world.facts


async def calls_to_google(customer: Customer) -> ProvisionResult:
    """What a job would tell of its calls."""
    meter = CallMeter()
    settings = attrs.evolve(customer.settings, service_account=customer.service_account)
    async with open_secret_store(settings, SystemClock(), meter) as store:
        ref = CloudSecretRef(customer.project, "hyperfleet-cls-9-pull-secret")
        await store.create(ref, ownership_labels(ClusterId("cls-9")), StoragePolicy())
        await store.add_version(ref, PullSecret(pull_secret_text().encode()))
        await store.access_latest(ref)
        customer.cloud.world.faults.add(Fault("AccessSecretVersion", code=grpc.StatusCode.UNAVAILABLE))
        with pytest.raises(TransientError):
            await store.access_latest(ref)
    return ProvisionResult(
        Stage.PUBLISHED, Change.CREATED, "1", calls=meter.counts, latencies=meter.latencies
    )


async def ask_a_dead_api(telemetry: PrometheusTelemetry) -> None:
    settings = HyperFleetSettings(
        url=f"http://127.0.0.1:{free_port()}", attempts=1, circuit=CircuitPolicy(failures=1)
    )
    async with hyperfleet_api(settings, SystemClock(), telemetry=telemetry) as api:
        with pytest.raises(TransientError):
            await api.catalog.get(ClusterId("cls-1"))


@asynccontextmanager
async def prometheus(folder: Path, target: str) -> AsyncIterator[httpx.AsyncClient]:
    """A Prometheus that scrapes ``target``."""
    program = tool("prometheus")
    config = {
        "global": dict.fromkeys(("scrape_interval", "scrape_timeout"), f"{SCRAPE_SECONDS * 1000:.0f}ms"),
        "scrape_configs": [
            {"job_name": "pullsecret", "static_configs": [{"targets": [target.removeprefix("http://")]}]}
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=error",
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}/api/v1") as client:
            yield client
    finally:
        process.kill()
        await process.wait()


async def answer(client: httpx.AsyncClient, query: str) -> list[dict[str, Any]]:
    response = await client.get("/query", params={"query": query.replace(RANGE, "5m")})
    if response.is_server_error:
        response.raise_for_status()  # it answers before it is ready, without a document
    document = response.json()
    assert document["status"] == "success", f"{query}: {document}"
    found: list[dict[str, Any]] = document["data"]["result"]
    return found


async def numbers(client: httpx.AsyncClient, query: str) -> list[float]:
    """The values of the answer that are numbers."""
    values = [float(sample["value"][1]) for sample in await answer(client, query)]
    return [value for value in values if not math.isnan(value)]


async def until(client: httpx.AsyncClient, query: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                if await answer(client, query):
                    return
            except (httpx.TransportError, httpx.HTTPStatusError):
                pass  # it is starting
            await asyncio.sleep(0.05)


async def test_every_query_is_answered(closed_google_cloud: Any, tmp_path: Path) -> None:
    async def well() -> tuple[str, ...]:
        return ()

    registry = new_registry()
    telemetry = PrometheusTelemetry(registry)
    settings = HealthSettings(host="127.0.0.1", port=0)
    async with health_server(settings, registry, well, well) as url, prometheus(tmp_path, url) as client:
        # Increases are told from one scrape to the next, so the first one comes before anything happens.
        await until(client, "pullsecret_build_info")
        customer = onboard(closed_google_cloud, tmp_path)
        result = await calls_to_google(customer)
        telemetry.record(
            JobEnded(ProvisionKey(ClusterId("cls-real"), Generation(1)), customer.project, result)
        )
        await until(client, "pullsecret_gcp_api_calls_total")
        telemetry.record(
            JobEnded(ProvisionKey(ClusterId("cls-real"), Generation(2)), customer.project, result)
        )
        await ask_a_dead_api(telemetry)
        for fact in await asyncio.to_thread(facts_of_a_run):
            telemetry.record(fact)
        await until(client, 'pullsecret_job_total{result="success"} > 9')
        silent = set(ALL)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while silent:  # increases show with the next scrape
                    silent = {query for query in silent if not await numbers(client, query)}
                    # To ask on and on would keep Prometheus from its scrapes where processors are few.
                    await asyncio.sleep(SCRAPE_SECONDS)
    assert silent == set()
    assert len(ALL) > 50
