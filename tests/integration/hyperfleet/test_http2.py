"""HTTP/2 is spoken where the API offers it: many requests at once over one connection."""

import asyncio
import socket

import attrs
import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.integration.hyperfleet.conftest import Certificates
from tests.integration.hyperfleet.contract import ContractCheck

from pullsecret.domain.identifiers import ClusterId
from pullsecret.infrastructure.hyperfleet.api import hyperfleet_api
from pullsecret.infrastructure.hyperfleet.settings import Dialect as ApiDialect
from pullsecret.infrastructure.hyperfleet.settings import HyperFleetSettings
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.server import FakeHyperFleet


@attrs.define
class Witness:
    """Notes each request's protocol and where it came from."""

    app: ASGIApp
    seen: set[tuple[str, int]] = attrs.field(factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.seen.add((scope["http_version"], scope["client"][1]))
        await self.app(scope, receive, send)


@pytest.mark.parametrize("offered", [["h2", "http/1.1"], ["http/1.1"]], ids=["offered", "not offered"])
async def test_http2_where_offered(certificates: Certificates, offered: list[str]) -> None:
    fake = FakeHyperFleet(Dialect.DDR)
    witness = Witness(ContractCheck(Dialect.DDR, fake.api.application()))
    clusters = [fake.store.create({}) for _ in range(20)]
    config = Config()
    config.certfile = str(certificates.server.certificate)
    config.keyfile = str(certificates.server.key)
    config.alpn_protocols = offered
    config.accesslog = config.errorlog = None
    stop = asyncio.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config.bind = [f"fd://{listener.detach()}"]
    serving = asyncio.create_task(serve(witness, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
    settings = HyperFleetSettings(
        url=f"https://127.0.0.1:{port}", dialect=ApiDialect.DDR, ca_bundle=certificates.ca
    )
    async with hyperfleet_api(settings, SystemClock()) as api:
        read = await asyncio.gather(*(api.catalog.get(ClusterId(cluster.id)) for cluster in clusters))
    stop.set()
    await serving
    assert all(read)
    if "h2" in offered:
        assert {version for version, _ in witness.seen} == {"2"}
        assert len(witness.seen) == 1
    else:
        assert {version for version, _ in witness.seen} == {"1.1"}
