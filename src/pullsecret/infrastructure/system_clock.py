"""The real clock."""

import asyncio
import random
import time
from datetime import UTC, datetime


class SystemClock:
    """Clock port on the operating system's clocks."""

    def now(self) -> datetime:
        """The wall clock in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def chance(self) -> float:
        """A random number in [0, 1)."""
        return random.random()  # noqa: S311 - jitter, not secrecy

    async def sleep(self, seconds: float) -> None:
        """Sleep for at least ``seconds``."""
        await asyncio.sleep(seconds)
