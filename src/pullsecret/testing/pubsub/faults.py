"""Scripted faults: which call fails, how, and whether it took effect all the same."""

import threading
from typing import Final

import attrs
from attrs.validators import ge
from grpc import StatusCode

INVALID_ACK_ID: Final = "PERMANENT_FAILURE_INVALID_ACK_ID"
"""For :attr:`Fault.ack_failure`: the lease has ended; the message comes again."""
TRANSIENT_ACK_FAILURE: Final = "TRANSIENT_FAILURE_OTHER"
"""For :attr:`Fault.ack_failure`: the client is to try again."""


@attrs.frozen
class Fault:
    """What happens to the next calls of one method. By default they fail and have no effect.

    Without ``code`` the call seems to succeed: with ``takes_effect`` it is only slow, without it the request
    was lost and nobody knows. With both, the effect is there and its answer is lost.
    """

    method: str
    """A method of google.pubsub.v1, such as ``Acknowledge``; ``StreamingPull`` means opening a stream."""
    code: StatusCode | None = StatusCode.UNAVAILABLE
    message: str = "The service was unable to fulfill your request."
    takes_effect: bool = False
    delay: float = attrs.field(default=0.0, validator=ge(0))
    """Seconds until the call is answered."""
    ack_failure: str | None = None
    """What each ack id failed with, as exactly-once delivery tells it; in place of ``code``."""
    times: int | None = 1
    """None until it is cleared."""
    skip: int = attrs.field(default=0, validator=ge(0))
    """How many calls of the method pass untouched first."""


@attrs.define
class _Pending:
    fault: Fault
    skip: int
    left: int | None


class FaultScript:
    """Faults in the order they were added; each is used up by its own method's calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[_Pending] = []

    def add(self, fault: Fault) -> None:
        """Append ``fault``."""
        with self._lock:
            self._pending.append(_Pending(fault, fault.skip, fault.times))

    def clear(self) -> None:
        """Forget every fault not used up."""
        with self._lock:
            self._pending.clear()

    def next_for(self, method: str) -> Fault | None:
        """The fault for this call of ``method``, if any."""
        with self._lock:
            pending = next((each for each in self._pending if each.fault.method == method), None)
            if pending is None:
                return None
            if pending.skip:
                pending.skip -= 1
                return None
            if pending.left is not None:
                pending.left -= 1
                if not pending.left:
                    self._pending.remove(pending)
            return pending.fault
