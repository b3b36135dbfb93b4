"""Faults by script: which call fails, how, and when."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from fnmatch import fnmatchcase

import attrs

from pullsecret.domain.errors import TransientError
from pullsecret.domain.reasons import Reason
from pullsecret.ports.clock import Clock


class Fault(Enum):
    """What can go wrong with one call."""

    FAIL = "fail"
    """Refused with a transient error; nothing took effect."""
    LOSE_ANSWER = "lose answer"
    """Took effect, but the caller gets a transient error."""
    DELAY = "delay"
    """Takes ``DELAY_SECONDS`` longer."""
    CRASH_BEFORE = "crash before"
    """The calling process dies before the call takes effect."""
    CRASH_AFTER = "crash after"
    """The calling process dies after the call took effect, before it sees the answer."""
    DROP = "drop"
    """A published message never arrives."""
    DUPLICATE = "duplicate"
    """A published message arrives twice."""


DELAY_SECONDS = 20.0


class ProcessCrash(BaseException):
    """The simulated process dies here. No handler for errors catches it, as none catches a ``kill -9``."""


@attrs.frozen
class FaultRule:
    """At call points matching ``point`` (a glob such as ``secret-store.*``), inject ``fault``.

    Either at the ``nth`` matching call (1, 2, ...), or with ``probability`` at each.
    """

    point: str
    fault: Fault
    nth: int | None = None
    probability: float = 0.0


@attrs.define
class FaultScript:
    """Decides, call by call. The same seed and the same calls give the same faults."""

    clock: Clock
    rules: Sequence[FaultRule] = ()
    seed: int = 0
    latency: tuple[float, float] = (0.0, 0.0)
    """Every call takes a time between the two, in seconds."""
    injected: Counter[Fault] = attrs.field(factory=Counter, init=False)
    _seen: Counter[FaultRule] = attrs.field(factory=Counter, init=False)
    _random: random.Random = attrs.field(
        init=False,
        default=attrs.Factory(lambda self: random.Random(self.seed), takes_self=True),  # noqa: S311
    )

    def quieten(self) -> None:
        """Inject no more faults; latency stays."""
        self.rules = ()

    @asynccontextmanager
    async def at(self, point: str, subject: str, reason: Reason) -> AsyncIterator[None]:
        """Surround the effect of one call; ``reason`` is what a transient fault is told as."""
        fault = self.choose(point)
        await self.clock.sleep(self._random.uniform(*self.latency))
        error = TransientError(point, subject, reason, "The connection was lost (injected fault).")
        if fault is Fault.DELAY:
            await self.clock.sleep(DELAY_SECONDS)
        elif fault is Fault.FAIL:
            raise error
        elif fault is Fault.CRASH_BEFORE:
            raise ProcessCrash(point)
        yield
        if fault is Fault.LOSE_ANSWER:
            raise error
        if fault is Fault.CRASH_AFTER:
            raise ProcessCrash(point)

    def reachable(self, point: str) -> bool:
        """False while nothing comes through at ``point`` that the other side would bring by itself."""
        return True

    def choose(self, point: str) -> Fault | None:
        """The fault for this call, if it is to have one."""
        for rule in self.rules:
            if not fnmatchcase(point, rule.point):
                continue
            self._seen[rule] += 1
            if self._seen[rule] == rule.nth or self._random.random() < rule.probability:
                self.injected[rule.fault] += 1
                return rule.fault
        return None
