"""The command `pullsecret fake-hyperfleet`."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import httpx
from cyclopts import Parameter
from cyclopts.validators import Number

from pullsecret.testing.hyperfleet.neighbours import keep_up
from pullsecret.testing.hyperfleet.publishers import open_publisher
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.sentinel import Sentinel
from pullsecret.testing.hyperfleet.server import FakeHyperFleet, ServerTls

_POSITIVE = Number(gt=0)


def fake_hyperfleet(
    *,
    dialect: Dialect = Dialect.V1,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))] = 8000,
    token: Annotated[str | None, Parameter(env_var="FAKE_HYPERFLEET_TOKEN", show_env_var=True)] = None,
    certificate: Path | None = None,
    key: Path | None = None,
    client_ca: Path | None = None,
    dependencies: bool = True,
    events: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    poll: Annotated[float, Parameter(validator=_POSITIVE)] = 10.0,
) -> int:
    """Serve a HyperFleet API without a database until interrupted; the URL is the first line printed.

    With `--events`, a small Sentinel polls it and publishes an event for each cluster that wants one.

    Exits 0 when interrupted, 1 if the port or the broker cannot be had.

    For example:

    ```
    pullsecret fake-hyperfleet --port 8000
    pullsecret fake-hyperfleet --dialect ddr --events - --poll 1
    pullsecret fake-hyperfleet --events "amqp://guest:guest@127.0.0.1/?exchange=hyperfleet-clusters"
    ```

    Parameters
    ----------
    dialect
        Today's API (`v1`) or the design document's (`ddr`).
    host
        Address to listen on.
    port
        0 takes a free port.
    token
        The bearer token to demand.
    certificate
        Serve HTTPS with this certificate (PEM).
    key
        The certificate's private key (PEM).
    client_ca
        Demand client certificates of this CA (PEM).
    dependencies
        Let validation, DNS and placement report success for every cluster at once, and finish its
        deletion on their side.
    events
        Where Sentinel publishes: `-` for lines on standard output, `amqp://...?exchange=NAME`, or
        `pubsub://PROJECT/TOPIC` (the emulator's at PUBSUB_EMULATOR_HOST).
    poll
        Seconds between two looks of Sentinel.
    """
    if (certificate is None) != (key is None):
        return _refuse("give --certificate and --key together")
    tls = ServerTls(certificate, key, client_ca) if certificate and key else None
    fake = FakeHyperFleet(dialect)
    fake.api.tokens = {token} if token else None
    if dependencies:
        fake.api.changed = lambda cluster: keep_up(fake.store, cluster)
    try:
        asyncio.run(_serve(fake, host, port, tls, events, poll))
    except (OSError, ValueError) as error:
        return _refuse(str(error))
    return 0


def _refuse(why: str) -> int:
    sys.stderr.write(f"fake-hyperfleet: {why}\n")
    return 1


async def _serve(
    fake: FakeHyperFleet, host: str, port: int, tls: ServerTls | None, events: str | None, poll: float
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as opened:
        publish = await opened.enter_async_context(open_publisher(events)) if events else None
        url = await opened.enter_async_context(fake.serve(host=host, port=port, tls=tls))
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        polling = None
        if publish is not None:
            # Sentinel looks in from inside: no port, no token, no certificate.
            inside = httpx.ASGITransport(fake.api.application())
            headers = {"authorization": f"Bearer {next(iter(fake.api.tokens or {''}))}"}
            client = httpx.AsyncClient(transport=inside, base_url=url, headers=headers)
            sentinel = Sentinel(await opened.enter_async_context(client), fake.dialect, publish)
            polling = asyncio.create_task(sentinel.run(poll))
        await stop.wait()
        if polling is not None:
            polling.cancel()
