"""Thousands of jobs wait where thousands of clusters change at once: they are never all read into memory."""

import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from pullsecret.domain.provisioning import ProvisionOrder
from pullsecret.infrastructure.kubernetes import job_manifest
from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.job_runner import KubernetesJobRunner
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.official_client import Configuration
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.testing.contracts.samples import new_order

SETTINGS = JobSettings("image")
PAGES = 20
NOW = "2026-01-01T00:00:00Z"


class Read(dict[str, Any]):
    """An object of the API; unlike a dictionary it can be seen to be gone."""

    __hash__ = object.__hash__


class Paging(KubernetesApi):
    """Has waiting jobs, one on each page, and notes how many are in memory."""

    def __init__(self) -> None:
        super().__init__(Configuration())
        self.orders = [new_order() for _ in range(PAGES)]
        self.in_memory: weakref.WeakSet[Read] = weakref.WeakSet()
        self.most_in_memory = 0

    async def pages(self, *_: Any, **__: Any) -> AsyncGenerator[tuple[list[Object], str]]:
        for item in self.jobs():
            self.in_memory.add(item)
            yield [item], "1"
            del item
            self.most_in_memory = max(self.most_in_memory, len(self.in_memory))

    def jobs(self) -> Iterator[Read]:
        return (stored(order, job_manifest.job(order, "payload", SETTINGS)) for order in self.orders)


def stored(order: ProvisionOrder, item: Object) -> Read:
    known = {"uid": f"uid-of-{order.key.name}", "resourceVersion": "1", "creationTimestamp": NOW}
    return Read({**item, "metadata": {**item["metadata"], **known}})


async def unfinished(runner: KubernetesJobRunner) -> int:
    return len(await runner.unfinished())


async def all_jobs(runner: KubernetesJobRunner) -> int:
    return len(await runner.jobs())


@pytest.mark.parametrize("look", [unfinished, all_jobs])
async def test_waiting_jobs_are_looked_at_page_by_page(
    look: Callable[[KubernetesJobRunner], Awaitable[int]],
) -> None:
    async with Paging() as api:
        assert await look(KubernetesJobRunner(api, SETTINGS, MemoryTelemetry())) == PAGES
    assert 0 < api.most_in_memory <= 2
