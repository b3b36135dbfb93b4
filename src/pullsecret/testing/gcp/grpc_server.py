"""The gRPC surface: SecretManagerService and google.cloud.location.Locations, over TLS or in plain text."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import attrs
import grpc
from google.cloud.location import locations_pb2
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import empty_pb2

from pullsecret.testing.gcp import messages
from pullsecret.testing.gcp.access import Caller, perform
from pullsecret.testing.gcp.secret_manager import SecretManager
from pullsecret.testing.gcp.status import ApiError
from pullsecret.testing.gcp.tls import ServerIdentity
from pullsecret.testing.gcp.world import World

SERVICE_NAME = "google.cloud.secretmanager.v1.SecretManagerService"
_LOCATIONS_NAME = "google.cloud.location.Locations"
LOCATIONS = ("asia-east1", "europe-west1", "europe-west3", "us-central1", "us-east1", "us-east4", "us-west1")
_MOST_CALLS_AT_ONCE = 64

Work = Callable[[Caller, Any], Any]


@attrs.frozen
class Method:
    """One method: its name, its messages, what it does, and the request field that names the resource."""

    name: str
    request: Any
    response: Any
    work: Work
    resource: Callable[[Any], str]


def secret_manager_methods(service: SecretManager) -> list[Method]:
    """Every method of SecretManagerService that the fake serves."""
    m = messages
    iam = iam_policy_pb2

    def named(request: Any) -> str:
        return str(request.name)

    def under(request: Any) -> str:
        return str(request.parent)

    def resource(request: Any) -> str:
        return str(request.resource)

    return [
        Method("ListSecrets", m.ListSecretsRequest, m.ListSecretsResponse, service.list_secrets, under),
        Method("CreateSecret", m.CreateSecretRequest, m.Secret, service.create_secret, under),
        Method(
            "AddSecretVersion", m.AddSecretVersionRequest, m.SecretVersion, service.add_secret_version, under
        ),
        Method("GetSecret", m.GetSecretRequest, m.Secret, service.get_secret, named),
        Method(
            "UpdateSecret",
            m.UpdateSecretRequest,
            m.Secret,
            service.update_secret,
            lambda request: str(request.secret.name),
        ),
        Method("DeleteSecret", m.DeleteSecretRequest, empty_pb2.Empty, service.delete_secret, named),
        Method(
            "ListSecretVersions",
            m.ListSecretVersionsRequest,
            m.ListSecretVersionsResponse,
            service.list_secret_versions,
            under,
        ),
        Method(
            "GetSecretVersion", m.GetSecretVersionRequest, m.SecretVersion, service.get_secret_version, named
        ),
        Method(
            "AccessSecretVersion",
            m.AccessSecretVersionRequest,
            m.AccessSecretVersionResponse,
            service.access_secret_version,
            named,
        ),
        Method(
            "DisableSecretVersion",
            m.DisableSecretVersionRequest,
            m.SecretVersion,
            service.disable_secret_version,
            named,
        ),
        Method(
            "EnableSecretVersion",
            m.EnableSecretVersionRequest,
            m.SecretVersion,
            service.enable_secret_version,
            named,
        ),
        Method(
            "DestroySecretVersion",
            m.DestroySecretVersionRequest,
            m.SecretVersion,
            service.destroy_secret_version,
            named,
        ),
        Method("SetIamPolicy", iam.SetIamPolicyRequest, policy_pb2.Policy, service.set_iam_policy, resource),
        Method("GetIamPolicy", iam.GetIamPolicyRequest, policy_pb2.Policy, service.get_iam_policy, resource),
        Method(
            "TestIamPermissions",
            iam.TestIamPermissionsRequest,
            iam.TestIamPermissionsResponse,
            service.test_iam_permissions,
            resource,
        ),
    ]


def location_methods() -> list[Method]:
    """google.cloud.location.Locations."""

    def get(_: Caller, request: Any) -> Any:
        return locations_pb2.Location(name=request.name, location_id=request.name.rpartition("/")[2])

    def listing(_: Caller, request: Any) -> Any:
        found = [
            locations_pb2.Location(name=f"{request.name}/locations/{one}", location_id=one)
            for one in LOCATIONS
        ]
        return locations_pb2.ListLocationsResponse(locations=found)

    return [
        Method(
            "GetLocation",
            locations_pb2.GetLocationRequest,
            locations_pb2.Location,
            get,
            lambda r: str(r.name),
        ),
        Method(
            "ListLocations",
            locations_pb2.ListLocationsRequest,
            locations_pb2.ListLocationsResponse,
            listing,
            lambda r: str(r.name),
        ),
    ]


def start_grpc_server(
    world: World, methods: list[Method], host: str, port: int, identity: ServerIdentity | None
) -> tuple[grpc.Server, int]:
    """Start serving and return the server and its port. Without ``identity`` it speaks plain text."""
    server = grpc.server(
        ThreadPoolExecutor(_MOST_CALLS_AT_ONCE, thread_name_prefix="fake-gcp-grpc"),
        options=[("grpc.so_reuseport", 0)],
    )
    server.add_generic_rpc_handlers(
        (_handlers(world, SERVICE_NAME, methods), _handlers(world, _LOCATIONS_NAME, location_methods()))
    )
    address = f"{host}:{port}"
    if identity is None:
        bound = server.add_insecure_port(address)
    else:
        pair = (identity.private_key, identity.certificate_chain)
        bound = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    server.start()
    return server, bound


def _handlers(world: World, service: str, methods: list[Method]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(service, {one.name: _handler(world, one) for one in methods})


def _handler(world: World, method: Method) -> grpc.RpcMethodHandler:
    def serve(request: Any, context: grpc.ServicerContext) -> Any:
        metadata = dict(context.invocation_metadata())
        try:
            return perform(
                world,
                method.name,
                method.resource(request),
                metadata.get("authorization"),
                lambda caller: method.work(caller, request),
            )
        except ApiError as error:
            _abort(context, error)

    return grpc.unary_unary_rpc_method_handler(
        serve,
        request_deserializer=method.request.FromString,
        response_serializer=method.response.SerializeToString,
    )


def _abort(context: grpc.ServicerContext, error: ApiError) -> NoReturn:
    if error.details:
        context.set_trailing_metadata((("grpc-status-details-bin", error.rpc_status().SerializeToString()),))
    context.abort(error.code, error.message)
    raise AssertionError("abort() raises")
