"""What stands where Google answers may be something else, such as a proxy's page."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from pullsecret.domain.errors import PermanentError
from pullsecret.infrastructure.gcp.identity.credential import Credential
from pullsecret.infrastructure.gcp.identity.impersonation import ImpersonatedServiceAccount
from pullsecret.infrastructure.gcp.settings import GoogleSettings

DISABLED = {"reason": "SERVICE_DISABLED"}


class Ourselves:
    async def fetch(self) -> Credential:
        return Credential("bearer", 600.0)

    async def member(self) -> str:
        return "serviceAccount:us"


@pytest.fixture
def refusing() -> Iterator[Callable[[Any], GoogleSettings]]:
    """Settings for a server that refuses with the given error."""
    with ExitStack() as opened:

        def serve(error: Any) -> GoogleSettings:
            class Refusal(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    self.send_response(403)
                    self.end_headers()
                    self.wfile.write(json.dumps({"error": error}).encode())

                def log_message(self, *_: Any) -> None: ...

            server = opened.enter_context(HTTPServer(("127.0.0.1", 0), Refusal))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            opened.callback(server.shutdown)
            return GoogleSettings(rest_endpoint=f"http://127.0.0.1:{server.server_port}")

        yield serve


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("text", "add-iam-policy-binding"),
        ({"details": None}, "add-iam-policy-binding"),
        ({"details": {"reason": "SERVICE_DISABLED"}}, "add-iam-policy-binding"),
        ({"details": [None, "text", {"reason": None}]}, "add-iam-policy-binding"),
        ({"details": [DISABLED]}, "services enable iamcredentials.googleapis.com --project=PROJECT"),
        ({"details": [{**DISABLED, "metadata": None}]}, "--project=PROJECT"),
        ({"details": [{**DISABLED, "metadata": {"consumer": None}}]}, "--project=PROJECT"),
        ({"details": [{**DISABLED, "metadata": {"consumer": "projects/12"}}]}, "--project=12"),
    ],
)
async def test_a_refusal_of_any_form_is_told(
    refusing: Callable[[Any], GoogleSettings], error: Any, remedy: str
) -> None:
    source = ImpersonatedServiceAccount(Ourselves(), "a@b", "customer", refusing(error))
    with pytest.raises(PermanentError) as raised:
        await source.fetch()
    assert remedy in raised.value.remedy
