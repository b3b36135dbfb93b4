"""A TCP link to a server that a test can cut, as a failing network does."""

import asyncio
from types import TracebackType
from typing import Self

from pullsecret.testing.kubernetes.processes import free_port

_CHUNK = 65_536


class Link:
    """Listens on a loopback port and carries bytes to another; an async context manager.

    TLS passes through untouched. While cut, nothing arrives and nothing is refused: packets are lost, as if a
    cable had been pulled out. What was under way arrives after :meth:`mend`, as TCP repeats it.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server | None = None
        self._carriers: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What to use in place of the server's own address."""
        return f"https://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Lose everything from now on."""
        self._whole.clear()

    def mend(self) -> None:
        """Carry on."""
        self._whole.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
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
            await self._carry(reader, writer)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self._carriers.discard(carrier)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        pumps = [
            asyncio.ensure_future(self._pump(reader, back)),
            asyncio.ensure_future(self._pump(there, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            back.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(_CHUNK):
            await self._whole.wait()
            sink.write(data)
            await sink.drain()
