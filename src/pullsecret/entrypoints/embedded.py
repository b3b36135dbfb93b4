"""The whole service in one process, on the embedded world: what the demo, ``run`` and tests drive."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import attrs

from pullsecret.application.adapter import Adapter
from pullsecret.domain.clean_up import CleanUpJob
from pullsecret.domain.jobs import AnyJob
from pullsecret.domain.provisioning import Finished
from pullsecret.domain.reasons import Outlook
from pullsecret.infrastructure.memory.faults import ProcessCrash
from pullsecret.infrastructure.memory.sentinel import MemorySentinel
from pullsecret.infrastructure.memory.world import EmbeddedWorld

_RESTART_PAUSE = 1.0
_LOOK_EVERY = 5.0
REST = 150.0
"""Simulated seconds without a change after which nothing more is to be expected: Sentinel has reminded of
every cluster twice by then."""


class NotSettledError(Exception):
    """The world did not come to rest in the time given."""


@attrs.define
class EmbeddedService:
    """Replicas of the adapter on one embedded world; a replica that crashes is started anew."""

    world: EmbeddedWorld
    build_adapter: Callable[[], Adapter]
    sentinel: MemorySentinel | None = None
    replicas: int = 1
    crashes: int = 0
    _errands: set["asyncio.Task[None]"] = attrs.field(factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["EmbeddedService"]:
        """Run the replicas, and Sentinel if there is one, for as long as the context is open."""
        stop = asyncio.Event()
        failure: Exception | None = None
        async with asyncio.TaskGroup() as tasks:
            polling = [tasks.create_task(self.sentinel())] if self.sentinel else []
            for _ in range(self.replicas):
                tasks.create_task(self._keep_alive(stop))
            try:
                yield self
            except Exception as error:
                failure = error  # raised below, as it is: a group of tasks would wrap it
            finally:
                stop.set()
                for task in [*polling, *self.world.jobs.processes, *self._errands]:
                    task.cancel()
        if failure is not None:
            raise failure

    def errand(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` on the side; the world is not at rest before it is done."""
        task = asyncio.get_running_loop().create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def settle(self, limit: float, look: Callable[[], None] = lambda: None) -> None:
        """Wait until nothing changes any more, or raise :class:`NotSettledError` after ``limit`` seconds of
        simulated time. ``look`` is called every few simulated seconds."""
        clock = self.world.clock
        deadline = clock.monotonic() + limit
        seen, since = self._state(), clock.monotonic()
        while clock.monotonic() - since < REST:
            if clock.monotonic() > deadline:
                raise NotSettledError(f"not at rest after {limit:.0f} simulated seconds")
            await clock.sleep(_LOOK_EVERY)
            look()
            state = self._state()
            if state != seen or self._busy():
                seen, since = state, clock.monotonic()

    async def _keep_alive(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.build_adapter().run(stop)
            except* ProcessCrash:
                self.crashes += 1
                await self.world.clock.sleep(_RESTART_PAUSE)

    def _busy(self) -> bool:
        jobs = self.world.jobs
        return (
            bool(self._errands or jobs.unfinished() or jobs.unreported())
            # Of those that go again for ever without getting anywhere nothing more is to be expected.
            or not all(map(_goes_on_for_ever, jobs.going_again()))
        )

    def _state(self) -> object:
        return self.world.jobs.made, self.world.hyperfleet.changes


def _goes_on_for_ever(job: AnyJob) -> bool:
    """True of a clean-up that fails for good and is never given up."""
    if not isinstance(job, CleanUpJob) or not isinstance(job.state, Finished) or job.retry_asked:
        return False
    failure = job.state.result.failure
    for_good = failure is not None and failure.reason.outlook is Outlook.PERMANENT
    return for_good and job.order.give_up_at is None
