"""The command serves the API, lets Sentinel publish, and ends cleanly."""

import asyncio
import json
import os
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.hyperfleet.conftest import Certificates

from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.specs import cluster_spec
from pullsecret.testing.patience import PATIENCE

PROGRAM = Path(sys.prefix) / "bin" / "pullsecret"


async def started(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        PROGRAM,
        "fake-hyperfleet",
        "--port",
        "0",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "FAKE_HYPERFLEET_TOKEN": "right"},
    )


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode().strip()


async def test_it_serves_publishes_and_stops(dialect: Dialect, certificates: Certificates) -> None:
    server = certificates.server
    process = await started(
        *("--dialect", dialect.value, "--events", "-", "--poll", "0.1"),
        *("--certificate", str(server.certificate), "--key", str(server.key)),
    )
    url = await line(process)
    assert url.startswith("https://127.0.0.1:")
    spec = cluster_spec(dialect, project="customer-prod-12345", pull_secret='{"auths":{}}')
    body = {"kind": "Cluster", "name": "my-cluster", "spec": spec}
    headers = {"authorization": "Bearer right"}
    context = ssl.create_default_context(cafile=str(certificates.ca))
    async with httpx.AsyncClient(verify=context) as client:
        assert (await client.get(f"{url}/clusters")).status_code == 401
        created = await client.post(f"{url}/clusters", json=body, headers=headers)
    assert created.status_code == 201
    event: dict[str, Any] = json.loads(await line(process))
    assert event["data"].get("id", event["data"].get("clusterId")) == created.json()["id"]
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--events", "kafka://broker"), "is no broker"),
        (("--certificate", "cert.pem"), "--certificate and --key together"),
        (("--host", "192.0.2.1"), "assign"),
    ],
)
async def test_what_cannot_be_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    process = await started(*arguments)
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 1
    assert words in errors.decode()
    assert len(errors.decode().splitlines()) == 1
