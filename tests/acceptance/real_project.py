"""A real Google Cloud project in place of the served one.

Application Default Credentials sign in; the jobs get them from a metadata server of our own, as a pod on GKE
gets its identity, so that the production code runs as it is.
"""

import asyncio
import re
import ssl
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import attrs
import google.auth
import google.auth.exceptions
import google.auth.transport.requests
import httpx
from tests.acceptance.checks import Check
from tests.acceptance.cloud import Cloud, CloudReader
from tests.acceptance.wiretap import Wiretap
from tests.acceptance.world import OpenCloud

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_PROJECT: Final = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]\Z")
_MOUNTED: Final = "/run/cloud"


class NotReadyError(Exception):
    """It cannot be run there; the message says what to do."""


@attrs.frozen
class GoogleProject:
    """Which project, and how it is reached."""

    id: str
    prefix: str
    """How the ids of all clusters begin, so that nobody else's are touched."""
    secret_manager_endpoint: str | None = None
    rest_endpoint: str | None = None
    trust_file: Path | None = None

    @classmethod
    def of(
        cls, project: str, secret_manager: str | None, rest: str | None, trust: Path | None
    ) -> "GoogleProject":
        """The project, with a prefix never used before. Raises :class:`NotReadyError` for what is no id."""
        if not _PROJECT.match(project):
            raise NotReadyError(f"{project!r} is no project id; make acceptance-gcp PROJECT=your-project")
        return cls(project, f"cls-acc-{uuid.uuid4().hex[:6]}-", secret_manager, rest, trust)

    def rest(self, service: str) -> str:
        """Base URL of a service."""
        return self.rest_endpoint or f"https://{service}.googleapis.com"


def plan(project: GoogleProject, chosen: Sequence[Check]) -> str:
    """What a run does to the project, for a person to read before it does."""
    return "\n".join(
        [
            f"Project {project.id}: secrets hyperfleet-{project.prefix}*-pull-secret are created, given",
            "up to 3 versions each of made-up pull secrets, and deleted at the end. Nothing else is touched.",
            f"Checked there: {', '.join(check.box for check in chosen)}.",
        ]
    )


class _Credentials:
    """Application Default Credentials, kept fresh."""

    def __init__(self) -> None:
        try:
            self._credentials, _ = google.auth.default(scopes=[_SCOPE])
        except google.auth.exceptions.DefaultCredentialsError:
            raise NotReadyError(
                "there are no Application Default Credentials; run gcloud auth application-default login"
            ) from None
        except google.auth.exceptions.TransportError as unreachable:
            raise NotReadyError(f"Google cannot be reached: {unreachable}") from None
        self._lock = threading.Lock()

    def bearer(self) -> tuple[str, int]:
        """A credential's text and for how many seconds it is good. Raises :class:`NotReadyError`."""
        with self._lock:
            if not self._credentials.valid:
                try:
                    self._credentials.refresh(google.auth.transport.requests.Request())  # type: ignore[no-untyped-call]
                except google.auth.exceptions.GoogleAuthError as refused:
                    raise NotReadyError(
                        f"the Application Default Credentials are refused: {refused}"
                    ) from None
            expiry = self._credentials.expiry
            left = int(expiry.timestamp() - time.mktime(time.gmtime())) if expiry else 3600
            return str(self._credentials.token), max(60, left)

    @property
    def email(self) -> str:
        """Who it is, where the credentials tell; else nothing, which every entry's principal begins with."""
        email = getattr(self._credentials, "service_account_email", "") or ""
        return "" if email == "default" else str(email)


class _MetadataServer:
    """What a GKE pod would ask, on loopback."""

    def __init__(self, credentials: _Credentials) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.headers.get("Metadata-Flavor") != "Google":
                    self.send_error(403)
                    return
                body = self._body().encode()
                self.send_response(200)
                self.send_header("Metadata-Flavor", "Google")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _body(self) -> str:
                if self.path.partition("?")[0].endswith("/token"):
                    text, seconds = credentials.bearer()
                    return f'{{"access_token": "{text}", "expires_in": {seconds}, "token_type": "Bearer"}}'
                return credentials.email

            def log_message(self, format: str, *arguments: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class RealCloud:
    """The project. It has one customer, and cannot be made to fail."""

    def __init__(
        self, project: GoogleProject, credentials: _Credentials, metadata: str, reader: CloudReader
    ) -> None:
        self._project = project
        self._credentials = credentials
        self._metadata = metadata
        self.reader = reader

    def customer(self, number: int) -> str:
        return self._project.id

    def principal(self, project: str) -> str:
        return self._credentials.email

    def adapter_settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {"metadataHost": self._metadata, "serviceAccount": None}
        if self._project.secret_manager_endpoint:
            settings["secretManagerEndpoint"] = self._project.secret_manager_endpoint
        if self._project.rest_endpoint:
            settings["restEndpoint"] = self._project.rest_endpoint
        if self._project.trust_file:
            settings["trustFile"] = str(self._project.trust_file)
        return settings

    def job_settings(self) -> dict[str, Any]:
        if self._project.trust_file is None:
            return {}
        return {"extraEnvironment": {"GCP_TRUST_FILE": f"{_MOUNTED}/{self._project.trust_file.name}"}}

    def mounts(self) -> dict[str, Path]:
        return {_MOUNTED: self._project.trust_file.parent} if self._project.trust_file else {}


def real_cloud(project: GoogleProject) -> OpenCloud:
    """Opens the project; at the end every secret whose name begins as the run's do is deleted."""

    async def open_cloud(
        folder: Path, namespace: str, opened: AsyncExitStack
    ) -> tuple[Cloud, Sequence[Wiretap]]:
        credentials = await asyncio.to_thread(_Credentials)
        await asyncio.to_thread(credentials.bearer)
        metadata = _MetadataServer(credentials)
        opened.callback(metadata.stop)
        trust = str(project.trust_file) if project.trust_file else None
        context = ssl.create_default_context(cafile=trust)
        client = await opened.enter_async_context(httpx.AsyncClient(verify=context, timeout=30))

        async def bearer() -> str:
            return (await asyncio.to_thread(credentials.bearer))[0]

        reader = CloudReader(client, bearer, project.rest("secretmanager"), project.rest("logging"))
        opened.push_async_callback(_clean_up, reader, project)
        return RealCloud(project, credentials, metadata.address, reader), []

    return open_cloud


async def _clean_up(reader: CloudReader, project: GoogleProject) -> None:
    for name in await reader.secrets(project.id, {"managed-by": "hyperfleet"}):
        if name.startswith(f"hyperfleet-{project.prefix}"):
            await reader.delete(project.id, name)
