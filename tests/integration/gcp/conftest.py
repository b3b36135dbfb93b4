import itertools
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.customer import Customer, onboard
from pullsecret.testing.gcp.fixtures import closed_google_cloud, fake_google_cloud

__all__ = ["closed_google_cloud", "fake_google_cloud"]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def google_cloud_of_the_session() -> Iterator[FakeGoogleCloud]:
    with FakeGoogleCloud(closed=True) as cloud:
        yield cloud


@pytest.fixture
def shared_google_cloud(google_cloud_of_the_session: FakeGoogleCloud) -> Iterator[FakeGoogleCloud]:
    """A closed fake for tests that keep to a project of their own; faults end with their test."""
    yield google_cloud_of_the_session
    google_cloud_of_the_session.world.faults.clear()


@pytest.fixture
def customer(shared_google_cloud: FakeGoogleCloud, tmp_path: Path) -> Customer:
    """A customer of its own in the shared fake, signed in on GKE."""
    return onboard(shared_google_cloud, tmp_path, new_project())


def new_project() -> str:
    """A project id never given before."""
    return f"customer-{next(_numbers)}-prod"


@pytest.fixture
def official_client(fake_google_cloud: FakeGoogleCloud) -> Iterator[SecretManagerServiceClient]:
    """Google's own Python client, over TLS, with its own retries out of the way."""
    trust = grpc.ssl_channel_credentials(fake_google_cloud.authority.certificate)
    channel = grpc.secure_channel(fake_google_cloud.endpoints.secret_manager, trust)
    client = SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))
    yield client
    channel.close()
