"""Cuts connections at chosen places of chosen AMQP 0-9-1 frames that the broker sends."""

from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import Final

import attrs

_HEADER: Final = 7
_METHOD: Final = 1


class Place(Enum):
    """Where in a frame: a header of 7 bytes, the payload, and one octet that ends it."""

    BEFORE = "before it"
    IN_HEADER = "in its header"
    AFTER_HEADER = "after its header"
    IN_PAYLOAD = "in its payload"
    BEFORE_END = "before its end octet"
    AFTER = "after it"

    def offset(self, payload: int) -> int:
        """Bytes of the frame that still pass, where its payload has so many."""
        return {
            Place.BEFORE: 0,
            Place.IN_HEADER: 3,
            Place.AFTER_HEADER: _HEADER,
            Place.IN_PAYLOAD: _HEADER + payload // 2,
            Place.BEFORE_END: _HEADER + payload,
            Place.AFTER: _HEADER + payload + 1,
        }[self]


class Kind(Enum):
    """Frames that the broker sends to a client: type, and class and method of a method frame."""

    CONNECTION_START = (_METHOD, 10, 10)
    CONNECTION_TUNE = (_METHOD, 10, 30)
    CONNECTION_OPEN_OK = (_METHOD, 10, 41)
    CHANNEL_OPEN_OK = (_METHOD, 20, 11)
    EXCHANGE_DECLARE_OK = (_METHOD, 40, 11)
    QUEUE_DECLARE_OK = (_METHOD, 50, 11)
    QUEUE_BIND_OK = (_METHOD, 50, 21)
    QOS_OK = (_METHOD, 60, 11)
    CONSUME_OK = (_METHOD, 60, 21)
    DELIVER = (_METHOD, 60, 60)
    PUBLISHER_ACK = (_METHOD, 60, 80)
    CONFIRM_SELECT_OK = (_METHOD, 85, 11)
    CONTENT_HEADER = (2,)
    CONTENT_BODY = (3,)
    HEARTBEAT = (8,)


class FrameCuts:
    """Cuts connections at frames of one kind, once at each of some places; further ones pass.

    :meth:`for_connection` is what a :class:`~pullsecret.testing.tcp_proxy.TcpProxy` makes its cuts with.
    """

    def __init__(self, kind: Kind, places: Iterable[Place] = Place) -> None:
        self.kind = kind
        self._places = deque(places)

    @property
    def done(self) -> bool:
        """True once every cut is made."""
        return not self._places

    def next_place(self) -> Place | None:
        """Where to cut the next frame of the kind."""
        return self._places.popleft() if self._places else None

    def for_connection(self) -> "FrameCut":
        """The cut of a new connection."""
        return FrameCut(self)


@attrs.define
class FrameCut:
    """Follows the frames of one connection; see :class:`~pullsecret.testing.tcp_proxy.Cut`."""

    _cuts: FrameCuts
    _place: Place | None = None
    _unread: bytes = b""
    _passed: int = 0
    """How many bytes of the unread ones passed before; negative where those before them just arrived."""

    def passes(self, data: bytes) -> int | None:
        """See the protocol."""
        self._unread += data
        while len(self._unread) >= _HEADER:
            size = int.from_bytes(self._unread[3:_HEADER], "big")
            if self._place is None and self._is_it():
                self._place = self._cuts.next_place()
            if self._place is not None and len(self._unread) >= self._place.offset(size):
                return max(0, self._place.offset(size) - self._passed)
            length = _HEADER + size + 1
            if len(self._unread) < length:
                break
            self._unread = self._unread[length:]
            self._passed -= length
        self._passed = len(self._unread)
        return None

    def _is_it(self) -> bool:
        kind, *method = self._cuts.kind.value
        expected = b"".join(part.to_bytes(2, "big") for part in method)
        return self._unread[0] == kind and self._unread[_HEADER : _HEADER + len(expected)] == expected
