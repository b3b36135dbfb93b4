"""Holds every request and response against the API's schema, whoever sends them."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from attrs import define, field
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTRACT = Path(__file__).parents[2] / "fixtures" / "contracts" / "hyperfleet-api-core.openapi.yaml"
_CONDITION = {
    "type": "object",
    "required": ["status", "reason", "message"],
    "properties": {
        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
        "reason": {"type": "string", "minLength": 1},
        "message": {"type": "string", "minLength": 1, "maxLength": 1024},
    },
}
# The design document gives no schema; this is its phase 6 and its AC5.
DDR_STATUS = {
    "type": "object",
    "required": ["conditions", "data"],
    "properties": {
        "adapter": {"type": "string", "minLength": 1},
        "adapterName": {"type": "string", "minLength": 1},
        "conditions": {
            "type": "object",
            "required": ["applied", "available", "health"],
            "properties": dict.fromkeys(("applied", "available", "health"), _CONDITION),
            "additionalProperties": False,
        },
        "data": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "anyOf": [{"required": ["adapter"]}, {"required": ["adapterName"]}],
    "additionalProperties": False,
}


@cache
def document() -> dict[str, Any]:
    """The contract."""
    loaded: dict[str, Any] = yaml.safe_load(CONTRACT.read_text())
    return loaded


def violations(schema: dict[str, Any], instance: object) -> Iterator[str]:
    """What is wrong with `instance`, one line each."""
    registry = Registry().with_resource("urn:contract", DRAFT4.create_resource(document()))
    absolute = json.loads(json.dumps(schema).replace('"#/', '"urn:contract#/'))
    validator = OAS30Validator(absolute, registry=registry, format_checker=oas30_format_checker)
    for error in validator.iter_errors(instance):
        yield f"{error.json_path}: {error.message}"


def operation(method: str, path: str) -> dict[str, Any] | None:
    """The contract's operation for a request."""
    for template, operations in document()["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            found: dict[str, Any] | None = operations.get(method.lower())
            return found
    return None


@define
class ContractCheck:
    """ASGI middleware that notes every body that breaks the contract in `broken`."""

    v1: bool
    broken: list[str] = field(factory=list)
    checked: int = 0
    app: ASGIApp | None = None

    def around(self, app: ASGIApp) -> ASGIApp:
        """Wrap `app`."""
        self.app = app
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        request, response = bytearray(), bytearray()
        started: list[Message] = []

        async def receiving() -> Message:
            message = await receive()
            request.extend(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
            response.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, receiving, sending)
        where = f"{scope['method']} {scope['path']} {started[0]['status']}"
        faults = list(self._faults(scope, bytes(request), started[0], bytes(response)))
        self.broken += [f"{where}: {fault}" for fault in faults]
        self.checked += 1

    def _faults(self, scope: Scope, request: bytes, start: Message, response: bytes) -> Iterator[str]:
        status, method = start["status"], scope["method"]
        if self.v1:
            yield from self._v1(method, scope["path"], status, request, dict(start["headers"]), response)
        elif method == "POST" and scope["path"].endswith("/statuses") and status < 400:
            yield from violations(DDR_STATUS, json.loads(request))

    def _v1(
        self,
        method: str,
        path: str,
        status: int,
        request: bytes,
        headers: dict[bytes, bytes],
        response: bytes,
    ) -> Iterator[str]:
        found = operation(method, path)
        if found is None and status == 404:
            yield from violations({"$ref": "#/components/schemas/ProblemDetails"}, json.loads(response))
            return
        if found is None:
            yield "no such operation in the contract"
            return
        if "requestBody" in found and status != 400:
            schema = found["requestBody"]["content"]["application/json"]["schema"]
            yield from violations(schema, json.loads(request))
        # Neither is in the contract; the Go API serves the first (a discarded status), ours the second.
        if status in (204, 304):
            if response:
                yield "a body where there must be none"
            return
        described = found["responses"].get(str(status), found["responses"]["default"])
        content_type = headers[b"content-type"].decode().partition(";")[0]
        if content_type not in described["content"]:
            yield f"content type {content_type}"
            return
        yield from violations(described["content"][content_type]["schema"], json.loads(response))
