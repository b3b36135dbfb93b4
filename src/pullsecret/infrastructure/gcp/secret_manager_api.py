"""Single calls to Secret Manager: credential, deadline, pace, count. No call is ever repeated here.

The stub level of the official client: its messages, its method names, its routing header, over ``grpc.aio``.
Its retrying surface is left out, so that retries cannot multiply (``application.provision`` is the one that
retries).
"""

import time
from typing import Any, Final
from urllib.parse import quote

import attrs
import grpc
import grpc.aio

from pullsecret.infrastructure.gcp import messages
from pullsecret.infrastructure.gcp.call_failure import CallFailure, read_failure
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.gcp.identity.credential import FreshCredential
from pullsecret.infrastructure.gcp.messages import Message
from pullsecret.infrastructure.gcp.request_pace import RequestKind, RequestPace
from pullsecret.infrastructure.gcp.settings import GoogleSettings
from pullsecret.infrastructure.gcp.trust_file import authorities

_SERVICE: Final = "/google.cloud.secretmanager.v1.SecretManagerService"

# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto; alerts read HTTP statuses (DDR).
HTTP_STATUS: Final = {
    "OK": "200",
    "CANCELLED": "499",
    "UNKNOWN": "500",
    "INVALID_ARGUMENT": "400",
    "DEADLINE_EXCEEDED": "504",
    "NOT_FOUND": "404",
    "ALREADY_EXISTS": "409",
    "PERMISSION_DENIED": "403",
    "UNAUTHENTICATED": "401",
    "RESOURCE_EXHAUSTED": "429",
    "FAILED_PRECONDITION": "400",
    "ABORTED": "409",
    "OUT_OF_RANGE": "400",
    "UNIMPLEMENTED": "501",
    "INTERNAL": "500",
    "UNAVAILABLE": "503",
    "DATA_LOSS": "500",
}


@attrs.frozen
class Method:
    """One method: its response type, its quota, and the request field that routes it."""

    name: str
    response: Any
    kind: RequestKind
    routed_by: str


def _empty() -> Any:
    from google.protobuf.empty_pb2 import Empty

    return Empty


GET_SECRET: Final = Method("GetSecret", messages.Secret, RequestKind.READ, "name")
CREATE_SECRET: Final = Method("CreateSecret", messages.Secret, RequestKind.WRITE, "parent")
UPDATE_SECRET: Final = Method("UpdateSecret", messages.Secret, RequestKind.WRITE, "secret.name")
DELETE_SECRET: Final = Method("DeleteSecret", _empty(), RequestKind.WRITE, "name")
ADD_SECRET_VERSION: Final = Method("AddSecretVersion", messages.SecretVersion, RequestKind.WRITE, "parent")
ACCESS_SECRET_VERSION: Final = Method(
    "AccessSecretVersion", messages.AccessSecretVersionResponse, RequestKind.ACCESS, "name"
)
LIST_SECRET_VERSIONS: Final = Method(
    "ListSecretVersions", messages.ListSecretVersionsResponse, RequestKind.READ, "parent"
)
DISABLE_SECRET_VERSION: Final = Method(
    "DisableSecretVersion", messages.SecretVersion, RequestKind.WRITE, "name"
)
DESTROY_SECRET_VERSION: Final = Method(
    "DestroySecretVersion", messages.SecretVersion, RequestKind.WRITE, "name"
)


def test_iam_permissions() -> tuple[Method, Any]:
    """The method and its request type; loaded apart, since few processes need them."""
    from google.iam.v1 import iam_policy_pb2 as iam

    method = Method("TestIamPermissions", iam.TestIamPermissionsResponse, RequestKind.READ, "resource")
    return method, iam.TestIamPermissionsRequest


class CallFailedError(Exception):
    """A call that did not succeed; :attr:`failure` says how."""

    def __init__(self, failure: CallFailure) -> None:
        super().__init__(f"{failure.method} {failure.code}")
        self.failure = failure


def open_channel(settings: GoogleSettings) -> grpc.aio.Channel:
    """A TLS channel to Secret Manager. gRPC's own retries are off. Raises a permanent error if the trust file
    cannot be used."""
    trust = None if settings.trust_file is None else authorities(settings.trust_file)
    return grpc.aio.secure_channel(
        settings.secret_manager_address,
        grpc.ssl_channel_credentials(trust),
        options=[
            ("grpc.enable_retries", 0),
            ("grpc.primary_user_agent", "pullsecret"),
            # A small compressed answer could unpack to more than there is memory: none is asked for or read.
            ("grpc.compression_enabled_algorithms_bitset", 1),
            ("grpc.per_message_decompression", 0),
        ],
    )


class SecretManagerApi:
    """Calls on one project's behalf over a channel."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        credential: FreshCredential,
        *,
        deadline: float,
        pace: RequestPace,
        meter: CallMeter,
    ) -> None:
        """``deadline`` is the longest a call may take, in seconds, waiting for its turn not counted."""
        self._channel = channel
        self._credential = credential
        self._deadline = deadline
        self._pace = pace
        self._meter = meter

    async def call(self, method: Method, request: Message) -> Message:
        """Do one call, once. Raises :class:`CallFailedError`, or OperationError if there is no credential."""
        credential = await self._credential.get()
        await self._pace.wait(method.kind)
        stub = self._channel.unary_unary(
            f"{_SERVICE}/{method.name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=method.response.FromString,
        )
        metadata = (
            ("authorization", credential.authorization),
            ("x-goog-request-params", _routing(method, request)),
        )
        started = time.monotonic()
        code = "OK"
        try:
            return await stub(request, timeout=self._deadline, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            failure = read_failure(method.name, error)
            code = failure.code
            if code == "UNAUTHENTICATED":
                self._credential.discard(credential)
            raise CallFailedError(failure) from None
        finally:
            self._meter.record(method.name, HTTP_STATUS.get(code, "500"), time.monotonic() - started)


def _routing(method: Method, request: Message) -> str:
    value = request
    for part in method.routed_by.split("."):
        value = getattr(value, part)
    return f"{method.routed_by}={quote(value, safe='')}"
