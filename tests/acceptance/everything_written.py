"""Everything that a run wrote anywhere but into the two stores."""

import json
import re
from collections.abc import Mapping
from typing import Final

from tests.acceptance.world import AcceptanceWorld

FORBIDDEN: Final = re.compile(r"auth|password|token")
"""What the design greps for."""


def matches(text: str) -> list[str]:
    """The lines that ``grep -E`` would show, cut short."""
    return [line[:300] for line in text.splitlines() if FORBIDDEN.search(line)]


async def places(world: AcceptanceWorld) -> Mapping[str, str]:
    """Where something could have been written, and what is there."""
    namespace = world.system.namespace
    group = f"/api/v1/namespaces/{namespace}"
    listed = {}
    for name, path in (
        ("Job objects", f"/apis/batch/v1/namespaces/{namespace}/jobs"),
        ("pods", f"{group}/pods"),
        ("Kubernetes events", f"{group}/events"),
        ("ConfigMaps", f"{group}/configmaps"),
    ):
        listed[name] = json.dumps((await world.admin.list(path))[0])
    told = [report for _, report in world.hyperfleet.store.accepted if report.adapter == "pullsecret"]
    return {
        "job logs": world.job_log(),
        "adapter log": world.adapter_log(),
        "termination messages": "\n".join(finding.ended.message for finding in world.node.findings),
        "metrics": (await world.api.get(world.metrics_url)).text,
        "statuses": repr(told),
        "audit log of the API server": world.system.control_plane.audit_log.read_text(),
        "broker log": "\n".join(
            file.read_text(errors="replace") for file in (world.folder / "broker").rglob("*.log")
        ),
        **listed,
    }
