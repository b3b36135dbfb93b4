"""What a failed gRPC call said, taken apart."""

import re
from collections.abc import Mapping
from typing import Any

import attrs

from pullsecret.infrastructure.retry_after import bounded

_PERMISSION = re.compile(r"[Pp]ermission '?(?P<permission>[a-z]+\.[A-Za-z.]+)'? (?:was )?denied")


@attrs.frozen
class CallFailure:
    """One failed call. ``message`` is the server's; it is shown only where it cannot quote a payload."""

    method: str
    code: str
    """The canonical code's name, e.g. ``PERMISSION_DENIED``."""
    message: str = attrs.field(repr=False)
    reason: str = ""
    """``google.rpc.ErrorInfo.reason``."""
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    """``google.rpc.ErrorInfo.metadata``."""
    fields: tuple[str, ...] = ()
    """Fields that ``google.rpc.BadRequest`` names."""
    retry_after: float | None = None
    """Seconds of ``google.rpc.RetryInfo``."""

    @property
    def permission(self) -> str | None:
        """The permission that is missing, from the details or else from the message."""
        if "permission" in self.metadata:
            return self.metadata["permission"]
        found = _PERMISSION.search(self.message)
        return found["permission"] if found else None


def read_failure(method: str, error: Any) -> CallFailure:
    """Take apart ``error``, a ``grpc.aio.AioRpcError``."""
    failure = CallFailure(method, error.code().name, error.details() or "")
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return _with_details(failure, value)
    return failure


def _with_details(failure: CallFailure, packed: bytes) -> CallFailure:
    # Imported here: only failures need them.
    from google.protobuf.message import DecodeError
    from google.rpc import error_details_pb2, status_pb2

    try:
        status = status_pb2.Status.FromString(packed)
    except DecodeError:
        return failure
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    bad = error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Unpack(info):
            failure = attrs.evolve(failure, reason=info.reason, metadata=dict(info.metadata))
        elif detail.Unpack(retry):
            seconds = retry.retry_delay.ToNanoseconds() / 1e9
            failure = attrs.evolve(failure, retry_after=bounded(seconds))
        elif detail.Unpack(bad):
            fields = tuple(one.field for one in bad.field_violations)
            failure = attrs.evolve(failure, fields=failure.fields + fields)
    return failure
