"""What the wire says about TLS."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from tests.acceptance.wiretap import PLAIN, Wiretap, protocols, speaks_plain


def contexts(folder: Path, version: ssl.TLSVersion) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    client.minimum_version = client.maximum_version = version
    return server, client


async def talk(tap: Wiretap, client: ssl.SSLContext | None) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", tap.port, ssl=client)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await reader.read(100)
    writer.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("version", "name"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]
)
async def test_the_version_is_told(version: ssl.TLSVersion, name: str, tmp_path: Path) -> None:
    secure, client = contexts(tmp_path, version)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=secure)
    async with server, Wiretap("server", server.sockets[0].getsockname()[1]) as tap:
        await talk(tap, client)
        await talk(tap, client)
        assert protocols([tap]) == {name: 2}
        assert not await speaks_plain(tap.port)


async def test_who_speaks_plainly_is_told() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, Wiretap("server", server.sockets[0].getsockname()[1]) as tap:
        await talk(tap, None)
        assert protocols([tap]) == {PLAIN: 1}
        assert await speaks_plain(tap.port)


async def test_a_failing_network_breaks_so_many_connections() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, Wiretap("server", server.sockets[0].getsockname()[1]) as tap:
        tap.refusing = 1
        with pytest.raises(ConnectionError):
            await talk(tap, None)
        await talk(tap, None)
        assert protocols([tap]) == {PLAIN: 1}
