"""AC3: Workload Identity Authentication."""

import asyncio
import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

from tests.acceptance import scenes
from tests.acceptance.checks import Finding, NotMetError, Where, check, require
from tests.acceptance.key_files import key_file_is_refused, keys_in
from tests.acceptance.world import AcceptanceWorld, Cluster

from pullsecret.infrastructure.kubernetes.paths import ALL_SECRETS

ROOT: Final = Path(__file__).parents[2]
AUDIT_PATIENCE: Final = 120.0
"""Seconds; entries of a real audit log take a while to be found."""


@check(
    "AC3.1",
    "A job of a cluster in the customer's project ends with exit code 0; its result counts answered calls "
    "to the project's Secret Manager, and none was refused.",
    where=Where.ANY_CLOUD,
)
async def authenticates(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    (finding,) = (one for one in world.node.findings if cluster.id in one.job)
    calls: dict[str, int] = json.loads(finding.ended.message)["calls"]
    refused = {call for call in calls if call.rpartition("/")[2] in ("401", "403")}
    require(finding.ended.exit_code == 0 and not refused, f"exit code {finding.ended.exit_code}, {calls}")
    answered = sum(calls.values())
    return Finding(
        f"exit code 0, {answered} calls answered, 0 refused", f"as {world.cloud.principal(cluster.project)}"
    )


@check(
    "AC3.2",
    "Private keys of service accounts are searched for in every Secret and ConfigMap of the management "
    "cluster, in the service's files of this run and in the repository; and the job is given one, which it "
    "must refuse.",
)
async def no_keys(world: AcceptanceWorld) -> Finding:
    await scenes.created(world)
    searched, found = 0, []
    for path in (ALL_SECRETS, "/api/v1/configmaps"):
        items, _ = await world.admin.list(path)
        for item in items:
            values = item.get("data") or {}
            texts = [
                base64.b64decode(v).decode(errors="replace") if path is ALL_SECRETS else v
                for v in values.values()
            ]
            searched += 1
            found += [item["metadata"]["name"] for text in texts if keys_in(text)]
    files = await asyncio.to_thread(_repository)
    files += [world.folder / "adapter.yaml", *(world.folder / "cloud").iterdir()]
    for file in files:
        if file.is_file():
            searched += 1
            found += [file.name for _ in keys_in(file.read_text(errors="replace"))]
    require(not found, f"keys in {found}")
    refusal = await asyncio.to_thread(
        key_file_is_refused, world.folder, world.system.control_plane.kubeconfig
    )
    return Finding(f"0 keys in {searched} objects and files; a key file is refused", refusal)


@check(
    "AC3.3",
    "The served token exchange and IAM Credentials say what was asked of them: for each job one exchange of"
    " the pod's projected identity and one short-lived credential, with nothing configured but the "
    "provider's name.",
)
async def transparent(world: AcceptanceWorld) -> Finding:
    cloud = world.served
    cluster = await scenes.created(world)
    calls = cloud.fake.world.calls
    exchanges = sum(call.method == "ExchangeToken" and call.code == "OK" for call in calls)
    acting = [c for c in calls if c.method == "GenerateAccessToken" and c.code == "OK"]
    jobs = len({finding.job for finding in world.node.findings})
    require(exchanges >= 1 and len(acting) >= 1, f"{exchanges} exchanges, {len(acting)} credentials")
    require(exchanges <= jobs, f"{exchanges} exchanges for {jobs} jobs")
    (pod,) = await world.pods(cluster)
    names = {variable["name"] for variable in pod["spec"]["containers"][0]["env"]}
    require("GOOGLE_APPLICATION_CREDENTIALS" not in names, "the pod names a credential file")
    (identity,) = (volume for volume in pod["spec"]["volumes"] if volume["name"] == "identity")
    token = identity["projected"]["sources"][0]["serviceAccountToken"]
    return Finding(
        f"{exchanges} exchanges and {len(acting)} credentials for {jobs} jobs, no step by a person",
        f"projected identity for {token['expirationSeconds']} s, bound to its pod",
    )


@check(
    "AC3.4",
    "The customer takes the binding back; the status must name who lacks what, on what, and the command "
    "that grants it.",
)
async def clear_failure(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.refused_identity(world)
    status, reason, message = world.condition(cluster)
    require((status, reason) == ("False", "IdentityRefused"), f"{status} {reason}: {message}")
    account = world.cloud.principal(cluster.project)
    for part in (
        account,
        "iam.serviceAccounts.getAccessToken",
        "gcloud iam service-accounts add-iam-policy-binding",
    ):
        require(part in message, f"the message does not tell {part!r}: {message}")
    return Finding(
        f"{reason}: {message.partition(': gcloud')[0].partition('. gcloud')[0]}", "status in the API"
    )


@check(
    "AC3.5",
    "The audit log is asked, as `gcloud logging read` does, for what happened to the cluster's secret: "
    "the new version must be there, by the service's identity.",
    where=Where.REAL_CLOUD,
)
async def audited(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    entries = await _audit(world, cluster)
    principal = world.cloud.principal(cluster.project)
    methods: dict[str, int] = {}
    for entry in entries:
        who = entry["authenticationInfo"]["principalEmail"]
        if who.startswith(principal):
            method = entry["methodName"].rpartition(".")[2]
            methods[method] = methods.get(method, 0) + 1
    require("AddSecretVersion" in methods, f"entries of {principal}: {methods}")
    counted = ", ".join(f"{method} {count}" for method, count in sorted(methods.items()))
    return Finding(f"{sum(methods.values())} entries of {principal}: {counted}")


@check(
    "AC3.validation",
    "`kubectl logs` of the job, and `gcloud logging read` with the principal's filter, as a query of Cloud "
    "Logging.",
    where=Where.REAL_CLOUD,
)
async def logs_and_audit(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    lines = world.job_lines(cluster)
    require(any("Job succeeded" in line["message"] for line in lines), f"job log {lines}")
    require(not re.search(r"IdentityRefused|denied", world.job_log(cluster)), "the job's log tells a refusal")
    entries = await _audit(world, cluster)
    return Finding(f"job log: {lines[-1]['message']}; {len(entries)} audit entries")


async def _audit(world: AcceptanceWorld, cluster: Cluster) -> list[dict[str, Any]]:
    deadline = asyncio.get_running_loop().time() + AUDIT_PATIENCE
    while True:
        found = await world.cloud.reader.audit(cluster.project, cluster.cloud_secret, world.began)
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise NotMetError(f"no audit entry about {cluster.cloud_secret} within {AUDIT_PATIENCE:.0f} s")
        await asyncio.sleep(5)


def _repository() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines()]
