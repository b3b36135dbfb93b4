"""A customer's project as the onboarding guide sets it up, in a closed fake, and settings that reach it."""

import json
from pathlib import Path

import attrs

from pullsecret.infrastructure.gcp.permissions import (
    DELETION,
    DESTRUCTION,
    PROVISIONING,
    RETENTION,
)
from pullsecret.infrastructure.gcp.settings import GoogleSettings
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.workloads import WorkloadIdentityProvider, projected_token

ALL_PERMISSIONS = PROVISIONING + RETENTION + DESTRUCTION + DELETION
PROVIDER = WorkloadIdentityProvider(
    "123456789012", "hyperfleet", "management", "https://issuer.example.com/management"
)


@attrs.frozen
class Customer:
    """A project whose owner has granted what is needed."""

    cloud: FakeGoogleCloud
    project: str
    service_account: str
    settings: GoogleSettings

    @property
    def member(self) -> str:
        """The customer's service account as an IAM member."""
        return f"serviceAccount:{self.service_account}"

    @property
    def account_resource(self) -> str:
        """What bindings on the service account are set on."""
        return f"projects/-/serviceAccounts/{self.service_account}"

    @property
    def role(self) -> str:
        """The custom role granted in the project."""
        return f"projects/{self.project}/roles/pullsecretManager"

    def permit(self, *permissions: str) -> None:
        """Let the service account have exactly ``permissions`` in the project."""
        self.cloud.world.policies.define_role(self.role, permissions)


def onboard(
    cloud: FakeGoogleCloud, folder: Path, project: str = "customer-prod-12345", *, outside: bool = False
) -> Customer:
    """Set up ``project`` in a closed fake; ``outside`` signs in by token exchange instead of on GKE.

    ``folder`` gets the certificate, and the external account's files.
    """
    world = cloud.world
    world.add_project(project)
    account = f"pullsecret-manager@{project}.iam.gserviceaccount.com"
    world.workloads.service_accounts.add(account)
    settings = GoogleSettings(
        metadata_host=cloud.endpoints.metadata,
        trust_file=cloud.authority.write_certificate(folder / "ca.pem"),
        secret_manager_endpoint=cloud.endpoints.secret_manager,
        rest_endpoint=cloud.endpoints.rest,
        external_account_file=write_external_account(cloud, folder) if outside else None,
    )
    customer = Customer(cloud, project, account, settings)
    customer.permit(*ALL_PERMISSIONS)
    world.grant(project, customer.member, customer.role)
    subject = "system:serviceaccount:hyperfleet-system:pullsecret-adapter-job"
    pod = world.workloads.pod
    member = PROVIDER.member(subject) if outside or pod is None else pod.member
    world.policies.grant(customer.account_resource, member, "roles/iam.workloadIdentityUser")
    return customer


def write_external_account(cloud: FakeGoogleCloud, folder: Path) -> Path:
    """Register the provider and write the configuration with a fresh projected identity."""
    cloud.world.workloads.providers.append(PROVIDER)
    identity = folder / "projected-identity"
    identity.write_text(projected_token(PROVIDER, issued=cloud.world.clock.now()))
    configuration = folder / "external-account.json"
    document = {
        "type": "external_account",
        "audience": PROVIDER.audience,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{cloud.endpoints.rest}/v1/token",
        "credential_source": {"file": str(identity)},
    }
    configuration.write_text(json.dumps(document))
    return configuration
