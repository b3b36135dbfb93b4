"""Stops asking an API that does not answer, and finds out when it is back."""

from collections.abc import Callable

import attrs

from pullsecret.domain.facts import CircuitState
from pullsecret.infrastructure.hyperfleet.settings import CircuitPolicy
from pullsecret.ports.clock import Clock


@attrs.define
class Circuit:
    """A circuit breaker: closed, open for a growing pause, then half open for one request at a time."""

    policy: CircuitPolicy
    clock: Clock
    on_change: Callable[[CircuitState], None] = lambda _: None
    """Called with each new state."""
    _failures: int = 0
    _openings: int = 0
    _closed_at: float | None = None
    """Monotonic time at which an open circuit lets one request through; None while closed."""
    _probing: bool = False

    def wait(self) -> float:
        """Seconds until asking makes sense; 0 means now, and then the caller must report how it went.

        The wait is spread by chance, so that those who waited do not all come back at once.
        """
        if self._closed_at is None:
            return 0.0
        remaining = self._closed_at - self.clock.monotonic()
        if remaining <= 0 and not self._probing:
            self._probing = True
            self.on_change(CircuitState.HALF_OPEN)
            return 0.0
        floor = self.policy.pause.initial
        return max(remaining, floor) + floor * self.clock.chance()

    def succeeded(self) -> None:
        """The API answered."""
        if self._closed_at is not None:
            self.on_change(CircuitState.CLOSED)
        self._failures = self._openings = 0
        self._closed_at = None
        self._probing = False

    def failed(self) -> None:
        """The API did not answer, or only with a server fault."""
        self._failures += 1
        if self._probing or (self._closed_at is None and self._failures >= self.policy.failures):
            self._openings += 1
            pause = self.policy.pause.pause(self._openings, self.clock.chance())
            self._closed_at = self.clock.monotonic() + pause
            self._probing = False
            self.on_change(CircuitState.OPEN)

    def abandoned(self) -> None:
        """The request was given up by its caller; nothing was learnt."""
        if self._probing:
            self.on_change(CircuitState.OPEN)
        self._probing = False
