"""Every way to sign in, over TLS against the served identity services: what works, and what each fault says.

A remedy is not only read but carried out: what its command grants is granted, and the call repeated.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from grpc import StatusCode
from tests.integration.gcp.hand_clock import HandClock

from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.gcp.secret_store import GoogleSecretStore, open_secret_store
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.customer import PROVIDER, Customer, onboard
from pullsecret.testing.gcp.status import error_info
from pullsecret.testing.gcp.workloads import projected_token

SUBJECT = "system:serviceaccount:hyperfleet-system:pullsecret-adapter-job"
GKE_MEMBER = "serviceAccount:fake-project.svc.id.goog[hyperfleet-system/pullsecret-adapter-job]"


@pytest.fixture
def gke(closed_google_cloud: FakeGoogleCloud, tmp_path: Path) -> Customer:
    return onboard(closed_google_cloud, tmp_path)


@pytest.fixture
def outside(closed_google_cloud: FakeGoogleCloud, tmp_path: Path) -> Customer:
    return onboard(closed_google_cloud, tmp_path, outside=True)


@pytest.fixture(params=["gke", "outside"])
def customer(request: pytest.FixtureRequest) -> Customer:
    found: Customer = request.getfixturevalue(request.param)
    return found


def ref(customer: Customer) -> CloudSecretRef:
    return CloudSecretRef(customer.project, "hyperfleet-cls-1-pull-secret")


@asynccontextmanager
async def opened(
    customer: Customer, clock: HandClock | None = None, **settings: Any
) -> AsyncIterator[GoogleSecretStore]:
    changed = attrs.evolve(customer.settings, **settings)
    async with open_secret_store(changed, clock or HandClock(), CallMeter()) as store:
        yield store


async def failure(customer: Customer, **settings: Any) -> OperationError:
    async with opened(customer, **settings) as store:
        with pytest.raises(OperationError) as raised:
            await store.get(ref(customer))
    return raised.value


async def works(customer: Customer, **settings: Any) -> bool:
    async with opened(customer, **settings) as store:
        return await store.get(ref(customer)) is None


def grant_as_told(customer: Customer, remedy: str) -> None:
    """Carry out the ``add-iam-policy-binding`` command in ``remedy``."""
    told = re.search(
        r"gcloud (?P<kind>projects|iam service-accounts) add-iam-policy-binding (?P<on>\S+) "
        r"(?:--project=\S+ )?"
        r'(?:--role=(?P<role>\S+) )?--member="(?P<member>[^"]+)"(?: --role=(?P<role2>\S+))?',
        remedy,
    )
    assert told, remedy
    role = told["role"] or told["role2"]
    if told["kind"] == "projects":
        customer.cloud.world.grant(told["on"], told["member"], role)
    else:
        customer.cloud.world.policies.grant(f"projects/-/serviceAccounts/{told['on']}", told["member"], role)


def identity_member(customer: Customer) -> str:
    return GKE_MEMBER if customer.settings.external_account_file is None else PROVIDER.member(SUBJECT)


async def test_the_customers_account_is_who_calls(customer: Customer) -> None:
    assert await works(customer)
    calls = {call.method: call.member for call in customer.cloud.world.calls}
    assert calls["GenerateAccessToken"] == identity_member(customer)
    assert calls["GetSecret"] == customer.member


async def test_calls_at_once_share_one_credential(customer: Customer) -> None:
    async with opened(customer) as store:
        await asyncio.gather(*(store.get(ref(customer)) for _ in range(8)))
    assert customer.cloud.world.count("GenerateAccessToken") == 1


async def test_a_credential_is_replaced_before_its_end(customer: Customer) -> None:
    clock, world = HandClock(), customer.cloud.world
    async with opened(customer, clock) as store:
        for _ in range(6):
            await store.get(ref(customer))
            for one in (clock, world.clock):
                one.advance(300)
    assert world.count("GetSecret", code="UNAUTHENTICATED") == 0
    # Each lives for 15 minutes, so half an hour takes a few, and not one for each call.
    assert 2 <= world.count("GenerateAccessToken") < 6


async def test_an_expired_credential_is_replaced_at_the_next_attempt(customer: Customer) -> None:
    async with opened(customer) as store:
        await store.get(ref(customer))
        customer.cloud.world.clock.advance(1000)
        with pytest.raises(TransientError) as raised:
            await store.get(ref(customer))
        assert await store.get(ref(customer)) is None
    assert raised.value.reason is Reason.IDENTITY_UNAVAILABLE


def projected_identity_file(customer: Customer) -> Path:
    assert customer.settings.external_account_file is not None
    document = json.loads(customer.settings.external_account_file.read_text())
    return Path(document["credential_source"]["file"])


def renew_projected_identity(customer: Customer, **claims: Any) -> str:
    token = projected_token(PROVIDER, **{"issued": customer.cloud.world.clock.now(), **claims})
    projected_identity_file(customer).write_text(token)
    return token


@pytest.mark.parametrize("skew", [timedelta(days=-2), timedelta(days=2)])
async def test_a_wrong_clock_on_the_node_does_no_harm(customer: Customer, skew: timedelta) -> None:
    clock, world = HandClock(skew=skew), customer.cloud.world
    async with opened(customer, clock) as store:
        for _ in range(4):
            await store.get(ref(customer))
            for one in (clock, world.clock):
                one.advance(300)
    assert world.count("GetSecret", code="OK") + world.count("GetSecret", code="NOT_FOUND") == 4
    assert world.count("GenerateAccessToken") < 4


async def test_a_cloud_that_is_days_ahead_does_no_harm(gke: Customer) -> None:
    gke.cloud.world.clock.advance(3 * 86_400)
    clock, world = HandClock(), gke.cloud.world
    async with opened(gke, clock) as store:
        for _ in range(4):
            await store.get(ref(gke))
            for one in (clock, world.clock):
                one.advance(300)
    assert world.count("GetSecret", code="UNAUTHENTICATED") == 0


async def test_a_revoked_binding_is_told_and_the_told_command_cures_it(customer: Customer) -> None:
    member = identity_member(customer)
    customer.cloud.world.policies.revoke(customer.account_resource, member)
    error = await failure(customer)
    assert isinstance(error, PermanentError)
    assert error.reason is Reason.IDENTITY_REFUSED
    assert (error.operation, error.subject) == ("act-as-service-account", customer.service_account)
    assert member in error.cause
    assert "iam.serviceAccounts.getAccessToken" in error.cause
    grant_as_told(customer, error.remedy)
    assert await works(customer)


async def test_a_revoked_role_is_told_and_the_told_command_cures_it(customer: Customer) -> None:
    customer.cloud.world.revoke(customer.project, customer.member)
    error = await failure(customer)
    assert isinstance(error, PermanentError)
    assert error.reason is Reason.PERMISSION_DENIED
    assert f"{customer.member} lacks the permission secretmanager.secrets.get" in error.cause
    grant_as_told(customer, error.remedy)
    assert await works(customer)


async def test_a_missing_service_account_is_told(customer: Customer) -> None:
    customer.cloud.world.workloads.service_accounts = {"somebody@else.iam.gserviceaccount.com"}
    error = await failure(customer)
    assert isinstance(error, PermanentError)
    assert error.remedy == (
        f"gcloud iam service-accounts create pullsecret-manager --project={customer.project}"
    )


async def test_iam_credentials_switched_off_is_told(customer: Customer) -> None:
    off = error_info(
        "SERVICE_DISABLED",
        "googleapis.com",
        service="iamcredentials.googleapis.com",
        consumer="projects/123456789012",
    )
    customer.cloud.fail(
        "GenerateAccessToken", code=StatusCode.PERMISSION_DENIED, message="Off.", details=(off,)
    )
    error = await failure(customer)
    assert isinstance(error, PermanentError)
    assert error.remedy == ("gcloud services enable iamcredentials.googleapis.com --project=123456789012")


@pytest.mark.parametrize("service", ["GenerateAccessToken", "MetadataToken"])
@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.RESOURCE_EXHAUSTED, StatusCode.INTERNAL])
async def test_a_passing_fault_of_an_identity_service_is_transient(
    gke: Customer, service: str, code: StatusCode
) -> None:
    gke.cloud.fail(service, code=code)
    error = await failure(gke)
    assert isinstance(error, TransientError)
    assert error.reason is Reason.IDENTITY_UNAVAILABLE
    assert await works(gke)


async def test_a_slow_metadata_server_is_given_up_and_asked_again(gke: Customer) -> None:
    gke.cloud.fail("MetadataToken", code=None, delay=1.0)
    async with opened(gke, call_deadline=0.25) as store:
        with pytest.raises(TransientError) as raised:
            await store.get(ref(gke))
        assert await store.get(ref(gke)) is None
    assert raised.value.reason is Reason.IDENTITY_UNAVAILABLE
    assert "no answer in time" in raised.value.cause
    assert "--workload-pool=" in raised.value.remedy


async def test_no_metadata_server_is_told(gke: Customer) -> None:
    error = await failure(gke, metadata_host="127.0.0.1:9")
    assert isinstance(error, TransientError)
    assert "gcloud container clusters update" in error.remedy
    assert "GOOGLE_APPLICATION_CREDENTIALS" in error.remedy


async def test_a_pod_without_identity_is_told(gke: Customer) -> None:
    gke.cloud.world.workloads.pod = None
    error = await failure(gke)
    assert isinstance(error, PermanentError)
    assert error.reason is Reason.IDENTITY_REFUSED
    assert "iam.gke.io/gcp-service-account" in error.remedy
    assert "[hyperfleet-system/pullsecret-adapter-job]" in error.remedy


async def test_what_is_no_metadata_server_gets_nothing_out_of_us(gke: Customer) -> None:
    other = gke.settings.secret_manager_endpoint
    error = await failure(gke, metadata_host=other)
    assert isinstance(error, TransientError)
    assert gke.cloud.world.count("GenerateAccessToken") == 0


async def test_a_wrong_audience_is_told_with_both_cures(outside: Customer) -> None:
    token = renew_projected_identity(outside, audience="https://wrong.example.com")
    error = await failure(outside)
    assert isinstance(error, PermanentError)
    assert error.reason is Reason.IDENTITY_REFUSED
    assert "https://wrong.example.com" in error.cause
    assert token not in str(error)
    assert "gcloud iam workload-identity-pools providers update-oidc management" in error.remedy
    wanted = re.search(r"Set the volume's audience to (https:\S+?),", error.remedy)
    assert wanted
    renew_projected_identity(outside, audience=wanted[1])
    assert await works(outside)


async def test_an_unknown_provider_is_told(outside: Customer) -> None:
    outside.cloud.world.workloads.providers.clear()
    error = await failure(outside)
    assert isinstance(error, PermanentError)
    assert "providers create-oidc management --location=global" in error.remedy
    assert f"--issuer-uri={PROVIDER.issuer}" in error.remedy


async def test_another_issuer_is_told(outside: Customer) -> None:
    other = attrs.evolve(PROVIDER, issuer="https://elsewhere.example.com")
    outside.cloud.world.workloads.providers[:] = [other]
    error = await failure(outside)
    assert isinstance(error, PermanentError)
    assert "gcloud iam workload-identity-pools providers describe management" in error.remedy


@pytest.mark.parametrize("offset", [timedelta(hours=-2), timedelta(hours=2)])
async def test_a_projected_identity_out_of_its_time_is_transient(
    outside: Customer, offset: timedelta
) -> None:
    renew_projected_identity(outside, issued=outside.cloud.world.clock.now() + offset)
    error = await failure(outside)
    assert isinstance(error, TransientError)
    assert error.reason is Reason.IDENTITY_UNAVAILABLE
    assert "clock" in error.remedy
    renew_projected_identity(outside)
    assert await works(outside)


async def test_a_missing_projected_identity_is_told(outside: Customer) -> None:
    projected_identity_file(outside).unlink()
    error = await failure(outside)
    assert isinstance(error, TransientError)
    assert f"audience https:{PROVIDER.audience}" in error.remedy


async def test_an_exchange_that_fails_for_now_is_transient(outside: Customer) -> None:
    outside.cloud.fail("ExchangeToken", code=StatusCode.UNAVAILABLE)
    assert isinstance(await failure(outside), TransientError)
    assert await works(outside)


async def test_the_pods_own_projected_token_needs_no_configuration_file(outside: Customer) -> None:
    provider = PROVIDER.audience.removeprefix("//iam.googleapis.com/")
    assert await works(
        outside,
        external_account_file=None,
        workload_identity_provider=provider,
        identity_file=projected_identity_file(outside),
    )
    malformed = await failure(outside, external_account_file=None, workload_identity_provider="my-pool")
    assert malformed.reason is Reason.WRONG_CONFIGURATION


KEY_FILE = {
    "type": "service_account",
    "private_key": "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
    "client_email": "robot@p.iam.gserviceaccount.com",
}
UNUSABLE: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda good: KEY_FILE, "private key"),
    (lambda good: {**good, "private_key": "canary"}, "private key"),
    (lambda good: {"type": "authorized_user", "refresh_token": "canary"}, "'authorized_user'"),
    (lambda good: {**good, "token_url": "http://sts.googleapis.com/v1/token"}, "https"),
    (lambda good: {**good, "audience": "nonsense"}, "audience"),
    (lambda good: {**good, "credential_source": {"executable": {"command": "canary"}}}, "not a file"),
    (lambda good: {**good, "credential_source": None}, "cannot be used"),
    (lambda good: ["a", "list"], "no readable"),
]


@pytest.mark.parametrize(("change", "told"), UNUSABLE)
async def test_a_key_file_and_other_unusable_files_are_refused(
    outside: Customer, change: Callable[[dict[str, Any]], object], told: str
) -> None:
    file = outside.settings.external_account_file
    assert file is not None
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    error = await failure(outside)
    assert isinstance(error, PermanentError)
    assert error.reason is Reason.WRONG_CONFIGURATION
    assert told in error.cause
    assert "canary" not in str(error)
    assert not outside.cloud.world.calls


async def test_an_untrusted_certificate_is_told(outside: Customer) -> None:
    error = await failure(outside, trust_file=None)
    assert isinstance(error, TransientError)
    assert "certificate not trusted" in error.cause
