"""A TCP proxy in front of a server that loses packets and breaks connections, as networks do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_CHUNK = 65_536


class TcpProxy:
    """Carries bytes to a loopback port; TLS passes through untouched. Use :func:`tcp_proxy` to open one.

    A side that closes its connection closes the other's, after what was under way has arrived.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self.connections = 0
        """How many were accepted so far."""
        self.reset_after: int | None = None
        """Reset each new connection after so many bytes from the server; None for never."""
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
            writer.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._carriers.add(task)
        self.connections += 1
        ends = {writer}
        try:
            self._writers.add(writer)
            await self._flowing.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            ends.add(back)
            self._writers.add(back)
            await _until_one_ends(
                asyncio.ensure_future(self._pump(reader, back, None)),
                asyncio.ensure_future(self._pump(there, writer, self.reset_after)),
            )
        except (OSError, asyncio.CancelledError):
            for end in ends:
                end.transport.abort()
        finally:
            self._carriers.discard(task)
            self._writers -= ends
            for end in ends:
                end.close()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, limit: int | None
    ) -> None:
        carried = 0
        while data := await source.read(_CHUNK):
            await self._flowing.wait()
            if limit is not None and carried + len(data) >= limit:
                sink.write(data[: limit - carried])
                await sink.drain()
                raise ConnectionResetError
            carried += len(data)
            sink.write(data)
            await sink.drain()

    async def close(self) -> None:
        """End every connection."""
        for carrier in list(self._carriers):
            carrier.cancel()
        await asyncio.gather(*self._carriers, return_exceptions=True)


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
