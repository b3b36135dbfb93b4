"""Today's HyperFleet API over the store: bodies as in the OpenAPI contract (HyperFleet API 1.0.25)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pullsecret.testing.hyperfleet.problem import invalid
from pullsecret.testing.hyperfleet.records import ClusterCondition, ClusterRecord, Condition, Report

BASE_PATH = "/api/hyperfleet/v1"
_ACTOR = "user@example.com"


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def cluster_body(cluster: ClusterRecord) -> dict[str, Any]:
    """The `Cluster` schema."""
    body: dict[str, Any] = {
        "kind": "Cluster",
        "id": cluster.id,
        "href": f"{BASE_PATH}/clusters/{cluster.id}",
        "name": cluster.name,
        "labels": cluster.labels,
        "spec": cluster.spec,
        "generation": cluster.generation,
        "status": {"conditions": [_cluster_condition(c) for c in cluster.conditions]},
        "created_time": timestamp(cluster.created_time),
        "updated_time": timestamp(cluster.updated_time),
        "created_by": _ACTOR,
        "updated_by": _ACTOR,
    }
    if cluster.deleted_time is not None:
        body |= {"deleted_time": timestamp(cluster.deleted_time), "deleted_by": _ACTOR}
    return body


def report_body(report: Report) -> dict[str, Any]:
    """The `AdapterStatus` schema."""
    body: dict[str, Any] = {
        "adapter": report.adapter,
        "observed_generation": report.observed_generation,
        "conditions": [_condition(c) for c in report.conditions],
        "created_time": timestamp(report.created_time),
        "last_report_time": timestamp(report.observed_time),
    }
    if report.data is not None:
        body["data"] = dict(report.data)
    if report.metadata is not None:
        body["metadata"] = dict(report.metadata)
    return body


def listing(items: Sequence[dict[str, Any]], page: int, size: int) -> dict[str, Any]:
    """A page of `items`; `page` counts from 1."""
    shown = items[(page - 1) * size : page * size]
    return {"page": page, "size": len(shown), "total": len(items), "items": list(shown)}


def parse_report(body: Mapping[str, Any], at: datetime) -> Report:
    """Read `AdapterStatusCreateRequest`; raises `ProblemError` (400) naming the field."""
    adapter = body.get("adapter")
    if not isinstance(adapter, str) or not adapter:
        raise invalid("adapter is required", ("adapter", "is required"))
    generation = body.get("observed_generation")
    if not isinstance(generation, int) or isinstance(generation, bool) or generation < 1:
        raise invalid("observed_generation must be >= 1", ("observed_generation", "must be >= 1"))
    conditions = body.get("conditions")
    if not isinstance(conditions, list):
        raise invalid("conditions is required", ("conditions", "is required"))
    types = [c.get("type") for c in conditions if isinstance(c, dict)]
    if len(types) != len(conditions) or not all(isinstance(t, str) and t for t in types):
        raise invalid("condition type cannot be empty", ("conditions", "type cannot be empty"))
    if len(set(types)) != len(types):
        raise invalid("duplicate condition type", ("conditions", "duplicate type"))
    for condition in conditions:
        if condition.get("status") not in ("True", "False", "Unknown"):
            raise invalid("invalid condition status", ("conditions", "must be 'True', 'False', or 'Unknown'"))
    return Report(
        adapter=adapter,
        observed_generation=generation,
        observed_time=_observed_time(body.get("observed_time")),
        created_time=at,
        conditions=tuple(
            Condition(c["type"], c["status"], c.get("reason", ""), c.get("message", ""), at)
            for c in conditions
        ),
        data=body.get("data"),
        metadata=body.get("metadata"),
    )


def _observed_time(text: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise invalid("observed_time is not RFC 3339", ("observed_time", "must be RFC 3339")) from None
    if at.tzinfo is None:
        raise invalid("observed_time is not RFC 3339", ("observed_time", "lacks an offset"))
    return at


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "last_transition_time": timestamp(condition.since),
    }


def _cluster_condition(condition: ClusterCondition) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "observed_generation": condition.observed_generation,
        "created_time": timestamp(condition.created_time),
        "last_updated_time": timestamp(condition.updated_time),
        "last_transition_time": timestamp(condition.since),
    }
