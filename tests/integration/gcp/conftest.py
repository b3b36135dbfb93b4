from collections.abc import Iterator

import grpc
import pytest
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.fixtures import closed_google_cloud, fake_google_cloud

__all__ = ["closed_google_cloud", "fake_google_cloud"]


@pytest.fixture
def official_client(fake_google_cloud: FakeGoogleCloud) -> Iterator[SecretManagerServiceClient]:
    """Google's own Python client, over TLS, with its own retries out of the way."""
    trust = grpc.ssl_channel_credentials(fake_google_cloud.authority.certificate)
    channel = grpc.secure_channel(fake_google_cloud.endpoints.secret_manager, trust)
    client = SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))
    yield client
    channel.close()
