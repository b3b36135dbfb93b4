"""Listens on the wire between the service and everything it talks to: who speaks TLS, and which version."""

import asyncio
import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import attrs

from pullsecret.testing.kubernetes.processes import free_port

_CHUNK: Final = 65_536
_HANDSHAKE: Final = 0x16
_SUPPORTED_VERSIONS: Final = 0x002B
_NAMES: Final = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
PLAIN: Final = "no TLS"


@attrs.define
class Conversation:
    """One connection that was carried."""

    said: bytes = b""
    """The first bytes of the client."""
    answered: bytes = b""
    """The first bytes of the server."""

    @property
    def protocol(self) -> str | None:
        """The TLS version that both agreed on, :data:`PLAIN`, or None where nothing was agreed on."""
        if not self.said:
            return None
        if self.said[0] != _HANDSHAKE:
            return PLAIN
        return negotiated(self.answered)


class Wiretap:
    """Listens on a loopback port, carries bytes to ``target``, and keeps the first of them.

    An async context manager. While :attr:`refusing` is above zero, it counts down and new connections are
    broken at once, as by a failing network.
    """

    def __init__(self, name: str, target: int) -> None:
        self.name = name
        self.port = free_port()
        self.conversations: list[Conversation] = []
        self.refusing = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._carriers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=1024)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for carrier in list(self._carriers):
            carrier.cancel()
        await asyncio.gather(*self._carriers, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carrier = asyncio.current_task()
        assert carrier is not None
        self._carriers.add(carrier)
        try:
            if self.refusing:
                self.refusing -= 1
                writer.transport.abort()
                return
            await self._carry(reader, writer)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self._carriers.discard(carrier)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        heard = Conversation()
        self.conversations.append(heard)
        pumps = [
            asyncio.ensure_future(self._pump(reader, back, heard, "said")),
            asyncio.ensure_future(self._pump(there, writer, heard, "answered")),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            back.close()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, heard: Conversation, what: str
    ) -> None:
        while data := await source.read(_CHUNK):
            if not getattr(heard, what):
                setattr(heard, what, data[:1024])
            sink.write(data)
            await sink.drain()


def negotiated(server_hello: bytes) -> str | None:
    """The TLS version that a ServerHello chooses (RFC 8446, 4.1.3); None if it is none."""
    # Record header (5), handshake header (4), legacy version (2), random (32), session id.
    if len(server_hello) < 44 or server_hello[0] != _HANDSHAKE or server_hello[5] != 2:
        return None
    version = int.from_bytes(server_hello[9:11], "big")
    position = 44 + server_hello[43] + 3  # cipher suite and compression method follow the session id
    end = position + 2 + int.from_bytes(server_hello[position : position + 2], "big")
    position += 2
    while position + 4 <= min(end, len(server_hello)):
        kind = int.from_bytes(server_hello[position : position + 2], "big")
        length = int.from_bytes(server_hello[position + 2 : position + 4], "big")
        if kind == _SUPPORTED_VERSIONS:
            version = int.from_bytes(server_hello[position + 4 : position + 6], "big")
        position += 4 + length
    return _NAMES.get(version, f"{version:#06x}")


def protocols(taps: Sequence[Wiretap]) -> dict[str, int]:
    """How many conversations there were in each protocol."""
    found: dict[str, int] = {}
    for tap in taps:
        for conversation in tap.conversations:
            if (protocol := conversation.protocol) is not None:
                found[protocol] = found.get(protocol, 0) + 1
    return found


async def speaks_plain(port: int) -> bool:
    """Whether a server answers plain HTTP where it should speak TLS."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(16), 5)
    except (OSError, TimeoutError, ssl.SSLError):
        return False
    finally:
        writer.close()
    return answer.startswith(b"HTTP/1.1 2")
