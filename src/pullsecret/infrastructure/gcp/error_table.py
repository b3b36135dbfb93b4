"""The one table from Google's errors to ours. ``docs/gcp-errors.md`` is generated from it.

Sources: https://cloud.google.com/apis/design/errors, google/rpc/code.proto, google/api/error_reason.proto.
"""

import re
from collections.abc import Callable
from typing import Final

import attrs

from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.infrastructure.gcp.call_failure import CallFailure
from pullsecret.infrastructure.gcp.permissions import grant_command


@attrs.frozen
class Row:
    """Failures that match come out with this reason. Rows are tried from the first to the last."""

    reason: Reason
    code: str | None = None
    """The gRPC code; None matches every code."""
    info: str | None = None
    """``ErrorInfo.reason``."""
    text: str | None = None
    """A pattern for where Google sends no ErrorInfo."""

    def matches(self, failure: CallFailure) -> bool:
        """True if the row speaks about ``failure``."""
        return (
            (self.code is None or self.code == failure.code)
            and (self.info is None or self.info == failure.reason)
            and (self.text is None or re.search(self.text, failure.message) is not None)
        )


_KEY = r"(?i)cloudkms|\bkms\b|encryption key|CryptoKey"

ERROR_TABLE: Final = (
    Row(Reason.API_DISABLED, info="SERVICE_DISABLED"),
    Row(Reason.BILLING_DISABLED, info="BILLING_DISABLED"),
    Row(Reason.PROJECT_NOT_FOUND, info="CONSUMER_INVALID"),
    Row(Reason.PROJECT_NOT_FOUND, info="RESOURCE_PROJECT_INVALID"),
    Row(Reason.QUOTA_EXCEEDED, info="RATE_LIMIT_EXCEEDED"),
    Row(Reason.API_DISABLED, "PERMISSION_DENIED", text="has not been used in project .* or it is disabled"),
    Row(Reason.API_DISABLED, "FAILED_PRECONDITION", text="has not been used in project .* or it is disabled"),
    Row(Reason.BILLING_DISABLED, "PERMISSION_DENIED", text="(?i)billing"),
    Row(Reason.BILLING_DISABLED, "FAILED_PRECONDITION", text="(?i)billing"),
    Row(Reason.ENCRYPTION_KEY_UNAVAILABLE, "FAILED_PRECONDITION", text=_KEY),
    Row(Reason.ENCRYPTION_KEY_UNAVAILABLE, "PERMISSION_DENIED", text=_KEY),
    Row(Reason.SECRET_MANAGER_UNAVAILABLE, "UNAVAILABLE"),
    Row(Reason.SECRET_MANAGER_UNAVAILABLE, "DEADLINE_EXCEEDED"),
    Row(Reason.SECRET_MANAGER_UNAVAILABLE, "INTERNAL"),
    Row(Reason.SECRET_MANAGER_UNAVAILABLE, "UNKNOWN"),
    Row(Reason.SECRET_MANAGER_UNAVAILABLE, "CANCELLED"),
    Row(Reason.SECRET_MANAGER_UNAVAILABLE, "DATA_LOSS"),
    Row(Reason.WRITE_CONFLICT, "ABORTED"),
    Row(Reason.QUOTA_EXCEEDED, "RESOURCE_EXHAUSTED"),
    Row(Reason.IDENTITY_UNAVAILABLE, "UNAUTHENTICATED"),
    Row(Reason.PERMISSION_DENIED, "PERMISSION_DENIED"),
    Row(Reason.PROJECT_NOT_FOUND, "NOT_FOUND"),
    Row(Reason.REQUEST_REFUSED, "INVALID_ARGUMENT"),
    Row(Reason.REQUEST_REFUSED, "FAILED_PRECONDITION"),
    Row(Reason.REQUEST_REFUSED, "ALREADY_EXISTS"),
    Row(Reason.REQUEST_REFUSED, "OUT_OF_RANGE"),
    Row(Reason.REQUEST_REFUSED, "UNIMPLEMENTED"),
)


@attrs.frozen
class CallContext:
    """What was called, for whom: what a message needs to be exact."""

    operation: str
    """E.g. ``add-secret-version``."""
    subject: str
    """E.g. ``projects/p/secrets/s``."""
    project: str
    member: str
    """The IAM member that calls."""


def reason_of(failure: CallFailure) -> Reason:
    """The reason for ``failure``; an unknown code is a passing fault."""
    for row in ERROR_TABLE:
        if row.matches(failure):
            return row.reason
    return Reason.SECRET_MANAGER_UNAVAILABLE


def operation_error(failure: CallFailure, context: CallContext) -> OperationError:
    """``failure`` as the port's callers know it."""
    reason = reason_of(failure)
    explain = _EXPLANATIONS.get(reason, _plain)
    cause, remedy = explain(failure, context)
    remedy = remedy or reason.remedy
    if reason.outlook is Outlook.TRANSIENT:
        return TransientError(
            context.operation, context.subject, reason, cause, remedy, retry_after=failure.retry_after
        )
    return PermanentError(context.operation, context.subject, reason, cause, remedy)


Explanation = tuple[str, str]
"""Cause and remedy."""


def _plain(failure: CallFailure, _context: CallContext) -> Explanation:
    return f"{failure.method} failed with {failure.code}.", ""


def _permission_denied(failure: CallFailure, context: CallContext) -> Explanation:
    permission = failure.permission
    if permission is None:
        cause = f"{context.member} may not call {failure.method} in the project."
        return cause, f"pullsecret preflight --project {context.project} names what is missing."
    cause = f"{context.member} lacks the permission {permission}."
    return cause, grant_command(context.project, context.member, permission)


def _api_disabled(_failure: CallFailure, context: CallContext) -> Explanation:
    return (
        f"The Secret Manager API is switched off in the project {context.project}.",
        f"gcloud services enable secretmanager.googleapis.com --project={context.project}",
    )


def _billing_disabled(_failure: CallFailure, context: CallContext) -> Explanation:
    return (
        f"Billing is switched off in the project {context.project}.",
        f"gcloud billing projects link {context.project} --billing-account=BILLING_ACCOUNT",
    )


def _project_not_found(_failure: CallFailure, context: CallContext) -> Explanation:
    return (
        f"The project {context.project} does not exist, or is not visible to {context.member}.",
        f"Correct spec.gcp.projectId; gcloud projects describe {context.project} shows whether it exists.",
    )


def _quota_exceeded(_failure: CallFailure, context: CallContext) -> Explanation:
    return (
        f"The project {context.project} has used up its Secret Manager requests for this minute.",
        "Retried by itself; if it persists, ask for more at "
        f"https://console.cloud.google.com/iam-admin/quotas?project={context.project}.",
    )


def _key_unavailable(failure: CallFailure, context: CallContext) -> Explanation:
    key = failure.metadata.get("resource") or _key_in(failure.message) or "KEY"
    agent = f"serviceAccount:service-PROJECT_NUMBER@gcp-sa-secretmanager.{_DOMAIN}"
    return (
        f"The encryption key {key} cannot be used by Secret Manager.",
        f"Restore or enable the key (gcloud kms keys versions list --key={key}), or grant its use: gcloud "
        "kms "
        f'keys add-iam-policy-binding {key} --member="{agent}" --role='
        "roles/cloudkms.cryptoKeyEncrypterDecrypter; PROJECT_NUMBER is that of "
        f"{context.project} (gcloud projects describe {context.project}).",
    )


_DOMAIN = "iam.gserviceaccount.com"


def _key_in(message: str) -> str | None:
    found = re.search(r"projects/[^\s/]+/locations/[^\s/]+/keyRings/[^\s/]+/cryptoKeys/[\w-]+", message)
    return found[0] if found else None


def _refused(failure: CallFailure, _context: CallContext) -> Explanation:
    cause = f"{failure.method} was refused with {failure.code}"
    if failure.fields:
        cause += f" because of {', '.join(failure.fields)}"
    # Only this method's request holds a payload that a message could quote.
    if failure.method != "AddSecretVersion" and failure.message:
        cause += f": {failure.message[:300]}"
    return cause.rstrip(".") + ".", ""


def _not_signed_in(failure: CallFailure, context: CallContext) -> Explanation:
    return (
        f"{failure.method} did not take the credential of {context.member}: it has ended or was revoked.",
        "Retried with a new one; if it persists, compare the node's clock with true time.",
    )


_EXPLANATIONS: Final[dict[Reason, Callable[[CallFailure, CallContext], Explanation]]] = {
    Reason.PERMISSION_DENIED: _permission_denied,
    Reason.API_DISABLED: _api_disabled,
    Reason.BILLING_DISABLED: _billing_disabled,
    Reason.PROJECT_NOT_FOUND: _project_not_found,
    Reason.QUOTA_EXCEEDED: _quota_exceeded,
    Reason.ENCRYPTION_KEY_UNAVAILABLE: _key_unavailable,
    Reason.REQUEST_REFUSED: _refused,
    Reason.IDENTITY_UNAVAILABLE: _not_signed_in,
}
