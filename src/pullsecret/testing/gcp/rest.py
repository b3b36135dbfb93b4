"""The REST surface of Secret Manager: the same methods, transcoded as their HTTP annotations say."""

import re
from typing import Any

from google.protobuf import json_format

from pullsecret.testing.gcp.access import perform
from pullsecret.testing.gcp.grpc_server import Method
from pullsecret.testing.gcp.http_server import HttpAnswer, HttpRequest, Route, route
from pullsecret.testing.gcp.status import invalid_argument
from pullsecret.testing.gcp.world import World

_PARENT = r"projects/[^/]+(?:/locations/[^/]+)?"
_SECRET = rf"{_PARENT}/secrets/[^/:]+"
_VERSION = rf"{_SECRET}/versions/[^/:]+"

# (method, verb, path with the request field it fills, the field the body fills)
_BINDINGS = (
    ("ListSecrets", "GET", rf"/v1/(?P<parent>{_PARENT})/secrets", None),
    ("CreateSecret", "POST", rf"/v1/(?P<parent>{_PARENT})/secrets", "secret"),
    ("AddSecretVersion", "POST", rf"/v1/(?P<parent>{_SECRET}):addVersion", "*"),
    ("GetSecret", "GET", rf"/v1/(?P<name>{_SECRET})", None),
    ("UpdateSecret", "PATCH", rf"/v1/(?P<secret_name>{_SECRET})", "secret"),
    ("DeleteSecret", "DELETE", rf"/v1/(?P<name>{_SECRET})", None),
    ("ListSecretVersions", "GET", rf"/v1/(?P<parent>{_SECRET})/versions", None),
    ("GetSecretVersion", "GET", rf"/v1/(?P<name>{_VERSION})", None),
    ("AccessSecretVersion", "GET", rf"/v1/(?P<name>{_VERSION}):access", None),
    ("DisableSecretVersion", "POST", rf"/v1/(?P<name>{_VERSION}):disable", "*"),
    ("EnableSecretVersion", "POST", rf"/v1/(?P<name>{_VERSION}):enable", "*"),
    ("DestroySecretVersion", "POST", rf"/v1/(?P<name>{_VERSION}):destroy", "*"),
    ("SetIamPolicy", "POST", rf"/v1/(?P<resource>{_SECRET}):setIamPolicy", "*"),
    ("GetIamPolicy", "GET", rf"/v1/(?P<resource>{_SECRET}):getIamPolicy", None),
    ("TestIamPermissions", "POST", rf"/v1/(?P<resource>{_SECRET}):testIamPermissions", "*"),
)
_SYSTEM_PARAMETERS = re.compile(r"\$|alt$|key$|prettyPrint$")


def rest_routes(world: World, methods: list[Method]) -> list[Route]:
    """Routes for every method."""
    by_name = {one.name: one for one in methods}
    return [route(verb, path, _server(world, by_name[name], body)) for name, verb, path, body in _BINDINGS]


def _server(world: World, method: Method, body: str | None) -> Any:
    def serve(request: HttpRequest) -> HttpAnswer:
        message = _request_message(method, request, body)
        result = perform(
            world,
            method.name,
            method.resource(message),
            request.authorization,
            lambda caller: method.work(caller, message),
        )
        return HttpAnswer(json_format.MessageToDict(result))

    return serve


def _request_message(method: Method, request: HttpRequest, body: str | None) -> Any:
    message = method.request()
    document: dict[str, Any] = {
        name: value for name, value in request.query.items() if not _SYSTEM_PARAMETERS.match(name)
    }
    if body == "*":
        document.update(request.json())
    elif body is not None:
        document[body] = request.json()
    try:
        json_format.ParseDict(document, message)
    except json_format.ParseError as error:
        raise invalid_argument("body", "Invalid JSON payload received.") from error
    for field, value in request.captured.items():
        if field == "secret_name":
            message.secret.name = value
        else:
            setattr(message, field, value)
    return message
