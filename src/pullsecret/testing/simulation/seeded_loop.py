"""An event loop without any waiting, on which a seed decides which of the ready callbacks runs first."""

import asyncio
import random
from asyncio.events import Handle, TimerHandle
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from heapq import heappop, heappush
from typing import Any, TypeVarTuple

from pullsecret.infrastructure.memory.numbered_tasks import number_tasks

Args = TypeVarTuple("Args")


class _Callback(TimerHandle):
    """Made and cancelled at a fraction of the usual cost: it knows nothing of debug mode."""

    __slots__ = ()

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: "SeededLoop",
        context: Context | None,
    ) -> None:
        self._when = when
        self._callback: Callable[..., object] | None = callback
        self._args: tuple[Any, ...] | None = args  # type: ignore[assignment]
        self._loop = loop
        self._context = copy_context() if context is None else context
        self._cancelled = False
        self._repr = self._source_traceback = None

    def cancel(self) -> None:
        self._cancelled = True
        self._callback = self._args = None


class SeededLoop(asyncio.BaseEventLoop):
    """Time jumps from timer to timer; what is ready at the same instant runs in an order that the seed draws.

    It serves no file descriptors and no threads. It builds on the two queues of ``asyncio.BaseEventLoop``.
    """

    _ready: deque[Handle]
    _scheduled: list[tuple[float, TimerHandle]]
    """With the times before the timers, so that few timers have to be compared."""

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

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> Handle:
        """See the base class."""
        handle = _Callback(self._now, callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> TimerHandle:
        """See the base class."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> TimerHandle:
        """See the base class."""
        timer = _Callback(when, callback, args, self, context)
        heappush(self._scheduled, (when, timer))
        return timer

    def _run_once(self) -> None:
        ready, timers = self._ready, self._scheduled
        while timers:
            when, timer = timers[0]
            if ready and when > self._now and not timer._cancelled:
                break
            heappop(timers)
            if not timer._cancelled:
                self._now = max(self._now, when)
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
