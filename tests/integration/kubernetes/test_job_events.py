"""What an operator finds on a job: events, a request for another attempt, and no payload left behind."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from tests.integration.kubernetes.job_harness import ObedientJobs, eventually, obedient_settings

from pullsecret.domain.names import temporary_secret_name
from pullsecret.domain.provisioning import ProvisionOrder
from pullsecret.infrastructure.kubernetes import marks, rbac
from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH, KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.job_settings import JobTimes
from pullsecret.infrastructure.kubernetes.paths import event_path, job_path, secret_path
from pullsecret.testing.contracts.job_runner import FAILURE, SUCCESS, next_finished
from pullsecret.testing.contracts.samples import new_order
from pullsecret.testing.kubernetes.faults import Fault
from pullsecret.testing.kubernetes.node_agent import NodeAgent
from pullsecret.testing.kubernetes.system import System

pytestmark = [pytest.mark.service, pytest.mark.asyncio]


async def described(admin: KubernetesApi, system: System, order: ProvisionOrder) -> list[Object]:
    """Our events that ``kubectl describe job`` shows: it asks for the job's uid."""
    job = await admin.get(job_path(system.namespace, order.key.name))
    query = {"fieldSelector": f"involvedObject.uid={job['metadata']['uid']}"}
    events = (await admin.call("list", event_path(system.namespace), query=query)).body["items"]
    return [event for event in events if event["source"].get("component") == "pullsecret-adapter"]


async def finish(jobs: ObedientJobs, order: ProvisionOrder, success: bool) -> None:
    await jobs.runner.submit(order)
    await jobs.runner.release(order.key)
    await eventually(lambda: jobs.started(order.key))
    await jobs.end(order.key, SUCCESS if success else FAILURE)
    await next_finished(jobs.runner, order.key, jobs.patience)
    await jobs.runner.mark_reported(order.key)


async def test_a_success_is_told(admin: KubernetesApi, system: System, jobs: ObedientJobs) -> None:
    order = new_order()
    await finish(jobs, order, success=True)
    (event,) = await described(admin, system, order)
    assert (event["type"], event["reason"]) == ("Normal", "Provisioned")
    assert f"Version {SUCCESS.version} of {order.target.cloud_secret.path}" in event["message"]
    assert order.target.cluster_secret.path in event["message"]


async def test_a_failure_is_told_by_its_reason(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    order = new_order()
    await finish(jobs, order, success=False)
    (event,) = await described(admin, system, order)
    assert FAILURE.failure is not None
    assert (event["type"], event["reason"]) == ("Warning", FAILURE.failure.reason.value)
    assert event["message"] == FAILURE.failure.message


async def test_a_pod_that_does_not_start_is_told(
    admin: KubernetesApi, system: System, jobs: ObedientJobs, node: NodeAgent
) -> None:
    order = new_order()
    node.inject(Fault.IMAGE_PULL, lambda pod: True)
    await jobs.runner.submit(order)
    await jobs.runner.release(order.key)

    async def told() -> bool:
        return "PodNotStarting" in [event["reason"] for event in await described(admin, system, order)]

    async with aclosing(jobs.runner.finished()) as finished:
        watching = asyncio.ensure_future(anext(finished))
        await eventually(told)
        watching.cancel()
        await asyncio.wait({watching})


async def test_an_event_that_cannot_be_written_stops_nothing(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{system.namespace}/roles/{rbac.ADAPTER}"
    rules = [rule.manifest for rule in rbac.ADAPTER_RULES if rule.resource != "events"]
    await admin.call("patch", role, {"rules": rules}, content_type=MERGE_PATCH)
    order = new_order()
    await finish(jobs, order, success=True)
    (job,) = await jobs.runner.jobs(order.target.cluster_id)
    assert job.key == order.key
    assert await described(admin, system, order) == []


async def test_a_person_can_ask_for_another_attempt(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    order = new_order()
    await finish(jobs, order, success=False)
    (job,) = await jobs.runner.jobs(order.target.cluster_id)
    assert not job.retry_asked
    wish = {"metadata": {"annotations": {marks.RETRY: "please"}}}
    await admin.call("patch", job_path(system.namespace, order.key.name), wish, content_type=MERGE_PATCH)
    (job,) = await jobs.runner.jobs(order.target.cluster_id)
    assert job.retry_asked


async def test_a_payload_goes_with_its_expired_job_where_no_replica_is_left(
    admin: KubernetesApi, adapter: KubernetesApi, system: System, node: NodeAgent, tmp_path: Path
) -> None:
    order = new_order()
    settings = obedient_settings(system.namespace, JobTimes(retention=1))
    jobs = ObedientJobs(adapter, tmp_path / "control", settings)
    payload = secret_path(system.namespace, temporary_secret_name(order.target.cluster_id))
    await jobs.runner.submit(order)
    await jobs.runner.release(order.key)
    await eventually(lambda: jobs.started(order.key))
    assert await admin.get_or_none(payload) is not None
    await jobs.end(order.key, SUCCESS)

    async def payload_gone() -> bool:
        return await admin.get_or_none(payload) is None

    await eventually(payload_gone)
    # The job itself still waits for its report.
    job = await admin.get(job_path(system.namespace, order.key.name))
    assert marks.REPORT_FINALIZER in job["metadata"]["finalizers"]
