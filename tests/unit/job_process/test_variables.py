"""What the adapter tells its jobs is what they read."""

from pathlib import Path

import attrs
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.application.provision import ProvisionPolicy
from pullsecret.infrastructure.gcp.settings import GoogleSettings, RequestLimits
from pullsecret.infrastructure.job_process.environment import read_environment
from pullsecret.infrastructure.job_process.variables import job_variables

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
POLICIES = st.builds(
    ProvisionPolicy, budget=st.integers(1, 10**6).map(float), keep_versions=st.none() | COUNTS
)
CLUSTER = {"CLUSTER_ID": "cls-1", "GCP_PROJECT_ID": "customer-prod-1", "MANAGEMENT_NAMESPACE": "clusters-1"}


@given(SETTINGS, POLICIES)
def test_a_job_reads_what_the_adapter_was_told(google: GoogleSettings, policy: ProvisionPolicy) -> None:
    read = read_environment({**CLUSTER, **job_variables(google, policy)})
    assert read.google == google
    assert (read.policy.budget, read.policy.keep_versions) == (policy.budget, policy.keep_versions)


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
    assert len(told) == len(settings) + limits + len(["budget", "keep_versions"])
