"""Being told to stop (SIGTERM), and a clock that does not sleep on after that."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator

from pullsecret.infrastructure.system_clock import SystemClock


class StopSignal:
    """Set once the process is told to stop."""

    def __init__(self) -> None:
        self._told = asyncio.Event()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear SIGTERM and SIGINT while inside; to be entered in the event loop's thread."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told.set)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def is_set(self) -> bool:
        """True once told."""
        return self._told.is_set()

    async def wait(self, seconds: float) -> None:
        """Return after ``seconds``, or at once when told."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._told.wait(), seconds)


class InterruptibleClock(SystemClock):
    """The real clock, except that a sleep ends as soon as the process is told to stop."""

    def __init__(self, stop: StopSignal) -> None:
        self._stop = stop

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds``, or until told to stop."""
        await self._stop.wait(seconds)
