"""Workloads that ask for credentials: a GKE pod behind its metadata server, or a pod elsewhere."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import attrs


@attrs.define
class PodIdentity:
    """What the metadata server answers for the pod that asks it."""

    member: str = "serviceAccount:fake-project.svc.id.goog[hyperfleet-system/pullsecret-adapter-job]"
    email: str = "fake-project.svc.id.goog"
    project_id: str = "fake-project"
    lifetime: float = 3599.0
    """Seconds a credential lives."""
    scopes: frozenset[str] = frozenset({"https://www.googleapis.com/auth/cloud-platform"})


@attrs.frozen
class WorkloadIdentityProvider:
    """A workload identity pool provider that trusts a Kubernetes cluster's issuer."""

    project_number: str
    pool: str
    provider: str
    issuer: str
    allowed_audiences: frozenset[str] = frozenset()
    """Beside the provider's own name, which is always allowed."""

    @property
    def audience(self) -> str:
        """The provider's full resource name, as an external account configuration states it."""
        return (
            f"//iam.googleapis.com/projects/{self.project_number}/locations/global/"
            f"workloadIdentityPools/{self.pool}/providers/{self.provider}"
        )

    def accepts_audience(self, audience: str) -> bool:
        """True if a subject token for ``audience`` is meant for this provider."""
        return audience in self.allowed_audiences | {self.audience, f"https:{self.audience}"}

    def member(self, subject: str) -> str:
        """The IAM member for ``subject``."""
        return (
            f"principal://iam.googleapis.com/projects/{self.project_number}/locations/global/"
            f"workloadIdentityPools/{self.pool}/subject/{subject}"
        )


@attrs.define
class Workloads:
    """The pod behind the metadata server, and the providers that the token exchange knows."""

    pod: PodIdentity | None = attrs.field(factory=PodIdentity)
    """None: no metadata server answers."""
    providers: list[WorkloadIdentityProvider] = attrs.field(factory=list)
    service_accounts: set[str] = attrs.field(factory=set)
    """Service accounts (emails) that exist; empty in an open world."""

    def provider(self, audience: str) -> WorkloadIdentityProvider | None:
        """The provider with this full resource name."""
        return next((one for one in self.providers if one.audience == audience), None)


def projected_token(
    provider: WorkloadIdentityProvider,
    *,
    subject: str = "system:serviceaccount:hyperfleet-system:pullsecret-adapter-job",
    audience: str | None = None,
    issued: datetime | None = None,
    lifetime: float = 3600.0,
) -> str:
    """A projected Kubernetes service account token, in shape: the fake checks claims, not the signature."""
    start = (issued or datetime.now(UTC)).timestamp()
    claims = {
        "iss": provider.issuer,
        "sub": subject,
        "aud": [audience or f"https:{provider.audience}"],
        "iat": int(start),
        "nbf": int(start),
        "exp": int(start + lifetime),
    }
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in [*parts, b"unsigned"])


def read_claims(token: str) -> dict[str, Any] | None:
    """The claims of a token in JWT shape, or None."""
    try:
        encoded = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (IndexError, ValueError):
        return None
    return claims if isinstance(claims, dict) else None
