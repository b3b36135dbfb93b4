"""Where Google Cloud is, by configuration."""

import pytest

from pullsecret.entrypoints.configuration.settings import Configuration
from pullsecret.infrastructure.gcp.settings import GoogleSettings, RequestLimits


def test_the_global_endpoint() -> None:
    assert GoogleSettings().secret_manager_address == "secretmanager.googleapis.com:443"


def test_a_regional_endpoint() -> None:
    settings = GoogleSettings(location="europe-west3")
    assert settings.secret_manager_address == "secretmanager.europe-west3.rep.googleapis.com:443"


@pytest.mark.parametrize(
    ("endpoint", "address"), [("psc.example.com", "psc.example.com:443"), ("10.0.0.5:8443", "10.0.0.5:8443")]
)
def test_an_endpoint_of_ones_own(endpoint: str, address: str) -> None:
    settings = GoogleSettings(location="europe-west3", secret_manager_endpoint=endpoint)
    assert settings.secret_manager_address == address


@pytest.mark.parametrize(
    "location", ["", "europe", "Europe-West3", "europe-west3.evil.example.com", "a-b1/c"]
)
def test_what_is_no_region_is_refused(location: str) -> None:
    with pytest.raises(ValueError, match="region"):
        GoogleSettings(location=location)


def test_the_service_account_follows_the_project() -> None:
    default = GoogleSettings().service_account_for("customer-prod")
    assert default == "pullsecret-manager@customer-prod.iam.gserviceaccount.com"
    named = GoogleSettings(service_account="robot@{project}.iam.gserviceaccount.com")
    assert named.service_account_for("p-1") == "robot@p-1.iam.gserviceaccount.com"
    assert GoogleSettings(service_account=None).service_account_for("p-1") is None


@pytest.mark.parametrize("callers", [1, 3, 10, 599, 10_000])
def test_equal_parts_together_are_no_more_than_the_whole(callers: int) -> None:
    whole, part = RequestLimits(), RequestLimits().share(callers)
    for of_part, of_whole in ((part.reads, whole.reads), (part.accesses, whole.accesses)):
        assert of_part >= 1
        assert of_part * callers <= of_whole or of_part == 1


def test_each_job_is_given_its_part() -> None:
    from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
    from pullsecret.infrastructure.kubernetes.settings import KubernetesSettings

    kubernetes = KubernetesSettings(job=JobSettings(image="i"))
    configuration = Configuration(cluster="kubernetes", secret_store="gcp", kubernetes=kubernetes)
    variables = configuration.kubernetes_settings.job.extra_environment
    assert (variables["GCP_READS_PER_MINUTE"], variables["GCP_WRITES_PER_MINUTE"]) == ("60", "60")
