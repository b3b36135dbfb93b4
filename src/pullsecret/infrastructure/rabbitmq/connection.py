"""Opens connections: several nodes, TLS, sign-in, heartbeats, a name that says which replica it is."""

import ssl
from typing import Final
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel
from yarl import URL

from pullsecret.domain.errors import OperationError
from pullsecret.infrastructure.client_tls import client_tls, unusable_file
from pullsecret.infrastructure.rabbitmq.failures import failure
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings, SignIn
from pullsecret.infrastructure.rabbitmq.unreadable_properties import leave_out_unreadable_properties

_DEFAULT_PASSWORD: Final = "guest"  # noqa: S105 - RabbitMQ's own, for loopback only

leave_out_unreadable_properties()


async def connect(settings: RabbitMQSettings, name: str) -> AbstractConnection:
    """A connection to the first node that answers; the broker shows it as ``name``.

    Raises what the last node gave: transient if it does not answer, permanent if it refuses us.
    """
    tls = tls_context(settings)
    failed: list[OperationError] = []
    for url in settings.urls:
        try:
            return await aio_pika.connect(
                _with_sign_in(settings, url),
                ssl_context=tls,
                client_properties={"connection_name": name},
                timeout=settings.connect_timeout,
            )
        except Exception as fault:  # the library raises whatever its parts do
            failed.append(failure("connect-broker", _address(url), fault))
    raise failed[-1]


async def open_channel(connection: AbstractConnection, *, confirms: bool) -> AbstractChannel:
    """A channel. With ``confirms`` a publication returns once the broker has taken it."""
    return await (await connection.channel(publisher_confirms=confirms)).get_underlay_channel()


def _address(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (5671 if parts.scheme == 'amqps' else 5672)}"


def _with_sign_in(settings: RabbitMQSettings, url: str) -> URL:
    bare = URL(url)
    if not bare.path:
        bare = bare.with_path("/")
    query = {"heartbeat": str(settings.heartbeat)}
    if settings.sign_in is SignIn.EXTERNAL:
        return bare.update_query({**query, "auth": "external"})
    return bare.with_user(settings.user).with_password(password(settings)).update_query(query)


def password(settings: RabbitMQSettings) -> str:
    """The user's password, read anew. Raises a permanent error naming the file if it cannot be read."""
    if settings.password_file is None:
        return _DEFAULT_PASSWORD
    try:
        return settings.password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise unusable_file(
            "connect-broker", "rabbitmq.passwordFile", str(settings.password_file), error
        ) from None


def tls_context(settings: RabbitMQSettings) -> ssl.SSLContext | None:
    """What to trust and to show; None where nothing goes over TLS. Raises a permanent error naming the file
    that cannot be used."""
    if not any(
        url.startswith(("amqps:", "https:")) for url in (*settings.urls, settings.management_url or "")
    ):
        return None
    return client_tls("connect-broker", "rabbitmq", settings)
