"""Between the broker's client and the one who handles events: what has arrived and waits to be received."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

from pullsecret.infrastructure.intake.circuit import IntakeCircuit

D = TypeVar("D")


class Inbox(Generic[D]):
    """Deliveries in the order of their arrival. It does not bound them; the broker's prefetch does."""

    def __init__(self, circuit: IntakeCircuit) -> None:
        self.circuit = circuit
        self._arrived: deque[D] = deque()
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def stopped(self) -> bool:
        """True after :meth:`stop`."""
        return self._stopping.is_set()

    def put(self, delivery: D) -> None:
        """Something arrived."""
        self._arrived.append(delivery)
        self._changed.set()

    async def receive(self) -> D | None:
        """The next delivery, once the circuit lets it through; None after :meth:`stop`."""
        while not self.stopped:
            if not self._arrived:
                self._changed.clear()
                await self._changed.wait()
            elif pause := self.circuit.wait():
                await self._stopped_within(pause)
            else:
                return self._arrived.popleft()
        return None

    def stop(self) -> list[D]:
        """Hand out nothing more; returns what nobody received."""
        self._stopping.set()
        self._changed.set()
        return self.drop()

    def drop(self) -> list[D]:
        """Empty it; returns what was in it."""
        left = list(self._arrived)
        self._arrived.clear()
        return left

    async def _stopped_within(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
