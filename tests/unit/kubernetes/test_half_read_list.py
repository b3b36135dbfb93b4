"""A list that is still being read in tells of some jobs before others that were there before them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from pullsecret.domain.provisioning import ProvisionOrder
from pullsecret.infrastructure.job_process.termination_message import encode
from pullsecret.infrastructure.kubernetes import job_manifest, marks
from pullsecret.infrastructure.kubernetes.api import Answer, KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.job_runner import KubernetesJobRunner
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings, JobTimes
from pullsecret.infrastructure.kubernetes.official_client import Configuration
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.ports.job_runner import Busy
from pullsecret.testing.contracts.job_runner import SUCCESS
from pullsecret.testing.contracts.samples import new_order
from pullsecret.testing.patience import PATIENCE

SETTINGS = JobSettings("image", times=JobTimes(resync=0.1))
NOW = "2026-01-01T00:00:00Z"


def stored(item: Object, version: int) -> Object:
    name = item["metadata"]["name"]
    known = {"uid": f"uid-of-{name}", "resourceVersion": str(version), "creationTimestamp": NOW}
    return {**item, "metadata": {**item["metadata"], **known}}


def ended(order: ProvisionOrder, version: int) -> Object:
    job = stored(job_manifest.job(order, "payload", SETTINGS), version)
    job["metadata"]["annotations"] |= {marks.RESULT: encode(SUCCESS), marks.CLAIM: "another/1"}
    condition = {"type": "Complete", "status": "True", "lastTransitionTime": NOW}
    return {**job, "status": {"conditions": [condition], "completionTime": NOW}}


class SlowlyListing(KubernetesApi):
    """Watches tell nothing. The next list brings a job that was made, and never its other page."""

    def __init__(self, earlier: Object) -> None:
        super().__init__(Configuration())
        self.earlier = earlier
        self.made: Object | None = None
        self.discarded: list[str] = []

    async def pages(
        self, path: str, *, labels: str = "", **_: Any
    ) -> AsyncGenerator[tuple[list[Object], str]]:
        made = [] if self.made is None or not path.endswith("/jobs") else [self.made]
        if labels != marks.OUR_JOBS:
            yield [*made, self.earlier], "11"
            return
        yield made, "11"
        if made:
            await asyncio.Event().wait()

    async def watch(self, *_: Any, seconds: int = 30, **__: Any) -> AsyncGenerator[tuple[str, Object]]:
        await asyncio.sleep(0.1)
        for _event in ():
            yield _event

    async def call(self, verb: str, path: str, body: Object | None = None, **_: Any) -> Answer:
        if verb == "delete":
            self.discarded.append(path.rpartition("/")[2])
        if verb != "create":
            return Answer(200, self.made or {})
        assert body is not None
        found = stored(body, 10)
        if path.endswith("/jobs"):
            self.made = found
        return Answer(201, found)


async def test_none_is_handed_over_after_a_newer_one_that_the_list_has_not_come_to() -> None:
    order = new_order()
    newer = new_order(order.target.cluster_id, generation=2)
    async with SlowlyListing(ended(newer, 9)) as api:
        runner = KubernetesJobRunner(api, SETTINGS, MemoryTelemetry())
        async with aclosing(runner.finished()) as finished:
            following = asyncio.ensure_future(anext(finished))
            await asyncio.sleep(0)
            async with asyncio.timeout(PATIENCE):
                answer = await runner.submit(order)
            following.cancel()
            await asyncio.wait({following})
    assert isinstance(answer, Busy)
    assert answer.job.key == newer.key
    assert order.key.name in api.discarded
