"""Where Google Cloud is, who we act as there, and how much of a project's quota is ours."""

import re
from pathlib import Path

import attrs

DEFAULT_SERVICE_ACCOUNT = "pullsecret-manager@{project}.iam.gserviceaccount.com"
_LOCATION = re.compile(r"[a-z]+(?:-[a-z]+)+\d+\Z")


def _location(_instance: object, _attribute: object, value: str | None) -> None:
    if value is not None and not _LOCATION.match(value):
        raise ValueError(f"the location {value!r} is not a Google Cloud region such as europe-west3")


@attrs.frozen
class RequestLimits:
    """How many requests a minute are sent to one project, at most. Google's quotas are for all of a project's
    callers together (https://cloud.google.com/secret-manager/quotas)."""

    reads: int = attrs.field(default=600, validator=attrs.validators.ge(1))
    """Reads of secrets and lists of versions."""
    writes: int = attrs.field(default=600, validator=attrs.validators.ge(1))
    """Creations, updates, deletions and new versions."""
    accesses: int = attrs.field(default=90_000, validator=attrs.validators.ge(1))
    """Reads of payloads."""

    def share(self, callers: int) -> "RequestLimits":
        """One of ``callers`` equal parts, for callers that know nothing of each other; at least 1 of each."""
        parts = (limit // callers for limit in (self.reads, self.writes, self.accesses))
        return RequestLimits(*(max(1, part) for part in parts))


@attrs.frozen
class GoogleSettings:
    """Settings of everything in this package. Raises ValueError for a malformed location."""

    service_account: str | None = DEFAULT_SERVICE_ACCOUNT
    """Email of the customer's service account to act as; ``{project}`` stands for the customer's project.
    None: act as what we sign in as."""
    location: str | None = attrs.field(default=None, validator=_location)
    """Keep secrets in this region only, through its regional endpoint; None: global secrets."""
    external_account_file: Path | None = None
    """External account configuration, for clusters outside of Google Cloud."""
    workload_identity_provider: str | None = None
    """In place of such a file: the provider's name, ``projects/N/locations/global/workloadIdentityPools/POOL/
    providers/PROVIDER``. With neither, the metadata server is asked."""
    identity_file: Path = Path("/var/run/secrets/pullsecret/identity/token")
    """The pod's projected identity, for use with :attr:`workload_identity_provider`."""
    metadata_host: str = "metadata.google.internal"
    """Host (and port) of the metadata server."""
    trust_file: Path | None = None
    """PEM file of further authorities to trust, e.g. for a private endpoint."""
    secret_manager_endpoint: str | None = None
    """``host`` or ``host:port`` in place of Google's, e.g. a Private Service Connect endpoint."""
    rest_endpoint: str | None = None
    """Base URL in place of Google's for IAM Credentials, Resource Manager, Service Usage and Cloud KMS."""
    pod_namespace: str = "hyperfleet-system"
    """The job's namespace, for naming the binding that is missing."""
    pod_service_account: str = "pullsecret-adapter-job"
    """Who the pod is in Kubernetes, for naming the binding that is missing."""
    call_deadline: float = attrs.field(default=20.0, validator=attrs.validators.gt(0))
    """Seconds one call may take."""
    limits: RequestLimits = attrs.field(factory=RequestLimits)
    """How many requests a minute are sent to one project; the jobs that may run at once share them."""
    destroy_old_versions: bool = False
    """Destroy retired versions, which cannot be undone, instead of only disabling them."""

    @property
    def secret_manager_address(self) -> str:
        """``host:port`` of Secret Manager's gRPC endpoint."""
        host = self.secret_manager_endpoint
        if host is None:
            host = (
                f"secretmanager.{self.location}.rep.googleapis.com"
                if self.location
                else "secretmanager.googleapis.com"
            )
        return host if ":" in host else f"{host}:443"

    def rest_base(self, service: str) -> str:
        """Base URL of a service such as ``iamcredentials``."""
        return self.rest_endpoint or f"https://{service}.googleapis.com"

    def service_account_for(self, project: str) -> str | None:
        """Email of the service account to act as in ``project``."""
        return self.service_account and self.service_account.replace("{project}", project)
