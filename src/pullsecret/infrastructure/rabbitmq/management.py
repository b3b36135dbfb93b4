"""What cannot be seen over AMQP, asked of RabbitMQ's management plugin: by which keys the queue is bound."""

import asyncio
import base64
import http.client
import json
import time
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.bounded_body import BodyTooLongError, read_body
from pullsecret.infrastructure.rabbitmq.connection import password, tls_context
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings

_OPERATION = "list-bindings"
_MAX_ANSWER_BYTES: Final = 1_048_576
"""Longer answers are not read to their end, and so are no list; a binding has a few hundred."""


async def bound_keys(settings: RabbitMQSettings, url: str) -> frozenset[str]:
    """The routing keys by which the exchange leads to the queue; empty if it does not.

    ``url`` is the plugin's. Raises a permanent error if it refuses us, a transient one if it does not answer.
    """
    try:
        status, body = await asyncio.to_thread(_get, settings, url)
    except (OSError, http.client.HTTPException) as error:
        raise _failed(url, f"It cannot be reached ({type(error).__name__}).") from None
    if status == http.client.NOT_FOUND:
        return frozenset()
    if status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
        raise PermanentError(
            _OPERATION,
            url,
            Reason.WRONG_CONFIGURATION,
            f"The management plugin refuses the user {settings.user}.",
            "Give the user the tag 'management', or leave managementUrl out.",
        )
    try:
        return frozenset(str(binding["routing_key"]) for binding in _list(body))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _failed(url, f"It gave no list of bindings (status {status}).") from None


def _get(settings: RabbitMQSettings, url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    host, timeout = parts.hostname or "", settings.connect_timeout
    give_up = time.monotonic() + timeout
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, parts.port, timeout=timeout, context=tls_context(settings)
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    names = (settings.virtual_host, "e", settings.exchange, "q", settings.queue)
    path = f"{parts.path.rstrip('/')}/api/bindings/{'/'.join(quote(name, safe='') for name in names)}"
    credential = base64.b64encode(f"{settings.user}:{password(settings)}".encode()).decode()
    try:
        connection.request("GET", path, headers={"authorization": f"Basic {credential}"})
        answer = connection.getresponse()
        return answer.status, read_body(answer.read1, _MAX_ANSWER_BYTES, give_up)
    except BodyTooLongError:
        return answer.status, b""
    finally:
        connection.close()


def _list(body: bytes) -> list[Any]:
    document = json.loads(body)
    if not isinstance(document, list):
        raise TypeError
    return document


def _failed(url: str, cause: str) -> OperationError:
    return TransientError(_OPERATION, url, Reason.BROKER_UNAVAILABLE, cause)
