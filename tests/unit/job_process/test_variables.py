"""What the adapter tells its jobs is what they read."""

from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.application.clean_up import CleanUpPolicy
from pullsecret.application.provision import ProvisionPolicy
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.clean_up import CleanUpKey, CleanUpOrder, Deletion, Remains
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.events import TraceContext
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef, ProvisionKey
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.gcp.settings import GoogleSettings, RequestLimits
from pullsecret.infrastructure.job_process.environment import (
    CleanUpEnvironment,
    ProvisionEnvironment,
    read_environment,
)
from pullsecret.infrastructure.job_process.variables import job_variables
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.job_variables import variables_of
from pullsecret.infrastructure.kubernetes.order_annotations import annotations_of, clean_up_order_of
from pullsecret.testing.contracts.samples import new_order

TEXTS = st.from_regex(r"[a-z][a-z0-9./:@-]{0,30}", fullmatch=True)
PATHS = TEXTS.map(Path)
COUNTS = st.integers(1, 10**6)
SETTINGS = st.builds(
    GoogleSettings,
    service_account=st.none() | TEXTS.filter(lambda text: text != "none"),
    location=st.none() | st.sampled_from(["europe-west3", "us-central1"]),
    external_account_file=st.none() | PATHS,
    workload_identity_provider=st.none() | TEXTS,
    identity_file=PATHS,
    metadata_host=TEXTS,
    trust_file=st.none() | PATHS,
    secret_manager_endpoint=st.none() | TEXTS,
    rest_endpoint=st.none() | TEXTS,
    call_deadline=st.integers(1, 1000).map(float),
    limits=st.builds(RequestLimits, COUNTS, COUNTS, COUNTS),
    destroy_old_versions=st.booleans(),
)
SECONDS = st.floats(0, exclude_min=True, allow_nan=False)
POLICIES = st.builds(
    ProvisionPolicy,
    st.builds(Backoff, SECONDS, st.floats(1, 100), SECONDS),
    budget=st.integers(1, 10**6).map(float),
    keep_versions=st.none() | COUNTS,
)
CLUSTER = {"CLUSTER_ID": "cls-1", "GCP_PROJECT_ID": "customer-prod-1", "MANAGEMENT_NAMESPACE": "clusters-1"}


@given(SETTINGS, POLICIES)
def test_a_job_reads_what_the_adapter_was_told(google: GoogleSettings, policy: ProvisionPolicy) -> None:
    read = read_environment({**CLUSTER, **job_variables(google, policy)})
    assert isinstance(read, ProvisionEnvironment)
    assert read.surroundings.google == google
    assert read.policy == policy


def test_every_setting_but_the_pods_own_identity_is_told() -> None:
    everything = GoogleSettings(
        location="europe-west3",
        external_account_file=Path("/a"),
        workload_identity_provider="b",
        trust_file=Path("/c"),
        secret_manager_endpoint="d",
        rest_endpoint="e",
    )
    own = {"pod_namespace", "pod_service_account", "limits"}
    settings = {field.name for field in attrs.fields(GoogleSettings)} - own
    told = job_variables(everything, ProvisionPolicy())
    limits = len(attrs.fields(RequestLimits))
    assert len(told) == len(settings) + limits + len(["budget", "keep_versions"]) + len(attrs.fields(Backoff))


NAMES = st.from_regex(r"[a-z][a-z0-9-]{3,40}[a-z0-9]", fullmatch=True)
TRACES = st.builds(TraceContext, st.just("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
CLEAN_UPS = st.builds(
    CleanUpOrder,
    st.builds(CleanUpKey, NAMES.map(ClusterId), st.integers(1, 10**6).map(Generation), st.integers(1, 10**6)),
    st.builds(
        Remains,
        st.lists(st.builds(CloudSecretRef, NAMES, NAMES), max_size=4, unique=True).map(tuple),
        st.lists(st.builds(ClusterSecretRef, NAMES, NAMES), max_size=4, unique=True).map(tuple),
    ),
    st.sampled_from(Deletion),
    st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(CLEAN_UPS, st.none() | TRACES)
def test_a_clean_up_job_reads_the_order_that_it_was_given(
    order: CleanUpOrder, trace: TraceContext | None
) -> None:
    told = attrs.evolve(order, trace=trace)
    settings = job_variables(GoogleSettings(), ProvisionPolicy(Backoff(1, 3, 9), budget=120.0))
    read = read_environment({**settings, **variables_of(told, JobSettings(image="i"))})
    assert isinstance(read, CleanUpEnvironment)
    assert read.order == told
    assert read.policy == CleanUpPolicy(Backoff(1, 3, 9), 120.0)


@given(CLEAN_UPS)
def test_a_clean_up_is_read_back_from_its_job(order: CleanUpOrder) -> None:
    assert clean_up_order_of(annotations_of(order)) == order


def test_a_provisioning_job_is_told_its_order_and_no_payload() -> None:
    order = new_order(generation=3, attempt=2)
    variables = variables_of(order, JobSettings(image="i", protect_cluster_secrets=True))
    read = read_environment(variables)
    assert isinstance(read, ProvisionEnvironment)
    assert read.target == order.target
    assert read.key == ProvisionKey(order.target.cluster_id, Generation(3), 2)
    assert read.protect_cluster_secret
    assert not any("auths" in value for value in variables.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PURPOSE", "clean"),
        ("RETRY_FACTOR", "0.9"),
        ("RETRY_INITIAL_SECONDS", "0"),
        ("RETRY_MAXIMUM_SECONDS", "nan"),
        ("RETRY_MAXIMUM_SECONDS", "soon"),
        ("CLOUD_SECRETS", "projects/p/secrets"),
        ("CLOUD_SECRETS", "projects/p/secrets/s,"),
        ("CLOUD_SECRETS", "projects/p/secrets/s/versions/1"),
        ("CLUSTER_SECRETS", "no-namespace"),
        ("CLUSTER_SECRETS", "n/s/t"),
        ("STORED_SECRET", "keep"),
        ("GIVE_UP_AT", "soon"),
        ("GIVE_UP_AT", datetime(2026, 1, 1).isoformat()),
        ("CLUSTER_ID", "/"),
        ("ATTEMPT", "0"),
    ],
)
def test_a_wrong_variable_of_a_clean_up_is_named(name: str, value: str) -> None:
    order = CleanUpOrder(CleanUpKey(ClusterId("cls-1"), Generation(1)), Remains())
    variables = {**variables_of(order, JobSettings(image="i")), name: value}
    with pytest.raises(PermanentError) as caught:
        read_environment(variables)
    assert caught.value.reason is Reason.WRONG_CONFIGURATION
    assert caught.value.subject == name
