"""The job process, as a pod runs it: real control plane, real process, served Google Cloud over TLS."""

import base64
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from grpc import StatusCode
from tests.integration.kubernetes.job_harness import eventually

from pullsecret.domain.cluster_secret import DOCKER_CONFIG_KEY
from pullsecret.infrastructure.kubernetes.api import KubernetesApi
from pullsecret.testing.contracts.samples import CANARY, new_pull_secret
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.customer import Customer, onboard
from pullsecret.testing.gcp.job_pod import JobPod, JobRun
from pullsecret.testing.kubernetes.container import Container
from pullsecret.testing.kubernetes.control_plane import ControlPlane

pytestmark = [pytest.mark.service]

MEMORY_CEILING = 80_000_000
"""Bytes; the pod's limit is 100 MB (DDR AC9)."""
LOG_KEYS = {"timestamp", "level", "cluster_id", "gcp_project", "operation", "message", "version"}


@pytest.fixture
async def pod(control_plane: ControlPlane, customer: Customer, tmp_path: Path) -> JobPod:
    return await JobPod.create(customer, control_plane, tmp_path)


def assert_nothing_leaked(pod: JobPod, run: JobRun) -> None:
    """Neither the payload, nor a part of it, nor a credential, in clear or in Base64."""
    payload = (pod.folder / "payload" / "pull-secret.json").read_bytes()
    logins = [one["auth"] for one in json.loads(payload).get("auths", {}).values()]
    written = [path for path in pod.folder.glob("run-*/*") if path.is_file()]
    assert written
    for path in written:
        text = path.read_text(errors="replace")
        for secret in [CANARY, *logins, base64.b64encode(payload).decode()[:40], "ya29.", "Traceback"]:
            assert secret not in text, f"{secret[:12]} in {path.name}"


def version_count(pod: JobPod) -> int:
    return sum(
        len(one.versions) for name, one in pod.customer.cloud.world.secrets.items() if pod_name(pod) in name
    )


def pod_name(pod: JobPod) -> str:
    return pod.target.cloud_secret.name


async def test_it_provisions_once(pod: JobPod, control_plane: ControlPlane) -> None:
    run = await pod.run()
    assert run.exit_code == 0, run.log
    assert_nothing_leaked(pod, run)
    assert run.peak_rss < MEMORY_CEILING
    message = run.message
    assert (message["outcome"], message["stage"], message["version"]) == ("succeeded", "published", "1")
    assert message["path"] == pod.target.cloud_secret.version_path("1")
    # docs/google-secret-manager.md reckons with these.
    assert message["calls"] == {
        "TestIamPermissions/200": 1,
        "GetSecret/404": 1,
        "CreateSecret/200": 1,
        "AccessSecretVersion/404": 1,
        "GetSecret/200": 1,
        "AddSecretVersion/200": 1,
        "AccessSecretVersion/200": 1,
        "ListSecretVersions/200": 1,
    }
    assert message["durations"]["total"] > 0
    for line in run.lines:
        assert set(line) >= LOG_KEYS
        assert line["cluster_id"] == str(pod.target.cluster_id)
        assert line["gcp_project"] == pod.customer.project
    assert [line["operation"] for line in run.lines][-1] == "end-job"
    payload = (pod.folder / "payload" / "pull-secret.json").read_bytes()
    async with KubernetesApi(control_plane.admin()) as admin:
        ref = pod.target.cluster_secret
        found = (await admin.call("get", f"/api/v1/namespaces/{ref.namespace}/secrets/{ref.name}")).body
    assert base64.b64decode(found["data"][DOCKER_CONFIG_KEY]) == payload

    again = await pod.run()
    assert (again.exit_code, again.message["change"]) == (0, "unchanged")
    assert version_count(pod) == 1


@pytest.mark.parametrize(
    ("changed", "code", "reason"),
    [
        ({"CLUSTER_ID": ""}, 78, "WrongConfiguration"),
        ({"GCP_LOCATION": "nowhere"}, 78, "WrongConfiguration"),
        ({"PULL_SECRET_FILE": "/var/run/secrets/pullsecret/payload/missing"}, 78, "WrongConfiguration"),
        ({"GCE_METADATA_HOST": "127.0.0.1:9", "BUDGET_SECONDS": "1"}, 75, "IdentityUnavailable"),
    ],
    ids=["no cluster", "no region", "no payload", "no metadata server"],
)
async def test_each_way_to_fail_has_its_exit_code(
    pod: JobPod, changed: dict[str, str], code: int, reason: str
) -> None:
    pod.variables = changed
    run = await pod.run()
    assert (run.exit_code, run.message["reason"]) == (code, reason), run.log
    assert run.message["outcome"] in ("permanent", "transient")
    assert_nothing_leaked(pod, run)


async def test_a_key_file_is_refused(pod: JobPod) -> None:
    key = {
        "type": "service_account",
        "private_key": f"{CANARY}",
        "client_email": "r@p.iam.gserviceaccount.com",
    }
    (pod.folder / "cloud" / "key.json").write_text(json.dumps(key))
    (pod.folder / "cloud" / "key.json").chmod(0o444)
    pod.variables = {"GOOGLE_APPLICATION_CREDENTIALS": "/var/run/secrets/cloud/key.json"}
    run = await pod.run()
    assert (run.exit_code, run.message["reason"]) == (78, "WrongConfiguration")
    assert "never uses key files" in run.message["message"]
    assert_nothing_leaked(pod, run)


@pytest.mark.parametrize("quoted", [False, True], ids=["unusable", "refused by a server that quotes it"])
async def test_an_unusable_payload_is_not_quoted(pod: JobPod, quoted: bool) -> None:
    if quoted:
        payload = new_pull_secret().reveal()
        pod.put_payload(payload)
        pod.customer.cloud.fail(
            "AddSecretVersion", code=StatusCode.INVALID_ARGUMENT, message=payload.decode()
        )
    else:
        pod.put_payload(f'{{"auths": "{CANARY}"}}'.encode())
    run = await pod.run()
    assert run.exit_code == 65, run.log
    assert run.message["reason"] == ("RequestRefused" if quoted else "InvalidPullSecret")
    text = run.log + json.dumps(run.message)
    assert CANARY not in text


async def test_the_missing_permission_is_named_in_the_result_before_anything_is_written(pod: JobPod) -> None:
    assert (await pod.run()).exit_code == 0
    pod.customer.permit("secretmanager.secrets.get", "secretmanager.versions.access")
    pod.put_payload(new_pull_secret().reveal())
    run = await pod.run()
    assert (run.exit_code, run.message["reason"], run.message["stage"]) == (65, "PermissionDenied", "started")
    assert "secretmanager.versions.add" in run.message["message"]
    assert "gcloud projects add-iam-policy-binding" in run.message["message"]
    assert version_count(pod) == 1


async def test_sigterm_stops_it_between_two_steps_and_the_next_run_completes_it(pod: JobPod) -> None:
    with held(pod, "AddSecretVersion"):
        container = pod.start()
        await called(pod, "CreateSecret")
        await tell_to_stop(container)
    run = await pod.finish(container)
    assert (run.exit_code, run.message["reason"]) == (75, "JobInterrupted"), run.log
    assert_nothing_leaked(pod, run)
    assert (await pod.run()).exit_code == 0
    assert version_count(pod) == 1


@contextmanager
def held(pod: JobPod, method: str) -> Iterator[None]:
    """The next call is answered only once the block is left."""
    go_on = threading.Event()
    pod.customer.cloud.fail(method, code=None, until=go_on)
    try:
        yield
    finally:
        go_on.set()


async def tell_to_stop(container: Container) -> None:
    """SIGTERM, and return once it has arrived."""
    container.kill(signal.SIGTERM)

    async def arrived() -> bool:
        return not signals_pending(container.pid)

    await eventually(arrived)


def signals_pending(pid: int) -> bool:
    """Whether the process has yet to take one."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return any(int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd", "ShdPnd")))


async def called(pod: JobPod, method: str) -> None:
    project = pod.customer.project

    async def seen() -> bool:
        calls = pod.customer.cloud.world.calls
        return any(one.method == method and project in one.resource for one in calls)

    await eventually(seen)


async def test_outside_of_google_cloud(
    control_plane: ControlPlane, shared_google_cloud: FakeGoogleCloud, tmp_path: Path
) -> None:
    customer = onboard(shared_google_cloud, tmp_path, "customer-outside-prod", outside=True)
    pod = await JobPod.create(customer, control_plane, tmp_path)
    run = await pod.run()
    assert run.exit_code == 0, run.log
    assert run.peak_rss < MEMORY_CEILING
    assert_nothing_leaked(pod, run)
