"""Which way to sign in."""

from pullsecret.infrastructure.gcp.identity.credential import CredentialSource, FreshCredential
from pullsecret.infrastructure.gcp.identity.external_account import (
    ExternalAccountSource,
    projected_account,
    read_external_account,
)
from pullsecret.infrastructure.gcp.identity.impersonation import ImpersonatedServiceAccount
from pullsecret.infrastructure.gcp.identity.metadata_server import MetadataServer
from pullsecret.infrastructure.gcp.settings import GoogleSettings
from pullsecret.ports.clock import Clock


def own_identity(settings: GoogleSettings) -> CredentialSource:
    """The identity of this process. Raises PermanentError (``WrongConfiguration``) for a key file or a
    malformed provider name."""
    if settings.external_account_file is not None:
        return ExternalAccountSource(read_external_account(settings.external_account_file), settings)
    if settings.workload_identity_provider is not None:
        return ExternalAccountSource(projected_account(settings), settings)
    return MetadataServer(settings)


def project_identity(settings: GoogleSettings, project: str, clock: Clock) -> FreshCredential:
    """What to call ``project``'s APIs with: the customer's service account, or ourselves if none is set."""
    source = own_identity(settings)
    account = settings.service_account_for(project)
    if account is not None:
        source = ImpersonatedServiceAccount(source, account, project, settings)
    return FreshCredential(source, clock)
