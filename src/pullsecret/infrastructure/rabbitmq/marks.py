"""What the adapter writes beside a message, and what it reads there."""

from collections.abc import Mapping
from typing import Any, Final

from aiormq import spec
from aiormq.abc import DeliveredMessage

from pullsecret.infrastructure.retry_after import bounded

ATTEMPT: Final = "x-pullsecret-attempt"
"""Which delivery comes next."""
REMAINING: Final = "x-pullsecret-remaining-ms"
"""How long the message has to wait yet after the delay queue it is in."""
REASON: Final = "x-pullsecret-reason"
"""Why a message was put aside."""
_DELIVERY_COUNT: Final = "x-delivery-count"
"""The quorum queue's own: how often a consumer lost the message in hand."""
_MOST_ATTEMPTS: Final = 1_000_000
"""That are told apart. Whoever publishes may write any number, and the next has to fit into a header."""
_MOST_OCTETS: Final = 65_536
"""Of all headers together. A copy's have to fit into one frame with our marks, else the broker ends the
connection by which all copies go."""


def headers_of(message: DeliveredMessage) -> Mapping[str, Any]:
    """The message's headers but for tables and lists: no event has any, their text may be endless, and not
    all that can be read in them can be written. None where they are longer than any event's."""
    given = _all_headers(message)
    plain = {name: value for name, value in given.items() if not isinstance(value, dict | list)}
    octets = sum(_octets(name) + _octets(value) for name, value in plain.items())
    return plain if octets <= _MOST_OCTETS else {}


def _octets(value: object) -> int:
    """About as many as it takes in a frame."""
    match value:
        case str():
            return len(value.encode())
        case bytes() | bytearray():
            return len(value)
    return 8


def _all_headers(message: DeliveredMessage) -> Mapping[str, Any]:
    return message.header.properties.headers or {}


def attempt_of(message: DeliveredMessage) -> int:
    """Which delivery this is, 1 or more; a million where it is said to be more."""
    headers = _all_headers(message)
    attempt = max(1, _number(headers, ATTEMPT, 1)) + max(0, _number(headers, _DELIVERY_COUNT, 0))
    return min(attempt, _MOST_ATTEMPTS)


def remaining_of(message: DeliveredMessage) -> float:
    """Seconds that the message has to wait yet: no more than anybody may ask us for."""
    return bounded(_number(_all_headers(message), REMAINING, 0) / 1000)


def reason_of(message: DeliveredMessage) -> str:
    """Why a message was put aside: our own words, or the broker's."""
    headers = _all_headers(message)
    if isinstance(reason := headers.get(REASON), str):
        return reason
    match headers.get("x-death"):
        case [{"reason": "delivery_limit"}, *_]:
            return "so many consumers lost it in hand that it may be what kills them"
        case [{"reason": reason}, *_]:
            return f"put aside by the broker ({reason})"
    return "unknown"


def copy_of(message: DeliveredMessage, **marks: str | int) -> spec.Basic.Properties:
    """The properties of a copy of ``message`` that outlives the broker, with ``marks`` as headers."""
    given = message.header.properties
    kept = {
        # The library reads text that is not UTF-8 as bytes, and writes none.
        name: bytearray(value) if isinstance(value, bytes) else value
        for name, value in headers_of(message).items()
        if not _is_of_the_broker(name)
    }
    return spec.Basic.Properties(
        content_type=given.content_type,
        content_encoding=given.content_encoding,
        correlation_id=given.correlation_id,
        message_id=given.message_id,
        timestamp=given.timestamp,
        message_type=given.message_type,
        app_id=given.app_id,
        delivery_mode=2,
        headers={**kept, **marks},
    )


def _is_of_the_broker(name: str) -> bool:
    return name in (ATTEMPT, REMAINING, REASON, _DELIVERY_COUNT) or name.startswith(
        ("x-death", "x-first-death")
    )


def _number(headers: Mapping[str, Any], name: str, default: int) -> int:
    value = headers.get(name, default)
    return value if isinstance(value, int) else default
