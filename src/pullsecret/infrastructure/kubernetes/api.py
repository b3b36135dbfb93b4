"""Calls to the Kubernetes API off the event loop: plain JSON objects over the official client's transport."""

import asyncio
import json
import random
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, cast
from urllib.parse import urlencode

import attrs
import urllib3

from pullsecret.domain.backoff import Backoff
from pullsecret.infrastructure.bounded_body import BodyTooLongError, read_body
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.api_refusals import refusal
from pullsecret.infrastructure.kubernetes.official_client import RestClient, TransportError
from pullsecret.infrastructure.retry_after import retry_after

Object = dict[str, Any]
"""A Kubernetes object as its JSON."""


def version_of(item: Object) -> int:
    """The object's resource version: a later one of the same collection is a larger number."""
    return int(item["metadata"]["resourceVersion"])


JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"

_METHODS: Final = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}
_PAGE: Final = 100
"""More objects at once take more memory, which the process then keeps."""
_PATIENT: Final = 2
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""Longer answers are not read; a page of jobs has a few million."""


@attrs.frozen
class Answer:
    """A successful answer: 201 tells a created object from an updated one."""

    status: int
    body: Object


@attrs.frozen
class CallLimits:
    """How long and how often a call is tried. Seconds."""

    connect: float = 5.0
    read: float = 30.0
    patience: float = 20.0
    """A call that meets a passing fault is repeated until this much time has passed."""
    backoff: Backoff = attrs.field(factory=lambda: Backoff(initial=0.2, maximum=5.0))


class KubernetesApi:
    """One connection to one cluster.

    Every call is repeated while it meets passing faults (no answer, 429, 5xx; ``Retry-After`` is kept to),
    for ``limits.patience`` seconds, then raises :class:`ApiError`. A call may thus have taken effect more
    than once or without an answer: callers use names, preconditions or apply, so repeating does no harm.
    """

    def __init__(self, configuration: Any, *, threads: int = 16, limits: CallLimits | None = None) -> None:
        """``threads`` bounds the calls in flight; a watch has a thread of its own beside them."""
        configuration.connection_pool_maxsize = threads + _PATIENT
        self._configuration = configuration
        self._rest = RestClient(configuration)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="kubernetes")
        # Calls that nobody waits for get a few threads of their own, so that they never stand before others.
        self._patient_threads = ThreadPoolExecutor(_PATIENT, thread_name_prefix="kubernetes-patient")
        self._limits = limits or CallLimits()

    async def __aenter__(self) -> "KubernetesApi":
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._patient_threads.shutdown(wait=False, cancel_futures=True)
        self._rest.close()

    @property
    def host(self) -> str:
        """The API server's base URL."""
        return str(self._configuration.host)

    async def get(self, path: str, *, metadata_only: bool = False) -> Object:
        """The object at ``path``, or only its metadata, so that a payload stays where it is."""
        return (await self.call("get", path, metadata_only=metadata_only)).body

    async def get_or_none(self, path: str, *, metadata_only: bool = False) -> Object | None:
        """The same, or None if there is none."""
        try:
            return await self.get(path, metadata_only=metadata_only)
        except ApiError as fault:
            if fault.not_found:
                return None
            raise

    async def call(
        self,
        verb: str,
        path: str,
        body: Object | None = None,
        *,
        content_type: str = JSON,
        sensitive: bool = False,
        metadata_only: bool = False,
        patient: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Do one call, repeated as the class says.

        ``metadata_only``: the answer holds the objects' metadata and nothing else.
        ``sensitive``: the body holds a payload, so an error tells only what was refused, not the server's
        text about it, which may quote the body whatever its status.
        ``patient``: others go first where there is much to do.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._limits.patience
        attempt = 0
        request = _Request(verb, path, query or {}, body, content_type, sensitive, metadata_only)
        send = partial(self._send, request)
        threads = self._patient_threads if patient else self._threads
        while True:
            attempt += 1
            try:
                return await loop.run_in_executor(threads, send)
            except ApiError as fault:
                pause = self._limits.backoff.pause(attempt, random.random(), fault.retry_after or 0)  # noqa: S311
                if not fault.passing or loop.time() + pause > give_up:
                    raise
            await asyncio.sleep(pause)

    async def pages(
        self, path: str, *, labels: str = "", metadata_only: bool = False, since: str = ""
    ) -> AsyncGenerator[tuple[list[Object], str]]:
        """All objects under ``path`` with these labels, and the resource version to watch from.

        In pages of 100, at least one, so that not all need to be in memory at once. They are one consistent
        snapshot: of now, or where ``since`` is given of that resource version or any later one, which the API
        server answers from its memory.
        """
        query = {"limit": str(_PAGE)} | ({"labelSelector": labels} if labels else {})
        if since:
            query |= {"resourceVersion": since, "resourceVersionMatch": "NotOlderThan"}
        while True:
            page = (await self.call("list", path, query=query, metadata_only=metadata_only)).body
            try:
                # An empty list of metadata is null.
                items, metadata = [_named(item) for item in page["items"] or []], _versioned(page)["metadata"]
                version, position = metadata["resourceVersion"], metadata.get("continue")
            except (LookupError, TypeError, ValueError, AttributeError) as fault:
                raise _no_answer("list", path, fault) from None
            yield items, version
            if not position:
                return
            query["continue"] = position
            # The position says which snapshot it is of.
            query.pop("resourceVersion", None)
            query.pop("resourceVersionMatch", None)

    async def list(
        self, path: str, *, labels: str = "", metadata_only: bool = False, since: str = ""
    ) -> tuple[list[Object], str]:
        """The same at once."""
        items: list[Object] = []
        version = ""
        pages = self.pages(path, labels=labels, metadata_only=metadata_only, since=since)
        async for page, version in pages:  # noqa: B007
            items += page
        return items, version

    async def watch(
        self,
        path: str,
        resource_version: str,
        *,
        labels: str = "",
        metadata_only: bool = False,
        seconds: int = 30,
    ) -> AsyncGenerator[tuple[str, Object]]:
        """Changes after ``resource_version`` as ``(type, object)``, for about ``seconds``.

        Bookmarks are asked for and passed on. Silence for five seconds more than ``seconds`` counts as a lost
        connection. Raises :class:`ApiError`; ``expired`` if the version is too old. Never repeated here.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
        } | ({"labelSelector": labels} if labels else {})
        request = _Request("watch", path, query, metadata_only=metadata_only)
        stream = _WatchStream(path, partial(self._exchange, request, seconds + 5.0))
        try:
            async for event in stream:
                yield event
        finally:
            stream.stop()

    def _send(self, request: "_Request") -> Answer:
        response = self._exchange(request, self._limits.read)
        try:
            return Answer(response.status, _object(_read_all(response, self._limits.read)))
        except (urllib3.exceptions.HTTPError, OSError, ValueError, RecursionError) as fault:
            raise _no_answer(request.verb, request.path, fault) from None

    def _exchange(self, request: "_Request", read_timeout: float) -> Any:
        """Send the request and return the unread response. Blocks; raises :class:`ApiError`."""
        url = self.host + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        headers = {"Accept": request.accept, "User-Agent": "pullsecret"}
        body: Object | str | None = request.body
        if body is not None:
            headers["Content-Type"] = request.content_type
            if request.content_type == APPLY:
                # The transport serialises JSON types itself and takes anything else as text.
                body = json.dumps(body)
        if token := self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization"):
            headers["Authorization"] = token
        timeouts = (self._limits.connect, read_timeout)
        method = _METHODS[request.verb]
        try:
            answer = self._rest.request(method, url, headers, body, _request_timeout=timeouts)
            if answer.status >= 400:
                raise _refused(request, answer.response, read_timeout)
        except (urllib3.exceptions.HTTPError, TransportError, OSError, ValueError) as fault:
            raise _no_answer(request.verb, request.path, fault) from None
        return answer.response


@attrs.frozen
class _Request:
    verb: str
    path: str
    query: Mapping[str, str]
    body: Object | None = attrs.field(default=None, repr=False)
    content_type: str = JSON
    sensitive: bool = False
    metadata_only: bool = False

    @property
    def accept(self) -> str:
        if not self.metadata_only:
            return JSON
        kind = "PartialObjectMetadataList" if self.verb == "list" else "PartialObjectMetadata"
        return f"{JSON};as={kind};g=meta.k8s.io;v=v1"


class _WatchStream:
    """Reads a watch in a thread of its own, since a blocked read would hold one of the pool's."""

    def __init__(self, path: str, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[tuple[str, Object] | ApiError | None] = asyncio.Queue()
        self._response: Any = None
        self._stopped = threading.Event()
        threading.Thread(target=self._read, name="kubernetes-watch", daemon=True).start()

    async def __aiter__(self) -> AsyncIterator[tuple[str, Object]]:
        while (event := await self._events.get()) is not None:
            if isinstance(event, ApiError):
                raise event
            yield event

    def stop(self) -> None:
        self._stopped.set()
        # Raises if the stream ended or never began; then there is nothing to wake.
        with suppress(ValueError, RuntimeError, AttributeError, OSError):
            self._response.shutdown()

    def _read(self) -> None:
        try:
            self._response = self._connect()
            pending = b""
            for chunk in self._response.stream(None):
                *lines, pending = (pending + chunk).split(b"\n")
                if len(pending) > MAX_ANSWER_BYTES:
                    raise BodyTooLongError(MAX_ANSWER_BYTES)
                for line in lines:
                    self._put(_watch_event(self._path, line))
                if self._stopped.is_set():
                    break
            self._put(None)
        except ApiError as fault:
            self._put(fault)
        except Exception as fault:  # whatever it is, who waits for events must hear of it
            self._put(_no_answer("watch", self._path, fault))
        finally:
            if self._response is not None:
                self._response.close()

    def _put(self, event: tuple[str, Object] | ApiError | None) -> None:
        # The loop may be closed while the last read returns.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)


def _watch_event(path: str, line: bytes) -> tuple[str, Object]:
    event = json.loads(line)
    if event["type"] == "ERROR":
        raise refusal("watch", path, int(event["object"].get("code", 500)), event["object"], sensitive=False)
    kind, item = event["type"], event["object"]
    return kind, _versioned(item) if kind == "BOOKMARK" else _named(item)


def _versioned(item: Any) -> Object:
    """``item``; raises LookupError, TypeError or ValueError where it has no version."""
    version_of(item)
    return cast(Object, item)


def _named(item: Any) -> Object:
    """The same, also where it has no name."""
    if not isinstance(item["metadata"]["name"], str):
        raise TypeError("no name")
    return _versioned(item)


_SPEAKING: Final = (BodyTooLongError, urllib3.exceptions.HTTPError, TransportError, OSError)
"""Errors whose text names addresses and kinds of faults only."""


def _read_all(response: Any, seconds: float) -> bytes:
    """The body as it is on the wire: what nobody asked to be compressed is not unpacked.

    Raises where it is too long or has not ended after ``seconds``.
    """
    raw = partial(response.read1, decode_content=False)
    try:
        return read_body(raw, MAX_ANSWER_BYTES, time.monotonic() + seconds)
    except (BodyTooLongError, TimeoutError):
        response.close()
        raise


def _object(text: bytes) -> Object:
    """Raises :class:`ValueError` where ``text`` is no JSON object."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    return document


def _refused(request: _Request, response: Any, seconds: float) -> ApiError:
    text = _read_all(response, seconds)
    try:
        status = _object(text)
    except (ValueError, RecursionError):
        status = {"message": f"HTTP {response.status}"}
    fault = refusal(request.verb, request.path, response.status, status, sensitive=request.sensitive)
    fault.retry_after = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
    return fault


def _no_answer(verb: str, path: str, fault: Exception) -> ApiError:
    # The others, of parsers and of what checks headers, may quote what they were given.
    cause = str(fault) if isinstance(fault, _SPEAKING) else "what came or was sent is malformed"
    return ApiError(verb, path, 0, type(fault).__name__, f"The Kubernetes API did not answer: {cause}")
