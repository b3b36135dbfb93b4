"""Hours pass at once, in order, and the same each time."""

import asyncio
import time

from pullsecret.infrastructure.memory.simulated_time import EPOCH, SimulatedClock, run_simulated


def test_waiting_costs_nothing_and_timers_fire_in_their_order() -> None:
    order: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append((name, asyncio.get_running_loop().time()))

    async def all_of_them() -> None:
        await asyncio.gather(wait("day", 86_400), wait("second", 1), wait("hour", 3_600))

    before = time.monotonic()
    run_simulated(all_of_them())
    assert order == [("second", 1), ("hour", 3_600), ("day", 86_400)]
    assert time.monotonic() - before < 3_600


def test_the_clock_follows_the_loop() -> None:
    clock = SimulatedClock()
    assert clock.monotonic() == 0

    async def look() -> None:
        assert clock.now() == EPOCH
        await clock.sleep(90)
        assert clock.monotonic() == 90
        assert (clock.now() - EPOCH).total_seconds() == 90

    run_simulated(look())


def test_chance_follows_the_seed() -> None:
    one, same, other = SimulatedClock(1), SimulatedClock(1), SimulatedClock(2)
    drawn = [[clock.chance() for _ in range(5)] for clock in (one, same, other)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(0 <= number < 1 for number in drawn[0])


def test_another_thread_can_wake_the_loop() -> None:
    async def ask() -> str:
        return await asyncio.to_thread(lambda: "answer")

    assert run_simulated(ask()) == "answer"


def test_a_group_cancels_its_tasks_in_the_same_order_each_time() -> None:
    async def cancelled() -> list[int]:
        order: list[int] = []

        async def wait(number: int) -> None:
            try:
                await asyncio.sleep(100)
            finally:
                order.append(number)

        async def fail() -> None:
            await asyncio.sleep(1)
            raise ValueError("on purpose")

        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(30):
                    tasks.create_task(wait(number))
                tasks.create_task(fail())
        except* ValueError:
            pass
        return order

    assert run_simulated(cancelled()) == run_simulated(cancelled())
