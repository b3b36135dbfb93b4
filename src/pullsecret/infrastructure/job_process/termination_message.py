"""The job's result as the JSON object it leaves in its termination message file."""

import json
from collections.abc import Mapping
from typing import Any

from pullsecret.domain.clean_up import CleanUpResult
from pullsecret.domain.jobs import AnyResult
from pullsecret.domain.provisioning import Failure, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Change, Stage

MAX_BYTES = 4_096
"""What Kubernetes keeps of a termination message."""

_MORE = "..."
_NOT_READABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
_REASONS = {reason.value: reason for reason in Reason}


def encode_result(result: ProvisionResult, path: str, seconds_by_method: dict[str, float]) -> str:
    """One line of JSON, at most :data:`MAX_BYTES` in UTF-8, without a payload.

    ``path`` is the version's (or the secret's) resource name; ``seconds_by_method`` how long calls took in
    all. What does not fit goes in this order: latencies, durations by method, calls, the last ones of the
    earlier paths, the end of the message.
    """
    document = {
        **_end(result),
        "stage": result.stage.value,
        "change": result.change and result.change.value,
        "version": result.version,
        "path": path,
        **({"earlier": list(result.earlier)} if result.earlier else {}),
        **_measured(result, seconds_by_method),
    }
    return _shortened(document)


def encode_clean_up(result: CleanUpResult, seconds_by_method: Mapping[str, float]) -> str:
    """The same for a clean-up. What does not fit goes after the rest in this order: the paths that were
    deleted, the last ones of those retained and left behind, and the end of the message."""
    document = {
        **_end(result),
        "deleted": list(result.deleted),
        "retained": list(result.retained),
        "left": list(result.left),
        **_measured(result, seconds_by_method),
    }
    return _shortened(document)


def encode(result: AnyResult, path: str = "") -> str:
    """Either, without durations by method."""
    return (
        encode_clean_up(result, {}) if isinstance(result, CleanUpResult) else encode_result(result, path, {})
    )


def _end(result: AnyResult) -> dict[str, Any]:
    return {
        "outcome": "succeeded" if result.failure is None else result.failure.reason.outlook.value,
        "reason": result.failure and result.failure.reason.value,
        "message": result.failure and result.failure.message,
    }


def _measured(result: AnyResult, seconds_by_method: Mapping[str, float]) -> dict[str, Any]:
    return {
        "durations": {"total": round(result.duration, 3)}
        | {method: round(seconds, 3) for method, seconds in sorted(seconds_by_method.items())},
        "calls": dict(result.calls),
        "latencies": {
            method: [round(each, 3) for each in seconds] for method, seconds in result.latencies.items()
        },
    }


def _shortened(document: dict[str, Any]) -> str:
    whole = _json(document)
    if len(whole.encode()) <= MAX_BYTES:
        return whole
    document["latencies"] = {}
    if _size(document) > MAX_BYTES:
        document["durations"] = {"total": document["durations"]["total"]}
    if _size(document) > MAX_BYTES:
        document["calls"] = {}
    for paths in ("deleted", "retained", "left", "earlier"):
        while _size(document) > MAX_BYTES and len(document.get(paths, ())) > (paths != "deleted"):
            document[paths].pop()
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
        return ProvisionResult(
            stage=Stage(document["stage"]),
            change=None if document["change"] is None else Change(document["change"]),
            version=None if document["version"] is None else str(document["version"]),
            earlier=tuple(str(path) for path in document.get("earlier", ())),
            **_read_end(document),
        )
    except _NOT_READABLE as error:
        raise ValueError("not a job's result") from error


def decode_clean_up(text: str) -> CleanUpResult:
    """The result that :func:`encode_clean_up` wrote. Raises ValueError if ``text`` is not one."""
    try:
        document = json.loads(text)
        deleted, retained, left = (
            tuple(str(path) for path in document[kind]) for kind in ("deleted", "retained", "left")
        )
        return CleanUpResult(deleted, retained, left, **_read_end(document))
    except _NOT_READABLE as error:
        raise ValueError("not a clean-up's result") from error


def _read_end(document: dict[str, Any]) -> dict[str, Any]:
    failure = None
    if document["reason"] is not None:
        failure = Failure(_REASONS[document["reason"]], str(document["message"]))
    return {
        "failure": failure,
        "duration": float(document["durations"]["total"]),
        "calls": {str(call): int(count) for call, count in document["calls"].items()},
        "latencies": {
            str(method): tuple(float(each) for each in seconds)
            for method, seconds in document.get("latencies", {}).items()
        },
    }


def _size(document: dict[str, Any]) -> int:
    return len(_json(document).encode())


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
