"""Acting as the customer's service account for a while.

https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pullsecret.domain.errors import OperationError
from pullsecret.infrastructure.gcp.https_json import HttpAnswer, HttpsJson, NoAnswerError
from pullsecret.infrastructure.gcp.identity.credential import (
    CLOUD_PLATFORM_SCOPE,
    Credential,
    CredentialSource,
)
from pullsecret.infrastructure.gcp.identity.failures import (
    ACT_AS,
    TRANSIENT_STATUSES,
    bind_command,
    refused,
    retry_after,
    unavailable,
)
from pullsecret.infrastructure.gcp.settings import GoogleSettings

LIFETIME = 900
"""Seconds asked for: three times a job's budget, so a lost credential is soon worthless."""


class ImpersonatedServiceAccount:
    """Credentials of a service account that ``own`` may act as."""

    def __init__(
        self, own: CredentialSource, service_account: str, project: str, settings: GoogleSettings
    ) -> None:
        self._own = own
        self._account = service_account
        self._project = project
        base = settings.rest_base("iamcredentials")
        self._url = f"{base}/v1/projects/-/serviceAccounts/{service_account}:generateAccessToken"
        self._http = HttpsJson(deadline=settings.call_deadline, trust_file=settings.trust_file)

    async def fetch(self) -> Credential:
        """See :class:`CredentialSource`."""
        own = await self._own.fetch()
        request = {"scope": [CLOUD_PLATFORM_SCOPE], "lifetime": f"{LIFETIME}s"}
        try:
            answer = await self._http.post(self._url, {"authorization": own.authorization}, request)
        except NoAnswerError as fault:
            raise unavailable(
                ACT_AS,
                self._account,
                f"IAM Credentials cannot be reached ({fault}).",
                "Retried by itself; check the egress from the pod to iamcredentials.googleapis.com if it "
                "persists.",
            ) from None
        document = answer.document()
        bearer = document.get("accessToken")
        if answer.status != 200 or not isinstance(bearer, str):
            raise await self._failure(answer, document)
        return Credential(bearer, _lifetime(answer, document))

    async def member(self) -> str:
        """See :class:`CredentialSource`."""
        return f"serviceAccount:{self._account}"

    async def _failure(self, answer: HttpAnswer, document: dict[str, Any]) -> OperationError:
        if answer.status in TRANSIENT_STATUSES or answer.status == 200:
            return unavailable(
                ACT_AS,
                self._account,
                f"IAM Credentials answered with status {answer.status}.",
                "Retried by itself.",
                retry_after(dict(answer.headers)),
            )
        if answer.status == 401:
            return unavailable(
                ACT_AS,
                self._account,
                "IAM Credentials did not take the credential we signed in with.",
                "Retried with a new one; if it persists, compare the node's clock with true time.",
            )
        if answer.status == 404:
            name = self._account.partition("@")[0]
            return refused(
                ACT_AS,
                self._account,
                "The service account does not exist.",
                f"gcloud iam service-accounts create {name} --project={self._project}",
            )
        switched_off = _switched_off_in(document)
        if switched_off is not None:
            return refused(
                ACT_AS,
                self._account,
                "The IAM Service Account Credentials API is switched off.",
                f"gcloud services enable iamcredentials.googleapis.com --project={switched_off}",
            )
        member = await self._own.member()
        return refused(
            ACT_AS,
            self._account,
            f"{member} may not act as the service account: it lacks iam.serviceAccounts.getAccessToken on "
            "it.",
            bind_command(self._account, self._project, member),
        )


def _lifetime(answer: HttpAnswer, document: dict[str, Any]) -> float:
    """Seconds from the server's own idea of now to the credential's end, so that a wrong clock here is
    harmless."""
    try:
        end = datetime.fromisoformat(str(document["expireTime"]))
        now = parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
        return max(0.0, (end - now).total_seconds())
    except (KeyError, ValueError, TypeError):
        return float(LIFETIME)


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
