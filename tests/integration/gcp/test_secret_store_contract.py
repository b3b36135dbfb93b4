"""The SecretStore contract over the real wire: TLS, keyless sign-in, impersonation, permissions checked."""

from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
from tests.integration.gcp.conftest import new_project

from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.gcp.secret_store import open_secret_store
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.ports.secret_store import SecretStore
from pullsecret.testing.contracts.secret_store import DisableVersion, SecretStoreContract
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.customer import Customer, onboard
from pullsecret.testing.gcp.resource_names import ParentName, SecretName


class GoogleSecretStoreContract(SecretStoreContract):
    outside = False
    location: str | None = None

    @pytest.fixture
    def customer(self, shared_google_cloud: FakeGoogleCloud, tmp_path: Path) -> Customer:
        return onboard(shared_google_cloud, tmp_path, new_project(), outside=self.outside)

    @pytest.fixture
    def project(self, customer: Customer) -> str:
        return customer.project

    @pytest.fixture
    async def store(self, customer: Customer) -> AsyncIterator[SecretStore]:
        # A project that is not there has no service account either. With one account for all projects it is
        # Secret Manager that answers about the project.
        settings = attrs.evolve(
            customer.settings, service_account=customer.service_account, location=self.location
        )
        async with open_secret_store(settings, SystemClock(), CallMeter()) as store:
            yield store

    @pytest.fixture
    def disable(self, customer: Customer) -> DisableVersion:
        world = customer.cloud.world

        async def disable(ref: CloudSecretRef, version: str) -> None:
            parent = ParentName(world.add_project(ref.project).number, self.location)
            with world.lock:
                world.secrets[str(SecretName(parent, ref.name))].version(version, by_alias=False).disable()

        return disable


class TestOnGke(GoogleSecretStoreContract):
    """Signed in by the metadata server."""


class TestOutsideOfGoogleCloud(GoogleSecretStoreContract):
    """Signed in by token exchange."""

    outside = True


class TestRegional(GoogleSecretStoreContract):
    """Secrets that stay in one region."""

    location = "europe-west3"
