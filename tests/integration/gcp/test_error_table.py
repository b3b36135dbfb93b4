"""Google's errors over the wire, and what becomes of each: code, details, remedy, and no payload in sight."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import pytest
from google.rpc import error_details_pb2
from grpc import StatusCode
from tests.integration.gcp.hand_clock import HandClock

from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.gcp.error_table import ERROR_TABLE
from pullsecret.infrastructure.gcp.secret_store import GoogleSecretStore, open_secret_store
from pullsecret.infrastructure.retry_after import MAX_SECONDS
from pullsecret.testing.contracts.samples import CANARY, new_pull_secret
from pullsecret.testing.gcp.customer import Customer
from pullsecret.testing.gcp.projects import KeyState
from pullsecret.testing.gcp.status import error_info

KEY = "projects/keys-of-customer/locations/global/keyRings/r/cryptoKeys/unusable"

BY_CODE = {
    StatusCode.CANCELLED: Reason.SECRET_MANAGER_UNAVAILABLE,
    StatusCode.UNKNOWN: Reason.SECRET_MANAGER_UNAVAILABLE,
    StatusCode.INVALID_ARGUMENT: Reason.REQUEST_REFUSED,
    StatusCode.DEADLINE_EXCEEDED: Reason.SECRET_MANAGER_UNAVAILABLE,
    StatusCode.NOT_FOUND: Reason.PROJECT_NOT_FOUND,
    StatusCode.ALREADY_EXISTS: Reason.WRITE_CONFLICT,
    StatusCode.PERMISSION_DENIED: Reason.PERMISSION_DENIED,
    StatusCode.RESOURCE_EXHAUSTED: Reason.QUOTA_EXCEEDED,
    StatusCode.FAILED_PRECONDITION: Reason.REQUEST_REFUSED,
    StatusCode.ABORTED: Reason.WRITE_CONFLICT,
    StatusCode.OUT_OF_RANGE: Reason.REQUEST_REFUSED,
    StatusCode.UNIMPLEMENTED: Reason.REQUEST_REFUSED,
    StatusCode.INTERNAL: Reason.SECRET_MANAGER_UNAVAILABLE,
    StatusCode.UNAVAILABLE: Reason.SECRET_MANAGER_UNAVAILABLE,
    StatusCode.DATA_LOSS: Reason.SECRET_MANAGER_UNAVAILABLE,
    StatusCode.UNAUTHENTICATED: Reason.IDENTITY_UNAVAILABLE,
}
HTTP = {
    "CANCELLED": 499,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "UNAUTHENTICATED": 401,
}


@pytest.fixture
def meter() -> CallMeter:
    return CallMeter()


@pytest.fixture
async def store(customer: Customer, meter: CallMeter) -> AsyncIterator[GoogleSecretStore]:
    async with open_secret_store(customer.settings, HandClock(), meter) as store:
        yield store


@pytest.fixture
def ref(customer: Customer) -> CloudSecretRef:
    return CloudSecretRef(customer.project, "hyperfleet-cls-1-pull-secret")


async def created(
    customer: Customer, store: GoogleSecretStore, ref: CloudSecretRef, **fault: Any
) -> OperationError:
    """The error of a creation that ``fault`` hits."""
    customer.cloud.fail("CreateSecret", **fault)
    with pytest.raises(OperationError) as raised:
        await store.create(ref, {}, StoragePolicy())
    return raised.value


@pytest.mark.parametrize(("code", "reason"), BY_CODE.items())
async def test_each_code(
    customer: Customer,
    store: GoogleSecretStore,
    ref: CloudSecretRef,
    meter: CallMeter,
    code: StatusCode,
    reason: Reason,
) -> None:
    error = await created(customer, store, ref, code=code, message="As scripted.")
    assert error.reason is reason
    assert isinstance(error, TransientError) is (reason.outlook is Outlook.TRANSIENT)
    assert (error.operation, error.subject) == ("create-secret", ref.path)
    assert error.remedy
    # Counted once, as the alert of the design reads it.
    assert meter.counts == {f"CreateSecret/{HTTP.get(code.name, 500)}": 1}
    assert len(meter.latencies["CreateSecret"]) == 1


def test_the_table_answers_for_every_code() -> None:
    covered = {row.code for row in ERROR_TABLE}
    assert covered >= {code.name for code in StatusCode if code is not StatusCode.OK}


@pytest.mark.parametrize(
    ("reason", "expected", "told"),
    [
        ("SERVICE_DISABLED", Reason.API_DISABLED, "gcloud services enable secretmanager.googleapis.com"),
        ("BILLING_DISABLED", Reason.BILLING_DISABLED, "gcloud billing projects link"),
        ("CONSUMER_INVALID", Reason.PROJECT_NOT_FOUND, "gcloud projects describe"),
        ("RATE_LIMIT_EXCEEDED", Reason.QUOTA_EXCEEDED, "iam-admin/quotas"),
    ],
)
@pytest.mark.parametrize("code", [StatusCode.PERMISSION_DENIED, StatusCode.FAILED_PRECONDITION])
async def test_error_info_decides_before_the_code(
    customer: Customer,
    store: GoogleSecretStore,
    ref: CloudSecretRef,
    code: StatusCode,
    reason: str,
    expected: Reason,
    told: str,
) -> None:
    info = error_info(reason, "googleapis.com", service="secretmanager.googleapis.com")
    error = await created(customer, store, ref, code=code, message="No.", details=(info,))
    assert error.reason is expected
    assert told in error.remedy
    assert customer.project in error.remedy


@pytest.mark.parametrize("in_details", [True, False])
async def test_the_missing_permission_is_read_from_the_details_or_the_message(
    customer: Customer, store: GoogleSecretStore, ref: CloudSecretRef, in_details: bool
) -> None:
    permission = "secretmanager.versions.add"
    info = error_info("IAM_PERMISSION_DENIED", "iam.googleapis.com", permission=permission)
    error = await created(
        customer,
        store,
        ref,
        code=StatusCode.PERMISSION_DENIED,
        message="No." if in_details else f"Permission '{permission}' denied for resource 'x'.",
        details=(info,) if in_details else (),
    )
    assert isinstance(error, PermanentError)
    assert error.cause == f"{customer.member} lacks the permission {permission}."
    assert error.remedy == (
        f'gcloud projects add-iam-policy-binding {customer.project} --member="{customer.member}" '
        "--role=roles/secretmanager.secretVersionAdder"
    )


async def test_what_google_does_not_name_is_left_to_a_preflight(
    customer: Customer, store: GoogleSecretStore, ref: CloudSecretRef
) -> None:
    error = await created(customer, store, ref, code=StatusCode.PERMISSION_DENIED, message="No.")
    assert error.remedy.startswith(f"pullsecret preflight --project {customer.project}")


@pytest.mark.parametrize(("told", "heeded"), [(12.5, 12.5), (1e9, MAX_SECONDS)])
async def test_retry_info_is_read(
    customer: Customer, store: GoogleSecretStore, ref: CloudSecretRef, told: float, heeded: float
) -> None:
    error = await created(customer, store, ref, code=StatusCode.RESOURCE_EXHAUSTED, retry_after=told)
    assert isinstance(error, TransientError)
    assert error.retry_after == heeded


@pytest.mark.parametrize("state", [KeyState.DISABLED, KeyState.DESTROYED, None])
async def test_a_key_that_cannot_be_used_is_named(
    customer: Customer, store: GoogleSecretStore, ref: CloudSecretRef, state: KeyState | None
) -> None:
    key = customer.cloud.world.keys.add(KEY)
    if state is None:
        key.usable_by_service_agent = False
    else:
        key.state = state
    with pytest.raises(PermanentError) as raised:
        await store.create(ref, {}, StoragePolicy((), (KEY,)))
    assert raised.value.reason is Reason.ENCRYPTION_KEY_UNAVAILABLE
    assert KEY in raised.value.cause
    assert f"gcloud kms keys add-iam-policy-binding {KEY}" in raised.value.remedy


async def test_an_api_that_is_off_and_a_project_without_billing(
    customer: Customer, store: GoogleSecretStore, ref: CloudSecretRef
) -> None:
    project = customer.cloud.world.add_project(customer.project)
    project.disabled_services.add("secretmanager.googleapis.com")
    with pytest.raises(PermanentError) as raised:
        await store.get(ref)
    assert raised.value.reason is Reason.API_DISABLED
    project.disabled_services.clear()
    project.billing_enabled = False
    with pytest.raises(PermanentError) as raised:
        await store.get(ref)
    assert raised.value.reason is Reason.BILLING_DISABLED


async def test_the_field_at_fault_is_named(
    customer: Customer, store: GoogleSecretStore, ref: CloudSecretRef
) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="secret.replication", description="No.")
    details = (error_details_pb2.BadRequest(field_violations=[violation]),)
    error = await created(
        customer, store, ref, code=StatusCode.INVALID_ARGUMENT, message="No.", details=details
    )
    assert "secret.replication" in error.cause


@pytest.mark.parametrize("code", list(BY_CODE))
async def test_a_server_that_quotes_the_payload_does_not_make_us_tell_it(
    customer: Customer, store: GoogleSecretStore, ref: CloudSecretRef, code: StatusCode
) -> None:
    await store.create(ref, {}, StoragePolicy())
    payload = new_pull_secret()
    quoted = payload.reveal().decode()
    violation = error_details_pb2.BadRequest.FieldViolation(field="payload.data", description=quoted)
    details = (error_details_pb2.BadRequest(field_violations=[violation]),)
    customer.cloud.fail("AddSecretVersion", code=code, message=f"Cannot store {quoted}", details=details)
    with pytest.raises(OperationError) as raised:
        await store.add_version(ref, payload)
    error: BaseException | None = raised.value
    while error is not None:
        assert CANARY not in f"{error} {error!r} {getattr(error, '__dict__', '')}"
        assert "auths" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


async def test_every_call_has_a_deadline(customer: Customer, meter: CallMeter, ref: CloudSecretRef) -> None:
    settings = attrs.evolve(customer.settings, call_deadline=0.2)
    async with open_secret_store(settings, HandClock(), meter) as store:
        await store.create(ref, {}, StoragePolicy())
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "GetSecret": lambda: store.get(ref),
            "AddSecretVersion": lambda: store.add_version(ref, new_pull_secret()),
            "AccessSecretVersion": lambda: store.access_latest(ref),
            "ListSecretVersions": lambda: store.prune(ref, 1, "1"),
            "TestIamPermissions": lambda: store.require_permissions(ref),
        }
        for method, call in calls.items():
            customer.cloud.fail(method, code=None, delay=0.5)
            with pytest.raises(TransientError) as raised:
                await call()
            assert raised.value.reason is Reason.SECRET_MANAGER_UNAVAILABLE
            assert meter.counts[f"{method}/504"] == 1


async def test_nobody_listening_is_transient(customer: Customer, ref: CloudSecretRef) -> None:
    settings = attrs.evolve(customer.settings, secret_manager_endpoint="127.0.0.1:9")
    async with open_secret_store(settings, HandClock(), CallMeter()) as store:
        with pytest.raises(TransientError) as raised:
            await store.get(ref)
    assert raised.value.reason is Reason.SECRET_MANAGER_UNAVAILABLE
