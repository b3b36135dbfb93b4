"""The job's result as the JSON object it leaves in its termination message file."""

import json
from typing import Any

from pullsecret.domain.provisioning import Failure, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Change, Stage

MAX_BYTES = 4_096
"""What Kubernetes keeps of a termination message."""

_MORE = "..."
_REASONS = {reason.value: reason for reason in Reason}


def encode_result(result: ProvisionResult, path: str, seconds_by_method: dict[str, float]) -> str:
    """One line of JSON, at most :data:`MAX_BYTES` in UTF-8, without a payload.

    ``path`` is the version's (or the secret's) resource name; ``seconds_by_method`` how long calls took in
    all. What does not fit goes in this order: latencies, durations by method, calls, the end of the
    message.
    """
    document: dict[str, Any] = {
        "outcome": "succeeded" if result.failure is None else result.failure.reason.outlook.value,
        "stage": result.stage.value,
        "change": result.change and result.change.value,
        "reason": result.failure and result.failure.reason.value,
        "message": result.failure and result.failure.message,
        "version": result.version,
        "path": path,
        "durations": {"total": round(result.duration, 3)}
        | {method: round(seconds, 3) for method, seconds in sorted(seconds_by_method.items())},
        "calls": dict(result.calls),
        "latencies": {
            method: [round(each, 3) for each in seconds] for method, seconds in result.latencies.items()
        },
    }
    if _size(document) > MAX_BYTES:
        document["latencies"] = {}
    if _size(document) > MAX_BYTES:
        document["durations"] = {"total": round(result.duration, 3)}
    if _size(document) > MAX_BYTES:
        document["calls"] = {}
    message = document["message"] or ""
    while _size(document) > MAX_BYTES and message:
        # One character takes at most 12 bytes in JSON, so this ends soon and never removes too much.
        message = message[: -max(1, (_size(document) - MAX_BYTES) // 12)]
        document["message"] = message + _MORE
    return _json(document)


def decode_result(text: str) -> ProvisionResult:
    """The result that :func:`encode_result` wrote. Raises ValueError if ``text`` is not one."""
    try:
        document = json.loads(text)
        failure = None
        if document["reason"] is not None:
            failure = Failure(_REASONS[document["reason"]], str(document["message"]))
        return ProvisionResult(
            stage=Stage(document["stage"]),
            change=None if document["change"] is None else Change(document["change"]),
            version=None if document["version"] is None else str(document["version"]),
            failure=failure,
            duration=float(document["durations"]["total"]),
            calls={str(call): int(count) for call, count in document["calls"].items()},
            latencies={
                str(method): tuple(float(each) for each in seconds)
                for method, seconds in document.get("latencies", {}).items()
            },
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a job's result") from error


def _size(document: dict[str, Any]) -> int:
    return len(_json(document).encode())


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
