"""Faults happen where the script says, when it says, and the same each time."""

import pytest
from tests.unit.application.scene import simulated

from pullsecret.domain.errors import TransientError
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.memory.faults import DELAY_SECONDS, Fault, FaultRule, FaultScript, ProcessCrash
from pullsecret.infrastructure.memory.simulated_time import SimulatedClock


async def call(script: FaultScript, point: str) -> tuple[str, bool, float]:
    """How a call ends, whether it took effect, and how long it took."""
    effect, before = False, script.clock.monotonic()
    try:
        async with script.at(point, "subject", Reason.BROKER_UNAVAILABLE):
            effect = True
        end = "answered"
    except TransientError as error:
        end = "failed" if error.reason is Reason.BROKER_UNAVAILABLE else "failed otherwise"
    except ProcessCrash:
        end = "crashed"
    return end, effect, script.clock.monotonic() - before


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.FAIL, ("failed", False, 0)),
        (Fault.LOSE_ANSWER, ("failed", True, 0)),
        (Fault.DELAY, ("answered", True, DELAY_SECONDS)),
        (Fault.CRASH_BEFORE, ("crashed", False, 0)),
        (Fault.CRASH_AFTER, ("crashed", True, 0)),
    ],
)
@simulated
async def test_each_fault_does_what_it_says_at_its_call_only(
    fault: Fault, expected: tuple[str, bool, float]
) -> None:
    script = FaultScript(SimulatedClock(), [FaultRule("store.*", fault, nth=2)])
    fine = ("answered", True, 0)
    assert await call(script, "store.get") == fine
    assert await call(script, "other.get") == fine
    assert await call(script, "store.put") == expected
    assert await call(script, "store.get") == fine
    assert script.injected == {fault: 1}


@simulated
async def test_chance_follows_the_seed() -> None:
    def script(seed: int) -> FaultScript:
        return FaultScript(SimulatedClock(), [FaultRule("*", Fault.FAIL, probability=0.5)], seed)

    runs = [[(await call(one, "a.b"))[0] for _ in range(50)] for one in (script(1), script(1), script(2))]
    assert runs[0] == runs[1] != runs[2]
    assert 10 < runs[0].count("failed") < 40


@simulated
async def test_every_call_takes_its_time_and_quiet_is_quiet() -> None:
    script = FaultScript(SimulatedClock(), [FaultRule("*", Fault.FAIL, probability=1)], latency=(1, 2))
    end, _, took = await call(script, "a.b")
    assert end == "failed"
    assert 1 <= took <= 2
    script.quieten()
    assert (await call(script, "a.b"))[0] == "answered"


def test_a_crash_is_no_error_that_could_be_handled() -> None:
    assert not issubclass(ProcessCrash, Exception)
