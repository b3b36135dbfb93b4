"""Who waits until the watch has told of a job is woken then, whoever else waits for it or gives up."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pullsecret.domain.provisioning import ProvisionOrder
from pullsecret.infrastructure.kubernetes import job_manifest
from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.job_objects import JobObjects
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.known_jobs import KnownJobs
from pullsecret.infrastructure.kubernetes.official_client import Configuration
from pullsecret.testing.contracts.samples import new_order

SETTINGS = JobSettings("image")


class TellingApi(KubernetesApi):
    """Has no jobs at first; its watch tells what the test says."""

    def __init__(self) -> None:
        super().__init__(Configuration())
        self.told: asyncio.Queue[tuple[str, Object]] = asyncio.Queue()

    async def pages(self, *_: Any, **__: Any) -> AsyncGenerator[tuple[list[Object], str]]:
        yield [], "1"

    async def watch(self, *_: Any, **__: Any) -> AsyncGenerator[tuple[str, Object]]:
        while True:
            yield await self.told.get()


@asynccontextmanager
async def known_jobs(api: KubernetesApi) -> AsyncIterator[KnownJobs]:
    jobs = KnownJobs(JobObjects(api, SETTINGS), lambda before, now: None, lambda fault: None)
    running = asyncio.create_task(jobs.run())
    try:
        await jobs.complete()
        yield jobs
    finally:
        running.cancel()
        await asyncio.wait({running})


def made(order: ProvisionOrder, version: int) -> Object:
    job = job_manifest.job(order, "payload", SETTINGS)
    job["metadata"] |= {
        "uid": f"uid-of-{order.key.name}",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return job


async def until_all_wait() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_gives_up_takes_nobody_else_s_wake_up_along() -> None:
    order = new_order()
    job = made(order, 2)
    async with TellingApi() as api, known_jobs(api) as jobs:
        impatient, patient = (
            asyncio.create_task(jobs.of_cluster(order.target.cluster_id, job)) for _ in range(2)
        )
        await until_all_wait()
        impatient.cancel()
        await until_all_wait()
        api.told.put_nowait(("ADDED", job))
        known = await patient
    assert known is not None
    assert [each.job.key for each in known] == [order.key]


async def test_who_waits_for_an_earlier_write_is_woken_after_a_later_one() -> None:
    order = new_order()
    job = made(order, 2)
    async with TellingApi() as api, known_jobs(api) as jobs:
        jobs.put(job)
        (known,) = jobs.all()
        jobs.wrote(known, 3)
        earlier = asyncio.create_task(jobs.of_cluster(order.target.cluster_id))
        await until_all_wait()
        jobs.wrote(known, 4)
        api.told.put_nowait(("MODIFIED", made(order, 4)))
        assert await earlier is not None


@pytest.mark.parametrize("version", [2, 3])
async def test_what_is_told_wakes_who_waits_for_it_and_nobody_who_waits_for_more(version: int) -> None:
    order = new_order()
    async with TellingApi() as api, known_jobs(api) as jobs:
        early, late = (
            asyncio.create_task(jobs.of_cluster(order.target.cluster_id, made(order, wanted)))
            for wanted in (2, 3)
        )
        await until_all_wait()
        api.told.put_nowait(("ADDED", made(order, version)))
        assert await early is not None
        await until_all_wait()
        assert late.done() == (version == 3)
        late.cancel()
        await asyncio.wait({late})
