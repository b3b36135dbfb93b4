"""Workload Identity on GKE: the metadata server knows who the pod is.

https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity#metadata_server
"""

from urllib.parse import quote

from pullsecret.infrastructure.gcp.https_json import HttpAnswer, HttpsJson, NoAnswerError
from pullsecret.infrastructure.gcp.identity.credential import CLOUD_PLATFORM_SCOPE, Credential
from pullsecret.infrastructure.gcp.identity.failures import (
    SIGN_IN,
    TRANSIENT_STATUSES,
    refused,
    unavailable,
)
from pullsecret.infrastructure.gcp.settings import GoogleSettings

_ACCOUNT = "computeMetadata/v1/instance/service-accounts/default"
_HEADERS = {"Metadata-Flavor": "Google"}
_POOL_SUFFIX = ".svc.id.goog"


class MetadataServer:
    """Credentials of the pod's own identity."""

    def __init__(self, settings: GoogleSettings) -> None:
        self._settings = settings
        self._host = settings.metadata_host
        # It is link-local and answers at once; behind a proxy would be another machine's.
        self._http = HttpsJson(deadline=min(5.0, settings.call_deadline), proxied=False)

    async def fetch(self) -> Credential:
        """See :class:`CredentialSource`."""
        answer = await self._ask(f"token?scopes={quote(CLOUD_PLATFORM_SCOPE, safe='')}")
        document = answer.document()
        bearer, lifetime = document.get("access_token"), document.get("expires_in")
        if not isinstance(bearer, str) or not isinstance(lifetime, int | float):
            raise self._not_there("It answered without a credential.")
        return Credential(bearer, float(lifetime))

    async def member(self) -> str:
        """See :class:`CredentialSource`."""
        email = (await self._ask("email")).body.decode(errors="replace").strip()
        if email.endswith(_POOL_SUFFIX):
            settings = self._settings
            return f"serviceAccount:{email}[{settings.pod_namespace}/{settings.pod_service_account}]"
        return f"serviceAccount:{email}"

    async def _ask(self, what: str) -> HttpAnswer:
        try:
            answer = await self._http.get(f"http://{self._host}/{_ACCOUNT}/{what}", _HEADERS)
        except NoAnswerError as fault:
            raise self._not_there(f"It cannot be reached ({fault}).") from None
        if answer.status in TRANSIENT_STATUSES:
            raise unavailable(
                SIGN_IN,
                self._subject,
                f"It answered with status {answer.status}.",
                "Retried by itself; look at the gke-metadata-server pod of the node if it persists.",
                answer.retry_after,
            )
        if answer.headers.get("metadata-flavor") != "Google" and answer.status == 200:
            raise self._not_there("What answered is not a metadata server.")
        if answer.status != 200:
            raise refused(
                SIGN_IN,
                self._subject,
                f"It gives the pod no credential (status {answer.status}): the Kubernetes service account "
                f"{self._settings.pod_namespace}/{self._settings.pod_service_account} stands for no Google "
                "identity.",
                "Either remove its annotation iam.gke.io/gcp-service-account, or bind it: "
                "gcloud iam service-accounts add-iam-policy-binding ANNOTATED_SERVICE_ACCOUNT "
                '--role=roles/iam.workloadIdentityUser --member="serviceAccount:CLUSTER_PROJECT.svc.id.goog['
                f'{self._settings.pod_namespace}/{self._settings.pod_service_account}]"',
            )
        return answer

    @property
    def _subject(self) -> str:
        return f"metadata server {self._host}"

    def _not_there(self, cause: str) -> Exception:
        return unavailable(
            SIGN_IN,
            self._subject,
            cause,
            "On GKE enable Workload Identity: gcloud container clusters update CLUSTER "
            "--workload-pool=CLUSTER_PROJECT.svc.id.goog. Elsewhere mount an external account "
            "configuration and "
            "name it in GOOGLE_APPLICATION_CREDENTIALS.",
        )
