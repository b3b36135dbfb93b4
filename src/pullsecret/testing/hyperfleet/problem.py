"""Errors as the HyperFleet API serves them: RFC 9457 problem documents."""

from datetime import datetime
from typing import Any

from attrs import field, frozen

_TITLES = {
    400: ("validation-error", "Validation Failed"),
    401: ("invalid-credentials", "Authentication Required"),
    403: ("permission-denied", "Permission Denied"),
    404: ("not-found", "Resource Not Found"),
    409: ("resource-conflict", "Resource Conflict"),
    429: ("rate-limited", "Too Many Requests"),
    500: ("internal-error", "Internal Server Error"),
    503: ("service-unavailable", "Service Unavailable"),
}


@frozen
class ProblemError(Exception):
    """A request the API refuses: HTTP status, machine-readable code and an explanation."""

    status: int
    code: str
    detail: str
    field_errors: tuple[tuple[str, str], ...] = field(default=())

    def document(self, instance: str, at: datetime) -> dict[str, Any]:
        """The `application/problem+json` body for a request to the path `instance`."""
        slug, title = _TITLES.get(self.status, ("error", "Error"))
        body: dict[str, Any] = {
            "type": f"https://api.hyperfleet.io/errors/{slug}",
            "title": title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "timestamp": at.isoformat(),
        }
        if self.field_errors:
            body["errors"] = [{"field": name, "message": message} for name, message in self.field_errors]
        return body


def invalid(detail: str, *field_errors: tuple[str, str]) -> ProblemError:
    """400: the request is understood and refused."""
    return ProblemError(400, "HYPERFLEET-VAL-001", detail, field_errors)


def not_found(cluster_id: str) -> ProblemError:
    """404: no such cluster, as opposed to no such route."""
    return ProblemError(404, "HYPERFLEET-NTF-002", f"Cluster with id='{cluster_id}' not found")


def no_route(path: str) -> ProblemError:
    """404 of a URL the API does not know: a wrong base path, not a missing cluster."""
    return ProblemError(404, "HYPERFLEET-NTF-000", f"The requested resource '{path}' doesn't exist")


def unauthenticated() -> ProblemError:
    """401: no bearer token, or one that is not accepted."""
    return ProblemError(401, "HYPERFLEET-AUT-002", "Invalid authentication credentials")


def conflict(detail: str) -> ProblemError:
    """409: the cluster's state forbids the operation."""
    return ProblemError(409, "HYPERFLEET-CNF-003", detail)
