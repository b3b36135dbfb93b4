"""Reads the attributes that brokers carry beside a message's body as CloudEvents' HTTP headers."""

from collections.abc import Mapping
from typing import Final

_PREFIXES: Final = ("ce-", "ce_", "cloudevents:", "cloudevents_")
"""Of the bindings for HTTP, Pub/Sub and AMQP; some clients cannot write a hyphen or a colon."""


def http_headers(attributes: Mapping[str, object], content_type: str | None = None) -> dict[str, str]:
    """What :func:`pullsecret.infrastructure.cloudevents.codec.parse` takes; other attributes are left out.

    ``content_type`` is the broker's own property for it, where it has one.
    """
    headers: dict[str, str] = {}
    for key, value in attributes.items():
        name = key.lower()
        if name == "content-type":
            headers["content-type"] = _text(value)
            continue
        for prefix in _PREFIXES:
            if name.startswith(prefix):
                # Only HTTP escapes characters; the codec would take a bare % for an escape.
                headers["ce-" + name.removeprefix(prefix)] = _text(value).replace("%", "%25")
                break
    if content_type:
        headers["content-type"] = content_type
    return headers


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes | bytearray) else str(value)
