"""logging.googleapis.com, as far as it tells who called Secret Manager: the calls as audit log entries.

https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list,
https://cloud.google.com/secret-manager/docs/audit-logging. It is the log of a project whose Data Access audit
logs are switched on.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final

from pullsecret.testing.gcp.access import Caller, perform, require
from pullsecret.testing.gcp.http_server import HttpAnswer, HttpRequest, Route, route
from pullsecret.testing.gcp.status import SERVICE, invalid_argument, project_unknown
from pullsecret.testing.gcp.world import Call, World

_METHOD: Final = "google.cloud.secretmanager.v1.SecretManagerService"
_PARENT: Final = re.compile(r"projects/(?P<project>[^/]+)\Z")
_COMPARISON: Final = re.compile(r'(?P<field>[\w.]+)\s*(?P<operator>>=|:|=)\s*"?(?P<value>[^"]*)"?\Z')
_FIELDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "protoPayload.authenticationInfo.principalEmail": lambda entry: str(
        entry["protoPayload"]["authenticationInfo"]["principalEmail"]
    ),
    "protoPayload.methodName": lambda entry: str(entry["protoPayload"]["methodName"]),
    "protoPayload.resourceName": lambda entry: str(entry["protoPayload"]["resourceName"]),
    "protoPayload.serviceName": lambda entry: str(entry["protoPayload"]["serviceName"]),
    "timestamp": lambda entry: str(entry["timestamp"]),
}


def audit_log_routes(world: World) -> list[Route]:
    """Route of ``entries:list``. Filters are comparisons (``:``, ``=``, ``>=``) joined by AND."""

    def serve(request: HttpRequest) -> HttpAnswer:
        document = request.json()
        names = [str(name) for name in document.get("resourceNames", [])]

        def work(caller: Caller) -> dict[str, Any]:
            return _entries(world, caller, names, document)

        return HttpAnswer(perform(world, "ListLogEntries", ",".join(names), request.authorization, work))

    return [route("POST", "/v2/entries:list", serve)]


def _entries(world: World, caller: Caller, names: list[str], document: Mapping[str, Any]) -> dict[str, Any]:
    passes = _filter(str(document.get("filter", "")))
    found = []
    for name in names:
        parent = _PARENT.match(name)
        if parent is None:
            raise invalid_argument("resourceNames", "Only projects are supported.")
        project = world.projects.find(parent["project"])
        if project is None:
            raise project_unknown(parent["project"])
        require(world, caller, project, "logging.logEntries.list", name)
        homes = (f"projects/{parent['project']}/", f"projects/{project.number}/")
        found += [
            entry
            for call in world.calls
            if call.member is not None and f"{call.resource}/".startswith(homes)
            if passes(entry := _entry(call, name))
        ]
    newest_first = str(document.get("orderBy", "")) == "timestamp desc"
    found.sort(key=lambda entry: str(entry["timestamp"]), reverse=newest_first)
    return {"entries": found[: int(document.get("pageSize", 50))]}


def _entry(call: Call, parent: str) -> dict[str, Any]:
    assert call.member is not None
    return {
        "logName": f"{parent}/logs/cloudaudit.googleapis.com%2Fdata_access",
        "timestamp": call.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": SERVICE,
            "methodName": f"{_METHOD}.{call.method}",
            "resourceName": call.resource,
            "authenticationInfo": {"principalEmail": call.member.partition(":")[2]},
            "status": {} if call.code == "OK" else {"message": call.code},
        },
    }


def _filter(text: str) -> Callable[[Mapping[str, Any]], bool]:
    comparisons = []
    for part in re.split(r"\s+AND\s+|\n", text.strip()) if text.strip() else []:
        found = _COMPARISON.match(part.strip())
        if found is None or found["field"] not in _FIELDS:
            raise invalid_argument("filter", f"Unparseable filter: {part}")
        comparisons.append((_FIELDS[found["field"]], found["operator"], found["value"]))

    def passes(entry: Mapping[str, Any]) -> bool:
        return all(_holds(read(entry), operator, value) for read, operator, value in comparisons)

    return passes


def _holds(found: str, operator: str, value: str) -> bool:
    match operator:
        case ":":
            return value.lower() in found.lower()
        case "=":
            return found == value
        case _:
            return found >= value
