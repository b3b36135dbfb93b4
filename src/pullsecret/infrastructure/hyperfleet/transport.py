"""One pooled HTTP client for the HyperFleet API: time limits, safe repetition, circuit, size limit."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import attrs
import httpx

from pullsecret.domain.errors import TransientError
from pullsecret.domain.facts import CircuitChanged, CircuitState
from pullsecret.infrastructure.client_tls import client_tls
from pullsecret.infrastructure.hyperfleet.answers import (
    Answer,
    ApiRequest,
    access_refused,
    misdirected,
    server_fault,
    unanswered,
)
from pullsecret.infrastructure.hyperfleet.bearer_token import BearerTokenFile
from pullsecret.infrastructure.hyperfleet.circuit import Circuit
from pullsecret.infrastructure.hyperfleet.settings import HyperFleetSettings
from pullsecret.infrastructure.retry_after import retry_after
from pullsecret.ports.clock import Clock
from pullsecret.ports.telemetry import Telemetry

_MAX_REDIRECTS: Final = 3
_PASSING: Final = frozenset({408, 425, 429})
# The server says that it has not carried the request out.
_NOT_CARRIED_OUT: Final = frozenset({429, 503})
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@attrs.frozen
class _FaultError(Exception):
    """One try failed in a way that may pass."""

    error: TransientError
    repeatable: bool


class HyperFleetTransport:
    """Sends requests below ``settings.base_url``. Use :func:`hyperfleet_transport` to open one."""

    def __init__(
        self,
        settings: HyperFleetSettings,
        client: httpx.AsyncClient,
        clock: Clock,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._telemetry = telemetry
        self._circuit = Circuit(settings.circuit, clock, self._tell_circuit)
        self._room = asyncio.Semaphore(settings.concurrency)
        self._token = BearerTokenFile(settings.token_file) if settings.token_file else None

    def _tell_circuit(self, state: CircuitState) -> None:
        if self._telemetry is not None:
            self._telemetry.record(CircuitChanged("hyperfleet-api", state))

    async def send(self, request: ApiRequest) -> Answer:
        """The API's answer: 2xx, 304, or a 4xx that the caller has to judge.

        Raises :class:`TransientError` if there is none, if it is a server fault, or if it is 401 or 403.
        """
        attempt = 1
        while True:
            try:
                async with self._room:
                    return await self._guarded(request)
            except _FaultError as fault:
                error, repeatable = fault.error, fault.repeatable
            pause = self._settings.retry_pause.pause(attempt, self._clock.chance(), error.retry_after or 0.0)
            # A long wait is the caller's: it can put the work aside, this coroutine cannot.
            too_long = pause > self._settings.retry_pause.maximum
            if not repeatable or attempt >= self._settings.attempts or too_long:
                raise error
            await self._clock.sleep(pause)
            attempt += 1

    async def _guarded(self, request: ApiRequest) -> Answer:
        """One try under the circuit's eyes; raises :class:`_FaultError`."""
        if wait := self._circuit.wait():
            error = unanswered(
                request, "The HyperFleet API has not answered lately; it is not asked now.", wait
            )
            raise _FaultError(error, repeatable=False)
        try:
            answer = await self._once(request)
        except _FaultError:
            self._circuit.failed()
            raise
        except BaseException:
            self._circuit.abandoned()
            raise
        if answer.status >= 500:
            self._circuit.failed()
        else:
            self._circuit.succeeded()
        if answer.status >= 500 or answer.status in _PASSING:
            repeatable = request.repeatable or answer.status in _NOT_CARRIED_OUT
            raise _FaultError(server_fault(request, answer), repeatable)
        if answer.status in (401, 403):
            raise access_refused(request, answer)
        return answer

    async def _once(self, request: ApiRequest) -> Answer:
        try:
            async with asyncio.timeout(self._settings.timeouts.total):
                return await self._followed(request)
        except (httpx.TransportError, TimeoutError) as error:
            sent = not isinstance(error, _NEVER_SENT)
            # Neither its text nor the error itself is kept: both may quote what was sent or received.
            fault = _FaultError(unanswered(request, _in_words(error)), request.repeatable or not sent)
        raise fault

    async def _followed(self, request: ApiRequest) -> Answer:
        """Follow redirects on the API's own host; to another one nothing is sent."""
        url = httpx.URL(f"{self._settings.base_url}/{request.path}")
        for _ in range(_MAX_REDIRECTS + 1):
            http_request = self._client.build_request(
                request.method, url, content=_content(request), headers=self._headers(request)
            )
            response = await self._client.send(http_request, stream=True)
            try:
                if not response.has_redirect_location:
                    return await self._read(request, response)
                target = _target(request, url, response.headers["location"])
            finally:
                await response.aclose()
            if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
                raise misdirected(request, f"The HyperFleet API redirects to another host ({target.host}).")
            if response.status_code not in (307, 308) and request.method != "GET":
                raise misdirected(request, f"The HyperFleet API redirects a {request.method}.")
            url = target
        raise misdirected(request, "The HyperFleet API redirects in circles.")

    def _headers(self, request: ApiRequest) -> httpx.Headers:
        headers = self._token.headers() if self._token else httpx.Headers()
        if request.etag is not None:
            headers["if-none-match"] = request.etag
        if request.body is not None:
            headers["content-type"] = "application/json"
        return headers

    async def _read(self, request: ApiRequest, response: httpx.Response) -> Answer:
        limit = self._settings.max_response_bytes
        body = bytearray()
        # Compression is not asked for, so these bytes are all there is: nothing unpacks to more.
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > limit:
                raise misdirected(request, f"The HyperFleet API answered with more than {limit} bytes.")
        return Answer(
            response.status_code,
            response.headers.get("etag"),
            retry_after(response.headers.get("retry-after"), self._clock.now()),
            bytes(body),
        )


@asynccontextmanager
async def hyperfleet_transport(
    settings: HyperFleetSettings, clock: Clock, telemetry: Telemetry | None = None
) -> AsyncIterator[HyperFleetTransport]:
    """A transport that is open as long as the block.

    Raises a permanent error (``WrongConfiguration``) naming the key of a certificate that cannot be used.
    """
    # The transport bounds the requests in flight itself, over whatever connections they go.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=settings.concurrency)
    timeouts = settings.timeouts
    client = httpx.AsyncClient(
        http2=True,
        verify=client_tls("open-hyperfleet-api", "api", settings),
        limits=limits,
        timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect, pool=timeouts.total),
        headers={"accept": "application/json", "accept-encoding": "identity", "user-agent": "pullsecret"},
        # Proxies and .netrc of the environment would see or add credentials.
        trust_env=False,
    )
    async with client:
        yield HyperFleetTransport(settings, client, clock, telemetry)


def _content(request: ApiRequest) -> bytes | None:
    """In ASCII: a text quoted from elsewhere may hold half a surrogate pair, which no encoding has."""
    return None if request.body is None else json.dumps(request.body, allow_nan=False).encode()


def _target(request: ApiRequest, url: httpx.URL, location: str) -> httpx.URL:
    try:
        return url.join(location)
    except httpx.InvalidURL:
        raise misdirected(request, "The HyperFleet API redirects to what is no URL.") from None


def _in_words(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return "The HyperFleet API cannot be reached."
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "The HyperFleet API did not answer in time."
    return "The connection to the HyperFleet API broke."
