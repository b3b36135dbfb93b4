"""What a failed sign-in means and which command cures it."""

from collections.abc import Mapping

import attrs

from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.reasons import Reason

SIGN_IN = "sign-in"
ACT_AS = "act-as-service-account"

TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


def unavailable(
    operation: str, subject: str, cause: str, remedy: str, retry_after: float | None = None
) -> TransientError:
    """No credential could be had for now."""
    return TransientError(
        operation, subject, Reason.IDENTITY_UNAVAILABLE, cause, remedy, retry_after=retry_after
    )


def refused(operation: str, subject: str, cause: str, remedy: str) -> PermanentError:
    """A binding, role or identity is missing."""
    return PermanentError(operation, subject, Reason.IDENTITY_REFUSED, cause, remedy)


def wrong_configuration(subject: str, cause: str, remedy: str) -> PermanentError:
    """The configuration cannot work."""
    return PermanentError(SIGN_IN, subject, Reason.WRONG_CONFIGURATION, cause, remedy)


@attrs.frozen
class Meaning:
    """What an answer other than the wanted one means. Braces stand for what is known of whom it is about."""

    cause: str
    remedy: str
    passes: bool = False

    def error(
        self, operation: str, subject: str, known: Mapping[str, object], retry_after: float | None
    ) -> OperationError:
        """The failure, with ``known`` in place of the braces."""
        cause, remedy = self.cause.format_map(known), self.remedy.format_map(known)
        if self.passes:
            return unavailable(operation, subject, cause, remedy, retry_after)
        return refused(operation, subject, cause, remedy)


def bind_command(service_account: str, project: str, member: str) -> str:
    """The gcloud command that lets ``member`` act as ``service_account``."""
    # A Google service account needs the creator role; a workload's identity has a role of its own.
    plain = member.startswith("serviceAccount:") and "[" not in member
    role = "roles/iam.serviceAccountTokenCreator" if plain else "roles/iam.workloadIdentityUser"
    return (
        f"gcloud iam service-accounts add-iam-policy-binding {service_account} --project={project} "
        f'--role={role} --member="{member}"'
    )
