import pytest
from tests.integration.gcp.conftest import customer, shared_google_cloud
from tests.security.canary import Canary

from pullsecret.testing.kubernetes.fixtures import control_plane

__all__ = ["control_plane", "customer", "shared_google_cloud"]


@pytest.fixture
def canary() -> Canary:
    return Canary()
