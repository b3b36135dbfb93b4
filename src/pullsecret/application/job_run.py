"""What the runs of jobs of either purpose share: how they pause between attempts, and heed a stop."""

import attrs

from pullsecret.domain.backoff import Backoff
from pullsecret.domain.errors import TransientError
from pullsecret.domain.facts import RetryScheduled
from pullsecret.domain.identifiers import ClusterId
from pullsecret.ports.clock import Clock
from pullsecret.ports.telemetry import Telemetry


def never() -> bool:
    """Nobody asks to stop."""
    return False


@attrs.frozen
class Pauses:
    """Growing pauses between the attempts of one run."""

    cluster_id: ClusterId
    backoff: Backoff
    deadline: float
    """When, on the monotonic clock, no further attempt is started."""
    clock: Clock
    telemetry: Telemetry

    async def after(self, attempt: int, *errors: TransientError) -> bool:
        """Wait after ``attempt`` (1, 2, ...) failed with ``errors``; False, at once, if that would pass the
        deadline."""
        asked = max(error.retry_after or 0.0 for error in errors)
        delay = self.backoff.pause(attempt, self.clock.chance(), asked)
        if self.clock.monotonic() + delay > self.deadline:
            return False
        first = errors[0]
        self.telemetry.record(RetryScheduled(self.cluster_id, first.operation, attempt, delay, first))
        await self.clock.sleep(delay)
        return True
