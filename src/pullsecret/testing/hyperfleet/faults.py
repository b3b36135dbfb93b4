"""Faults the served API shows on request, each as a client really meets it on the wire."""

import asyncio
import json
import re
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Protocol

from attrs import define, field, frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_GARBAGE = b"<html>not the API</html>"


class Cut(Enum):
    """When the connection breaks."""

    BEFORE = "before"
    """The request is read and not carried out."""
    AFTER_COMMIT = "after-commit"
    """The request is carried out; its answer is lost."""
    IN_BODY = "in-body"
    """The request is carried out; half of its answer arrives."""


@frozen
class Fault:
    """What goes wrong with one matching request.

    `delay` seconds pass, and `until` is set, before anything is answered; `status` answers in place of the
    API, with `retry_after` as the header; `location` makes that answer a redirect; `cut` breaks the
    connection; `dribble` sends the answer's bytes one by one, each after so many seconds; `oversize` answers
    with that many bytes of JSON; `garbage` answers 200, or `status`, with a body that is no JSON.
    """

    delay: float = 0.0
    until: asyncio.Event | None = None
    status: int | None = None
    retry_after: str | None = None
    location: str | None = None
    cut: Cut | None = None
    dribble: float = 0.0
    oversize: int = 0
    garbage: bool = False


@define
class _Rule:
    method: str
    path: re.Pattern[str]
    fault: Fault
    times: int


@define
class FaultScript:
    """Which requests meet which fault. Rules apply in order; each to its first `times` matching requests."""

    rules: list[_Rule] = field(factory=list)
    _held: int = 0
    _changed: asyncio.Condition = field(factory=asyncio.Condition)

    def add(self, fault: Fault, *, method: str = ".*", path: str = ".*", times: int = 1) -> None:
        """Let the next `times` requests whose method and path match meet `fault`; -1 is every one."""
        self.rules.append(_Rule(method, re.compile(path), fault, times))

    def clear(self) -> None:
        """No more faults."""
        self.rules.clear()

    async def hold(self, until: asyncio.Event) -> None:
        """Keep one request waiting until the event is set."""
        self._held += 1
        async with self._changed:
            self._changed.notify_all()
        await until.wait()
        self._held -= 1

    async def holds(self, requests: int) -> None:
        """Return once so many requests wait for their fault's `until`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._held >= requests)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for a request that is now being served."""
        for rule in self.rules:
            if rule.times and re.fullmatch(rule.method, method) and rule.path.search(path):
                rule.times -= 1 if rule.times > 0 else 0
                return rule.fault
        return None


@frozen
class Exchange:
    """One request as it was served; never a body."""

    method: str
    path: str
    status: int | None
    """None where the connection was cut before an answer."""
    concurrent: int
    """How many requests with the same method and path were being served at its start, itself included."""
    busy: int
    """How many requests of any path were."""
    at: datetime
    client: tuple[str, int] | None = None
    """Address of the connection it came over."""


class Abort(Protocol):
    """Breaks the connection of a client, given its address."""

    def __call__(self, client: tuple[str, int]) -> None: ...


@define
class FaultMiddleware:
    """Applies the script around the API and keeps a journal of what was served."""

    app: ASGIApp
    script: FaultScript
    journal: list[Exchange]
    abort: Abort
    now: Callable[[], datetime]
    _open: dict[tuple[str, str], int] = field(factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        alike = (scope["method"], path)
        concurrent = self._open[alike] = self._open.get(alike, 0) + 1
        busy = sum(self._open.values())
        answered: list[int] = []

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.append(message["status"])
            await send(message)

        try:
            await self._serve(scope, receive, counted)
        finally:
            self._open[alike] -= 1
            status = answered[0] if answered else None
            self.journal.append(
                Exchange(scope["method"], path, status, concurrent, busy, self.now(), scope["client"])
            )

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self.script.take(scope["method"], scope["path"])
        if fault is None:
            await self.app(scope, receive, send)
            return
        await asyncio.sleep(fault.delay)
        if fault.until is not None:
            await self.script.hold(fault.until)
        if fault.cut is Cut.BEFORE:
            self.abort(scope["client"])
        elif fault.status is not None:
            body = _GARBAGE if fault.garbage else b"{}"
            await _answer(send, fault.status, body, fault.retry_after, fault.location)
        elif fault.oversize:
            await _answer(send, 200, json.dumps({"padding": "x" * fault.oversize}).encode())
        elif fault.garbage:
            await _answer(send, 200, _GARBAGE)
        elif fault.cut or fault.dribble:
            await self._spoil(fault, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _spoil(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry out the request, keep its answer, and send it the bad way."""
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await self.app(scope, receive, keep)
        if fault.cut is Cut.AFTER_COMMIT:
            self.abort(scope["client"])
            return
        start, *parts = kept
        body = b"".join(part.get("body", b"") for part in parts)
        await send(start)
        if fault.cut is Cut.IN_BODY:
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            self.abort(scope["client"])
            return
        for position in range(len(body)):
            await asyncio.sleep(fault.dribble)
            piece = body[position : position + 1]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _answer(
    send: Send, status: int, body: bytes, retry_after: str | None = None, location: str | None = None
) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if retry_after is not None:
        headers.append((b"retry-after", retry_after.encode()))
    if location is not None:
        headers.append((b"location", location.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
