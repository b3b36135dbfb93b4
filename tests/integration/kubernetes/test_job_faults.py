"""Jobs that cannot speak for themselves: each end has a reason of its own."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from tests.integration.kubernetes.job_harness import ObedientJobs, eventually, obedient_settings

from pullsecret.domain.provisioning import Failure, Finished, ProvisionJob, ProvisionOrder, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Stage
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH, KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.job_settings import JobTimes
from pullsecret.infrastructure.kubernetes.paths import job_path, pod_path
from pullsecret.testing.contracts.job_runner import FAILURE, SUCCESS, next_finished
from pullsecret.testing.contracts.samples import new_order
from pullsecret.testing.kubernetes.faults import Fault
from pullsecret.testing.kubernetes.node_agent import NodeAgent
from pullsecret.testing.kubernetes.system import System

pytestmark = [pytest.mark.service, pytest.mark.asyncio]

TRANSIENT = ProvisionResult(
    Stage.STARTED, failure=Failure(Reason.SECRET_MANAGER_UNAVAILABLE, "Secret Manager did not answer.")
)


async def run(jobs: ObedientJobs, order: ProvisionOrder) -> None:
    await jobs.runner.submit(order)
    await jobs.runner.release(order.key)


async def reason(jobs: ObedientJobs, order: ProvisionOrder) -> tuple[Reason, str]:
    job = await next_finished(jobs.runner, order.key, jobs.patience)
    assert isinstance(job.state, Finished)
    assert job.state.result.failure is not None
    return job.state.result.failure.reason, job.state.result.failure.message


def for_any_pod(pod: object) -> bool:
    return True


async def reason_of_lateness(
    admin: KubernetesApi, jobs: ObedientJobs, order: ProvisionOrder, until: Callable[[Object], bool]
) -> tuple[Reason, str]:
    """What is said of a job whose deadline comes as soon as its Job is as wanted, and not before."""
    path = job_path(jobs.settings.namespace, order.key.name)

    async def as_wanted() -> bool:
        return until(await admin.get(path))

    seen = asyncio.create_task(reason(jobs, order))
    await eventually(as_wanted)
    await admin.call("patch", path, {"spec": {"activeDeadlineSeconds": 1}}, content_type=MERGE_PATCH)
    return await seen


def has_a_pod_problem(job: Object) -> bool:
    return marks.POD_PROBLEM in job["metadata"]["annotations"]


def has_a_ready_pod(job: Object) -> bool:
    return bool(job["status"].get("ready"))


async def test_a_job_that_uses_too_much_memory(jobs: ObedientJobs, node: NodeAgent) -> None:
    order = new_order()
    node.inject(Fault.OUT_OF_MEMORY, for_any_pod)
    await run(jobs, order)
    assert (await reason(jobs, order))[0] is Reason.JOB_OUT_OF_MEMORY


async def test_a_job_whose_pod_was_deleted_before_anybody_looked(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    order = new_order()
    await run(jobs, order)
    await eventually(lambda: jobs.started(order.key))
    await jobs.end(order.key, SUCCESS)

    async def ended() -> bool:
        job = await admin.get(job_path(system.namespace, order.key.name))
        return "completionTime" in job["status"]

    await eventually(ended)
    (pod,), _ = await admin.list(pod_path(system.namespace))
    await admin.call("delete", pod_path(system.namespace, pod["metadata"]["name"]))
    await eventually(lambda: gone(admin, pod_path(system.namespace, pod["metadata"]["name"])))
    seen, message = await reason(jobs, order)
    assert seen is Reason.JOB_LOST
    assert "pod is gone" in message


@pytest.mark.parametrize(
    ("fault", "until", "expected", "told"),
    [
        (Fault.IMAGE_PULL, has_a_pod_problem, Reason.IMAGE_PULL_FAILED, "failed to pull"),
        (Fault.HANG, has_a_ready_pod, Reason.JOB_TIMED_OUT, "did not end within 1 s"),
    ],
)
async def test_a_job_that_reaches_its_deadline(
    admin: KubernetesApi,
    jobs: ObedientJobs,
    node: NodeAgent,
    fault: Fault,
    until: Callable[[Object], bool],
    expected: Reason,
    told: str,
) -> None:
    order = new_order()
    node.inject(fault, for_any_pod)
    await run(jobs, order)
    seen, message = await reason_of_lateness(admin, jobs, order, until)
    assert seen is expected
    assert told in message


async def test_a_job_whose_payload_was_deleted_says_so(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    order = new_order()
    await jobs.runner.submit(order)
    secret = f"cluster-{order.target.cluster_id}-pullsecret-data"
    await admin.call("delete", f"/api/v1/namespaces/{system.namespace}/secrets/{secret}")
    await jobs.runner.release(order.key)
    seen, message = await reason_of_lateness(admin, jobs, order, has_a_pod_problem)
    assert seen is Reason.JOB_TIMED_OUT
    assert f"secret '{secret}' not found" in message


async def test_a_message_that_is_lost(jobs: ObedientJobs, node: NodeAgent) -> None:
    order = new_order()
    node.inject(Fault.NO_MESSAGE, for_any_pod)
    await run(jobs, order)
    await eventually(lambda: jobs.started(order.key))
    await jobs.end(order.key, FAILURE)
    seen, message = await reason(jobs, order)
    assert seen is Reason.JOB_LOST
    assert "exit code 65" in message


@pytest.mark.parametrize("fault", [Fault.EVICTED, Fault.NODE_LOST])
async def test_a_disruption_does_not_count(jobs: ObedientJobs, node: NodeAgent, fault: Fault) -> None:
    order = new_order()
    node.inject(fault, for_any_pod)
    await run(jobs, order)

    async def disrupted() -> bool:
        return len(node.findings) == 1

    await eventually(disrupted)
    await jobs.end(order.key, SUCCESS)
    job = await next_finished(jobs.runner, order.key, jobs.patience)
    assert isinstance(job.state, Finished)
    assert job.state.result == SUCCESS
    assert node.findings[0].ended.exit_code == 137


@pytest.mark.parametrize(("result", "pods"), [(FAILURE, 1), (TRANSIENT, 2)], ids=["permanent", "transient"])
async def test_only_what_may_pass_is_tried_again(
    admin: KubernetesApi,
    adapter: KubernetesApi,
    system: System,
    node: NodeAgent,
    tmp_path: Path,
    result: ProvisionResult,
    pods: int,
) -> None:
    order = new_order()
    settings = obedient_settings(system.namespace, JobTimes(remind=1.0), backoff_limit=1)
    jobs = ObedientJobs(adapter, tmp_path / "control", settings)
    await run(jobs, order)
    await eventually(lambda: jobs.started(order.key))
    await jobs.end(order.key, result)
    job = await next_finished(jobs.runner, order.key, jobs.patience)
    assert isinstance(job.state, Finished)
    assert job.state.result == result
    assert len((await admin.list(pod_path(system.namespace)))[0]) == pods


async def test_a_deleted_job_is_told_and_then_goes(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    order = new_order()
    await jobs.runner.submit(order)
    await admin.call("delete", job_path(system.namespace, order.key.name))
    seen, message = await reason(jobs, order)
    assert seen is Reason.JOB_LOST
    assert "deleted" in message
    await jobs.runner.mark_reported(order.key)
    await eventually(lambda: gone(admin, job_path(system.namespace, order.key.name)))


async def test_expiry_waits_for_the_report(
    admin: KubernetesApi, adapter: KubernetesApi, system: System, node: NodeAgent, tmp_path: Path
) -> None:
    order = new_order()
    times = JobTimes(retention=1, remind=1.0)
    jobs = ObedientJobs(adapter, tmp_path / "control", obedient_settings(system.namespace, times))
    path = job_path(system.namespace, order.key.name)
    await run(jobs, order)
    await eventually(lambda: jobs.started(order.key))
    await jobs.end(order.key, SUCCESS)
    assert result_of(await next_finished(jobs.runner, order.key, jobs.patience)) == SUCCESS

    async def expired() -> bool:
        return "deletionTimestamp" in (await admin.get(path))["metadata"]

    async def pods_gone() -> bool:
        return not (await admin.list(pod_path(system.namespace)))[0]

    await eventually(expired)
    await eventually(pods_gone)
    # The replica that took it up is gone; another brings it with its result, long after the pod.
    assert result_of(await next_finished(jobs.another_replica(), order.key, jobs.patience)) == SUCCESS
    await jobs.runner.mark_reported(order.key)
    await eventually(lambda: gone(admin, path))


async def gone(api: KubernetesApi, path: str) -> bool:
    return await api.get_or_none(path) is None


def result_of(job: ProvisionJob) -> ProvisionResult:
    assert isinstance(job.state, Finished)
    return job.state.result


async def test_a_reported_job_is_kept_for_its_time(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    order = new_order()
    await run(jobs, order)
    await eventually(lambda: jobs.started(order.key))
    await jobs.end(order.key, SUCCESS)
    await next_finished(jobs.runner, order.key, jobs.patience)
    await jobs.runner.mark_reported(order.key)
    found = await admin.get(job_path(system.namespace, order.key.name))
    assert found["spec"]["ttlSecondsAfterFinished"] == attrs.fields(JobTimes).retention.default
    assert "finalizers" not in found["metadata"]
