"""What became of one event."""

import attrs

from pullsecret.domain.errors import OperationError
from pullsecret.domain.facts import SkipReason
from pullsecret.domain.jobs import AnyJob


@attrs.frozen
class JobSubmitted:
    """A new job is durable."""

    job: AnyJob


@attrs.frozen
class Skipped:
    """There is nothing to do; the event is done with."""

    reason: SkipReason
    detail: str = ""


@attrs.frozen
class Refused:
    """The cluster's own data makes the work impossible; that was told, and the event is done with."""

    error: OperationError


@attrs.frozen
class Postponed:
    """Not now: something that was begun for the cluster has to end first."""

    cause: str


@attrs.frozen
class Finalized:
    """A deleted cluster's secrets were cleaned up, which was told; ``left`` had to stay behind."""

    left: tuple[str, ...] = ()


Outcome = JobSubmitted | Skipped | Refused | Postponed | Finalized
