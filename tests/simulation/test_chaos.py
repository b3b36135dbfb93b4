"""What a call meets on its way, fault by fault."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pullsecret.domain.errors import TransientError
from pullsecret.infrastructure.memory.faults import ProcessCrash
from pullsecret.testing.simulation.chaos import (
    GIVE_UP,
    LATEST,
    Actor,
    CallFault,
    Chaos,
    Cut,
    Link,
    Linked,
    Part,
)
from pullsecret.testing.simulation.history import History
from pullsecret.testing.simulation.processes import start
from pullsecret.testing.simulation.seeded_loop import SeededLoop


class Counter:
    """A port whose one effect can be counted."""

    effects = 0

    async def count_one(self, _subject: str) -> str:
        self.effects += 1
        return "answer"


def play(scene: Callable[[Chaos], Coroutine[Any, Any, None]], *faults: CallFault) -> Chaos:
    loop = SeededLoop(1)
    chaos = Chaos(loop, random.Random(1), History(), dict.fromkeys(faults, 1.0))
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(scene(chaos))
    return chaos


def linked(chaos: Chaos, counter: Counter, actor: Actor) -> Any:
    return Linked(counter, "counter", Link(chaos, actor, Part.CLOUD))


@pytest.mark.parametrize(
    ("fault", "answered", "effects", "later"),
    [
        (None, True, 1, 1),
        (CallFault.REFUSED, False, 0, 0),
        (CallFault.BUSY, False, 0, 0),
        (CallFault.TIMED_OUT, False, 0, 0),
        (CallFault.ANSWER_LOST, False, 1, 1),
        (CallFault.SLOW, True, 1, 1),
        (CallFault.LATE, False, 0, 1),
    ],
)
def test_each_fault_of_a_call_does_what_it_says(
    fault: CallFault | None, answered: bool, effects: int, later: int
) -> None:
    async def scene(chaos: Chaos) -> None:
        counter = Counter()
        call = linked(chaos, counter, Actor("replica-1")).count_one("it")
        if answered:
            assert await call == "answer"
        else:
            with pytest.raises(TransientError) as raised:
                await call
            assert raised.value.reason is Part.CLOUD.value[1]
            assert (raised.value.retry_after is not None) == (fault is CallFault.BUSY)
        assert counter.effects == effects
        await asyncio.sleep(GIVE_UP + LATEST)
        assert counter.effects == later

    chaos = play(scene, *([fault] if fault else []))
    assert len(chaos.injected) == (1 if fault else 0)


@pytest.mark.parametrize(("fault", "effects"), [(CallFault.DIES_BEFORE, 0), (CallFault.DIES_AFTER, 1)])
def test_a_process_that_dies_in_a_call_does_nothing_more(fault: CallFault, effects: int) -> None:
    async def scene(chaos: Chaos) -> None:
        counter, actor = Counter(), Actor("replica-1")
        port = linked(chaos, counter, actor)
        actor.task = asyncio.get_running_loop().create_task(port.count_one("it"))
        await asyncio.wait([actor.task])
        assert actor.task.cancelled()
        assert (actor.dead, counter.effects) == (True, effects)
        with pytest.raises(ProcessCrash):
            await port.count_one("it")
        assert counter.effects == effects

    play(scene, fault)


@pytest.mark.parametrize(("answers_only", "effects"), [(False, 0), (True, 1)])
def test_who_is_cut_off_gets_no_answer(answers_only: bool, effects: int) -> None:
    async def scene(chaos: Chaos) -> None:
        chaos.cuts.append(Cut("replica-1", Part.CLOUD, answers_only))
        cut_off, other = Counter(), Counter()
        with pytest.raises(TransientError):
            await linked(chaos, cut_off, Actor("replica-1")).count_one("it")
        assert cut_off.effects == effects
        assert await linked(chaos, other, Actor("replica-2")).count_one("it") == "answer"
        chaos.heal()
        assert await linked(chaos, cut_off, Actor("replica-1")).count_one("it") == "answer"

    play(scene)


def test_a_fault_that_is_left_out_does_not_happen_but_keeps_its_number() -> None:
    async def scene(chaos: Chaos) -> None:
        chaos.only = frozenset({1})
        counter = Counter()
        port = linked(chaos, counter, Actor("replica-1"))
        assert await port.count_one("it") == "answer"
        with pytest.raises(TransientError):
            await port.count_one("it")

    assert len(play(scene, CallFault.REFUSED).injected) == 2


def test_whoever_runs_at_the_drawn_step_dies_there() -> None:
    async def scene(chaos: Chaos) -> None:
        counter, actor = Counter(), Actor("replica-1")
        port = linked(chaos, counter, actor)

        async def work() -> None:
            while True:
                await port.count_one("it")

        start(actor, work())
        chaos.kill_at(chaos.loop.steps + 20)
        await asyncio.sleep(60)
        assert actor.dead
        done = counter.effects
        await asyncio.sleep(60)
        assert 0 < done == counter.effects

    play(scene)
