"""The command `pullsecret fake-hyperfleet`."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from pullsecret.testing.hyperfleet.neighbours import keep_up
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.server import FakeHyperFleet, ServerTls


def fake_hyperfleet(
    *,
    dialect: Dialect = Dialect.V1,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(help="0 takes a free port.")] = 8000,
    token: Annotated[str | None, Parameter(env_var="FAKE_HYPERFLEET_TOKEN", show_env_var=True)] = None,
    certificate: Path | None = None,
    key: Path | None = None,
    client_ca: Path | None = None,
    dependencies: bool = True,
) -> None:
    """Serve a HyperFleet API without a database until interrupted; the URL is the first line printed.

    Parameters
    ----------
    dialect
        Today's API (`v1`) or the design document's (`ddr`).
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
    """
    tls = ServerTls(certificate, key, client_ca) if certificate and key else None
    fake = FakeHyperFleet(dialect)
    fake.api.tokens = {token} if token else None
    if dependencies:
        fake.api.changed = lambda cluster: keep_up(fake.store, cluster)
    asyncio.run(_serve(fake, host, port, tls))


async def _serve(fake: FakeHyperFleet, host: str, port: int, tls: ServerTls | None) -> None:
    async with fake.serve(host=host, port=port, tls=tls) as url:
        Console().print(url, highlight=False, soft_wrap=True)
        await asyncio.Event().wait()
