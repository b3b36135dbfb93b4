"""An event loop without any waiting, on which a seed decides which of the ready callbacks runs first."""

import asyncio
import heapq
import random
from asyncio.events import Handle, TimerHandle
from collections import deque
from collections.abc import Callable

from pullsecret.infrastructure.memory.numbered_tasks import number_tasks


class SeededLoop(asyncio.BaseEventLoop):
    """Time jumps from timer to timer; what is ready at the same instant runs in an order that the seed draws.

    It serves no file descriptors and no threads. It builds on the two queues of ``asyncio.BaseEventLoop``.
    """

    _ready: deque[Handle]
    _scheduled: list[TimerHandle]
    _timer_cancelled_count: int

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._now = 0.0
        self._order = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.steps = 0
        """Callbacks run so far."""
        self.before_step: tuple[int, Callable[[Handle], None]] | None = None
        """From this step on, what is called with the callback that runs next; clear it to end that."""
        number_tasks(self)

    def time(self) -> float:
        """Simulated seconds since the loop was made."""
        return self._now

    def _run_once(self) -> None:
        ready, timers = self._ready, self._scheduled
        while timers and (timers[0]._cancelled or not ready or timers[0]._when <= self._now):  # type: ignore[attr-defined]
            timer = heapq.heappop(timers)
            timer._scheduled = False  # type: ignore[attr-defined]
            if timer._cancelled:
                self._timer_cancelled_count -= 1
                continue
            self._now = max(self._now, timer.when())
            ready.append(timer)
        if not ready:
            raise RuntimeError("nothing is ready and nothing is awaited: the simulation is stuck")
        if len(ready) == 1:
            self._step(ready.popleft())
            return
        batch = list(ready)
        ready.clear()
        self._order.shuffle(batch)
        for handle in batch:
            self._step(handle)

    def _step(self, handle: Handle) -> None:
        if handle._cancelled:
            return
        self.steps += 1
        if self.before_step is not None and self.steps >= self.before_step[0]:
            self.before_step[1](handle)
        handle._run()

    def _write_to_self(self) -> None:
        """There are no other threads that could wake the loop, and nothing that it could sleep in."""
