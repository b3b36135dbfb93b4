"""What the refusals of IAM Credentials mean, and which command cures each."""

from collections.abc import Mapping
from typing import Any, Final

from pullsecret.domain.errors import OperationError
from pullsecret.infrastructure.gcp.https_json import HttpAnswer
from pullsecret.infrastructure.gcp.identity.credential import CredentialSource
from pullsecret.infrastructure.gcp.identity.failures import (
    ACT_AS,
    TRANSIENT_STATUSES,
    Meaning,
    bind_command,
)

_NO_ANSWER: Final = Meaning(
    "IAM Credentials answered with status {status}.", "Retried by itself.", passes=True
)
_NOT_SIGNED_IN: Final = Meaning(
    "IAM Credentials did not take the credential we signed in with.",
    "Retried with a new one; if it persists, compare the node's clock with true time.",
    passes=True,
)
_NO_ACCOUNT: Final = Meaning(
    "The service account does not exist.",
    "gcloud iam service-accounts create {name} --project={project}",
)
_SWITCHED_OFF: Final = Meaning(
    "The IAM Service Account Credentials API is switched off.",
    "gcloud services enable iamcredentials.googleapis.com --project={switched_off}",
)
_NOT_BOUND: Final = Meaning(
    "{member} may not act as the service account: it lacks iam.serviceAccounts.getAccessToken on it.",
    "{bind}",
)

_BY_STATUS: Final[Mapping[int, Meaning]] = {
    **dict.fromkeys((200, *TRANSIENT_STATUSES), _NO_ANSWER),
    401: _NOT_SIGNED_IN,
    404: _NO_ACCOUNT,
}
"""200 too: without a credential in it, it is no answer."""


async def impersonation_failure(
    answer: HttpAnswer, account: str, project: str, own: CredentialSource
) -> OperationError:
    """The failure that ``answer`` tells of, where ``own`` asked to act as ``account``."""
    switched_off = _switched_off_in(answer.document())
    known: dict[str, object] = {
        "status": answer.status,
        "name": account.partition("@")[0],
        "project": project,
        "switched_off": switched_off,
    }
    meaning = _BY_STATUS.get(answer.status) or (_NOT_BOUND if switched_off is None else _SWITCHED_OFF)
    if meaning is _NOT_BOUND:
        # Asked only here: it may take a request.
        member = await own.member()
        known |= {"member": member, "bind": bind_command(account, project, member)}
    return meaning.error(ACT_AS, account, known, answer.retry_after)


def _switched_off_in(document: dict[str, Any]) -> str | None:
    """The project in which the API is switched off, if that is what the error says."""
    error = document.get("error")
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict) and detail.get("reason") == "SERVICE_DISABLED":
            metadata = detail.get("metadata")
            consumer = metadata.get("consumer") if isinstance(metadata, dict) else None
            return str(consumer or "projects/PROJECT").removeprefix("projects/")
    return None
