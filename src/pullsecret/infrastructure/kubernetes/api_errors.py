"""What the Kubernetes API answers when it does not do what was asked, and what that means in our terms."""

from typing import Any

import attrs

from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.reasons import Reason


@attrs.define(eq=False, slots=False)
class ApiError(Exception):
    """A call that failed. ``status`` is the HTTP status, 0 if there was no answer.

    The request's body is never part of it; Kubernetes does not quote secret data in its messages.
    """

    verb: str
    """The RBAC verb: get, list, watch, create, update, patch or delete."""
    path: str
    status: int
    reason: str
    """Kubernetes' StatusReason (``AlreadyExists``, ``Conflict``, ``Expired``, ...), or the fault's kind."""
    message: str
    retry_after: float | None = None
    details: dict[str, Any] = attrs.field(factory=dict)

    def __str__(self) -> str:
        return f"{self.verb} {self.path}: {self.status} {self.reason}: {self.message}"

    @property
    def not_found(self) -> bool:
        """The object, or its namespace, does not exist."""
        return self.status == 404

    @property
    def namespace_missing(self) -> bool:
        """The namespace to create in does not exist, or is going away."""
        if self.status == 404:
            return self.details.get("kind") in ("namespaces", "Namespace")
        causes = self.details.get("causes") or []
        return self.status == 403 and any(cause.get("reason") == "NamespaceTerminating" for cause in causes)

    @property
    def already_exists(self) -> bool:
        """A created object's name is taken."""
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def conflict(self) -> bool:
        """A precondition (uid, resource version) no longer holds."""
        return self.status == 409 and self.reason != "AlreadyExists"

    @property
    def expired(self) -> bool:
        """The resource version to go on from is too old (410)."""
        return self.status == 410

    @property
    def passing(self) -> bool:
        """The same call may succeed later."""
        return self.status in (0, 408, 429) or self.status >= 500


def operation_error(operation: str, fault: ApiError) -> OperationError:
    """The domain error for an answer that the caller has no better name for."""
    if fault.status in (401, 403):
        return PermanentError(
            operation,
            fault.path,
            Reason.KUBERNETES_PERMISSION_DENIED,
            f"Kubernetes refused '{fault.verb}': {fault.message}",
            "Bind the role of deploy/rbac that holds this verb; check with "
            f"'kubectl auth can-i {fault.verb} {_resource(fault.path)} --as <the service account>'.",
        )
    if fault.passing:
        return TransientError(operation, fault.path, Reason.KUBERNETES_UNAVAILABLE, fault.message)
    if fault.status == 409:
        return TransientError(operation, fault.path, Reason.WRITE_CONFLICT, fault.message)
    return PermanentError(operation, fault.path, Reason.REQUEST_REFUSED, fault.message)


def _resource(path: str) -> str:
    """``/api/v1/namespaces/n/secrets/s`` as kubectl names it: ``secrets/s -n n``."""
    parts = path.strip("/").split("/")
    if "namespaces" not in parts or len(parts) < parts.index("namespaces") + 3:
        return parts[-1]
    at = parts.index("namespaces")
    return f"{'/'.join(parts[at + 2 :])} -n {parts[at + 1]}"
