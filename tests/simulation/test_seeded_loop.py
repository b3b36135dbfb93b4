"""Time jumps, and the seed decides what runs first."""

import asyncio

import pytest

from pullsecret.testing.simulation.seeded_loop import SeededLoop


def order_of(seed: int) -> list[int]:
    loop, ran = SeededLoop(seed), list[int]()

    async def note(number: int) -> None:
        await asyncio.sleep(0)
        ran.append(number)

    async def main() -> None:
        await asyncio.gather(*(note(number) for number in range(6)))

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    return ran


def test_what_is_ready_runs_in_the_seeds_order() -> None:
    assert order_of(1) == order_of(1)
    assert len({tuple(order_of(seed)) for seed in range(10)}) > 5
    assert sorted(order_of(1)) == list(range(6))


def test_waiting_takes_no_time_and_comes_in_order() -> None:
    loop, woken = SeededLoop(1), list[tuple[str, float]]()

    async def sleep(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append((name, loop.time()))

    async def main() -> None:
        await asyncio.gather(sleep("late", 3600), sleep("early", 60))

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    assert woken == [("early", 60.0), ("late", 3600.0)]


def test_a_program_that_waits_for_nothing_is_told_and_does_not_hang() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with (
        pytest.raises(RuntimeError, match="stuck"),
        asyncio.Runner(loop_factory=lambda: SeededLoop(1)) as runner,
    ):
        runner.run(main())


def test_what_is_cancelled_does_not_run() -> None:
    loop, ran = SeededLoop(1), list[str]()

    async def main() -> None:
        loop.call_soon(ran.append, "soon").cancel()
        loop.call_later(30, ran.append, "later").cancel()
        loop.call_later(30, ran.append, "kept")
        await asyncio.sleep(60)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    assert (ran, loop.time()) == (["kept"], 60.0)


def test_what_fails_in_a_callback_is_told() -> None:
    loop, told = SeededLoop(1), list[object]()

    async def main() -> None:
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        loop.call_later(1, int, "x")
        await asyncio.sleep(2)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    assert [type(error) for error in told] == [ValueError]
