"""A small threaded HTTP server with a routing table, with or without TLS."""

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
from grpc import StatusCode

from pullsecret.testing.gcp.clock import Clock
from pullsecret.testing.gcp.status import ApiError

_POLL_INTERVAL = 0.02
"""Seconds between looks at the request to stop."""


@attrs.frozen
class HttpRequest:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = attrs.field(repr=False)
    captured: Mapping[str, str] = attrs.field(factory=dict)
    """What the route's pattern captured."""

    @property
    def authorization(self) -> str | None:
        """The authorization header."""
        return self.headers.get("authorization")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises ApiError (INVALID_ARGUMENT)."""
        try:
            document = json.loads(self.body or b"{}")
        except ValueError as error:
            raise ApiError(StatusCode.INVALID_ARGUMENT, "Invalid JSON payload received.") from error
        if not isinstance(document, dict):
            raise ApiError(StatusCode.INVALID_ARGUMENT, "Invalid JSON payload received.")
        return document


@attrs.frozen
class HttpAnswer:
    """One answer; ``document`` is sent as JSON, or as text if it is a string."""

    document: Any
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Route:
    """A method and a path pattern that must match whole."""

    method: str
    pattern: re.Pattern[str]
    serve: Callable[[HttpRequest], HttpAnswer]


def route(method: str, pattern: str, serve: Callable[[HttpRequest], HttpAnswer]) -> Route:
    """A route for ``pattern``, a regular expression."""
    return Route(method, re.compile(pattern), serve)


class HttpServer:
    """Serves routes on one port from its own threads until :meth:`stop`."""

    def __init__(
        self, routes: Sequence[Route], host: str, port: int, context: ssl.SSLContext | None, clock: Clock
    ) -> None:
        self._server = _Server((host, port), _handler_class(routes, clock), context)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_INTERVAL,), name="fake-gcp-http", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None
    ) -> None:
        super().__init__(address, handler)
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake belongs to the connection's own thread, so that a slow client blocks nobody.
        if self._context is not None:
            try:
                request = self._context.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError):
                return
        super().finish_request(request, client_address)
        if self._context is not None:
            _close(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _handler_class(routes: Sequence[Route], clock: Clock) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            """Requests are recorded by the world, not printed."""

        def date_time_string(self, timestamp: float | None = None) -> str:
            """The Date header tells the fake's time, as everything else does."""
            return format_datetime(clock.now(), usegmt=True)

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            address = urlsplit(self.path)
            request = HttpRequest(
                self.command,
                address.path,
                {name: values[0] for name, values in parse_qs(address.query).items()},
                {name.lower(): value for name, value in self.headers.items()},
                body,
            )
            self._send(answer(routes, request))

        def _send(self, reply: HttpAnswer) -> None:
            text = reply.document if isinstance(reply.document, str) else json.dumps(reply.document)
            content = text.encode()
            self.send_response(reply.status)
            kind = "text/plain" if isinstance(reply.document, str) else "application/json; charset=UTF-8"
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names the base class calls

    return Handler


def answer(routes: Sequence[Route], request: HttpRequest) -> HttpAnswer:
    """Serve ``request`` by the first route that matches; 404 if none does."""
    for one in routes:
        found = one.pattern.fullmatch(request.path)
        if found and one.method == request.method:
            captured = {name: value for name, value in found.groupdict().items() if value is not None}
            try:
                return one.serve(attrs.evolve(request, captured=captured))
            except ApiError as error:
                return HttpAnswer(error.json(), error.http_status)
    missing = ApiError(StatusCode.NOT_FOUND, "Requested entity was not found.")
    return HttpAnswer(missing.json(), 404)
