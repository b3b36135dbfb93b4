"""Serves the fake API on a real socket, with or without TLS."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import ClassVar

import uvicorn
from attrs import define, field, frozen
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from pullsecret.testing.hyperfleet.api import BASE_PATHS, HyperFleetApi
from pullsecret.testing.hyperfleet.faults import Abort, Exchange, FaultMiddleware, FaultScript
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.store import ClusterStore


@frozen
class ServerTls:
    """Certificate and key the server shows, and the CA whose client certificates it then demands."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@define
class FakeHyperFleet:
    """The fake API and the handles a test has on it.

    `store` is its state, `faults` what goes wrong next, `journal` what was served, oldest first.
    """

    dialect: Dialect = Dialect.V1
    store: ClusterStore = field(factory=ClusterStore)
    faults: FaultScript = field(factory=FaultScript)
    journal: list[Exchange] = field(factory=list)
    witnesses: ClassVar[list[Callable[[Dialect, ASGIApp], ASGIApp]]] = []
    """Each wraps every fake's API, inside of the faults: a test suite checks all bodies here."""
    api: HyperFleetApi = field(init=False)
    url: str = field(init=False, default="")
    """Where it is served, the dialect's base path included, once :meth:`serve` was entered."""

    def __attrs_post_init__(self) -> None:
        self.api = HyperFleetApi(self.dialect, self.store)

    def application(self, abort: Abort) -> ASGIApp:
        """The API with its faults, to be served in another way; ``abort`` breaks a client's connection."""
        app: ASGIApp = self.api.application()
        for witness in self.witnesses:
            app = witness(self.dialect, app)
        return FaultMiddleware(app, self.faults, self.journal, abort, self.store.now)

    @asynccontextmanager
    async def serve(
        self, *, host: str = "127.0.0.1", port: int = 0, tls: ServerTls | None = None
    ) -> AsyncIterator[str]:
        """Serve until the block is left; gives the URL. Port 0 takes a free one."""
        connections = _Connections()
        config = uvicorn.Config(
            self.application(connections.abort),
            http=connections.protocol(),
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
            ssl_ca_certs=str(tls.client_ca) if tls and tls.client_ca else None,
            ssl_cert_reqs=ssl.CERT_REQUIRED if tls and tls.client_ca else ssl.CERT_NONE,
        )
        server = _Server(config)
        with socket.create_server((host, port), backlog=1024) as listener:
            # Go's server does so; without it an answer's body waits some 40 ms for the client to have
            # acknowledged its head.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            scheme = "https" if tls else "http"
            self.url = f"{scheme}://{_name(host)}:{listener.getsockname()[1]}{BASE_PATHS[self.dialect]}"
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                while not server.started:
                    if serving.done():
                        serving.result()
                    await asyncio.sleep(0.005)
                yield self.url
            finally:
                server.should_exit = True
                await serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program that embeds the server."""
        yield


@define
class _Connections:
    """Open connections by the client's address, so that a fault can break the right one."""

    _open: dict[tuple[str, int], asyncio.Transport] = field(factory=dict)

    def abort(self, client: tuple[str, int]) -> None:
        self._open[client[:2]].abort()

    def protocol(self) -> type[H11Protocol]:
        known = self._open

        class Tracked(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                known[transport.get_extra_info("peername")[:2]] = transport

        return Tracked


def _name(host: str) -> str:
    return f"[{host}]" if ":" in host else host
