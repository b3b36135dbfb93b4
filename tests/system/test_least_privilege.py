"""The API server's audit log against the table of rights: nothing is refused, and no right is idle.

``PULLSECRET_RECORD=deploy/rbac/recorded-use.md`` writes down what the run used.
"""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from tests.integration.kubernetes.job_harness import ObedientJobs, eventually, obedient_settings
from tests.system.test_deletion import deleted
from tests.system.test_whole_path import PATIENCE, QUICK, provisioned, settled
from tests.system.world import SystemWorld

from pullsecret.domain.errors import OperationError
from pullsecret.infrastructure.kubernetes import rbac
from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH, KubernetesApi
from pullsecret.infrastructure.kubernetes.cluster_secrets import KubernetesClusterSecrets
from pullsecret.infrastructure.kubernetes.paths import secret_path
from pullsecret.testing.contracts.cluster_secrets import secret_for
from pullsecret.testing.contracts.samples import new_order, new_target
from pullsecret.testing.kubernetes.audit import AuditRecord, read_audit

pytestmark = [pytest.mark.service]

LOOKED_UP: Final = {("", "secrets", "create")}
"""A job's right that server-side apply asks for where the object is not there yet, and that the log calls a
patch; the test below shows that it is needed."""

FILES: Final = {path.name: path for path in (Path(__file__).parents[2] / "deploy" / "rbac").glob("*.yaml")}

Right = tuple[str, str, str]


def test_the_files_are_those_of_the_table() -> None:
    assert {name: path.read_text() for name, path in FILES.items()} == rbac.rendered()


async def test_every_right_is_used_and_none_is_missing(world: SystemWorld) -> None:
    await everything(world)
    log = world.system.control_plane.audit_log
    namespace = world.system.namespace
    adapter, job = (read_audit(log, account, namespace) for account in (rbac.ADAPTER, rbac.JOB))
    assert adapter.refused == {}
    # The one refusal by which a job learns that its namespace is not there.
    assert {(use.resource, use.verb) for use in job.refused} == {("secrets", "get")}
    granted_adapter = rights(rbac.ADAPTER_RULES) | rights(rbac.DRIFT_RULES)
    granted_job = rights(rbac.JOB_RULES) | rights(rbac.JOB_LOOK_RULES)
    assert used(adapter) == granted_adapter
    assert used(job) == granted_job - LOOKED_UP
    # The job writes where placement says, and nowhere else; the adapter stays at home but for watching.
    assert all(use.namespace.startswith("clusters-") for use in job.allowed)
    assert {use.verb for use in adapter.allowed if use.namespace != namespace} == {"list", "watch"}
    write_down(adapter, job)


@pytest.mark.parametrize("verb", rbac.JOB_RULES[0].verbs)
async def test_a_job_without_one_of_its_rights_is_refused(world: SystemWorld, verb: str) -> None:
    namespace = f"clusters-{new_target().cluster_id}"
    await world.system.add_placement(namespace)
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": [*{*rbac.JOB_RULES[0].verbs} - {verb}]}]
    role = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{rbac.JOB}"
    await world.admin.call("patch", role, {"rules": rules}, content_type=MERGE_PATCH)
    try:
        async with KubernetesApi(await world.system.connect(rbac.JOB)) as api:
            secrets, target = KubernetesClusterSecrets(api), new_target(namespace=namespace)

            async def write_read_and_delete() -> None:
                await secrets.create(secret_for(target))
                found = await secrets.get(target.cluster_secret)
                assert found is not None
                await secrets.delete(found)

            with pytest.raises(OperationError, match=r"no rights in it yet|refused 'delete'"):
                await write_read_and_delete()
    finally:
        whole = {"rules": [rule.manifest for rule in rbac.JOB_RULES]}
        await world.admin.call("patch", role, whole, content_type=MERGE_PATCH)


async def everything(world: SystemWorld) -> None:
    """What replicas and jobs ever do, under exactly the rights of the table."""
    world.job["backoffLimit"] = 0
    await world.add_replica(
        drift={"settle": 0.1, "pause": QUICK},
        jobs={"failedPause": QUICK, "budget": 1.0},
        deletion={"settle": 0.1},
    )
    cluster_id = await world.new_cluster()
    await world.announce(cluster_id)
    await provisioned(world, cluster_id)
    await world.admin.call("delete", world.cluster_secret(cluster_id))

    async def repaired() -> bool:
        return await world.admin.get_or_none(world.cluster_secret(cluster_id)) is not None

    await eventually(repaired, PATIENCE)
    await settled(world)
    homeless = await world.new_cluster()
    await world.admin.call("delete", f"/api/v1/namespaces/clusters-{homeless}")

    async def no_namespace() -> bool:
        return await world.admin.get_or_none(f"/api/v1/namespaces/clusters-{homeless}") is None

    await eventually(no_namespace, PATIENCE)
    await world.announce(homeless)

    async def told() -> bool:
        report = world.hyperfleet.store.get(homeless).reports.get("pullsecret")
        condition = report and report.condition("Applied")
        return condition is not None and condition.reason == "NamespaceMissing"

    await eventually(told, PATIENCE)
    # One has its secrets, the other not even its namespace.
    await deleted(world, cluster_id)
    await deleted(world, homeless)
    await a_submission_that_lost_its_payload(world)


async def a_submission_that_lost_its_payload(world: SystemWorld) -> None:
    """The rare case in which a job is taken back."""
    async with KubernetesApi(await world.system.connect()) as api:
        jobs = ObedientJobs(api, world.folder, obedient_settings(world.system.namespace))
        first = new_order()
        await jobs.runner.submit(first)
        payload = secret_path(world.system.namespace, f"cluster-{first.target.cluster_id}-pullsecret-data")
        await world.admin.call("delete", payload)
        await jobs.leave_payload(new_order(first.target.cluster_id, generation=2))
        await jobs.runner.release(first.key)
        assert await jobs.runner.jobs(first.target.cluster_id) == []


def rights(rules: Sequence[rbac.Rule]) -> set[Right]:
    return {(rule.group, rule.resource, verb) for rule in rules for verb in rule.verbs}


def used(record: AuditRecord) -> set[Right]:
    return {(use.group, use.resource, use.verb) for use in record.allowed}


def write_down(adapter: AuditRecord, job: AuditRecord) -> None:
    target = os.environ.get("PULLSECRET_RECORD")
    if target is None:
        return
    lines = [
        "# What the recorded run used",
        "",
        "From the API server's audit log: every call of both accounts, counted. Written by",
        "`PULLSECRET_RECORD=deploy/rbac/recorded-use.md pytest tests/system/test_least_privilege.py`.",
        "",
        "| account | API group | resource | verb | calls |",
        "| --- | --- | --- | --- | --- |",
    ]
    for account, record in ((rbac.ADAPTER, adapter), (rbac.JOB, job)):
        calls: Counter[Right] = Counter()
        for use, count in record.allowed.items():
            calls[use.group, use.resource, use.verb] += count
        for (group, resource, verb), count in sorted(calls.items()):
            lines.append(f"| `{account}` | {group or 'core'} | {resource} | {verb} | {count} |")
    lines += [
        "",
        "Asked for without a call of that name, and shown by tests to be needed:",
        "",
    ]
    looked_up = sorted(LOOKED_UP)
    lines += [f"- {verb} {resource} ({group or 'core'})" for group, resource, verb in looked_up]
    Path(target).write_text("\n".join(lines) + "\n")
