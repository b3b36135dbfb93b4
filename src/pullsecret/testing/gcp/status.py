"""Errors as Google's APIs send them: a canonical code, a message and ``google.rpc`` details (AIP-193)."""

from typing import Any

import attrs
from google.protobuf import any_pb2, json_format
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

SERVICE = "secretmanager.googleapis.com"
_IAM_DOMAIN = "iam.googleapis.com"
_PLATFORM_DOMAIN = "googleapis.com"

# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_HTTP_STATUS = {
    StatusCode.OK: 200,
    StatusCode.CANCELLED: 499,
    StatusCode.UNKNOWN: 500,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.ABORTED: 409,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DATA_LOSS: 500,
}


@attrs.define(eq=False, slots=False)
class ApiError(Exception):
    """One failed call: what the gRPC trailer and the REST body both say."""

    code: StatusCode
    message: str
    details: tuple[Any, ...] = ()

    @property
    def http_status(self) -> int:
        """The HTTP status of the REST surface."""
        return _HTTP_STATUS[self.code]

    def rpc_status(self) -> status_pb2.Status:
        """The ``google.rpc.Status`` that travels as ``grpc-status-details-bin``."""
        packed = []
        for detail in self.details:
            holder = any_pb2.Any()
            holder.Pack(detail)
            packed.append(holder)
        return status_pb2.Status(code=self.code.value[0], message=self.message, details=packed)

    def json(self) -> dict[str, Any]:
        """The body of the REST surface."""
        error: dict[str, Any] = {
            "code": self.http_status,
            "message": self.message,
            "status": self.code.name,
        }
        if self.details:
            error["details"] = json_format.MessageToDict(self.rpc_status())["details"]
        return {"error": error}


def error_info(reason: str, domain: str, **metadata: str) -> Any:
    """A ``google.rpc.ErrorInfo``."""
    return error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata)


def retry_info(seconds: float) -> Any:
    """A ``google.rpc.RetryInfo``: ask the caller to wait ``seconds``."""
    detail = error_details_pb2.RetryInfo()
    detail.retry_delay.FromNanoseconds(round(seconds * 1e9))
    return detail


def help_link(description: str, url: str) -> Any:
    """A ``google.rpc.Help`` with one link."""
    return error_details_pb2.Help(links=[error_details_pb2.Help.Link(description=description, url=url)])


def invalid_argument(field: str, message: str) -> ApiError:
    """A request field breaks a rule."""
    violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
    return ApiError(
        StatusCode.INVALID_ARGUMENT, message, (error_details_pb2.BadRequest(field_violations=[violation]),)
    )


def secret_not_found(name: object) -> ApiError:
    """No such secret."""
    return ApiError(StatusCode.NOT_FOUND, f"Secret [{name}] not found.")


def no_versions(name: object) -> ApiError:
    """``latest`` of a secret that is missing or empty."""
    return ApiError(StatusCode.NOT_FOUND, f"Secret [{name}] not found or has no versions.")


def version_not_found(name: object) -> ApiError:
    """No such version."""
    return ApiError(StatusCode.NOT_FOUND, f"Secret Version [{name}] not found.")


def wrong_state(name: object, state: str) -> ApiError:
    """The version's state forbids the call."""
    return ApiError(StatusCode.FAILED_PRECONDITION, f"Secret Version [{name}] is in {state} state.")


def etag_mismatch(name: object) -> ApiError:
    """The given etag is not the stored one (https://cloud.google.com/secret-manager/docs/etags)."""
    return ApiError(
        StatusCode.FAILED_PRECONDITION, f"The etag provided does not match the current etag of [{name}]."
    )


def already_exists(name: object) -> ApiError:
    """A secret of this name exists."""
    return ApiError(StatusCode.ALREADY_EXISTS, f"Secret [{name}] already exists.")


def permission_denied(permission: str, resource: object) -> ApiError:
    """The caller lacks ``permission``, or the resource does not exist: the API does not say which."""
    return ApiError(
        StatusCode.PERMISSION_DENIED,
        f"Permission '{permission}' denied for resource '{resource}' (or it may not exist).",
        (error_info("IAM_PERMISSION_DENIED", _IAM_DOMAIN, permission=permission, resource=str(resource)),),
    )


def unauthenticated(reason: str, method: str) -> ApiError:
    """No usable credential came with the call."""
    return ApiError(
        StatusCode.UNAUTHENTICATED,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
        "other valid authentication credential.",
        (error_info(reason, _PLATFORM_DOMAIN, service=SERVICE, method=method),),
    )


def project_unknown(project: str) -> ApiError:
    """The consumer project does not exist or is not visible."""
    return ApiError(
        StatusCode.PERMISSION_DENIED,
        f"Permission denied on resource project {project}.",
        (
            help_link("Google developers console", "https://console.developers.google.com"),
            error_info("CONSUMER_INVALID", _PLATFORM_DOMAIN, service=SERVICE, consumer=f"projects/{project}"),
        ),
    )


def service_disabled(number: str, service: str = SERVICE, title: str = "Secret Manager API") -> ApiError:
    """The API is switched off in the project."""
    url = f"https://console.developers.google.com/apis/api/{service}/overview?project={number}"
    return ApiError(
        StatusCode.PERMISSION_DENIED,
        f"{title} has not been used in project {number} before or it is disabled. Enable it by visiting "
        f"{url} then retry. If you enabled this API recently, wait a few minutes for the action to propagate "
        "to our systems and retry.",
        (
            help_link("Google developers console API activation", url),
            error_info(
                "SERVICE_DISABLED",
                _PLATFORM_DOMAIN,
                service=service,
                serviceTitle=title,
                consumer=f"projects/{number}",
                activationUrl=url,
            ),
        ),
    )


def billing_disabled(number: str) -> ApiError:
    """The project has no active billing account."""
    url = f"https://console.developers.google.com/billing/enable?project={number}"
    return ApiError(
        StatusCode.PERMISSION_DENIED,
        f"This API method requires billing to be enabled. Please enable billing on project #{number} by "
        f"visiting {url} then retry.",
        (
            help_link("Google developers console billing", url),
            error_info("BILLING_DISABLED", _PLATFORM_DOMAIN, service=SERVICE, consumer=f"projects/{number}"),
        ),
    )


def quota_exceeded(metric: str, limit: int, number: str) -> ApiError:
    """A per-minute request quota is used up."""
    return ApiError(
        StatusCode.RESOURCE_EXHAUSTED,
        f"Quota exceeded for quota metric '{metric}' and limit '{metric} per minute' of service '{SERVICE}' "
        f"for consumer 'project_number:{number}'.",
        (
            error_info(
                "RATE_LIMIT_EXCEEDED",
                _PLATFORM_DOMAIN,
                service=SERVICE,
                consumer=f"projects/{number}",
                quota_metric=f"{SERVICE}/{metric.lower().replace(' ', '_')}",
                quota_limit_value=str(limit),
                quota_unit="1/min/{project}",
            ),
        ),
    )


def key_unusable(key: str, state: str) -> ApiError:
    """The customer-managed key cannot be used by the Secret Manager service agent."""
    return ApiError(
        StatusCode.FAILED_PRECONDITION, f"Cloud KMS key [{key}] is not usable: it is in {state} state."
    )


def key_denied(key: str) -> ApiError:
    """The Secret Manager service agent lacks the use of the customer-managed key."""
    permission = "cloudkms.cryptoKeyVersions.useToEncrypt"
    return ApiError(
        StatusCode.FAILED_PRECONDITION,
        f"Permission '{permission}' denied on resource '{key}' (or it may not exist).",
        (error_info("IAM_PERMISSION_DENIED", _IAM_DOMAIN, permission=permission, resource=key),),
    )
