"""What the token exchange's errors mean, and which command cures each."""

from collections.abc import Mapping
from typing import Any, Final

from pullsecret.domain.errors import OperationError
from pullsecret.infrastructure.gcp.https_json import HttpAnswer
from pullsecret.infrastructure.gcp.identity.failures import SIGN_IN, TRANSIENT_STATUSES, Meaning

_NO_PROVIDER: Final = Meaning(
    "The pool or its provider does not exist or is switched off.",
    "gcloud iam workload-identity-pools providers create-oidc {provider} --issuer-uri={issuer} "
    "--attribute-mapping=google.subject=assertion.sub",
)
_OTHER_AUDIENCE: Final = Meaning(
    "The pod's projected identity is for the audience {found}, which the provider does not expect.",
    "Set the volume's audience to https:{audience}, or: gcloud iam workload-identity-pools providers "
    "update-oidc {provider} --allowed-audiences={found}",
)
_EXPIRED: Final = Meaning(
    "The pod's projected identity has expired or is not valid yet.",
    "The kubelet renews it; if it persists, compare the clocks of the node and of the cluster's control "
    "plane with true time.",
    passes=True,
)
_NOT_ACCEPTED: Final = Meaning(
    "The provider does not accept the pod's projected identity.",
    "Compare issuer and keys: gcloud iam workload-identity-pools providers describe {provider}",
)
_NO_ANSWER: Final = Meaning(
    "The exchange answered with status {status}.",
    "Retried by itself.",
    passes=True,
)
_REFUSED: Final = Meaning(
    "The exchange refused with status {status} ({error}).",
    "gcloud iam workload-identity-pools providers describe {provider}",
)

_MEANINGS: Final = (
    ("invalid_target", ("",), _NO_PROVIDER),
    ("invalid_grant", ("audience",), _OTHER_AUDIENCE),
    ("invalid_grant", ("stale", "expired", "future"), _EXPIRED),
    ("invalid_grant", ("",), _NOT_ACCEPTED),
)
"""OAuth's error, words of which its description has one, and the meaning; the first that fits counts."""


def exchange_failure(
    answer: HttpAnswer, pool: str, provider: str, project: str, audience: str, claims: Mapping[str, Any]
) -> OperationError:
    """The failure that ``answer`` tells of. ``claims`` are those of the identity that was shown."""
    document = answer.document()
    error = str(document.get("error", ""))
    meaning = _meaning(answer.status, error, str(document.get("error_description", "")).lower())
    found = claims.get("aud", "AUDIENCE")
    known = {
        "provider": f"{provider} --location=global --workload-identity-pool={pool} --project={project}",
        "issuer": claims.get("iss", "ISSUER"),
        "audience": audience,
        "found": ",".join(map(str, found)) if isinstance(found, list) else found,
        "status": answer.status,
        "error": error or "no reason given",
    }
    subject = f"workload identity provider {provider}"
    return meaning.error(SIGN_IN, subject, known, answer.retry_after)


def _meaning(status: int, error: str, said: str) -> Meaning:
    for code, words, meaning in _MEANINGS:
        if code == error and any(word in said for word in words):
            return meaning
    return _NO_ANSWER if status in TRANSIENT_STATUSES or status == 200 else _REFUSED
