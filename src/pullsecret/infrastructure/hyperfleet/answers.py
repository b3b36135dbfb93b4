"""What the API answered, and what that means where it is not what was asked for."""

import json
import re
from collections.abc import Mapping
from typing import Any

import attrs

from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.logs.redaction import redact

WRONG_ROUTE = "HYPERFLEET-NTF-000"
"""Code of a 404 that means "no such URL" and not "no such cluster"."""
_MAX_SHOWN = 200
_MAX_LOOKED_AT = 10_000
_CODE = re.compile(r"[A-Z0-9]{1,16}(?:-[A-Z0-9]{1,16}){0,3}")


@attrs.frozen
class ApiRequest:
    """One request, described well enough to speak of its failure."""

    operation: str
    subject: str
    method: str
    path: str
    """Below the base URL, without a leading slash."""
    body: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    etag: str | None = None
    repeatable: bool = True
    """Sending it twice does no harm."""


@attrs.frozen
class Answer:
    """An answer that was read to its end. Its body may hold a pull secret, so ``repr`` leaves it out."""

    status: int
    etag: str | None = None
    retry_after: float | None = None
    body: bytes = attrs.field(default=b"", repr=False)

    def document(self) -> Mapping[str, Any] | None:
        """The JSON object in the body; None if it is something else."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, Mapping) else None

    @property
    def problem_code(self) -> str | None:
        """The machine-readable code of a problem document (RFC 9457), such as ``HYPERFLEET-NTF-002``."""
        code = (self.document() or {}).get("code")
        return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def unanswered(request: ApiRequest, cause: str, retry_after: float | None = None) -> TransientError:
    """The API did not answer this request, or with a passing fault."""
    return TransientError(
        request.operation,
        request.subject,
        Reason.HYPERFLEET_UNAVAILABLE,
        cause,
        retry_after=retry_after,
    )


def misdirected(request: ApiRequest, cause: str) -> TransientError:
    """Whatever answered is not the API we were told about."""
    return TransientError(
        request.operation,
        request.subject,
        Reason.HYPERFLEET_UNAVAILABLE,
        cause,
        "Check api.url and api.dialect in the configuration.",
    )


def server_fault(request: ApiRequest, answer: Answer) -> TransientError:
    """408, 425, 429 or 5xx: the same request may succeed later."""
    cause = f"The HyperFleet API answered {answer.status}{_code(answer)}."
    return unanswered(request, cause, answer.retry_after)


def access_refused(request: ApiRequest, answer: Answer) -> TransientError:
    """401 or 403: for a person to mend, and then the same request succeeds. Nothing is given up meanwhile."""
    missing = "accepts no token of ours" if answer.status == 401 else "does not allow this to our identity"
    return TransientError(
        request.operation,
        request.subject,
        Reason.HYPERFLEET_UNAVAILABLE,
        f"The HyperFleet API {missing} ({answer.status}{_code(answer)}).",
        "Check the file api.tokenFile names, its audience, and that the API grants this adapter "
        f"{request.method} /clusters.",
    )


def body_refused(request: ApiRequest, answer: Answer) -> PermanentError | TransientError:
    """Another 4xx: the API will never take this request; a transient error if it is not the API's own."""
    if _is_foreign(answer):
        return _not_the_api(request, answer)
    document = answer.document() or {}
    errors = document.get("errors")
    fields = [
        f"{entry.get('field')}: {entry.get('message')}"
        for entry in (errors if isinstance(errors, list) else [])
        if isinstance(entry, Mapping)
    ]
    # It quotes what we sent, which never holds a payload; what else it quotes, nobody knows.
    said = "; ".join(fields) or str(document.get("detail") or "it does not say why")
    told = redact(said[:_MAX_LOOKED_AT])
    cause = f"The HyperFleet API refused it ({answer.status}{_code(answer)}): {told[:_MAX_SHOWN]}."
    if "observed_time" in told:
        remedy = "Set this machine's clock; the API takes times of the last 30 minutes only."
        return TransientError(
            request.operation, request.subject, Reason.HYPERFLEET_UNAVAILABLE, cause, remedy
        )
    return PermanentError(request.operation, request.subject, Reason.REQUEST_REFUSED, cause)


def is_gone(request: ApiRequest, answer: Answer) -> bool:
    """True for a 404 that means "no such cluster"; a transient error is raised for "no such URL", whether the
    API says so or a proxy in front of it."""
    if answer.status != 404:
        return False
    if answer.problem_code == WRONG_ROUTE:
        raise misdirected(request, f"The HyperFleet API knows no such URL ({WRONG_ROUTE}).")
    if _is_foreign(answer):
        raise _not_the_api(request, answer)
    return True


def _is_foreign(answer: Answer) -> bool:
    """True if a refusal speaks no JSON: proxies answer so, in HTML or plain text."""
    return bool(answer.body.strip()) and answer.document() is None


def _not_the_api(request: ApiRequest, answer: Answer) -> TransientError:
    cause = f"What answered {answer.status} is not the HyperFleet API: no JSON object came."
    return misdirected(request, cause)


def found(request: ApiRequest, answer: Answer) -> Mapping[str, Any] | None:
    """The document of an answer to a GET; None for 404.

    Raises a transient error if it is no JSON object or if the URL is wrong, a permanent one for other 4xx.
    """
    if is_gone(request, answer):
        return None
    if answer.status >= 400:
        raise body_refused(request, answer)
    document = answer.document()
    if answer.status != 200 or document is None:
        raise misdirected(request, "What answered is not the HyperFleet API: no JSON object came.")
    return document


def _code(answer: Answer) -> str:
    return f" {answer.problem_code}" if answer.problem_code else ""
