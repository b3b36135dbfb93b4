"""The one type that holds secret bytes and never shows them."""

import hmac
from typing import NoReturn, Self, SupportsIndex, final

from pullsecret.domain.checksum import crc32c

REDACTED = "[redacted]"


class SecretPayload:
    """Secret bytes. ``repr``, ``str``, ``format``, logs and tracebacks show a fixed word instead.

    It is immutable, equal to another by content (compared in constant time), its own copy, and refuses
    pickling, so that a payload cannot cross a process boundary by accident.
    """

    __slots__ = ("__bytes", "__crc32c")

    def __init__(self, data: bytes) -> None:
        self.__bytes = bytes(data)
        self.__crc32c: int | None = None

    @final
    def reveal(self) -> bytes:
        """Return the secret bytes. Call it only in the expression that sends or stores them."""
        return self.__bytes

    @property
    def size(self) -> int:
        """The payload's length in bytes."""
        return len(self.__bytes)

    @property
    def crc32c(self) -> int:
        """The payload's CRC32C, 0 to 2**32 - 1."""
        if self.__crc32c is None:
            self.__crc32c = crc32c(self.__bytes)
        return self.__crc32c

    @final
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretPayload):
            return NotImplemented
        return hmac.compare_digest(self.__bytes, other.reveal())

    @final
    def __hash__(self) -> int:
        return hash(self.__bytes)

    @final
    def __repr__(self) -> str:
        return f"{type(self).__name__}({REDACTED})"

    @final
    def __str__(self) -> str:
        return REDACTED

    @final
    def __format__(self, spec: str) -> str:
        return format(REDACTED, spec)

    @final
    def __copy__(self) -> Self:
        return self

    @final
    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    @final
    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a secret payload is never pickled")

    @final
    def __getstate__(self) -> NoReturn:
        # The inherited one hands out the slots (Python 3.11 and later).
        raise TypeError("a secret payload is never pickled")
