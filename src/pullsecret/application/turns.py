"""When an event whose cluster is busy looks again."""

import attrs


@attrs.define
class Turns:
    """Spaces out the looks of events that wait for their turn, so that those of thousands of busy clusters
    leave room for the others."""

    per_second: float
    """How many look again in a second, in the long run; where more wait, each waits longer."""
    _next: float = attrs.field(default=0.0, init=False)

    def pause(self, now: float, at_least: float) -> float:
        """Seconds from ``now`` until one more event looks again; ``now`` counts from any moment on."""
        self._next = max(self._next + 1 / self.per_second, now)
        return max(at_least, self._next - now)
