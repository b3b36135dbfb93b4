"""A clock whose waits take no time, and whose wall clock can be wrong."""

import asyncio
from datetime import datetime, timedelta

from pullsecret.infrastructure.system_clock import SystemClock


class HandClock(SystemClock):
    def __init__(self, *, skew: timedelta = timedelta()) -> None:
        self.skew = skew
        self.waits: list[float] = []
        self._ahead = 0.0

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._ahead) + self.skew

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)
