"""AC6: Error Handling."""

import json
import re
from typing import Any, Final

from tests.acceptance import scenes
from tests.acceptance.checks import Finding, When, check, require
from tests.acceptance.everything_written import FORBIDDEN, matches
from tests.acceptance.world import AcceptanceWorld

from pullsecret.infrastructure.job_process.exit_code import ExitCode

_RETRY: Final = re.compile(r"Retry (?P<number>\d+) in (?P<pause>[\d.]+) s")


@check(
    "AC6.1",
    "The served Secret Manager breaks a connection, is unavailable and says that the quota is spent; the "
    "job's log must tell longer and longer pauses, and the secret must be there in the end, once.",
)
async def retried(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.shaken(world)
    pauses: dict[str, list[float]] = {}
    for line in world.job_lines(cluster):
        if found := _RETRY.match(line["message"]):
            pauses.setdefault(line["operation"], []).append(float(found["pause"]))
    require(len(pauses.get("add-secret-version", [])) == 2, f"pauses {pauses}")
    require(sum(map(len, pauses.values())) >= 3, f"the broken connection was not retried: {pauses}")
    for operation, each in pauses.items():
        require(each == sorted(each), f"the pauses of {operation} do not grow: {each}")
    versions = await world.cloud.reader.versions(cluster.project, cluster.cloud_secret)
    require(list(versions) == [1], f"versions {versions}")
    told = "; ".join(f"{operation} {each}" for operation, each in pauses.items())
    return Finding(
        f"{sum(map(len, pauses.values()))} retries, then success with 1 version", f"pauses in seconds: {told}"
    )


@check(
    "AC6.2",
    "A pull secret without `auths` is refused without any Job; a missing permission ends the Job at its "
    "first attempt.",
)
async def permanent(world: AcceptanceWorld) -> Finding:
    invalid, denied = await scenes.invalid_data(world), await scenes.refused_permission(world)
    reason = world.condition(invalid)[1]
    require(reason == "InvalidPullSecret", f"reason {reason}")
    require(not await world.jobs(invalid), "there is a Job for invalid data")
    pods = await world.pods(denied)
    retries = _RETRY.findall(world.job_log(denied))
    require((len(pods), retries) == (1, []), f"{len(pods)} pods, retries {retries}")
    return Finding(
        f"{reason} without a Job; {world.condition(denied)[1]} after 1 pod, 0 retries",
        "HyperFleet API and the job's log",
    )


@check(
    "AC6.3",
    "Every message of every status, termination message and Kubernetes event of the run is searched for the"
    " pull secrets that the run gave out, whole or in part.",
    when=When.AT_THE_END,
)
async def no_payload_in_errors(world: AcceptanceWorld) -> Finding:
    await scenes.failures(world)
    await scenes.shaken(world)
    messages = [c.message for _, r in world.hyperfleet.store.accepted for c in r.conditions]
    messages += [finding.ended.message for finding in world.node.findings]
    events, _ = await world.admin.list(f"/api/v1/namespaces/{world.system.namespace}/events")
    messages += [str(event.get("message")) for event in events]
    found = [trace for message in messages for trace in world.traces_of_payloads(message)]
    require(not found, f"{len(found)} messages show a pull secret")
    return Finding(f"0 of {len(messages)} messages show any of {len(world.payloads)} pull secrets")


@check("AC6.4", "The exit code of every job process of the run, against the outcome that it told.")
async def exit_codes(world: AcceptanceWorld) -> Finding:
    await scenes.created(world)
    await scenes.failures(world)
    counted: dict[int, int] = {}
    for finding in world.node.findings:
        outcome = json.loads(finding.ended.message)["outcome"]
        code = finding.ended.exit_code
        require((outcome == "succeeded") == (code == 0), f"{finding.job}: {outcome}, exit code {code}")
        counted[code] = counted.get(code, 0) + 1
    wanted = {ExitCode.PERMANENT, ExitCode.TRANSIENT}
    require(wanted <= set(counted), f"exit codes {counted}")
    told = ", ".join(f"{code}: {count}" for code, count in sorted(counted.items()))
    return Finding(f"jobs by exit code: {told}", "65 failed for good, 75 failed for now")


@check(
    "AC6.5",
    "After all these failures another cluster is announced to the same process.",
)
async def goes_on(world: AcceptanceWorld) -> Finding:
    failures = await scenes.failures(world)
    assert world.adapter.child is not None
    pid = world.adapter.child.process.pid
    cluster = await world.new_cluster()
    await world.announce(cluster)
    await world.provisioned(cluster)
    starts = len(world.adapter_lines("start-adapter"))
    require(world.adapter.child.running and starts == 1, f"the adapter started {starts} times")
    return Finding(
        f"1 more cluster after {len(failures)} failures, by the same process", f"{starts} start, pid {pid}"
    )


@check(
    "AC6.validation",
    '`grep Retry` over the log of the job that met the quota; `grep -E "auth|password|token"`, letter by '
    "letter, over the logs of every job and of the adapter, of the whole run.",
    when=When.AT_THE_END,
)
async def grepped(world: AcceptanceWorld) -> Finding:
    await scenes.everything(world)
    cluster = await scenes.shaken(world)
    retries = [line for line in world.job_log(cluster).splitlines() if "Retry" in line]
    require(retries, "no line of the job's log says Retry")
    logs = {"jobs": world.job_log(), "adapter": world.adapter_log()}
    found: dict[str, Any] = {name: matches(text) for name, text in logs.items()}
    require(not any(found.values()), f"matches of {FORBIDDEN.pattern}: {found}")
    lines = sum(len(text.splitlines()) for text in logs.values())
    return Finding(f"{len(retries)} lines say Retry; no matches in {lines} lines")
