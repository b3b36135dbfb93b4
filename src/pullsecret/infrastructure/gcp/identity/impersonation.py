"""Acting as the customer's service account for a while.

https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pullsecret.infrastructure.gcp.https_json import HttpAnswer, HttpsJson, NoAnswerError
from pullsecret.infrastructure.gcp.identity.credential import (
    CLOUD_PLATFORM_SCOPE,
    Credential,
    CredentialSource,
)
from pullsecret.infrastructure.gcp.identity.failures import ACT_AS, unavailable
from pullsecret.infrastructure.gcp.identity.impersonation_failures import impersonation_failure
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
            raise await impersonation_failure(answer, self._account, self._project, self._own)
        return Credential(bearer, _lifetime(answer, document))

    async def member(self) -> str:
        """See :class:`CredentialSource`."""
        return f"serviceAccount:{self._account}"


def _lifetime(answer: HttpAnswer, document: dict[str, Any]) -> float:
    """Seconds from the server's own idea of now to the credential's end, so that a wrong clock here is
    harmless."""
    try:
        end = datetime.fromisoformat(str(document["expireTime"]))
        now = parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
        return max(0.0, (end - now).total_seconds())
    except (KeyError, ValueError, TypeError):
        return float(LIFETIME)
