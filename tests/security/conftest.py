import pytest
from tests.integration.gcp.conftest import customer, shared_google_cloud
from tests.security.canary import Canary

__all__ = ["customer", "shared_google_cloud"]


@pytest.fixture
def canary() -> Canary:
    return Canary()
