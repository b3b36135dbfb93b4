"""What a preflight asks beside Secret Manager itself: Resource Manager, Service Usage, Cloud KMS.

https://cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions,
https://cloud.google.com/service-usage/docs/reference/rest/v1/services/get,
https://cloud.google.com/service-usage/docs/reference/rest/v1beta1/services.consumerQuotaMetrics/list,
https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/get
"""

from typing import Any

from grpc import StatusCode

from pullsecret.testing.gcp.access import Caller, perform
from pullsecret.testing.gcp.http_server import HttpAnswer, HttpRequest, Route, route
from pullsecret.testing.gcp.quota import Quota
from pullsecret.testing.gcp.status import SERVICE, ApiError, permission_denied, project_unknown
from pullsecret.testing.gcp.world import World

_KEY = r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/:]+"


def project_routes(world: World) -> list[Route]:
    """Routes of the three services."""

    def test_permissions(request: HttpRequest) -> HttpAnswer:
        wanted = [str(one) for one in request.json().get("permissions", [])]

        def work(caller: Caller) -> dict[str, Any]:
            project = world.projects.find(request.captured["project"])
            if project is None:
                raise project_unknown(request.captured["project"])
            held = wanted
            if world.closed:
                scope = [f"projects/{project.number}"]
                held = [one for one in wanted if world.policies.allows(caller.member or "", one, scope)]
            return {"permissions": held} if held else {}

        resource = f"projects/{request.captured['project']}"
        return HttpAnswer(perform(world, "TestProjectPermissions", resource, request.authorization, work))

    def get_service(request: HttpRequest) -> HttpAnswer:
        def work(caller: Caller) -> dict[str, Any]:
            return _service(world, caller, request.captured["project"])

        resource = f"projects/{request.captured['project']}"
        return HttpAnswer(perform(world, "GetService", resource, request.authorization, work))

    def get_key(request: HttpRequest) -> HttpAnswer:
        def work(caller: Caller) -> dict[str, Any]:
            return _key(world, caller, request.captured["key"])

        return HttpAnswer(
            perform(world, "GetCryptoKey", request.captured["key"], request.authorization, work)
        )

    def get_quotas(request: HttpRequest) -> HttpAnswer:
        def work(caller: Caller) -> dict[str, Any]:
            return _quotas(world, caller, request.captured["project"])

        resource = f"projects/{request.captured['project']}"
        return HttpAnswer(perform(world, "ListConsumerQuotaMetrics", resource, request.authorization, work))

    return [
        route("POST", r"/v3/projects/(?P<project>[^/:]+):testIamPermissions", test_permissions),
        route("GET", rf"/v1/projects/(?P<project>[^/]+)/services/{SERVICE}", get_service),
        route("GET", rf"/v1/(?P<key>{_KEY})", get_key),
        route(
            "GET",
            rf"/v1beta1/projects/(?P<project>[^/]+)/services/{SERVICE}/consumerQuotaMetrics",
            get_quotas,
        ),
    ]


def _service(world: World, caller: Caller, project_id: str) -> dict[str, Any]:
    project = world.projects.find(project_id)
    permission = "serviceusage.services.get"
    name = f"projects/{project_id}/services/{SERVICE}"
    if project is None:
        raise permission_denied(permission, name)
    if world.closed and not world.policies.allows(
        caller.member or "", permission, [f"projects/{project.number}"]
    ):
        raise permission_denied(permission, name)
    state = "DISABLED" if SERVICE in project.disabled_services else "ENABLED"
    return {"name": f"projects/{project.number}/services/{SERVICE}", "state": state}


def _quotas(world: World, caller: Caller, project_id: str) -> dict[str, Any]:
    project = world.projects.find(project_id)
    permission = "serviceusage.quotas.get"
    name = f"projects/{project_id}/services/{SERVICE}"
    if project is None:
        raise permission_denied(permission, name)
    if world.closed and not world.policies.allows(
        caller.member or "", permission, [f"projects/{project.number}"]
    ):
        raise permission_denied(permission, name)
    return {
        "metrics": [
            {
                "displayName": quota.value,
                "consumerQuotaLimits": [
                    {
                        "unit": "1/min/{project}",
                        "quotaBuckets": [{"effectiveLimit": str(project.quota.limits.of(quota))}],
                    }
                ],
            }
            for quota in Quota
        ]
    }


def _key(world: World, caller: Caller, name: str) -> dict[str, Any]:
    project = world.projects.find(name.split("/")[1])
    permission = "cloudkms.cryptoKeys.get"
    scopes = [name] + ([f"projects/{project.number}"] if project else [])
    if world.closed and not world.policies.allows(caller.member or "", permission, scopes):
        raise permission_denied(permission, name)
    key = world.keys.find(name)
    if key is None:
        raise ApiError(StatusCode.NOT_FOUND, f"CryptoKey {name} not found.")
    return {
        "name": key.name,
        "purpose": "ENCRYPT_DECRYPT",
        "primary": {"name": f"{key.name}/cryptoKeyVersions/1", "state": key.state.value},
    }
