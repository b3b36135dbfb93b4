"""AC5: Status Reporting."""

import json
import re
from typing import Any, Final

from tests.acceptance import scenes
from tests.acceptance.boxes import groups
from tests.acceptance.checks import Finding, When, check, require
from tests.acceptance.delays import quantile, status_delays
from tests.acceptance.world import AcceptanceWorld

LIMIT_SECONDS: Final = 5.0
_CONDITIONS: Final = {"applied", "available", "health"}


@check("AC5.1", "`GET /clusters/{id}/statuses` over HTTPS, for a success and for a failure.")
async def three_conditions(world: AcceptanceWorld) -> Finding:
    for cluster in (await scenes.created(world), await scenes.refused_permission(world)):
        told = await world.statuses(cluster)
        require(set(told["conditions"]) == _CONDITIONS, f"conditions {sorted(told['conditions'])}")
    return Finding("applied, available, health, no other", "a success and a failure")


@check("AC5.2", "Each condition that was ever told in this run has a status, a reason and a message.")
async def each_says_why(world: AcceptanceWorld) -> Finding:
    await scenes.created(world)
    await scenes.failures(world)
    told = [
        condition
        for _, report in world.hyperfleet.store.accepted
        if report.adapter == "pullsecret"
        for condition in report.conditions
    ]
    for condition in told:
        require(condition.status in ("True", "False", "Unknown"), f"status {condition.status}")
        require(re.fullmatch(r"[A-Z]\w+", condition.reason), f"reason {condition.reason!r}")
        require(condition.message.strip(), f"{condition.type} {condition.reason} has no message")
    reasons = {condition.reason for condition in told}
    return Finding(f"{len(told)} of {len(told)} conditions", f"{len(reasons)} reasons")


@check("AC5.3", "The status' data against what the customer's project holds.")
async def data(world: AcceptanceWorld) -> Finding:
    updates = await scenes.updated(world)
    cluster = updates.cluster
    told = (await world.statuses(cluster))["data"]
    newest = max(updates.versions[-1])
    path = f"projects/{cluster.project}/secrets/{cluster.cloud_secret}/versions/{newest}"
    require((told.get("secretPath"), told.get("version")) == (path, str(newest)), f"data {told}")
    return Finding(f"secretPath {path}, version {newest}")


@check(
    "AC5.4",
    "For each job of the run, the hundred at once among them: from the end of its process, by the node, to "
    "the API's acceptance of the status, by its journal.",
    when=When.AFTER_THE_FLEET,
)
async def in_time(world: AcceptanceWorld) -> Finding:
    fleet = await scenes.fleet(world)
    delays = status_delays(world)
    at_once = status_delays(world, {cluster.id for cluster in fleet.clusters})
    require(len(at_once) == len(fleet.clusters), f"{len(at_once)} of {len(fleet.clusters)} ends were told")
    figure = (
        f"{len(delays)} jobs: median {quantile(delays, 0.5):.1f} s, p95 {quantile(delays, 0.95):.1f} s, "
        f"longest {max(delays):.1f} s"
    )
    require(max(delays) <= LIMIT_SECONDS, f"{figure}; {sum(d > LIMIT_SECONDS for d in delays)} above 5 s")
    return Finding(figure, f"{len(at_once)} of them in a burst")


@check(
    "AC5.5",
    "A job without permissions, one whose identity is refused, one that found the service away: what the "
    "API holds about each, against how the job ended.",
)
async def failed_jobs(world: AcceptanceWorld) -> Finding:
    failures = await scenes.failures(world)
    told = []
    for why, cluster in failures.items():
        status, reason, message = world.condition(cluster, "Applied")
        require(status in ("False", "Unknown") and len(message) > 20, f"{why}: {status} {reason} {message}")
        told.append(reason)
    require(len(set(told)) == len(told), f"different failures, the same reason: {told}")
    return Finding(f"{len(told)} of {len(told)} failures: {', '.join(told)}")


@check(
    "AC5.validation",
    "The design's example is read as JSON and its keys, statuses and reasons are compared with a status "
    "from the API.",
)
async def as_in_the_design(world: AcceptanceWorld) -> Finding:
    (validation,) = groups()[4].validations
    example = json.loads(
        re.sub(r"^//.*$", "", validation.text.strip("`").removeprefix("json"), flags=re.MULTILINE)
    )
    cluster = await scenes.created(world)
    told = await world.statuses(cluster)
    compared = _compare(example, told, "status")
    require(told["data"]["gcpProject"] == cluster.project, f"gcpProject {told['data']['gcpProject']}")
    return Finding(
        f"{compared} of {compared} members are there and agree", f"adapterName {told['adapterName']}"
    )


def _compare(example: dict[str, Any], told: dict[str, Any], where: str) -> int:
    """How many members agree. Messages and names of secrets are the cluster's own."""
    agreed = 0
    for key, wanted in example.items():
        require(key in told, f"{where}.{key} is missing")
        if isinstance(wanted, dict):
            agreed += _compare(wanted, told[key], f"{where}.{key}")
        else:
            if key in ("adapterName", "status", "reason"):
                require(told[key] == wanted, f"{where}.{key} is {told[key]!r}, not {wanted!r}")
            agreed += 1
    return agreed
