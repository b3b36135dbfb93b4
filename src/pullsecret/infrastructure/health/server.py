"""Serves metrics and health over HTTP, in the event loop that does the work: an answer shows it is alive."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from pullsecret.infrastructure.health.settings import HealthSettings

Problems = Callable[[], Awaitable[Sequence[str]]]
"""What is wrong just now, a line each; nothing if all is well."""

_CLOSING: Final = 1
"""Seconds that open requests have when the server closes."""
_REQUEST: Final = 5.0
"""Seconds that a client has, beside the patience, to say its request and to take the answer."""


@asynccontextmanager
async def health_server(
    settings: HealthSettings, registry: CollectorRegistry, alive: Problems, ready: Problems
) -> AsyncIterator[str]:
    """Serve until the block is left; gives the URL.

    ``/metrics`` is the registry in the Prometheus text format, or in OpenMetrics with exemplars for who asks
    for it. ``/healthz`` and ``/readyz`` answer 200 ``ok`` or 503 with the problems, a line each. A connection
    is for one request, and is cut off where that takes too long. Raises :class:`OSError` if the address
    cannot be listened on.
    """
    app = Starlette(
        routes=[
            Route("/metrics", _metrics(registry)),
            Route("/healthz", _health(alive, settings.patience)),
            Route("/readyz", _health(ready, settings.patience)),
        ]
    )
    config = uvicorn.Config(
        app,
        http=_bounded_protocol(settings.patience + _REQUEST),
        headers=[("connection", "close")],
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_CLOSING,
    )
    server = _Server(config)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.create_server((settings.host, settings.port), family=family) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:
                if serving.done():
                    serving.result()
                await asyncio.sleep(0.005)
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the adapter."""
        yield


def _bounded_protocol(seconds: float) -> type[H11Protocol]:
    class BoundedProtocol(H11Protocol):
        """HTTP on a connection that ends after ``seconds``, whatever its client does: one that says or takes
        a byte now and then would hold the connection, and with many of them all files of the process."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._end = asyncio.get_running_loop().call_later(seconds, transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            self._end.cancel()
            super().connection_lost(exc)

    return BoundedProtocol


def _metrics(registry: CollectorRegistry) -> Callable[[Request], Awaitable[Response]]:
    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    return metrics


def _health(problems: Problems, patience: float) -> Callable[[Request], Awaitable[Response]]:
    async def health(_request: Request) -> Response:
        found = await _within(patience, problems)
        return PlainTextResponse("".join(f"{line}\n" for line in found) or "ok\n", 503 if found else 200)

    return health


async def _within(patience: float, problems: Problems) -> Sequence[str]:
    try:
        async with asyncio.timeout(patience):
            return await problems()
    except TimeoutError:
        return [f"no answer within {patience:g} s"]
    except Exception as error:
        # Its text is not shown, since it could quote anything.
        return [f"the question failed: {type(error).__name__}"]
