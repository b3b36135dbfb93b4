"""Workload Identity Federation outside of Google Cloud: a projected Kubernetes token is exchanged (RFC 8693).

https://cloud.google.com/iam/docs/workload-identity-federation-with-kubernetes, https://google.aip.dev/auth/4117
"""

import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from pullsecret.domain.errors import OperationError
from pullsecret.infrastructure.gcp.https_json import HttpAnswer, HttpsJson, NoAnswerError
from pullsecret.infrastructure.gcp.identity.credential import CLOUD_PLATFORM_SCOPE, Credential
from pullsecret.infrastructure.gcp.identity.exchange_failures import exchange_failure
from pullsecret.infrastructure.gcp.identity.failures import SIGN_IN, unavailable, wrong_configuration
from pullsecret.infrastructure.gcp.settings import GoogleSettings

_AUDIENCE = re.compile(
    r"//iam\.googleapis\.com/projects/(?P<project>[^/]+)/locations/global/workloadIdentityPools/(?P<pool>[^/]+)"
    r"/providers/(?P<provider>[^/]+)\Z"
)
_MAKE_ONE = (
    "Create one: gcloud iam workload-identity-pools create-cred-config PROVIDER_RESOURCE_NAME "
    "--credential-source-file=/var/run/secrets/google/identity --output-file=external-account.json"
)


@attrs.frozen
class ExternalAccount:
    """An external account configuration, as far as it can be used here."""

    audience: str
    exchange_url: str
    subject_type: str
    source_file: Path
    source_field: str | None
    """The member of a JSON file that holds the subject; None: the file is the subject."""
    project: str
    """The pool's project, by number."""
    pool: str
    provider: str


def read_external_account(path: Path) -> ExternalAccount:
    """Read the configuration. Raises PermanentError (``WrongConfiguration``) if it holds a key, or is of a
    kind that is not supported here."""
    subject = f"file {path}"
    try:
        document = json.loads(path.read_text())
        kind = document["type"]
    except (OSError, ValueError, KeyError, TypeError):
        raise wrong_configuration(
            subject, "It is no readable external account configuration.", _MAKE_ONE
        ) from None
    if "private_key" in document or kind == "service_account":
        raise wrong_configuration(
            subject,
            "It holds a service account's private key. This service never uses key files: a key does not "
            "expire "
            "and whoever copies it is the service account.",
            "Delete the key (gcloud iam service-accounts keys delete KEY_ID --iam-account=SERVICE_ACCOUNT) "
            "and "
            f"use Workload Identity, or outside of GKE an external account. {_MAKE_ONE}",
        )
    if kind != "external_account":
        raise wrong_configuration(
            subject, f"Its type is {str(kind)[:40]!r}, not 'external_account'.", _MAKE_ONE
        )
    try:
        return _parse(document)
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise wrong_configuration(
            subject, f"The external account configuration cannot be used: {fault}.", _MAKE_ONE
        ) from None


def projected_account(settings: GoogleSettings) -> ExternalAccount:
    """The same without a file, from the provider's name and where the pod's identity is projected.

    Raises PermanentError (``WrongConfiguration``) for a malformed name.
    """
    name = settings.workload_identity_provider or ""
    try:
        return _account(
            f"//iam.googleapis.com/{name}",
            f"{settings.rest_base('sts')}/v1/token",
            "urn:ietf:params:oauth:token-type:jwt",
            settings.identity_file,
            None,
        )
    except ValueError:
        raise wrong_configuration(
            "workload identity provider",
            f"{name[:200]!r} is not of the form projects/N/locations/global/workloadIdentityPools/POOL/"
            "providers/PROVIDER.",
            "gcloud iam workload-identity-pools providers list --location=global "
            "--workload-identity-pool=POOL "
            "--format='value(name)'",
        ) from None


def _parse(document: dict[str, Any]) -> ExternalAccount:
    url = str(document["token_url"])
    if not url.startswith("https://"):
        raise ValueError("its token_url is not https")
    source = document["credential_source"]
    if "file" not in source:
        raise ValueError("its credential_source is not a file")
    layout = source.get("format", {})
    return _account(
        str(document["audience"]),
        url,
        str(document["subject_token_type"]),
        Path(str(source["file"])),
        str(layout["subject_token_field_name"]) if layout.get("type") == "json" else None,
    )


def _account(
    audience: str, url: str, subject_type: str, source: Path, source_field: str | None
) -> ExternalAccount:
    named = _AUDIENCE.match(audience)
    if not named:
        raise ValueError("its audience names no workload identity pool provider")
    return ExternalAccount(
        audience,
        url,
        subject_type,
        source,
        source_field,
        named["project"],
        named["pool"],
        named["provider"],
    )


class ExternalAccountSource:
    """Credentials of the federated identity."""

    def __init__(self, account: ExternalAccount, settings: GoogleSettings) -> None:
        self._account = account
        self._http = HttpsJson(deadline=settings.call_deadline, trust_file=settings.trust_file)

    async def fetch(self) -> Credential:
        """See :class:`CredentialSource`."""
        account = self._account
        request = {
            "grantType": "urn:ietf:params:oauth:grant-type:token-exchange",
            "requestedTokenType": "urn:ietf:params:oauth:token-type:access_token",
            "audience": account.audience,
            "scope": CLOUD_PLATFORM_SCOPE,
            "subjectTokenType": account.subject_type,
            "subjectToken": self._subject_token(),
        }
        try:
            answer = await self._http.post(account.exchange_url, {}, request)
        except NoAnswerError as fault:
            raise unavailable(
                SIGN_IN,
                urlsplit(account.exchange_url).netloc,
                f"The exchange cannot be reached ({fault}).",
                "Retried by itself; check the egress from the pod to sts.googleapis.com if it persists.",
            ) from None
        document = answer.document()
        bearer, lifetime = document.get("access_token"), document.get("expires_in")
        if answer.status != 200 or not isinstance(bearer, str) or not isinstance(lifetime, int | float):
            raise self._failure(answer)
        return Credential(bearer, float(lifetime))

    async def member(self) -> str:
        """See :class:`CredentialSource`."""
        subject = _claims(self._subject_token()).get("sub", "SUBJECT")
        return (
            f"principal://iam.googleapis.com/projects/{self._account.project}/locations/global/"
            f"workloadIdentityPools/{self._account.pool}/subject/{subject}"
        )

    def _subject_token(self) -> str:
        account = self._account
        try:
            text = account.source_file.read_text().strip()
            if account.source_field is not None:
                text = str(json.loads(text)[account.source_field])
        except (OSError, ValueError, KeyError, TypeError):
            raise unavailable(
                SIGN_IN,
                f"folder {account.source_file.parent}",
                "The projected identity of the pod cannot be read there.",
                "Add a projected serviceAccountToken volume with audience "
                f"https:{account.audience} to the pod in this folder.",
            ) from None
        return text

    def _failure(self, answer: HttpAnswer) -> OperationError:
        account = self._account
        return exchange_failure(
            answer,
            account.pool,
            account.provider,
            account.project,
            account.audience,
            _claims_or_empty(self),
        )


def _claims_or_empty(source: ExternalAccountSource) -> dict[str, Any]:
    try:
        return _claims(source._subject_token())
    except OperationError:
        return {}


def _claims(token: str) -> dict[str, Any]:
    """The public claims of a JWT, unchecked: they only make messages exact."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
