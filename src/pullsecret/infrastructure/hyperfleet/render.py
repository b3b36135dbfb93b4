"""One status, rendered in each dialect."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pullsecret.domain.conditions import ADAPTER_NAME, Condition, JobMetadata, Status, StatusReport


def render_ddr(report: StatusReport) -> dict[str, Any]:
    """DDR phase 6 and AC5. The generation is in ``data``, since the design gives it no place of its own.

    The design knows no Finalized condition; what it would say is in ``available``.
    """
    conditions = report.conditions
    return {
        "adapterName": ADAPTER_NAME,
        "conditions": {
            "applied": _condition(conditions.applied),
            "available": _condition(conditions.available),
            "health": _condition(conditions.health),
        },
        "data": {"generation": str(report.generation), **report.data},
    }


def render_v1(report: StatusReport, observed_at: datetime | None = None) -> dict[str, Any]:
    """``AdapterStatusCreateRequest`` of HyperFleet API 1.0.

    Available is never Unknown here: the API drops such a report unless it is the adapter's first one, and
    its contract for adapters says False for work in progress.
    """
    conditions = report.conditions
    listed = [
        {"type": "Applied", **_condition(conditions.applied)},
        {"type": "Available", **_condition(conditions.available, unknown_is=Status.FALSE)},
        {"type": "Health", **_condition(conditions.health)},
    ]
    if conditions.finalized is not None:
        listed.append({"type": "Finalized", **_condition(conditions.finalized, unknown_is=Status.FALSE)})
    body: dict[str, Any] = {
        "adapter": ADAPTER_NAME,
        "observed_generation": int(report.generation),
        "observed_time": _timestamp(observed_at or report.observed_at),
        "conditions": listed,
        "data": dict(report.data),
    }
    if report.job is not None:
        body["metadata"] = _metadata(report.job)
    return body


def told_the_same(body: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """True if a stored v1 status says what ``body`` says, times aside."""
    return _said(body.get("conditions")) == _said(stored.get("conditions"))


def _said(conditions: object) -> dict[object, tuple[object, object, object]]:
    listed = conditions if isinstance(conditions, list) else []
    return {
        c.get("type"): (c.get("status"), c.get("reason"), c.get("message"))
        for c in listed
        if isinstance(c, Mapping)
    }


def _condition(condition: Condition, unknown_is: Status = Status.UNKNOWN) -> dict[str, str]:
    status = unknown_is if condition.status is Status.UNKNOWN else condition.status
    return {"status": status.value, "reason": str(condition.reason), "message": condition.message}


def _metadata(job: JobMetadata) -> dict[str, Any]:
    return {
        "job_name": job.name,
        "attempt": job.attempt,
        "started_time": _timestamp(job.started_at),
        "completed_time": _timestamp(job.completed_at),
        "duration": f"{max(0.0, (job.completed_at - job.started_at).total_seconds()):.3f}s",
    }


def _timestamp(at: datetime) -> str:
    """RFC 3339, as precise as the API keeps it."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
