"""One event from the broker: filter it, then reconcile its cluster (DDR phases 1 to 3)."""

import attrs

from pullsecret.application.expression_environment import event_environment
from pullsecret.application.outcomes import Outcome, Skipped
from pullsecret.application.preconditions import filtered_out
from pullsecret.application.reconcile_cluster import ReconcileCluster
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.facts import EventSkipped
from pullsecret.expressions import Program
from pullsecret.ports.telemetry import Telemetry


@attrs.frozen
class HandleEvent:
    """Decides what becomes of an event. When it returns, the event's effect is durable."""

    event_filter: Program
    reconcile: ReconcileCluster
    telemetry: Telemetry

    async def __call__(self, event: ClusterEvent) -> Outcome:
        """Raise :class:`TransientError` if the event must come again; otherwise it is done with, unless the
        outcome is ``Postponed``."""
        outcome: Outcome | None = filtered_out(self.event_filter, event_environment(event))
        if outcome is None:
            outcome = await self.reconcile(event)
        if isinstance(outcome, Skipped):
            self.telemetry.record(EventSkipped(event.cluster_id, outcome.reason, outcome.detail))
        return outcome
