"""Clusters whose events come through Pub/Sub, and what becomes of them."""

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import attrs
from tests.integration.pubsub.harness import PubSubHarness

from pullsecret.testing import patience
from pullsecret.testing.brokers.fleet import Fleet, wait_until

REPETITIONS: Final = int(os.environ.get("PULLSECRET_REPETITIONS", "1"))
"""How often each fault is tried."""
WAITING: Final = int(os.environ.get("PULLSECRET_WAITING_EVENTS", "200"))
"""How many events wait at the start."""
PATIENCE: Final = patience.PATIENCE + WAITING / 200

Record = Callable[[str, object], None]


until = partial(wait_until, patience=PATIENCE)


@attrs.frozen
class Trial:
    """Use :meth:`disturbed` while replicas serve the fleet, and :meth:`proven` afterwards."""

    harness: PubSubHarness
    record: Record
    unsettled: Callable[[], int]
    """How many messages the subscription holds."""
    fleet: Fleet = attrs.field(
        default=attrs.Factory(lambda self: Fleet(self.harness.publish), takes_self=True)
    )

    async def disturbed(self, disturb: Callable[[], Awaitable[None]], clusters: int = 16) -> None:
        """While some clusters are new and others have changed, ``disturb``; then let everything end."""
        await self.fleet.disturbed(disturb, clusters, PATIENCE)
        await self.ends()

    async def ends(self) -> None:
        """Every cluster is at rest, and no event is left."""
        await self.fleet.at_rest(PATIENCE)
        await until(lambda: self.unsettled() == 0)

    async def proven(self, lost: int = 0) -> None:
        """None was put aside, and the counters agree with what there is."""
        assert self.unsettled() == 0
        assert await self.harness.dead_letters() == []
        for name, value in self.fleet.prove(lost).items():
            self.record(name, value)
