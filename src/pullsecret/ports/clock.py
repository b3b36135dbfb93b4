"""Time, and chance."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of time and of randomness for the use cases."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware UTC. It may jump; use it for what people read."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; use it to measure."""
        ...

    def chance(self) -> float:
        """A random number in [0, 1), for jitter."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after at least ``seconds``; 0 lets others run."""
        ...
