"""Holds every request and response against the API's schema, whoever sends them."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from attrs import define
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pullsecret.testing.hyperfleet.records import Dialect

CONTRACT = Path(__file__).parents[2] / "fixtures" / "contracts" / "hyperfleet-api-core.openapi.yaml"
_CONDITION: dict[str, Any] = {
    "type": "object",
    "required": ["status", "reason", "message"],
    "properties": {
        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
        "reason": {"type": "string", "minLength": 1},
        "message": {"type": "string", "minLength": 1, "maxLength": 1024},
    },
}
# The design document gives no schema; these are its phases 2 and 6 and its AC5.
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
_TIME = {"type": "string", "format": "date-time"}
DDR_STORED_STATUS = {
    "type": "object",
    "required": ["adapterName", "conditions", "data"],
    "properties": {
        "conditions": {
            "type": "object",
            "required": ["applied", "available", "health"],
            "additionalProperties": {
                "type": "object",
                "required": ["status", "reason", "message", "lastTransitionTime"],
                "properties": {**_CONDITION["properties"], "lastTransitionTime": _TIME},
            },
        }
    },
}
DDR_CLUSTER = {
    "type": "object",
    "required": ["id", "generation", "spec", "status"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "generation": {"type": "integer", "minimum": 1},
        "spec": {"type": "object"},
        "status": {
            "type": "object",
            "required": ["adapters"],
            "properties": {
                "adapters": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "required": ["available"],
                        "properties": {"available": {"type": "string", "enum": ["True", "False", "Unknown"]}},
                    },
                }
            },
        },
        "deletedTime": _TIME,
    },
}
_PROBLEM = {"$ref": "#/components/schemas/ProblemDetails"}


@cache
def document() -> dict[str, Any]:
    """The contract."""
    loaded: dict[str, Any] = yaml.safe_load(CONTRACT.read_text())
    return loaded


def violations(schema: dict[str, Any], instance: object) -> Iterator[str]:
    """What is wrong with `instance`, one line each."""
    for error in _validator(json.dumps(schema)).iter_errors(instance):
        yield f"{error.json_path}: {error.message}"


@cache
def _validator(schema: str) -> OAS30Validator:
    """One for each schema: there are thousands of bodies."""
    absolute = json.loads(schema.replace('"#/', '"urn:contract#/'))
    return OAS30Validator(absolute, registry=_registry(), format_checker=oas30_format_checker)


@cache
def _registry() -> Registry[Any]:
    """The contract, so that it can be referred to; crawled here, or every reference would crawl it again."""
    contract = DRAFT4.create_resource(document())
    registry: Registry[Any] = Registry().with_resource("urn:contract", contract).crawl()
    return registry


def operation(method: str, path: str) -> dict[str, Any] | None:
    """The contract's operation for a request."""
    for template, operations in document()["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            found: dict[str, Any] | None = operations.get(method.lower())
            return found
    return None


BROKEN: list[str] = []
"""Every body of this test run that broke the contract."""


@define
class ContractCheck:
    """ASGI middleware that notes every body that breaks the contract in :data:`BROKEN`."""

    dialect: Dialect
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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
        if started[0]["status"] == 499:
            return  # The client went away within its request and hears no answer.
        where = f"{scope['method']} {scope['path']} {started[0]['status']}"
        faults = self._v1 if self.dialect is Dialect.V1 else self._ddr
        BROKEN.extend(
            f"{where}: {fault}" for fault in faults(scope, bytes(request), started[0], bytes(response))
        )

    def _ddr(self, scope: Scope, request: bytes, start: Message, response: bytes) -> Iterator[str]:
        status, statuses = start["status"], scope["path"].endswith("/statuses")
        if status in (204, 304):
            if response:
                yield "a body where there must be none"
            return
        answer = json.loads(response)
        if status >= 400:
            yield from violations(_PROBLEM, answer)
            return
        if scope["method"] == "POST" and statuses:
            yield from violations(DDR_STATUS, json.loads(request))
        schema = DDR_STORED_STATUS if statuses else DDR_CLUSTER
        for item in answer.get("items", [answer]):
            yield from violations(schema, item)

    def _v1(self, scope: Scope, request: bytes, start: Message, response: bytes) -> Iterator[str]:
        status, headers = start["status"], dict(start["headers"])
        found = operation(scope["method"], scope["path"])
        if found is None and status == 404:
            yield from violations(_PROBLEM, json.loads(response))
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
