"""The three services a keyless workload signs in with: metadata server, token exchange, IAM Credentials.

https://cloud.google.com/compute/docs/metadata, https://cloud.google.com/iam/docs/reference/sts/rest,
https://cloud.google.com/iam/docs/reference/credentials/rest
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from grpc import StatusCode

from pullsecret.testing.gcp.access import Caller, perform
from pullsecret.testing.gcp.http_server import HttpAnswer, HttpRequest, Route, route
from pullsecret.testing.gcp.status import ApiError, error_info
from pullsecret.testing.gcp.workloads import read_claims
from pullsecret.testing.gcp.world import World

_METADATA = "/computeMetadata/v1"
_FLAVOR = {"Metadata-Flavor": "Google", "Server": "GKE Metadata Server"}
_MAX_LIFETIME = 3600.0


def metadata_routes(world: World) -> list[Route]:
    """The GKE metadata server, as far as credentials go. It is served without TLS, as the real one is."""

    def guarded(method: str, work: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], HttpAnswer]:
        def serve(request: HttpRequest) -> HttpAnswer:
            if request.headers.get("metadata-flavor") != "Google":
                return HttpAnswer("Missing Metadata-Flavor:Google header.", 403)
            answer = perform_unauthenticated(world, method, lambda: work(request))
            return HttpAnswer(answer, headers=_FLAVOR)

        return serve

    def credential(request: HttpRequest) -> dict[str, Any]:
        pod = _pod(world)
        scopes = pod.scopes
        if "scopes" in request.query:
            scopes = frozenset(request.query["scopes"].split(",")) & pod.scopes
        text = world.credentials.issue(pod.member, world.clock.now(), pod.lifetime, scopes)
        return {"access_token": text, "expires_in": int(pod.lifetime), "token_type": "Bearer"}

    def account_details(request: HttpRequest) -> dict[str, Any]:
        pod = _pod(world)
        return {"aliases": ["default"], "email": pod.email, "scopes": sorted(pod.scopes)}

    account = rf"{_METADATA}/instance/service-accounts/default"
    return [
        route("GET", "/", lambda request: HttpAnswer("computeMetadata/\n", headers=_FLAVOR)),
        # What Google's own client libraries ask first, with ?recursive=true.
        route("GET", rf"{account}/", guarded("MetadataAccount", account_details)),
        route("GET", rf"{account}/token", guarded("MetadataToken", credential)),
        route("GET", rf"{account}/email", guarded("MetadataEmail", lambda request: _pod(world).email)),
        route(
            "GET",
            rf"{_METADATA}/project/project-id",
            guarded("MetadataProject", lambda request: _pod(world).project_id),
        ),
    ]


def _pod(world: World) -> Any:
    if world.workloads.pod is None:
        raise ApiError(StatusCode.NOT_FOUND, "The pod has no identity.")
    return world.workloads.pod


def perform_unauthenticated(world: World, method: str, work: Callable[[], Any]) -> Any:
    """Carry out a call that needs no credential, under the fault script."""
    fault = world.faults.next_for(method)
    code = StatusCode.OK
    try:
        if fault is not None:
            fault.raise_error()
        with world.tidied():
            return work()
    except ApiError as error:
        code = error.code
        raise
    finally:
        world.record(method, "", code.name, None)


class _OauthError(ApiError):
    """An error in the form of RFC 6749, section 5.2, as the token exchange answers."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(StatusCode.INVALID_ARGUMENT, description)
        self._error = error

    def json(self) -> dict[str, Any]:
        return {"error": self._error, "error_description": self.message}


def token_exchange_routes(world: World) -> list[Route]:
    """sts.googleapis.com: RFC 8693 exchange of a projected service account token."""

    def serve(request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(perform_unauthenticated(world, "ExchangeToken", lambda: _exchange(world, request)))

    return [route("POST", "/v1/token", serve)]


def _exchange(world: World, request: HttpRequest) -> dict[str, Any]:
    form = _form(request)
    if form.get("grantType") != "urn:ietf:params:oauth:grant-type:token-exchange":
        raise _OauthError("unsupported_grant_type", "The grant type is not supported.")
    provider = world.workloads.provider(form.get("audience", ""))
    if provider is None:
        raise _OauthError(
            "invalid_target",
            'The target service indicated by the "audience" parameters is invalid. This might either be '
            "because the pool or provider is disabled or deleted or because it doesn't exist.",
        )
    claims = read_claims(form.get("subjectToken", ""))
    if claims is None or claims.get("iss") != provider.issuer:
        raise _OauthError("invalid_grant", "The issuer in ID Token does not match the expected one.")
    now = world.clock.now().timestamp()
    if claims["exp"] <= now:
        raise _OauthError("invalid_grant", f"ID Token issued at {claims['iat']} is stale to sign-in.")
    if claims["iat"] > now + 60:
        raise _OauthError("invalid_grant", f"ID Token issued at {claims['iat']} is in the future.")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if not any(provider.accepts_audience(one) for one in audiences):
        raise _OauthError(
            "invalid_grant",
            f"The audience in ID Token [{', '.join(audiences)}] does not match the expected audience.",
        )
    scopes = form.get("scope", "").split()
    text = world.credentials.issue(provider.member(claims["sub"]), world.clock.now(), _MAX_LIFETIME, scopes)
    return {
        "access_token": text,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": int(_MAX_LIFETIME),
    }


def _form(request: HttpRequest) -> dict[str, str]:
    """The parameters in camel case, from a JSON body or from a form in snake case (both are accepted)."""
    if request.headers.get("content-type", "").startswith("application/json"):
        return {name: str(value) for name, value in request.json().items()}
    pairs = parse_qs(request.body.decode())
    return {re.sub(r"_(\w)", lambda hit: hit[1].upper(), name): values[0] for name, values in pairs.items()}


def iam_credentials_routes(world: World) -> list[Route]:
    """iamcredentials.googleapis.com: act as a service account for a while."""

    def generate(request: HttpRequest) -> HttpAnswer:
        email = request.captured["email"]
        document = request.json()

        def work(caller: Caller) -> dict[str, Any]:
            return _generate(world, caller, email, document)

        return HttpAnswer(perform(world, "GenerateAccessToken", email, request.authorization, work))

    path = r"/v1/projects/-/serviceAccounts/(?P<email>[^/:]+):generateAccessToken"
    return [route("POST", path, generate)]


def _generate(world: World, caller: Caller, email: str, document: dict[str, Any]) -> dict[str, Any]:
    permission = "iam.serviceAccounts.getAccessToken"
    resource = f"projects/-/serviceAccounts/{email}"
    scopes = document.get("scope") or []
    if not scopes:
        raise ApiError(StatusCode.INVALID_ARGUMENT, "The scope must be provided.")
    lifetime = float(str(document.get("lifetime", "3600s")).removesuffix("s"))
    if not 0 < lifetime <= _MAX_LIFETIME:
        raise ApiError(StatusCode.INVALID_ARGUMENT, "The lifetime must be at most 3600s.")
    known = world.workloads.service_accounts
    if known and email not in known:
        raise ApiError(StatusCode.NOT_FOUND, "Not found; Gaia id not found for email " + email)
    allowed = caller.member is not None and world.policies.allows(caller.member, permission, [resource])
    if world.closed and not allowed:
        raise ApiError(
            StatusCode.PERMISSION_DENIED,
            f"Permission '{permission}' denied on resource (or it may not exist).",
            (error_info("IAM_PERMISSION_DENIED", "iam.googleapis.com", permission=permission),),
        )
    now = world.clock.now()
    text = world.credentials.issue(f"serviceAccount:{email}", now, lifetime, scopes)
    expires = (now + timedelta(seconds=lifetime)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"accessToken": text, "expireTime": expires}
