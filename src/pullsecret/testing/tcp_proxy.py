"""A TCP proxy in front of a server that loses packets and breaks connections, as networks do."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import attrs

_CHUNK = 65_536
_ARRIVAL = 0.01
"""Seconds for what passed to be read; a reset would throw it away."""


class Cut(Protocol):
    """Where one connection is reset."""

    def passes(self, data: bytes) -> int | None:
        """Given what the server sends, piece by piece: how many bytes of it pass before the reset, or None
        for all of them and no reset yet."""
        ...


@attrs.define
class CutAfter:
    """Resets after so many bytes from the server."""

    left: int

    def passes(self, data: bytes) -> int | None:
        """See :class:`Cut`."""
        passing, self.left = self.left, self.left - len(data)
        return passing if self.left <= 0 else None


class TcpProxy:
    """Carries bytes to a loopback port; TLS passes through untouched. Use :func:`tcp_proxy` to open one.

    A side that closes its connection closes the other's, after what was under way has arrived.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self.connections = 0
        """How many were accepted so far."""
        self.cut: Callable[[], Cut] | None = None
        """Makes for each new connection what says where to reset it; None for no reset."""
        self._target = target
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._carriers: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What to use in place of the address of an HTTPS server."""
        return f"https://127.0.0.1:{self.port}"

    def hold(self) -> None:
        """Let nothing through and refuse nothing, as if a cable had been pulled out. What is under way
        arrives after :meth:`release`, as TCP repeats it."""
        self._flowing.clear()

    def release(self) -> None:
        """Carry on."""
        self._flowing.set()

    def reset_all(self) -> None:
        """Reset every connection now."""
        for writer in list(self._writers):
            _reset(writer)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._carriers.add(task)
        self.connections += 1
        cut = self.cut() if self.cut else None
        ends = {writer}
        try:
            self._writers.add(writer)
            await self._flowing.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            ends.add(back)
            self._writers.add(back)
            await _until_one_ends(
                asyncio.ensure_future(self._pump(reader, back, None)),
                asyncio.ensure_future(self._pump(there, writer, cut)),
            )
        except (OSError, asyncio.CancelledError):
            for end in ends:
                _reset(end)
        finally:
            self._carriers.discard(task)
            self._writers -= ends
            for end in ends:
                end.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, cut: Cut | None) -> None:
        while data := await source.read(_CHUNK):
            await self._flowing.wait()
            if cut is not None and (passing := cut.passes(data)) is not None:
                sink.write(data[:passing])
                await sink.drain()
                await asyncio.sleep(_ARRIVAL)
                raise ConnectionResetError
            sink.write(data)
            await sink.drain()

    async def close(self) -> None:
        """End every connection."""
        for carrier in list(self._carriers):
            carrier.cancel()
        await asyncio.gather(*self._carriers, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    if not writer.transport.is_closing():
        # Without lingering the other side gets a reset instead of an orderly end.
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


async def _until_one_ends(*pumps: "asyncio.Task[None]") -> None:
    try:
        done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in done:
            pump.result()
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


@asynccontextmanager
async def tcp_proxy(target: int) -> AsyncIterator[TcpProxy]:
    """A proxy to ``target``, listening on a loopback port of its own."""
    proxy = TcpProxy(target)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
