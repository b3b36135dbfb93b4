"""The one shape of every failure: transient or permanent, with what failed, why, and what to do."""

import attrs

from pullsecret.domain.reasons import Reason


@attrs.define(eq=False, slots=False)
class OperationError(Exception):
    """A failure that a person can act on. Raise one of its two subclasses.

    No field ever holds a secret payload: ``cause`` and ``remedy`` are shown to operators and sent to the
    HyperFleet API.
    """

    operation: str
    """What was being done, e.g. ``add-secret-version``."""
    subject: str
    """What it was done to, e.g. ``projects/p/secrets/s``."""
    reason: Reason
    cause: str
    """Why it failed, one sentence without a payload."""
    remedy: str = attrs.field(default=attrs.Factory(lambda self: self.reason.remedy, takes_self=True))
    """What a person should do; the reason's general remedy unless a more exact one is known."""

    def __str__(self) -> str:
        text = f"{self.operation} {self.subject}: {self.cause}"
        return f"{text} {self.remedy}" if self.remedy else text


@attrs.define(eq=False, slots=False)
class TransientError(OperationError):
    """The same call may succeed later."""

    retry_after: float | None = None
    """Seconds the other side asked to wait, if it did; never negative."""


@attrs.define(eq=False, slots=False)
class PermanentError(OperationError):
    """The same call cannot succeed until a person or a newer generation changes something."""
