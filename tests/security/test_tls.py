"""Every client talks to the right server, and says not a word to one that is too old or not who it should be.

Our own server, for metrics and health, is plain HTTP by design (docs/security-model.md); so is Google's
metadata server, which is link-local.
"""

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import grpc
import pytest
from google.cloud.secretmanager_v1 import GetSecretRequest, Secret
from tests.security.tls_servers import Authorities, Server

from pullsecret.domain.errors import OperationError
from pullsecret.domain.identifiers import ClusterId
from pullsecret.infrastructure.gcp.https_json import HttpsJson, NoAnswerError
from pullsecret.infrastructure.gcp.secret_manager_api import open_channel
from pullsecret.infrastructure.gcp.settings import GoogleSettings
from pullsecret.infrastructure.hyperfleet.api import hyperfleet_api
from pullsecret.infrastructure.hyperfleet.settings import ApiTimeouts, HyperFleetSettings
from pullsecret.infrastructure.kubernetes.api import CallLimits, KubernetesApi
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.official_client import Configuration
from pullsecret.infrastructure.rabbitmq.connection import connect
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")

_QUICK: Final = 1.0
Client = Callable[[int, Path], Awaitable[None]]
"""Given port and trust file: asks the server for something. Raises if there is no answer."""


async def hyperfleet(port: int, trust: Path) -> None:
    timeouts = ApiTimeouts(connect=_QUICK, read=_QUICK, total=_QUICK)
    settings = HyperFleetSettings(f"https://localhost:{port}", ca_bundle=trust, timeouts=timeouts, attempts=1)
    async with hyperfleet_api(settings, SystemClock()) as api:
        await api.catalog.get(ClusterId("cls-1"))


async def secret_manager(port: int, trust: Path) -> None:
    settings = GoogleSettings(trust_file=trust, secret_manager_endpoint=f"localhost:{port}")
    async with open_channel(settings) as channel:
        ask = channel.unary_unary("/Service/Get", GetSecretRequest.serialize, Secret.deserialize)
        await ask(GetSecretRequest(name="projects/p/secrets/s"), timeout=_QUICK)


async def identity_exchange(port: int, trust: Path) -> None:
    client = HttpsJson(deadline=_QUICK, trust_file=trust, proxied=False)
    await client.post(f"https://localhost:{port}/v1/token", {"authorization": "Bearer x"}, {})


async def kubernetes(port: int, trust: Path) -> None:
    configuration = Configuration()
    configuration.host, configuration.ssl_ca_cert = f"https://localhost:{port}", str(trust)
    limits = CallLimits(connect=_QUICK, read=_QUICK, patience=0)
    async with KubernetesApi(configuration, threads=1, limits=limits) as api:
        await api.get("/api/v1/namespaces/x")


async def rabbitmq(port: int, trust: Path) -> None:
    settings = RabbitMQSettings((f"amqps://localhost:{port}/",), ca_bundle=trust, connect_timeout=_QUICK)
    await connect(settings, "test")


CLIENTS: Final[Mapping[str, Client]] = {
    "HyperFleet API": hyperfleet,
    "Secret Manager": secret_manager,
    "identity exchange": identity_exchange,
    "Kubernetes": kubernetes,
    "RabbitMQ": rabbitmq,
}
WRONG: Final = [kind for kind in Server if kind is not Server.RIGHT]


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return Authorities(tmp_path_factory.mktemp("tls"))


async def refused(client: Client, port: int, trust: Path) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            await client(port, trust)
    except (OperationError, ApiError, NoAnswerError, grpc.aio.AioRpcError):
        return True
    return False


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_it_talks_to_the_right_server(client: Client, authorities: Authorities) -> None:
    with authorities.serve(Server.RIGHT) as server:
        async with asyncio.timeout(PATIENCE):
            # On a busy machine a visit may be over before anything was said.
            while not server.greeted.is_set():
                # It listens and never answers, so this ends in an error too.
                await refused(client, server.port, authorities.trust_file)
        assert server.received


@pytest.mark.parametrize("kind", WRONG, ids=lambda kind: kind.value)
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_it_says_nothing_to_a_wrong_server(
    client: Client, kind: Server, authorities: Authorities
) -> None:
    with authorities.serve(kind) as server:
        assert await refused(client, server.port, authorities.trust_file)
        assert server.received == b""


@pytest.mark.parametrize("kind", WRONG, ids=lambda kind: kind.value)
def test_the_wrong_servers_are_wrong_in_one_way_only(kind: Server, authorities: Authorities) -> None:
    """A client that checks nothing reaches each of them."""
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    careless.set_ciphers("ALL:@SECLEVEL=0")
    careless.minimum_version = ssl.TLSVersion.TLSv1
    with authorities.serve(kind) as server:
        with (
            socket.create_connection(("localhost", server.port)) as plain,
            careless.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(b"hello")
        assert server.greeted.wait(PATIENCE)
        assert server.received == b"hello"


# Google's Pub/Sub client and OpenTelemetry's exporter take what to trust from variables, which they read once
# in a process's life.
_VISIT: Final = """
import json, sys
from pullsecret.infrastructure.pubsub.clients import PubSubClients
from pullsecret.infrastructure.pubsub.settings import PubSubSettings
from pullsecret.infrastructure.tracing.tracer import open_tracer

for place, port in enumerate(json.loads(sys.argv[2])):
    if sys.argv[1] == "Pub/Sub":
        clients = PubSubClients(PubSubSettings("project", endpoint=f"localhost:{port}"))
        try:
            seconds = 1 if place else float(sys.argv[3])
            clients.publisher.get_topic(topic="projects/p/topics/t", timeout=seconds, retry=None)
        except Exception as refusal:
            print(type(refusal).__name__)
    else:
        with open_tracer(f"https://localhost:{port}", "test") as tracer:
            tracer.start_span("visit").end()
"""


@pytest.mark.parametrize("client", ["Pub/Sub", "trace collector"])
def test_clients_with_their_trust_in_variables(client: str, authorities: Authorities, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text(json.dumps(_service_account()))
    variables = {
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(authorities.trust_file),
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(authorities.trust_file),
        "GOOGLE_APPLICATION_CREDENTIALS": str(key),
        "PATH": os.environ["PATH"],
    }
    with ExitStack() as opened:
        visited = {kind: opened.enter_context(authorities.serve(kind)) for kind in Server}
        ports = json.dumps([server.port for server in visited.values()])
        # The right one comes first. It never answers, so each visit takes all of its time.
        for seconds in ("2", "60"):
            command = [sys.executable, "-c", _VISIT, client, ports, seconds]
            subprocess.run(command, env=variables, check=True)
            if visited[Server.RIGHT].received:
                break
        assert visited[Server.RIGHT].received
        assert {kind.value: visited[kind].received for kind in WRONG} == {kind.value: b"" for kind in WRONG}


def _service_account() -> Mapping[str, str]:
    """An identity that needs nobody to sign in: it signs its own tokens."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": "adapter@project.iam.gserviceaccount.com",
        "token_uri": "https://localhost/token",
    }
