"""The health server over HTTP."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.unit.metrics.samples import ended, success

from pullsecret.infrastructure.health.server import health_server
from pullsecret.infrastructure.health.settings import HealthSettings
from pullsecret.infrastructure.metrics.registry import new_registry
from pullsecret.infrastructure.metrics.telemetry import PrometheusTelemetry

SETTINGS = HealthSettings(host="127.0.0.1", port=0, patience=0.05)


async def well() -> Sequence[str]:
    return ()


async def ill() -> Sequence[str]:
    return ("broker: not connected", "kubernetes: no answer")


async def hanging() -> Sequence[str]:
    await asyncio.sleep(60)
    return ()


async def broken() -> Sequence[str]:
    raise RuntimeError("hunter2")


@pytest.mark.parametrize(
    ("ready", "status", "text"),
    [
        (well, 200, "ok\n"),
        (ill, 503, "broker: not connected\nkubernetes: no answer\n"),
        (hanging, 503, "no answer within 0.05 s\n"),
        (broken, 503, "the question failed: RuntimeError\n"),
    ],
)
async def test_readiness_does_not_touch_liveness(ready: object, status: int, text: str) -> None:
    async with health_server(SETTINGS, new_registry(), well, ready) as url, httpx.AsyncClient() as client:  # type: ignore[arg-type]
        readiness, liveness = await client.get(f"{url}/readyz"), await client.get(f"{url}/healthz")
    assert (readiness.status_code, readiness.text) == (status, text)
    assert (liveness.status_code, liveness.text) == (200, "ok\n")


async def test_metrics_in_both_formats() -> None:
    registry = new_registry()
    PrometheusTelemetry(registry).record(ended(success()))
    async with health_server(SETTINGS, registry, well, well) as url, httpx.AsyncClient() as client:
        plain = await client.get(f"{url}/metrics")
        wanted = {"accept": "application/openmetrics-text; version=1.0.0"}
        openmetrics = await client.get(f"{url}/metrics", headers=wanted)
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert 'pullsecret_job_total{result="success"} 1.0' in plain.text
    assert "process_resident_memory_bytes" in plain.text
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    families = list(text_string_to_metric_families(openmetrics.text))
    assert any(sample.exemplar for family in families for sample in family.samples)


async def test_unknown_paths_are_not_found() -> None:
    async with health_server(SETTINGS, new_registry(), well, well) as url, httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/")).status_code == 404
        assert (await client.post(f"{url}/metrics")).status_code == 405


async def test_an_address_in_use_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = HealthSettings(host="127.0.0.1", port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            async with health_server(settings, new_registry(), well, well):
                pass


async def test_the_port_is_free_when_the_block_is_left() -> None:
    async with health_server(SETTINGS, new_registry(), well, well) as url:
        port = int(url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_a_client_that_never_ends_its_request_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pullsecret.infrastructure.health.server._REQUEST", 0.05)
    async with health_server(SETTINGS, new_registry(), well, well) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /healthz HTTP/1.1\r\nX: ")
        async with asyncio.timeout(60):
            with suppress(ConnectionError):
                while not reader.at_eof():
                    writer.write(b"a")
                    await writer.drain()
                    await asyncio.sleep(0.01)
        writer.close()


async def test_a_connection_is_for_one_request() -> None:
    async with health_server(SETTINGS, new_registry(), well, well) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"ok\n")
