"""Pages of a newest-first list, stable while the list changes."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import TypeVar

from pullsecret.testing.gcp.status import invalid_argument

Item = TypeVar("Item")
MAX_PAGE = 25_000


def page(items: Sequence[tuple[str, Item]], query: str, size: int, token: str) -> tuple[list[Item], str]:
    """Return one page and the token of the next.

    ``items`` are (key, item), newest first, and the keys descend in the same order. ``query`` is what the
    token belongs to. Raises ApiError (INVALID_ARGUMENT) for a negative size or a token of another query.
    """
    if size < 0:
        raise invalid_argument("page_size", "The page size must not be negative.")
    size = min(size or MAX_PAGE, MAX_PAGE)
    after = _read_token(token, query) if token else None
    rest = [(key, item) for key, item in items if after is None or key < after]
    shown = rest[:size]
    more = len(rest) > size
    return [item for _, item in shown], _make_token(shown[-1][0], query) if more else ""


def _digest(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()[:12]


def _make_token(key: str, query: str) -> str:
    return base64.urlsafe_b64encode(f"{_digest(query)}:{key}".encode()).decode()


def _read_token(token: str, query: str) -> str:
    try:
        digest, _, key = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError):
        digest = key = ""
    if digest != _digest(query):
        raise invalid_argument("page_token", "The page token is invalid for this request.")
    return key
