"""The circuit, driven through random outages on a clock of its own."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pullsecret.domain.backoff import Backoff
from pullsecret.infrastructure.hyperfleet.circuit import Circuit
from pullsecret.infrastructure.hyperfleet.settings import CircuitPolicy
from pullsecret.infrastructure.system_clock import SystemClock

POLICY = CircuitPolicy(failures=3, pause=Backoff(initial=2, factor=2, maximum=30))


class Hand(SystemClock):
    """Time moves when it is moved."""

    time = 0.0

    def monotonic(self) -> float:
        return self.time

    def chance(self) -> float:
        return 0.5


class CircuitMachine(RuleBasedStateMachine):
    """Requests begin, and end in one of three ways, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Hand()
        self.circuit = Circuit(POLICY, self.clock)
        self.in_flight = 0
        self.failures = 0

    @rule(seconds=st.floats(min_value=0, max_value=60))
    def time_passes(self, seconds: float) -> None:
        self.clock.time += seconds

    @rule()
    def ask(self) -> None:
        wait = self.circuit.wait()
        assert 0 <= wait <= POLICY.pause.maximum + 2 * POLICY.pause.initial
        if self.failures < POLICY.failures:
            assert wait == 0.0
        self.in_flight += wait == 0.0

    @precondition(lambda self: self.in_flight)
    @rule()
    def answered(self) -> None:
        self.in_flight -= 1
        self.failures = 0
        self.circuit.succeeded()

    @precondition(lambda self: self.in_flight)
    @rule()
    def unanswered(self) -> None:
        self.in_flight -= 1
        self.failures += 1
        self.circuit.failed()

    @precondition(lambda self: self.in_flight)
    @rule()
    def given_up(self) -> None:
        self.in_flight -= 1
        self.circuit.abandoned()

    @invariant()
    def it_never_stays_shut(self) -> None:
        """With nothing in flight, after the longest pause a request is let through."""
        if self.in_flight == 0:
            self.clock.time += POLICY.pause.maximum
            assert self.circuit.wait() == 0.0
            self.circuit.abandoned()


TestCircuit = CircuitMachine.TestCase
TestCircuit.settings = settings(deadline=None, max_examples=60)
