"""The design document's API over the store (DDR phases 2 and 6, AC5)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import evolve

from pullsecret.testing.hyperfleet.problem import invalid
from pullsecret.testing.hyperfleet.records import ClusterRecord, Condition, Report
from pullsecret.testing.hyperfleet.wire_v1 import timestamp

BASE_PATH = ""
_CONDITIONS = {"applied": "Applied", "available": "Available", "health": "Health"}
_CLEANED_UP = ("Finalized", "Retained")


def cluster_body(cluster: ClusterRecord) -> dict[str, Any]:
    """A cluster with its adapters' statuses inside, as the preconditions of DDR phase 2 read them."""
    body: dict[str, Any] = {
        "id": cluster.id,
        "name": cluster.name,
        "generation": cluster.generation,
        "labels": cluster.labels,
        "spec": cluster.spec,
        "status": {
            "adapters": {
                name: {
                    "available": report.status_of("Available") or "Unknown",
                    "data": dict(report.data or {}),
                }
                for name, report in cluster.reports.items()
            }
        },
    }
    if cluster.deleted_time is not None:
        body["deletedTime"] = timestamp(cluster.deleted_time)
    return body


def report_body(report: Report) -> dict[str, Any]:
    """One adapter's status as stored, with the API's transition times."""
    return {
        "adapterName": report.adapter,
        "conditions": {
            c.type.lower(): {
                "status": c.status,
                "reason": c.reason,
                "message": c.message,
                "lastTransitionTime": timestamp(c.since),
            }
            for c in report.conditions
            if c.type.lower() in _CONDITIONS
        },
        "data": dict(report.data or {}),
    }


def listing(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All `items`; the design knows no pages."""
    return {"items": list(items)}


def parse_report(body: Mapping[str, Any], cluster: ClusterRecord, at: datetime) -> Report:
    """Read a status; the design's phase 6 calls the adapter `adapter`, its AC5 `adapterName`.

    The generation is read from `data.generation`, where pullsecret puts it; a status without one speaks of
    the cluster as it is now. The design has no Finalized condition: where `available` is False because of
    `Finalized` or `Retained`, the adapter counts as done with a deletion.
    """
    adapter = body.get("adapterName", body.get("adapter"))
    if not isinstance(adapter, str) or not adapter:
        raise invalid("adapter is required", ("adapter", "is required"))
    conditions = body.get("conditions")
    if not isinstance(conditions, Mapping) or set(conditions) != set(_CONDITIONS):
        raise invalid("applied, available and health are required", ("conditions", "exactly three"))
    data = body.get("data") or {}
    generation = str(data.get("generation", cluster.generation))
    if not generation.isdecimal():
        raise invalid("generation is not a number", ("data.generation", "must be a number"))
    parsed = [_parsed(_CONDITIONS[key], value, at) for key, value in conditions.items()]
    available = next(condition for condition in parsed if condition.type == "Available")
    if available.status == "False" and available.reason in _CLEANED_UP:
        parsed.append(evolve(available, type="Finalized", status="True"))
    return Report(
        adapter=adapter,
        observed_generation=int(generation),
        observed_time=at,
        created_time=at,
        conditions=tuple(parsed),
        data=data,
    )


def _parsed(type_: str, value: object, at: datetime) -> Condition:
    if not isinstance(value, Mapping) or value.get("status") not in ("True", "False", "Unknown"):
        raise invalid("invalid condition status", (f"conditions.{type_.lower()}", "needs a status"))
    return Condition(type_, value["status"], value.get("reason", ""), value.get("message", ""), at)
