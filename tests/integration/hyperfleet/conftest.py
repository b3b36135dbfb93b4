"""The served fake API, over TLS."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import httpx
import pytest
import trustme

from pullsecret.domain.backoff import Backoff
from pullsecret.infrastructure.hyperfleet.api import HyperFleetApi, hyperfleet_api
from pullsecret.infrastructure.hyperfleet.settings import CircuitPolicy, HyperFleetSettings
from pullsecret.infrastructure.hyperfleet.settings import Dialect as ApiDialect
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.server import FakeHyperFleet, ServerTls
from pullsecret.testing.hyperfleet.store import ClusterStore


@attrs.frozen
class Certificates:
    """A CA, and a server's and a client's certificate of it."""

    ca: Path
    server: ServerTls
    client_certificate: Path
    client_key: Path


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Fresh certificates for this run."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name, certificate in (
        ("server", authority.issue_cert("127.0.0.1", "localhost")),
        ("client", authority.issue_cert("pullsecret")),
    ):
        certificate.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        for part in certificate.cert_chain_pems:
            part.write_to_path(str(folder / f"{name}.pem"), append=True)
    return Certificates(
        folder / "ca.pem",
        ServerTls(folder / "server.pem", folder / "server.key"),
        folder / "client.pem",
        folder / "client.key",
    )


@pytest.fixture(params=list(Dialect))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Both dialects, one after the other."""
    chosen: Dialect = request.param
    return chosen


@pytest.fixture
async def fake(dialect: Dialect, certificates: Certificates) -> AsyncIterator[FakeHyperFleet]:
    """The API of `dialect`, served."""
    served = FakeHyperFleet(dialect, ClusterStore())
    async with served.serve(tls=certificates.server):
        yield served


@pytest.fixture
async def http(fake: FakeHyperFleet, certificates: Certificates) -> AsyncIterator[httpx.AsyncClient]:
    """A plain client of the fake, for what an operator or another adapter does."""
    context = ssl.create_default_context(cafile=str(certificates.ca))
    async with httpx.AsyncClient(base_url=fake.url, verify=context, http2=True) as client:
        yield client


@pytest.fixture
def settings(fake: FakeHyperFleet, dialect: Dialect, certificates: Certificates) -> HyperFleetSettings:
    """How the adapter reaches the fake: in no hurry to give up, in a hurry to try again."""
    spoken = ApiDialect(dialect.value)
    return HyperFleetSettings(
        url=fake.url.removesuffix(spoken.base_path),
        dialect=spoken,
        ca_bundle=certificates.ca,
        retry_pause=Backoff(initial=0.01, factor=1, maximum=0.1),
        circuit=CircuitPolicy(failures=50),
    )


@pytest.fixture
async def api(settings: HyperFleetSettings) -> AsyncIterator[HyperFleetApi]:
    """The ports under test."""
    async with hyperfleet_api(settings, SystemClock()) as opened:
        yield opened
