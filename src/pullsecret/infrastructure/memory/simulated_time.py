"""An event loop whose time jumps over every wait, and a clock that follows it."""

import asyncio
import random
import selectors
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pullsecret.infrastructure.memory.numbered_tasks import number_tasks

T = TypeVar("T")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class _JumpingSelector(selectors.BaseSelector):
    """Answers what is ready; where nothing is, moves the time on instead of waiting."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # Without any timer there is nothing to jump to: only another thread can wake the loop.
        ready = self._real.select(None if timeout is None else 0)
        if not ready and timeout is not None and timeout > 0:
            self.elapsed += timeout
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class SimulatedTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop on which ``asyncio.sleep(3600)`` takes no time at all.

    Timers fire in the order of their times and runs are repeatable. Only for programs that wait for nothing
    outside the process.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        number_tasks(self)

    def time(self) -> float:
        """Simulated seconds since the loop was made."""
        return self._jumping.elapsed


class SimulatedClock:
    """Clock port that follows the running loop's time, with repeatable chance."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def now(self) -> datetime:
        """:data:`EPOCH` plus the loop's time."""
        return EPOCH + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """The loop's time in seconds; 0 outside of a running loop."""
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return 0.0

    def chance(self) -> float:
        """The next number of the seed's sequence, in [0, 1)."""
        return self._random.random()

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` of simulated time pass."""
        await asyncio.sleep(seconds)


def run_simulated(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` to its end on a :class:`SimulatedTimeLoop` of its own."""
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main)
