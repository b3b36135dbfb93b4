"""A gateway before the API server that answers, delays and breaks what a test tells it to."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import attrs
import httpx
import uvicorn
from starlette.types import Receive, Scope, Send

from pullsecret.testing.hyperfleet.faults import Exchange, FaultMiddleware, FaultScript
from pullsecret.testing.kubernetes.control_plane import ControlPlane

_PASSED_ON: Final = (b"authorization", b"accept", b"content-type", b"user-agent")


@attrs.define
class Gateway:
    """``faults`` meet requests on their way to the API server; ``journal`` tells what was answered."""

    url: str
    faults: FaultScript = attrs.field(factory=FaultScript)
    journal: list[Exchange] = attrs.field(factory=list)


@asynccontextmanager
async def gateway(control_plane: ControlPlane) -> AsyncIterator[Gateway]:
    """A gateway for as long as the block, with the API server's own certificate."""
    identity = control_plane.server_certificate()
    trust = ssl.create_default_context(cafile=control_plane.ca)
    async with httpx.AsyncClient(verify=trust, timeout=None) as client:  # noqa: S113 - watches last
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
            made = Gateway(f"https://127.0.0.1:{listener.getsockname()[1]}")
            config = uvicorn.Config(
                FaultMiddleware(
                    _PassOn(client, control_plane.url),
                    made.faults,
                    made.journal,
                    lambda client: None,
                    lambda: datetime.now(UTC),
                ),
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=1,
                ssl_certfile=identity.certificate,
                ssl_keyfile=identity.key,
            )
            server = uvicorn.Server(config)
            # Not ``serve``, which would take the test's signals.
            serving = asyncio.create_task(server._serve([listener]))
            while not server.started:
                await asyncio.sleep(0.005)
            try:
                yield made
            finally:
                server.should_exit = True
                await serving


@attrs.frozen
class _PassOn:
    client: httpx.AsyncClient
    url: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        query = scope["query_string"].decode()
        url = self.url + scope["raw_path"].decode() + (f"?{query}" if query else "")
        headers = [(name, value) for name, value in scope["headers"] if name in _PASSED_ON]
        async with self.client.stream(scope["method"], url, headers=headers, content=body) as answer:
            kept = [(name, value) for name, value in answer.headers.raw if name.lower() == b"content-type"]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
            async for piece in answer.aiter_bytes():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
