"""Servers that answer with what no server should: each client ends soon, with an error of its own kind that
quotes nothing, and reads no more than it must."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.cloud.secretmanager_v1 import AccessSecretVersionRequest, AccessSecretVersionResponse
from tests.security.canary import Canary
from tests.security.raw_server import MANY, RawServer, Reply, json_body, raw_server

from pullsecret.domain.errors import OperationError
from pullsecret.domain.identifiers import ClusterId
from pullsecret.infrastructure.gcp.https_json import HttpsJson, NoAnswerError
from pullsecret.infrastructure.gcp.secret_manager_api import open_channel
from pullsecret.infrastructure.gcp.settings import GoogleSettings
from pullsecret.infrastructure.hyperfleet.answers import ApiRequest
from pullsecret.infrastructure.hyperfleet.api import hyperfleet_api
from pullsecret.infrastructure.hyperfleet.settings import ApiTimeouts, HyperFleetSettings
from pullsecret.infrastructure.hyperfleet.transport import hyperfleet_transport
from pullsecret.infrastructure.kubernetes.api import CallLimits, KubernetesApi
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.official_client import Configuration
from pullsecret.infrastructure.rabbitmq.management import bound_keys
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.gcp.tls import TestAuthority
from pullsecret.testing.patience import PATIENCE

_QUICK: Final = 2.0
"""Seconds for an answer that does not end."""
_SHOWN: Final = 1200
"""Characters of an error at most; it may end in a log or a status."""


def limit(server: RawServer) -> float:
    """Seconds that a client waits: more than any machine needs, but where nothing else ends the answer."""
    return _QUICK if server.reply.pause else PATIENCE


async def hyperfleet(server: RawServer) -> object:
    timeouts = ApiTimeouts(connect=limit(server), read=limit(server), total=limit(server))
    settings = HyperFleetSettings(server.url, timeouts=timeouts, attempts=1)
    async with hyperfleet_api(settings, SystemClock()) as api:
        return await api.catalog.get(ClusterId("cls-1"))


async def identity_exchange(server: RawServer) -> object:
    answer = await HttpsJson(deadline=limit(server), proxied=False).get(server.url, {})
    return answer.document()


def kubernetes_api(server: RawServer) -> KubernetesApi:
    configuration = Configuration()
    configuration.host = server.url
    limits = CallLimits(connect=limit(server), read=limit(server), patience=0)
    return KubernetesApi(configuration, threads=1, limits=limits)


async def kubernetes(server: RawServer) -> object:
    async with kubernetes_api(server) as api:
        secret = {"metadata": {"name": "x"}, "data": {".dockerconfigjson": "e30="}}
        return await api.call("create", "/api/v1/namespaces/x/secrets", secret, sensitive=True)


async def rabbitmq_management(server: RawServer) -> object:
    return await bound_keys(RabbitMQSettings(connect_timeout=limit(server)), server.url)


Client = Callable[[RawServer], Awaitable[object]]
CLIENTS: Final[Mapping[str, Client]] = {
    "HyperFleet API": hyperfleet,
    "identity exchange": identity_exchange,
    "Kubernetes": kubernetes,
    "RabbitMQ's management": rabbitmq_management,
}


async def kubernetes_list(server: RawServer) -> object:
    async with kubernetes_api(server) as api:
        return await api.list("/api/v1/secrets")


async def kubernetes_watch(server: RawServer) -> object:
    async with kubernetes_api(server) as api:
        return [event async for event in api.watch("/api/v1/secrets", "1")]


_DEEP: Final = b'{"a":' * 100_000
_UNCOMPRESSED: Final = Reply().head.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
HOSTILE: Final[Mapping[str, Reply]] = {
    "100 MB": Reply(body=b" " * 1_000_000, times=MANY // 1_000_000),
    "nested 100,000 deep": json_body(_DEEP),
    "an array nested deep": json_body(b"[" * 200_000),
    "not UTF-8": json_body(b'{"id": "\xff\xfe"}'),
    "NUL": json_body(b'{"id": "cls-1\0"}'),
    "no object": json_body(b'"cls-1"'),
    "a number of a million digits": json_body(b'{"generation": ' + b"9" * 1_000_000 + b"}"),
    "nothing": json_body(b""),
    "a bomb": Reply(_UNCOMPRESSED, gzip.compress(b" " * MANY)),
    "shorter than promised": Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"{"),
    "no HTTP": Reply(b"\x00\x01\x02 what?\r\n\r\n"),
    "an endless line": Reply(b"HTTP/1.1 200 " + b"x" * 300_000),
    "endless headers": Reply(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 50_000 + b"\r\n"),
    "a redirect elsewhere": json_body(b"", "307 Moved", "Location: http://127.0.0.1:9/"),
    "a redirect to a file": json_body(b"", "302 Moved", "Location: file:///etc/passwd"),
    "a redirect to no URL": json_body(b"", "302 Moved", "Location: http://[:::1/"),
    "a byte now and then": Reply(body=b" ", times=1000, pause=0.1),
}


async def outcome(client: Client, server: RawServer) -> str:
    """What became of it in words; anything but an answer or an error of the client's kind is raised."""
    try:
        async with asyncio.timeout(PATIENCE):
            return repr(await client(server))
    except (OperationError, ApiError, NoAnswerError) as error:
        return f"{error} {error!r}"


@pytest.mark.parametrize("reply", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_a_hostile_answer_is_an_error(client: Client, reply: Reply) -> None:
    async with raw_server(reply) as server:
        told = await outcome(client, server)
        while not server.requests:  # on a busy machine the time may have been over before it asked
            told = await outcome(client, server)
        assert len(told) < _SHOWN
        # Nobody followed a redirect, and nobody took all of what was too much.
        assert len(server.requests) == 1
        assert server.sent < MANY


NO_OBJECTS: Final = (
    b"{}",
    b"null",
    b'{"metadata": null}',
    b'{"metadata": {"name": "x"}}',
    b'{"metadata": {"resourceVersion": "1"}}',
    b'{"metadata": {"name": null, "resourceVersion": "1"}}',
    b'{"metadata": {"name": "x", "resourceVersion": "soon"}}',
    b'{"metadata": {"name": "x", "resourceVersion": "%s"}}' % (b"9" * 100_000),
)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'"x"',
        b'{"items": []}',
        b'{"items": [], "metadata": null}',
        b'{"items": [], "metadata": {"resourceVersion": "soon"}}',
        b'{"type": "ADDED"}',
        b'{"type": "BOOKMARK", "object": {}}',
        _DEEP,
        *(b'{"metadata": {"resourceVersion": "1"}, "items": [%s]}' % one for one in NO_OBJECTS),
        *(b'{"type": "ADDED", "object": %s}' % one for one in NO_OBJECTS),
    ],
)
@pytest.mark.parametrize("client", [kubernetes_list, kubernetes_watch])
async def test_what_is_no_list_and_no_event_is_an_error(client: Client, body: bytes) -> None:
    async with raw_server(json_body(body + b"\n")) as server:
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ApiError, match="did not answer") as told:
                await client(server)
    assert len(str(told.value)) < _SHOWN


@pytest.mark.timeout(300)
@pytest.mark.parametrize("client", [hyperfleet, kubernetes_list])
async def test_a_refusal_of_a_megabyte_is_told_in_short(client: Client) -> None:
    said = "x" * 1_000_000
    refusal = json.dumps({"kind": "Status", "message": said, "detail": said}).encode()
    async with raw_server(json_body(refusal, "400 Bad")) as server:
        told = await outcome(client, server)
    assert "xxx" in told
    assert len(told) < 2 * _SHOWN


@pytest.mark.parametrize("stated", ["nan", "inf", "1e9", "soon"])
async def test_a_wait_that_makes_no_sense_is_not_kept_to(stated: str) -> None:
    async with raw_server(json_body(b"{}", "429 Slow", f"Retry-After: {stated}")) as server:
        with pytest.raises(ApiError) as told:
            await kubernetes(server)
    assert told.value.retry_after is None


@pytest.mark.parametrize("status", ["400 Bad", "403 No", "409 Conflict", "422 What", "500 Oh", "503 Later"])
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_a_refusal_that_quotes_the_secret_is_not_quoted(client: Client, status: str) -> None:
    # Of letters only, as the words of an API are.
    canary = Canary("qhVtZkwMbLrXpNcDsFyGjTaRoEuIiK", "wZbQnVxKjHgFdSaPoIuYtReWqMnBvC")
    secret = canary.pull_secret()
    quoting: dict[str, Any] = {
        "kind": "Status",
        "message": f"cannot take {secret}",
        "reason": canary.login,
        "detail": f"cannot take {secret}",
        "code": canary.clear,
        "errors": [{"field": "spec", "message": secret}],
        "error": {"message": secret, "status": canary.login},
        "details": {
            "kind": canary.clear,
            "causes": [{"reason": canary.login, "message": secret, "field": "data"}],
        },
    }
    async with raw_server(json_body(json.dumps(quoting).encode(), status)) as server:
        client_says = await outcome(client, server)
    if client is not identity_exchange:  # what it gives is an answer, which its callers judge
        assert canary.leaks(client_says) == []


@pytest.mark.parametrize(
    "status",
    [
        {"details": {"causes": 5}},
        {"details": []},
        {"reason": 5, "message": None},
        {"details": {"causes": [5]}},
    ],
    ids=json.dumps,
)
async def test_a_refusal_of_any_form_is_one(status: dict[str, Any]) -> None:
    async with raw_server(json_body(json.dumps(status).encode(), "422 What")) as server:
        with pytest.raises(ApiError) as refused:
            await kubernetes(server)
    assert refused.value.status == 422


async def test_a_missing_right_is_told_in_kubernetes_own_words() -> None:
    said = (
        'secrets "x" is forbidden: User "system:serviceaccount:a:b" cannot patch resource "secrets" '
        'in API group "" in the namespace "clusters-x"'
    )
    status = {"message": said, "reason": "Forbidden", "details": {"kind": "secrets"}}
    async with raw_server(json_body(json.dumps(status).encode(), "403 Forbidden")) as server:
        assert said in await outcome(kubernetes, server)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param('{"__proto__": {"admin": true}, "__class__": "x"}', id="prototypes"),
        pytest.param('{"pullSecret": 1, "pullSecret": {"data": "{}"}}', id="a key given twice"),
        pytest.param('{"gcp": {"projectId": "\\ud800\\u0000\\r\\nx: y"}}', id="half a character"),
        pytest.param('{"pullSecret": {"data": "\\ud800"}}', id="half a character as the secret"),
        pytest.param('{"provider": ' + "[" * 900 + "]" * 900 + "}", id="nested"),
    ],
)
async def test_a_hostile_cluster_is_read_or_refused(spec: str) -> None:
    document = f'{{"id": "cls-1", "generation": 1, "spec": {spec}, "status": {{}}}}'
    async with raw_server(json_body(document.encode())) as server:
        told = await outcome(hyperfleet, server)
    assert "\n" not in told
    told.encode()


async def test_a_text_that_no_encoding_has_does_not_keep_a_status_from_being_told() -> None:
    async with raw_server(json_body(b"{}", "201 Created")) as server:
        settings = HyperFleetSettings(server.url, attempts=1)
        async with hyperfleet_transport(settings, SystemClock()) as transport:
            request = ApiRequest("post-status", "x", "POST", "clusters/x/statuses", {"message": "\ud800"})
            assert (await transport.send(request)).status == 201


async def test_a_compressed_answer_of_secret_manager_is_not_unpacked(tmp_path: Path) -> None:
    huge = AccessSecretVersionResponse({"payload": {"data": b"\0" * 3_000_000}})
    method = grpc.unary_unary_rpc_method_handler(
        lambda _request, _context: huge,
        AccessSecretVersionRequest.deserialize,
        AccessSecretVersionResponse.serialize,
    )
    authority = TestAuthority()
    identity = authority.issue("localhost")
    server = grpc.server(futures.ThreadPoolExecutor(1), compression=grpc.Compression.Gzip)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("Service", {"Get": method})])
    port = server.add_secure_port(
        "localhost:0", grpc.ssl_server_credentials([(identity.private_key, identity.certificate_chain)])
    )
    server.start()
    try:
        assert await size_of_answer(port, authority.write_certificate(tmp_path / "ca.pem")) < 100_000
    finally:
        server.stop(None)


async def size_of_answer(port: int, trust: Path) -> int:
    settings = GoogleSettings(secret_manager_endpoint=f"localhost:{port}", trust_file=trust)
    async with open_channel(settings) as channel:
        ask = channel.unary_unary("/Service/Get", AccessSecretVersionRequest.serialize, len)
        return int(await ask(AccessSecretVersionRequest(name="x"), timeout=PATIENCE))
