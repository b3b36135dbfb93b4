"""``pullsecret preflight`` against a closed served cloud: each thing that can be missing, found and cured."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from pullsecret.entrypoints.commands.preflight import preflight
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.customer import Customer, onboard
from pullsecret.testing.gcp.iam import ROLES
from pullsecret.testing.gcp.projects import KeyState
from pullsecret.testing.gcp.quota import QuotaLimits

PROJECT = "customer-prod-12345"
CLUSTER = "cls-abc123"
SECRET = f"hyperfleet-{CLUSTER}-pull-secret"
KEY = "projects/keys-of-customer/locations/global/keyRings/hyperfleet/cryptoKeys/pull-secrets"
PERMISSIONS = (
    "secretmanager.secrets.create",
    "secretmanager.secrets.get",
    "secretmanager.secrets.update",
    "secretmanager.versions.add",
    "secretmanager.versions.access",
    "secretmanager.versions.list",
    "secretmanager.versions.disable",
    "secretmanager.secrets.delete",
)

Report = tuple[int, dict[str, dict[str, Any]]]
Run = Callable[..., Report]


def in_pod(monkeypatch: pytest.MonkeyPatch, customer: Customer) -> None:
    """What the job's pod has in its environment."""
    settings = customer.settings
    monkeypatch.setenv("GCE_METADATA_HOST", settings.metadata_host)
    monkeypatch.setenv("GCP_TRUST_FILE", str(settings.trust_file))
    monkeypatch.setenv("GCP_SECRET_MANAGER_ENDPOINT", str(settings.secret_manager_endpoint))
    monkeypatch.setenv("GCP_REST_ENDPOINT", str(settings.rest_endpoint))


@pytest.fixture
def customer(
    closed_google_cloud: FakeGoogleCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Customer:
    customer = onboard(closed_google_cloud, tmp_path, PROJECT)
    customer.permit(*PERMISSIONS, "serviceusage.quotas.get")
    in_pod(monkeypatch, customer)
    return customer


@pytest.fixture
def run(customer: Customer, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(**arguments: Any) -> Report:
        code = preflight(project=PROJECT, output="json", **arguments)
        report = json.loads(capsys.readouterr().out)
        assert report["ready"] is (code == 0)
        return code, {check["check"]: check for check in report["checks"]}

    return run


def test_a_project_as_the_guide_sets_it_up_is_ready(run: Run) -> None:
    code, checks = run(cluster_id=CLUSTER)
    assert code == 0
    assert {check["finding"] for check in checks.values()} == {"passed"}
    assert list(checks) == ["sign-in", "impersonation", "api", *PERMISSIONS, "secret name", "quota"]
    assert "600 read, 600 write" in checks["quota"]["detail"]


def test_it_asks_for_no_payload_and_changes_nothing(run: Run, customer: Customer) -> None:
    run(cluster_id=CLUSTER)
    methods = {call.method for call in customer.cloud.world.calls}
    assert methods <= {
        "MetadataToken",
        "MetadataEmail",
        "GenerateAccessToken",
        "TestIamPermissions",
        "TestProjectPermissions",
        "GetSecret",
        "ListConsumerQuotaMetrics",
    }


@pytest.mark.parametrize("missing", PERMISSIONS)
def test_a_missing_permission_is_named_with_the_command_that_grants_it(
    run: Run, customer: Customer, missing: str
) -> None:
    customer.permit(*(one for one in PERMISSIONS if one != missing))
    code, checks = run()
    failed = [name for name, check in checks.items() if check["finding"] == "failed"]
    assert (code, failed) == (1, [missing])
    remedy = checks[missing]["remedy"]
    assert f'add-iam-policy-binding {PROJECT} --member="{customer.member}" --role=' in remedy
    role = remedy.rpartition("--role=")[2]
    if role in ROLES:
        assert missing in ROLES[role]
    else:
        assert f"roles create {role.rpartition('/')[2]} " in remedy
        assert f"--permissions={missing} " in remedy


def test_a_permission_held_on_the_secret_alone_counts(run: Run, customer: Customer) -> None:
    cloud = customer.cloud
    customer.permit("secretmanager.secrets.create", "secretmanager.secrets.get")
    number = cloud.world.add_project(PROJECT).number
    create_secret(customer, {"managed-by": "hyperfleet", "cluster-id": CLUSTER})
    cloud.world.policies.grant(
        f"projects/{number}/secrets/{SECRET}", customer.member, "roles/secretmanager.admin"
    )
    code, checks = run(cluster_id=CLUSTER)
    assert code == 0, checks
    assert "held on the secret" in checks["secretmanager.versions.add"]["detail"]
    assert "is this cluster's" in checks["secret name"]["detail"]


def create_secret(customer: Customer, labels: dict[str, str]) -> None:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
        SecretManagerServiceGrpcTransport,
    )

    world = customer.cloud.world
    owner = "user:owner@example.com"
    world.grant(PROJECT, owner, "roles/secretmanager.admin")
    scope = ["https://www.googleapis.com/auth/cloud-platform"]
    bearer = world.credentials.issue(owner, world.clock.now(), 60.0, scope)
    trust = grpc.ssl_channel_credentials(customer.cloud.authority.certificate)
    both = grpc.composite_channel_credentials(trust, grpc.access_token_call_credentials(bearer))
    with grpc.secure_channel(customer.cloud.endpoints.secret_manager, both) as channel:
        client = SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))
        client.create_secret(
            parent=f"projects/{PROJECT}",
            secret_id=SECRET,
            secret={"replication": {"automatic": {}}, "labels": labels},
        )


def test_somebody_elses_secret_of_that_name_is_found(run: Run, customer: Customer) -> None:
    create_secret(customer, {"managed-by": "terraform"})
    code, checks = run(cluster_id=CLUSTER)
    assert (code, checks["secret name"]["finding"]) == (1, "failed")
    assert "managed by 'terraform'" in checks["secret name"]["detail"]
    assert run(cluster_id=CLUSTER, secret_name="another-name")[0] == 0


def test_the_api_switched_off(run: Run, customer: Customer) -> None:
    project = customer.cloud.world.add_project(PROJECT)
    project.disabled_services.add("secretmanager.googleapis.com")
    code, checks = run()
    assert (code, list(checks)[-1], checks["api"]["finding"]) == (1, "api", "failed")
    assert checks["api"]["remedy"] == (
        f"gcloud services enable secretmanager.googleapis.com --project={PROJECT}"
    )


def test_billing_switched_off(run: Run, customer: Customer) -> None:
    customer.cloud.world.add_project(PROJECT).billing_enabled = False
    code, checks = run()
    assert (code, checks["api"]["finding"]) == (1, "failed")
    assert "gcloud billing projects link" in checks["api"]["remedy"]


def test_a_revoked_binding_stops_it_at_impersonation(run: Run, customer: Customer) -> None:
    world = customer.cloud.world
    assert world.workloads.pod is not None
    world.policies.revoke(customer.account_resource, world.workloads.pod.member)
    code, checks = run()
    assert (code, checks["sign-in"]["finding"], checks["impersonation"]["finding"]) == (1, "passed", "failed")
    assert list(checks) == ["sign-in", "impersonation"]
    assert "gcloud iam service-accounts add-iam-policy-binding" in checks["impersonation"]["remedy"]


def test_acting_as_another_account_or_as_none(run: Run, customer: Customer) -> None:
    other = f"secrets@{PROJECT}.iam.gserviceaccount.com"
    code, checks = run(impersonate=other)
    assert (code, checks["impersonation"]["finding"]) == (1, "failed")
    assert (
        f"gcloud iam service-accounts create secrets --project={PROJECT}"
        in (checks["impersonation"]["remedy"])
    )
    assert "impersonation" not in run(impersonate="none")[1]


def test_where_nobody_may_ask_nothing_fails(run: Run, customer: Customer) -> None:
    customer.permit(*PERMISSIONS)
    denied = grpc.StatusCode.PERMISSION_DENIED
    customer.cloud.fail("TestProjectPermissions", code=denied, message="It is switched off.")
    code, checks = run()
    assert code == 0
    assert checks["quota"]["finding"] == "not tested"
    assert "roles/servicemanagement.quotaViewer" in checks["quota"]["remedy"]
    assert checks["secretmanager.versions.add"]["finding"] == "not tested"
    assert "cloudresourcemanager.googleapis.com" in checks["secretmanager.versions.add"]["remedy"]


def test_destruction_takes_more_and_what_is_not_wanted_takes_less(
    run: Run, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTROY_OLD_VERSIONS", "true")
    code, checks = run()
    failed = [name for name, check in checks.items() if check["finding"] == "failed"]
    assert (code, failed) == (1, ["secretmanager.versions.destroy"])
    spared = ("list", "disable", "delete")
    customer.permit(*(one for one in PERMISSIONS if not one.endswith(spared)))
    assert run(retention=False, deletion=False)[0] == 0
    assert run(retention=False)[1]["secretmanager.secrets.delete"]["finding"] == "failed"


@pytest.mark.parametrize(
    ("state", "finding"), [(KeyState.ENABLED, "passed"), (KeyState.DISABLED, "failed"), (None, "failed")]
)
def test_an_encryption_key(run: Run, customer: Customer, state: KeyState | None, finding: str) -> None:
    world = customer.cloud.world
    if state is not None:
        world.keys.add(KEY).state = state
    world.policies.grant(KEY, customer.member, "roles/cloudkms.viewer")
    code, checks = run(encryption_key=(KEY,))
    assert checks["encryption key"]["finding"] == finding
    assert code == (finding == "failed")


def test_a_key_that_may_not_be_looked_at(run: Run) -> None:
    code, checks = run(encryption_key=(KEY,))
    assert (code, checks["encryption key"]["finding"]) == (0, "not tested")
    assert "gcp-sa-secretmanager" in checks["encryption key"]["remedy"]


def test_a_quota_below_the_pace(run: Run, customer: Customer) -> None:
    customer.cloud.world.add_project(PROJECT).quota.limits = QuotaLimits(write=60)
    code, checks = run()
    assert (code, checks["quota"]["finding"]) == (1, "failed")
    assert "60 write" in checks["quota"]["detail"]
    assert "GCP_WRITES_PER_MINUTE" in checks["quota"]["remedy"]


def test_wrong_use_is_one_line(customer: Customer, capsys: pytest.CaptureFixture[str]) -> None:
    assert preflight(project="Not A Project") == 2
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)


DOCUMENT = Path(__file__).parents[3] / "docs" / "preflight.md"


def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> list[str]:
    monkeypatch.setenv("COLUMNS", "110")
    preflight(project=PROJECT, **arguments)
    return [line.rstrip() for line in capsys.readouterr().out.strip().splitlines()]


def in_document(heading: str) -> list[str]:
    """The block of output below ``heading``."""
    section = DOCUMENT.read_text().partition(f"## {heading}\n")[2]
    return section.partition("```text\n")[2].partition("\n```")[0].splitlines()


def test_the_document_shows_what_a_ready_project_looks_like(
    customer: Customer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown(capsys, monkeypatch, cluster_id=CLUSTER) == in_document("A project that is ready")


def test_the_document_shows_what_a_failed_check_looks_like(
    customer: Customer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    customer.permit(*(one for one in PERMISSIONS if not one.endswith((".add", ".create"))))
    create_secret(customer, {"managed-by": "terraform"})
    told = shown(capsys, monkeypatch, cluster_id=CLUSTER)
    assert told == in_document("A project that is not ready")
