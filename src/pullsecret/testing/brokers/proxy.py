"""A TCP proxy in front of a broker that breaks connections as networks do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK = 65_536


class FaultProxy:
    """Carries bytes to a loopback port. Use :func:`fault_proxy` to open one."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.connections = 0
        """How many were accepted so far."""
        self.cut_after: int | None = None
        """Break each new connection after so many bytes from the broker; None for never."""
        self._target = target
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._carriers: set[asyncio.Task[None]] = set()

    def break_all(self) -> None:
        """Reset every connection now."""
        for writer in list(self._writers):
            writer.transport.abort()

    def hold(self) -> None:
        """Let nothing through and refuse nothing, as if a cable had been pulled out."""
        self._flowing.clear()

    def release(self) -> None:
        """Carry on."""
        self._flowing.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._carriers.add(task)
        self.connections += 1
        ours = {writer}
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            ours.add(back)
            self._writers |= ours
            await asyncio.gather(self._pump(reader, back, None), self._pump(there, writer, self.cut_after))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._carriers.discard(task)
            self._writers -= ours
            for each in ours:
                each.transport.abort()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, limit: int | None
    ) -> None:
        carried = 0
        while data := await source.read(_CHUNK):
            await self._flowing.wait()
            if limit is not None and carried + len(data) >= limit:
                sink.write(data[: limit - carried])
                with suppress(OSError):
                    await sink.drain()
                raise ConnectionResetError
            carried += len(data)
            sink.write(data)
            await sink.drain()
        raise ConnectionResetError

    async def close(self) -> None:
        """End every connection."""
        for carrier in list(self._carriers):
            carrier.cancel()
        await asyncio.gather(*self._carriers, return_exceptions=True)


@asynccontextmanager
async def fault_proxy(target: int) -> AsyncIterator[FaultProxy]:
    """A proxy to ``target``, listening on a loopback port of its own."""
    proxy = FaultProxy(target)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
