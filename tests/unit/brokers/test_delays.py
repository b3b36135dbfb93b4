"""Postponing at Pub/Sub: counted deliveries last for hours; the intake pauses when nothing works."""

from datetime import UTC, datetime

import attrs
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.infrastructure.intake.circuit import IntakeCircuit, IntakePause
from pullsecret.infrastructure.pubsub.event_source import stretched


@given(st.floats(min_value=0, max_value=10_000), st.integers(min_value=1, max_value=2**31))
def test_a_delay_is_one_that_pubsub_takes_and_never_shorter(delay: float, attempt: int) -> None:
    assert min(delay, 600) <= stretched(delay, attempt) <= 600


def test_a_hundred_deliveries_take_hours_even_at_short_delays() -> None:
    assert sum(stretched(2.0, attempt) for attempt in range(1, 100)) > 2.5 * 3600


@attrs.define
class HandClock:
    """Moved by the test."""

    time: float = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)

    def monotonic(self) -> float:
        return self.time

    def chance(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_the_intake_pauses_after_so_many_in_a_row_and_tries_one_at_a_time() -> None:
    clock = HandClock()
    circuit = IntakeCircuit(IntakePause(after=3, seconds=10), clock)
    for _ in range(2):
        circuit.failed(60)
    assert circuit.wait() == 0
    circuit.failed(60)
    assert circuit.wait() == 10
    clock.time += 10
    assert circuit.wait() == 0  # this one tries
    assert circuit.wait() == 10  # the next one waits for its end
    circuit.handled()
    assert circuit.wait() == 0


def test_the_intake_never_pauses_longer_than_events_wait() -> None:
    circuit = IntakeCircuit(IntakePause(after=1, seconds=10), HandClock())
    circuit.failed(0.5)
    assert circuit.wait() == 0.5
