"""While the watch lags, clusters' jobs are asked for one list at a time, and only until the watch knows."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.job_runner import KubernetesJobRunner
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.official_client import Configuration
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.testing.contracts.samples import new_order
from pullsecret.testing.patience import PATIENCE

CLUSTERS = 10


class Lagging(KubernetesApi):
    """The list of all jobs comes only after somebody has asked for one cluster's."""

    def __init__(self) -> None:
        super().__init__(Configuration())
        self.lists_of_clusters = 0
        self.one_answered = asyncio.Event()

    async def pages(
        self, path: str, *, labels: str = "", **_: Any
    ) -> AsyncGenerator[tuple[list[Object], str]]:
        if path.endswith("/jobs") and labels == marks.OUR_JOBS:
            await self.one_answered.wait()
        elif path.endswith("/jobs"):
            self.lists_of_clusters += 1
            # The list of all jobs is there before whoever waits has got its turn.
            self.one_answered.set()
            await asyncio.sleep(0.1)
        yield [], "1"

    async def watch(self, *_: Any, **__: Any) -> AsyncGenerator[tuple[str, Object]]:
        await asyncio.Event().wait()
        yield "", {}


async def test_lists_of_clusters_wait_for_each_other_and_end_when_the_watch_knows() -> None:
    async with Lagging() as api:
        runner = KubernetesJobRunner(api, JobSettings("image"), MemoryTelemetry())
        async with aclosing(runner.finished()) as finished:
            following = asyncio.ensure_future(anext(finished))
            await asyncio.sleep(0)
            clusters = [new_order().target.cluster_id for _ in range(CLUSTERS)]
            async with asyncio.timeout(PATIENCE):
                known = await asyncio.gather(*map(runner.known, clusters))
            following.cancel()
            await asyncio.wait({following})
    assert known == [[]] * CLUSTERS
    assert api.lists_of_clusters == 1
