"""Reads the body of an HTTP answer, however long and slow the other side makes it."""

import time
from collections.abc import Callable
from typing import Final

_CHUNK: Final = 65_536


class BodyTooLongError(ValueError):
    """The body has more bytes than will be read."""

    def __init__(self, most: int) -> None:
        super().__init__(f"it sends more than {most} bytes")


def read_body(read1: Callable[[int], bytes], most: int, give_up: float) -> bytes:
    """All of it, by ``read1``, which answers with what has come, up to so many bytes.

    Raises :class:`BodyTooLongError` beyond ``most`` bytes, and :class:`TimeoutError` if it has not ended when
    ``time.monotonic()`` is past ``give_up``.
    """
    body = bytearray()
    while chunk := read1(_CHUNK):
        body += chunk
        if len(body) > most:
            raise BodyTooLongError(most)
        if time.monotonic() > give_up:
            raise TimeoutError("it did not end in time")
    return bytes(body)
