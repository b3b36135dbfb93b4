"""Around any broker's event source: tells whether the broker brings events just now."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from pullsecret.domain.errors import OperationError, TransientError
from pullsecret.domain.reasons import Reason
from pullsecret.ports.event_source import EventSource, Subscription


def _not_subscribed() -> OperationError:
    return TransientError("subscribe", "broker", Reason.BROKER_UNAVAILABLE, "There is no subscription yet.")


@attrs.define
class CheckedEventSource:
    """EventSource port, for one subscription at a time."""

    _source: EventSource
    _state: Subscription | OperationError = attrs.field(factory=_not_subscribed, init=False)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        """See the port."""
        try:
            async with self._source.subscribe() as subscription:
                self._state = subscription
                try:
                    yield subscription
                finally:
                    self._state = _not_subscribed()
        except OperationError as error:
            self._state = error
            raise

    async def check(self) -> None:
        """Raise why no event can come, a transient or a permanent error: the subscription's own cause, or
        what the last attempt to subscribe failed with."""
        if isinstance(self._state, OperationError):
            # Raised anew each time, it must not collect the places it was raised at.
            raise self._state.with_traceback(None)
        await self._state.check()
