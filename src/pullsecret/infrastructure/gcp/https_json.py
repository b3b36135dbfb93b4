"""Small JSON requests over HTTP off the event loop, for the services that are no part of Secret Manager.

The standard library does it, since ``requests`` and ``google.auth`` together cost more memory than the job
process has (docs/job-footprint.md).
"""

import asyncio
import functools
import http.client
import json
import ssl
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs

from pullsecret.infrastructure.bounded_body import BodyTooLongError, read_body
from pullsecret.infrastructure.gcp.trust_file import trust
from pullsecret.infrastructure.retry_after import retry_after

MAX_ANSWER_BYTES: Final = 1_048_576
"""Longer answers are not read; the longest that is expected, a credential, has a few thousand."""


class NoAnswerError(Exception):
    """Nobody answered in time: name resolution, connection, TLS or the response itself failed.

    Its text names the kind of fault only.
    """


@attrs.frozen
class HttpAnswer:
    """An answer of any status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = attrs.field(repr=False)

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before asking again, if the answer says so."""
        return retry_after(self.headers.get("retry-after"), datetime.now(UTC))

    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is none."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}


class HttpsJson:
    """Sends requests. It follows no redirects, so a credential goes where it was sent and nowhere else."""

    def __init__(self, *, deadline: float, trust_file: Path | None = None, proxied: bool = True) -> None:
        """``deadline`` is in seconds: the longest silence, and the longest time from the request to the last
        byte of the answer. ``proxied`` obeys HTTPS_PROXY and NO_PROXY."""
        self._deadline = deadline
        self._trust_file = trust_file
        self._proxies = None if proxied else dict[str, str]()

    async def get(self, url: str, headers: Mapping[str, str]) -> HttpAnswer:
        """GET ``url``. Raises :class:`NoAnswerError`, and a permanent error if the trust file is unusable."""
        request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310
        return await self._answer(request)

    async def post(self, url: str, headers: Mapping[str, str], document: Mapping[str, object]) -> HttpAnswer:
        """POST ``document`` as JSON. Raises what :meth:`get` raises."""
        request = urllib.request.Request(  # noqa: S310 - the scheme comes from configuration
            url,
            json.dumps(document).encode(),
            {"content-type": "application/json", **headers},
            method="POST",
        )
        return await self._answer(request)

    async def _answer(self, request: urllib.request.Request) -> HttpAnswer:
        # Made here, not in the thread: what a thread allocates costs the process a heap of its own.
        opener = self._secure if request.type == "https" else self._plain
        return await asyncio.to_thread(self._send, opener, request)

    @functools.cached_property
    def _plain(self) -> urllib.request.OpenerDirector:
        return _opener(self._proxies, urllib.request.HTTPHandler())

    @functools.cached_property
    def _secure(self) -> urllib.request.OpenerDirector:
        # Only made where it is used: reading the system's authorities takes a while.
        context = ssl.create_default_context()
        if self._trust_file is not None:
            trust(context, self._trust_file)
        return _opener(self._proxies, urllib.request.HTTPSHandler(context=context))

    def _send(self, opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> HttpAnswer:
        give_up = time.monotonic() + self._deadline
        try:
            with opener.open(request, timeout=self._deadline) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return HttpAnswer(response.status, headers, _body(response, give_up))
        except (OSError, http.client.HTTPException) as fault:
            raise NoAnswerError(_kind(fault)) from None


def _body(response: http.client.HTTPResponse, give_up: float) -> bytes:
    """All of it. Raises where it is too long, is cut off, or has not ended at the time ``give_up``."""
    try:
        body = read_body(response.read1, MAX_ANSWER_BYTES, give_up)
    except BodyTooLongError:
        raise NoAnswerError(f"the answer has more than {MAX_ANSWER_BYTES} bytes") from None
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    return body


def _opener(
    proxies: dict[str, str] | None, handler: urllib.request.BaseHandler
) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for one in (urllib.request.ProxyHandler(proxies), handler, urllib.request.UnknownHandler()):
        opener.add_handler(one)
    return opener


def _kind(fault: Exception) -> str:
    reason = getattr(fault, "reason", fault)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {reason.verify_message}"
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    return getattr(reason, "strerror", None) or type(reason).__name__
