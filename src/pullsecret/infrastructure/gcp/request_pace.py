"""Keeps this process below its share of a project's quotas (docs/google-secret-manager.md, "Quotas")."""

import asyncio
from collections import deque
from enum import Enum

from pullsecret.infrastructure.gcp.settings import RequestLimits
from pullsecret.ports.clock import Clock

_WINDOW = 60.0


class RequestKind(Enum):
    """Which quota a request counts against."""

    READ = "read"
    WRITE = "write"
    ACCESS = "access"


class RequestPace:
    """At most so many requests of a kind in any 60 seconds; a request too many waits for its turn."""

    def __init__(self, limits: RequestLimits, clock: Clock) -> None:
        self._clock = clock
        self._limits = {
            RequestKind.READ: limits.reads,
            RequestKind.WRITE: limits.writes,
            RequestKind.ACCESS: limits.accesses,
        }
        self._sent: dict[RequestKind, deque[float]] = {kind: deque() for kind in RequestKind}
        self._turns = {kind: asyncio.Lock() for kind in RequestKind}

    async def wait(self, kind: RequestKind) -> None:
        """Return when one more request of ``kind`` may be sent; it counts from then."""
        sent = self._sent[kind]
        # The lock keeps those who wait in order.
        async with self._turns[kind]:
            while True:
                now = self._clock.monotonic()
                while sent and sent[0] + _WINDOW - now <= 0:
                    sent.popleft()
                if len(sent) < self._limits[kind]:
                    sent.append(now)
                    return
                await self._clock.sleep(sent[0] + _WINDOW - now)
