"""A maintenance page before the API server asks for an hour; the local copy looks again sooner."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest

from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.reflector import Reflector, Selection


class MaintenancePage:
    """Answers every list."""

    async def pages(self, path: str, **options: Any) -> AsyncGenerator[tuple[list[Object], str]]:
        fault = ApiError("list", path, 503, "ServiceUnavailable", "HTTP 503")
        fault.retry_after = 3600.0
        raise fault
        yield [], "1"


async def test_the_copy_does_not_lag_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    selection = Selection("/api/v1/secrets", keep=lambda item: item)
    copy = Reflector(cast(KubernetesApi, MaintenancePage()), selection, lambda before, now: None)
    with pytest.raises(asyncio.CancelledError):
        await copy.run()
    assert slept == [60.0, 60.0, 60.0]
