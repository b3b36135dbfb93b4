"""What the API server's audit log says about one account."""

import json
from collections import Counter
from pathlib import Path

import attrs


@attrs.frozen(order=True)
class Use:
    """One kind of call: an RBAC rule's group, resource (with subresource) and verb, and where it was made."""

    group: str
    resource: str
    verb: str
    namespace: str


@attrs.frozen
class AuditRecord:
    """The calls of an account, counted."""

    allowed: Counter[Use]
    refused: Counter[Use]


def read_audit(log: Path, account: str, namespace: str) -> AuditRecord:
    """The record of a service account."""
    user = f"system:serviceaccount:{namespace}:{account}"
    allowed: Counter[Use] = Counter()
    refused: Counter[Use] = Counter()
    seen: set[str] = set()
    for line in log.read_text().splitlines():
        event = json.loads(line)
        # A watch is logged when it starts and when it ends.
        if event["user"].get("username") != user or event["auditID"] in seen:
            continue
        seen.add(event["auditID"])
        target = event.get("objectRef") or {}
        parts = [target.get("resource", event["requestURI"]), target.get("subresource")]
        use = Use(
            target.get("apiGroup", ""),
            "/".join(part for part in parts if part),
            event["verb"],
            target.get("namespace", ""),
        )
        status = event.get("responseStatus") or {}
        (refused if status.get("code") == 403 else allowed)[use] += 1
    return AuditRecord(allowed, refused)
