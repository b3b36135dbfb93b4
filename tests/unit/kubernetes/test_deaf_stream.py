"""A stream whose watch broke for good says so, since it would never bring anything again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.cluster_secret_watch import KubernetesClusterSecretWatch
from pullsecret.infrastructure.kubernetes.job_runner import KubernetesJobRunner
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.official_client import Configuration
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.testing.patience import PATIENCE


class UnforeseenError(Exception):
    """Nobody catches it."""


class BreakingApi(KubernetesApi):
    """Lists nothing, and breaks while it watches what ``breaks`` names."""

    def __init__(self, breaks: str) -> None:
        super().__init__(Configuration())
        self._breaks = breaks

    async def pages(self, path: str, **_: Any) -> AsyncGenerator[tuple[list[Object], str]]:
        yield [], "1"

    async def watch(self, path: str, *_: Any, **__: Any) -> AsyncGenerator[tuple[str, Object]]:
        if path.endswith(self._breaks):
            raise UnforeseenError
        await asyncio.Event().wait()
        yield "", {}


@pytest.mark.parametrize("breaks", ["/jobs", "/pods"])
async def test_ended_jobs_raise_what_their_watch_met(breaks: str) -> None:
    async with BreakingApi(breaks) as api:
        runner = KubernetesJobRunner(api, JobSettings("image"), MemoryTelemetry())
        async with asyncio.timeout(PATIENCE), aclosing(runner.finished()) as finished:
            with pytest.raises(UnforeseenError):
                await anext(finished)


async def test_drifts_raise_what_their_watch_met() -> None:
    async with BreakingApi("/secrets") as api:
        watch = KubernetesClusterSecretWatch(api, JobSettings("image"), MemoryTelemetry(), "replica")
        async with asyncio.timeout(PATIENCE), aclosing(watch.drifts()) as drifts:
            with pytest.raises(UnforeseenError):
                await anext(drifts)
