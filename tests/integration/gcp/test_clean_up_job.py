"""The job process that cleans up: real control plane, real process, served Google Cloud over TLS."""

import json
from datetime import UTC, datetime

import pytest
from grpc import StatusCode
from tests.integration.gcp.test_job import (
    LOG_KEYS,
    MEMORY_CEILING,
    assert_nothing_leaked,
    called,
    held,
    pod,
    tell_to_stop,
    version_count,
)

from pullsecret.infrastructure.kubernetes.api import KubernetesApi
from pullsecret.testing.gcp.customer import ALL_PERMISSIONS
from pullsecret.testing.gcp.job_pod import JobPod, JobRun
from pullsecret.testing.kubernetes.control_plane import ControlPlane

__all__ = ["pod"]

pytestmark = [pytest.mark.service]

PAST = datetime(2026, 1, 1, tzinfo=UTC).isoformat()


async def clean_up(pod: JobPod, **changed: str) -> JobRun:
    """Provision, then run the job anew with the other purpose."""
    assert (await pod.run()).exit_code == 0
    pod.variables = of_clean_up(pod, **changed)
    return await pod.run()


def of_clean_up(pod: JobPod, **changed: str) -> dict[str, str]:
    target = pod.target
    return {
        **pod.variables,
        "PURPOSE": "clean-up",
        "CLOUD_SECRETS": target.cloud_secret.path,
        "CLUSTER_SECRETS": target.cluster_secret.path,
        **changed,
    }


async def published(pod: JobPod, control_plane: ControlPlane) -> bool:
    ref = pod.target.cluster_secret
    async with KubernetesApi(control_plane.admin()) as admin:
        path = f"/api/v1/namespaces/{ref.namespace}/secrets/{ref.name}"
        return await admin.get_or_none(path) is not None


async def test_it_deletes_both_secrets_and_says_so(pod: JobPod, control_plane: ControlPlane) -> None:
    run = await clean_up(pod)
    assert run.exit_code == 0, run.log
    assert_nothing_leaked(pod, run)
    assert run.peak_rss < MEMORY_CEILING
    assert run.message["outcome"] == "succeeded"
    assert run.message["deleted"] == [pod.target.cloud_secret.path, pod.target.cluster_secret.path]
    assert (run.message["retained"], run.message["left"]) == ([], [])
    assert run.message["calls"] == {"GetSecret/200": 1, "DeleteSecret/200": 1}
    assert version_count(pod) == 0
    assert not await published(pod, control_plane)
    for line in run.lines:
        assert set(line) >= LOG_KEYS
        assert line["cluster_id"] == str(pod.target.cluster_id)
        assert line["gcp_project"] == pod.customer.project
    assert [line["operation"] for line in run.lines] == [
        "delete-secret",
        "delete-cluster-secret",
        "end-clean-up",
    ]
    again = await pod.run()
    assert (again.exit_code, again.message["deleted"]) == (0, [])


async def test_policy_keeps_the_stored_secret(pod: JobPod, control_plane: ControlPlane) -> None:
    run = await clean_up(pod, STORED_SECRET="retain")
    assert (run.exit_code, run.message["retained"]) == (0, [pod.target.cloud_secret.path])
    assert version_count(pod) == 1
    assert not await published(pod, control_plane)


async def test_what_is_denied_is_a_permanent_failure_until_it_is_time_to_give_up(pod: JobPod) -> None:
    pod.customer.permit(*(one for one in ALL_PERMISSIONS if one != "secretmanager.secrets.delete"))
    run = await clean_up(pod)
    assert (run.exit_code, run.message["reason"]) == (65, "PermissionDenied"), run.log
    assert "secretmanager.secrets.delete" in run.message["message"]
    pod.variables = of_clean_up(pod, GIVE_UP_AT=PAST)
    given_up = await pod.run()
    assert (given_up.exit_code, given_up.message["left"]) == (0, [pod.target.cloud_secret.path])
    assert version_count(pod) == 1


@pytest.mark.parametrize(
    ("changed", "code", "reason"),
    [
        ({"PURPOSE": "tidy"}, 78, "WrongConfiguration"),
        ({"CLOUD_SECRETS": "hyperfleet-cls-1-pull-secret"}, 78, "WrongConfiguration"),
        ({"GCE_METADATA_HOST": "127.0.0.1:9", "BUDGET_SECONDS": "1"}, 75, "IdentityUnavailable"),
    ],
    ids=["no such purpose", "no path", "no metadata server"],
)
async def test_each_way_to_fail_has_its_exit_code(
    pod: JobPod, changed: dict[str, str], code: int, reason: str
) -> None:
    pod.variables = of_clean_up(pod, **changed)
    run = await pod.run()
    assert (run.exit_code, run.message["reason"]) == (code, reason), run.log
    assert_nothing_leaked(pod, run)


async def test_a_passing_fault_is_got_over_within_the_job(pod: JobPod) -> None:
    assert (await pod.run()).exit_code == 0
    pod.customer.cloud.fail("DeleteSecret", code=StatusCode.UNAVAILABLE, message="Away.")
    pod.variables = of_clean_up(pod)
    run = await pod.run()
    assert run.exit_code == 0, run.log
    assert run.message["calls"]["DeleteSecret/503"] == 1
    assert version_count(pod) == 0


async def test_sigterm_stops_it_between_two_steps_and_the_next_run_completes_it(
    pod: JobPod, control_plane: ControlPlane
) -> None:
    assert (await pod.run()).exit_code == 0
    pod.variables = of_clean_up(pod, GIVE_UP_AT=PAST)
    pod.customer.cloud.world.calls.clear()
    with held(pod, "DeleteSecret"):
        container = pod.start()
        await called(pod, "GetSecret")
        await tell_to_stop(container)
    run = await pod.finish(container)
    assert (run.exit_code, run.message["reason"]) == (75, "JobInterrupted"), run.log
    assert json.dumps(run.message["left"]) == "[]"
    assert await published(pod, control_plane)
    assert (await pod.run()).exit_code == 0
    assert not await published(pod, control_plane)
    assert version_count(pod) == 0
