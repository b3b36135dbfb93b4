"""What the API server's refusals say, as far as it may be told."""

import re
from typing import Any, Final

from pullsecret.infrastructure.kubernetes.api_errors import ApiError

_REASONS: Final = frozenset(
    {
        "Unauthorized",
        "Forbidden",
        "NotFound",
        "AlreadyExists",
        "Conflict",
        "Gone",
        "Expired",
        "Invalid",
        "BadRequest",
        "MethodNotAllowed",
        "NotAcceptable",
        "RequestEntityTooLarge",
        "UnsupportedMediaType",
        "TooManyRequests",
        "Timeout",
        "ServerTimeout",
        "StoreReadError",
        "InternalError",
        "ServiceUnavailable",
        "NamespaceTerminating",
    }
)
"""Of refusals and of their causes (k8s.io/apimachinery, meta/v1)."""
_MAX_MESSAGE: Final = 1_000
"""Characters of a message that are kept; longer ones repeat themselves for each field or container."""
_KINDS: Final = frozenset({"namespaces", "Namespace"})
"""Those that are looked at."""
_MISSING_RIGHT: Final = re.compile(
    r'[a-z.]+(?: "[^"\s]+")? is forbidden: User "[^"\s]+" cannot [a-z]+ resource "[^"\s]+" '
    r'in API group "[^"\s]*"(?: in the namespace "[^"\s]+"| at the cluster scope)?'
)
"""What RBAC answers, and no admission plugin or proxy: it names, and quotes nothing of the request's body."""


def refusal(verb: str, path: str, code: int, status: dict[str, Any], *, sensitive: bool) -> ApiError:
    """The error that ``status``, answered with ``code``, stands for. If the request was ``sensitive``
    only Kubernetes' own words are kept: whatever else is said may quote the request."""
    reason = _known(_REASONS, status.get("reason")) or str(code)
    message = str(status.get("message", ""))
    details = status.get("details")
    details = details if isinstance(details, dict) else {}
    if sensitive:
        causes = details.get("causes")
        causes = [cause for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []
        if not _MISSING_RIGHT.fullmatch(message):
            fields = ", ".join(str(cause["field"]) for cause in causes if "field" in cause)
            message = f"The API refused {fields or 'the object'} ({reason})."
        details = {
            "kind": _known(_KINDS, details.get("kind")),
            "causes": [{"reason": _known(_REASONS, cause.get("reason"))} for cause in causes],
        }
    return ApiError(verb, path, code, reason, message[:_MAX_MESSAGE], details=details)


def _known(words: frozenset[str], value: Any) -> str | None:
    return value if isinstance(value, str) and value in words else None
