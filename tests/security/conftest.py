import pytest
from tests.integration.gcp.conftest import customer, google_cloud_of_the_session, shared_google_cloud
from tests.security.canary import Canary

__all__ = ["customer", "google_cloud_of_the_session", "shared_google_cloud"]


@pytest.fixture
def canary() -> Canary:
    return Canary()
