"""A small Sentinel: polls the API and publishes an event for every cluster that wants one (DDR phase 1).

Its decisions are those of the Go Sentinel's default configuration (docs/decision-engine.md there).
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from attrs import define, field, frozen

from pullsecret.testing.hyperfleet.neighbours import DEPENDENCIES
from pullsecret.testing.hyperfleet.publishers import NotPublishedError, Publish
from pullsecret.testing.hyperfleet.records import Dialect

SOURCE = "hyperfleet-sentinel"
ADAPTER = "pullsecret"


@frozen
class Ages:
    """How old a cluster's last report may be before it gets another event."""

    reconciled: timedelta = timedelta(minutes=30)
    not_reconciled: timedelta = timedelta(seconds=10)


@define
class Sentinel:
    """Polls `client` (its base URL is the API's) and publishes. One poll at a time."""

    client: httpx.AsyncClient
    dialect: Dialect
    publish: Publish
    ages: Ages = field(factory=Ages)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    _told: dict[str, tuple[int, datetime]] = field(factory=dict)

    async def run(self, interval: float) -> None:
        """Poll every `interval` seconds until cancelled; who does not answer is asked again."""
        while True:
            with contextlib.suppress(httpx.HTTPError, NotPublishedError):
                await self.poll()
            await asyncio.sleep(interval)

    async def poll(self) -> int:
        """Publish what is due; returns how many events."""
        published = 0
        for cluster in await self._clusters():
            due = self._due_v1 if self.dialect is Dialect.V1 else self._due_ddr
            if (type_ := due(cluster)) is not None:
                await self.publish(self._event(type_, cluster))
                self._told[cluster["id"]] = (cluster["generation"], self.now())
                published += 1
        return published

    async def _clusters(self) -> list[dict[str, Any]]:
        clusters: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = await self.client.get("clusters", params={"page": page, "size": 100})
            body = answer.raise_for_status().json()
            clusters += body["items"]
            if len(clusters) >= body.get("total", 0) or not body["items"]:
                return clusters
            page += 1

    def _due_v1(self, cluster: Mapping[str, Any]) -> str | None:
        reconciled = next(c for c in cluster["status"]["conditions"] if c["type"] == "Reconciled")
        age = self.now() - datetime.fromisoformat(reconciled["last_updated_time"])
        limit = self.ages.reconciled if reconciled["status"] == "True" else self.ages.not_reconciled
        if cluster["generation"] > reconciled["observed_generation"] or age > limit:
            return "com.redhat.hyperfleet.cluster.reconcile"
        return None

    def _due_ddr(self, cluster: Mapping[str, Any]) -> str | None:
        adapters = cluster["status"]["adapters"]
        waiting = any(adapters.get(name, {}).get("available") != "True" for name in DEPENDENCIES)
        if waiting and "deletedTime" not in cluster:
            return None
        known, told = self._told.get(cluster["id"], (0, self.now()))
        done = adapters.get(ADAPTER, {}).get("available") == "True"
        limit = self.ages.reconciled if done else self.ages.not_reconciled
        generation = cluster["generation"]
        if generation == known and self.now() - told <= limit:
            return None
        return "cluster.create" if known == 0 else "cluster.update"

    def _event(self, type_: str, cluster: Mapping[str, Any]) -> dict[str, Any]:
        if self.dialect is Dialect.V1:
            data = {key: cluster[key] for key in ("id", "kind", "href", "generation")}
        else:
            data = {"clusterId": cluster["id"], "provider": cluster["spec"].get("provider")}
        return {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": SOURCE,
            "type": type_,
            "datacontenttype": "application/json",
            "data": data,
        }
