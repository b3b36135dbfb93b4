"""Takes events more slowly while none of them can be handled."""

import attrs
from attrs.validators import ge, gt

from pullsecret.ports.clock import Clock


@attrs.frozen
class IntakePause:
    """When to stop taking events for a while."""

    after: int = attrs.field(default=50, validator=ge(1))
    """So many events in a row whose handling failed pause the intake; one event then tries whether it goes
    on. An event that is handled ends the pause, also one whose turn has not come."""
    seconds: float = attrs.field(default=10.0, validator=gt(0))
    """How long the intake pauses at a time, at most; never longer than the events themselves wait."""


@attrs.define
class IntakeCircuit:
    """Counts how events end, and says how long to take none."""

    policy: IntakePause
    clock: Clock
    _failed: int = 0
    _open_at: float = 0.0

    def handled(self) -> None:
        """An event was settled for good, or has to wait for its turn: whatever events depend on works."""
        self._failed = 0
        self._open_at = 0.0

    def failed(self, delay: float) -> None:
        """An event could not be handled and comes again after ``delay`` seconds."""
        self._failed += 1
        if self._failed >= self.policy.after:
            self._open_at = self.clock.monotonic() + min(delay, self.policy.seconds)

    def wait(self) -> float:
        """Seconds to take no event from now on; 0 means that the caller takes one now."""
        if self._failed < self.policy.after:
            return 0.0
        now = self.clock.monotonic()
        if now < self._open_at:
            return self._open_at - now
        # One event at a time tries, until its end is known.
        self._open_at = now + self.policy.seconds
        return 0.0
