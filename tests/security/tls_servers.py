"""TLS servers of which all but one must not be talked to."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

import attrs
import trustme

from pullsecret.testing.patience import PATIENCE


class Server(Enum):
    """What a server shows to its clients."""

    RIGHT = "right"
    OLD = "speaks TLS 1.1 at most"
    UNTRUSTED = "certificate of an authority that nobody named"
    MISNAMED = "certificate of another host"
    EXPIRED = "certificate that has expired"


@attrs.define
class TlsServer:
    """Takes connections on a port of this machine and answers nothing."""

    port: int
    received: bytearray = attrs.field(factory=bytearray)
    """What clients said after the handshake."""
    greeted: threading.Event = attrs.field(factory=threading.Event)
    """Set once a client has said something."""


class Authorities:
    """The one that clients trust, and another one."""

    def __init__(self, folder: Path) -> None:
        self._trusted, self._other = trustme.CA(), trustme.CA()
        self.trust_file = folder / "ca.pem"
        self._trusted.cert_pem.write_to_path(self.trust_file)

    @contextmanager
    def serve(self, kind: Server) -> Iterator[TlsServer]:
        """Serve as long as the block."""
        listener = socket.create_server(("127.0.0.1", 0))
        server = TlsServer(listener.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listener, self._context(kind), server), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            # A blocked accept() is only ended by this.
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join()

    def _context(self, kind: Server) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2", "http/1.1"])
        authority = self._other if kind is Server.UNTRUSTED else self._trusted
        name = "elsewhere.example.com" if kind is Server.MISNAMED else "localhost"
        ends = datetime.now(UTC) + timedelta(days=-1 if kind is Server.EXPIRED else 1)
        authority.issue_cert(name, not_before=ends - timedelta(days=9), not_after=ends).configure_cert(
            context
        )
        if kind is Server.OLD:
            # OpenSSL itself has to be talked into it.
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        else:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context


def _accept(listener: socket.socket, context: ssl.SSLContext, server: TlsServer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_listen, args=(connection, context, server), daemon=True).start()


def _listen(connection: socket.socket, context: ssl.SSLContext, server: TlsServer) -> None:
    connection.settimeout(PATIENCE)
    with suppress(OSError), context.wrap_socket(connection, server_side=True) as client:
        server.received += client.recv(4096)
        server.greeted.set()
