"""Growing pauses between attempts."""

import attrs


@attrs.frozen
class Backoff:
    """Exponential backoff with full jitter above half: pause k is between half and all of
    ``min(initial * factor**(k-1), maximum)`` seconds.

    Others may have counted the attempts, so that any number must do: powers of floats end in an overflow at
    once, those of integers take all memory first.
    """

    initial: float = attrs.field(default=0.5, converter=float, validator=attrs.validators.gt(0))
    """Seconds of the first pause."""
    factor: float = attrs.field(default=2.0, converter=float, validator=attrs.validators.ge(1))
    """How many times as long each pause is as the one before."""
    maximum: float = attrs.field(default=30.0, converter=float, validator=attrs.validators.gt(0))
    """Seconds that no pause is longer than."""

    def pause(self, attempt: int, chance: float, at_least: float = 0.0) -> float:
        """Seconds to wait after failed attempt ``attempt`` (1, 2, ...).

        ``chance`` is a random number in [0, 1); ``at_least`` is what the other side asked for.
        """
        try:
            ceiling = min(self.initial * self.factor ** (attempt - 1), self.maximum)
        except OverflowError:
            ceiling = self.maximum
        return max(at_least, ceiling * (0.5 + chance / 2))
