"""A server on loopback that answers each request with bytes of a test's choice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import attrs

MANY = 100_000_000


@attrs.frozen
class Reply:
    """What comes back: ``head``, then ``body`` so many ``times``, each followed by ``pause`` seconds."""

    head: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    body: bytes = b""
    times: int = 1
    pause: float = 0.0


def json_body(body: bytes, status: str = "200 OK", *headers: str) -> Reply:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return Reply("\r\n".join([*lines, "Connection: close", "", ""]).encode(), body)


@attrs.define
class RawServer:
    """Give it a reply, and see how much of it was taken."""

    port: int
    reply: Reply = attrs.field(factory=Reply)
    sent: int = 0
    """Bytes of bodies that went out."""
    requests: list[bytes] = attrs.field(factory=list)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        with suppress(OSError, asyncio.IncompleteReadError):
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            await self._send(writer)
        writer.close()

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        reply = self.reply
        writer.write(reply.head)
        for _ in range(reply.times):
            writer.write(reply.body)
            await writer.drain()
            self.sent += len(reply.body)
            if reply.pause:
                await asyncio.sleep(reply.pause)


@asynccontextmanager
async def raw_server(reply: Reply) -> AsyncIterator[RawServer]:
    """Serve as long as the block."""
    made = RawServer(0, reply)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
        server.close()
