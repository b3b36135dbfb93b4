"""A real Prometheus that scrapes the run, and what the test node tells it about pods."""

import asyncio
import math
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import httpx
import yaml
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pullsecret.testing.kubernetes.node_agent import NodeAgent
from pullsecret.testing.kubernetes.processes import free_port, start

SCRAPE_SECONDS: Final = 1


class _ContainerMemory(Collector):
    """``container_memory_usage_bytes`` as a kubelet tells it; here the peak of each pod that has ended."""

    def __init__(self, node: NodeAgent) -> None:
        self._node = node

    def collect(self) -> Iterable[Metric]:
        metric = GaugeMetricFamily(
            "container_memory_usage_bytes", "Peak resident memory of a pod.", labels=["namespace", "pod"]
        )
        for finding in list(self._node.findings):
            namespace, _, pod = finding.pod.partition("/")
            metric.add_metric([namespace, pod], finding.ended.peak_rss)
        yield metric


@attrs.frozen
class Prometheus:
    """Answers PromQL about the run."""

    client: httpx.AsyncClient

    async def samples(self, query: str) -> list[tuple[Mapping[str, str], float]]:
        """The instant vector that ``query`` gives. Raises AssertionError where it is refused."""
        answer = (await self.client.get("/query", params={"query": query})).json()
        assert answer["status"] == "success", f"{query}: {answer}"
        return [(sample["metric"], float(sample["value"][1])) for sample in answer["data"]["result"]]

    async def number(self, query: str) -> float:
        """The one value of ``query``; NaN where there is none."""
        found = await self.samples(query)
        return found[0][1] if found else math.nan

    async def caught_up(self) -> None:
        """Return once everything that is exposed now has been scraped."""
        await asyncio.sleep(2 * SCRAPE_SECONDS + 0.2)

    async def until(self, query: str) -> None:
        """Return once ``query`` is answered with something."""
        async with asyncio.timeout(120):
            while True:
                try:
                    if await self.samples(query):
                        return
                except httpx.TransportError:
                    pass  # it is starting
                await asyncio.sleep(0.1)


@asynccontextmanager
async def prometheus(folder: Path, adapter: int, node: NodeAgent) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes the adapter on port ``adapter``, and the node."""
    program = shutil.which("prometheus")
    if program is None:
        raise RuntimeError("Prometheus is not installed; run 'make services'")
    registry = CollectorRegistry()
    registry.register(_ContainerMemory(node))
    server, thread = start_http_server(port := free_port(), "127.0.0.1", registry)
    targets = {"pullsecret-adapter": adapter, "node": port}
    configuration = {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": f"{SCRAPE_SECONDS}s"},
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{each}"]}]}
            for name, each in targets.items()
        ],
    }
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    address = f"127.0.0.1:{free_port()}"
    command = [
        program,
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus-data'}",
        f"--web.listen-address={address}",
        "--log.level=error",
    ]
    child = start(command, folder / "prometheus.log")
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}/api/v1", trust_env=False) as client:
            yield Prometheus(client)
    finally:
        child.kill()
        server.shutdown()
        await asyncio.to_thread(thread.join)
