"""What can be asked about a project beside Secret Manager itself, for a preflight.

Each question needs an API that may be switched off and a permission that the service does not need otherwise,
so "not allowed to ask" is an answer of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from pullsecret.infrastructure.gcp.https_json import HttpAnswer, HttpsJson, NoAnswerError
from pullsecret.infrastructure.gcp.identity.credential import Credential
from pullsecret.infrastructure.gcp.settings import GoogleSettings

_SERVICE = "secretmanager.googleapis.com"


@attrs.frozen
class NotAnsweredError(Exception):
    """The question was not answered; the text says why, in a few words."""

    why: str
    status: int | None = None
    """The HTTP status, if there was an answer at all."""

    def __str__(self) -> str:
        return self.why


class ProjectServices:
    """Questions to Resource Manager, Cloud KMS and Service Usage with one credential."""

    def __init__(self, settings: GoogleSettings, credential: Credential) -> None:
        self._settings = settings
        self._headers = {"authorization": credential.authorization}
        self._http = HttpsJson(deadline=settings.call_deadline, trust_file=settings.trust_file)

    async def held_permissions(self, project: str, permissions: Sequence[str]) -> frozenset[str]:
        """Which of ``permissions`` (at most 100) the caller holds on the whole project.

        A binding whose condition names secrets does not count here.
        https://cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions
        """
        url = f"{self._settings.rest_base('cloudresourcemanager')}/v3/projects/{project}:testIamPermissions"
        document = _document(await self._answer(url, {"permissions": list(permissions)}))
        with _in_the_documented_form():
            return frozenset(str(one) for one in document.get("permissions", ()))

    async def key_state(self, key: str) -> str:
        """The state of the key's primary version, e.g. ``ENABLED``; needs ``cloudkms.cryptoKeys.get``.

        https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/get
        """
        document = _document(await self._answer(f"{self._settings.rest_base('cloudkms')}/v1/{key}"))
        primary = document.get("primary")
        return str(primary.get("state", "")) if isinstance(primary, dict) else "without a primary version"

    async def request_quotas(self, project: str) -> Mapping[str, int]:
        """Requests a minute that the project may send, by display name; needs ``serviceusage.quotas.get``.

        https://cloud.google.com/service-usage/docs/reference/rest/v1beta1/services.consumerQuotaMetrics/list
        """
        base = self._settings.rest_base("serviceusage")
        url = f"{base}/v1beta1/projects/{project}/services/{_SERVICE}/consumerQuotaMetrics"
        document = _document(await self._answer(url))
        limits: dict[str, int] = {}
        with _in_the_documented_form():
            for metric in document.get("metrics", ()):
                for limit in metric.get("consumerQuotaLimits", ()):
                    if limit.get("unit") == "1/min/{project}":
                        for bucket in limit.get("quotaBuckets", ()):
                            limits[str(metric.get("displayName"))] = int(bucket.get("effectiveLimit", 0))
        return limits

    async def _answer(self, url: str, document: Mapping[str, object] | None = None) -> HttpAnswer:
        try:
            if document is None:
                return await self._http.get(url, self._headers)
            return await self._http.post(url, self._headers, document)
        except NoAnswerError as fault:
            raise NotAnsweredError(str(fault)) from None


@contextmanager
def _in_the_documented_form() -> Iterator[None]:
    try:
        yield
    except (AttributeError, TypeError, ValueError):
        raise NotAnsweredError("the answer is not of the documented form") from None


def _document(answer: HttpAnswer) -> dict[str, Any]:
    document = answer.document()
    if answer.status == 200:
        return document
    error = document.get("error")
    message = str(error.get("message", "")) if isinstance(error, dict) else ""
    raise NotAnsweredError(message.partition("\n")[0][:300] or f"status {answer.status}", answer.status)
