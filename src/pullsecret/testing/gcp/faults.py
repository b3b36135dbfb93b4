"""Scripted faults: which call fails, how, and whether the work was done before it failed."""

import threading
import time

import attrs
from grpc import StatusCode

from pullsecret.testing.gcp.status import ApiError, retry_info


@attrs.frozen
class Fault:
    """What happens to the next calls of one method.

    ``code`` None only delays. With ``after_commit`` the call takes full effect first and then fails, as when
    a response is lost.
    """

    method: str
    """A Secret Manager method such as ``AddSecretVersion``, or ``MetadataToken``, ``ExchangeToken``,
    ``GenerateAccessToken``, ``TestIamPermissions``, ``GetService``."""
    code: StatusCode | None = StatusCode.UNAVAILABLE
    message: str = "The service is currently unavailable."
    delay: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    """Seconds to wait before the call is answered."""
    until: threading.Event | None = None
    """What to wait for before the call is answered."""
    after_commit: bool = False
    retry_after: float | None = None
    """Seconds to ask for in RetryInfo."""
    times: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    skip: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    """How many calls of the method pass untouched first."""
    details: tuple[object, ...] = ()
    """Further ``google.rpc`` detail messages."""

    def raise_error(self) -> None:
        """Raise the scripted error, if there is one."""
        if self.code is None:
            return
        details = self.details
        if self.retry_after is not None:
            details = (*details, retry_info(self.retry_after))
        raise ApiError(self.code, self.message, details)


class FaultScript:
    """Faults in the order they were added; each is used up by its own method's calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[tuple[Fault, int, int]] = []

    def add(self, fault: Fault) -> None:
        """Append ``fault``."""
        with self._lock:
            self._pending.append((fault, fault.skip, fault.times))

    def clear(self) -> None:
        """Forget every fault not used up."""
        with self._lock:
            self._pending.clear()

    def next_for(self, method: str) -> Fault | None:
        """Take the fault for this call of ``method``, if any, and wait as it says."""
        fault = self._take(method)
        if fault is not None:
            time.sleep(fault.delay)
            if fault.until is not None:
                fault.until.wait()
        return fault

    def _take(self, method: str) -> Fault | None:
        with self._lock:
            for index, (fault, skip, times) in enumerate(self._pending):
                if fault.method != method:
                    continue
                if skip:
                    self._pending[index] = (fault, skip - 1, times)
                    return None
                if times == 1:
                    del self._pending[index]
                else:
                    self._pending[index] = (fault, 0, times - 1)
                return fault
        return None
