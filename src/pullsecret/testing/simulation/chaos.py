"""Who acts, what each call goes through on its way, and what goes wrong there."""

import asyncio
import random
from asyncio.events import Handle
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Any, NoReturn

import attrs

from pullsecret.domain.errors import OperationError, TransientError
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.memory.faults import FaultScript, ProcessCrash
from pullsecret.testing.simulation.history import History
from pullsecret.testing.simulation.seeded_loop import SeededLoop


class Part(Enum):
    """An outside system, with what its silence is told as."""

    BROKER = ("broker", Reason.BROKER_UNAVAILABLE)
    HYPERFLEET = ("hyperfleet", Reason.HYPERFLEET_UNAVAILABLE)
    KUBERNETES = ("kubernetes", Reason.KUBERNETES_UNAVAILABLE)
    CLOUD = ("cloud", Reason.SECRET_MANAGER_UNAVAILABLE)


class CallFault(Enum):
    """What can go wrong with one call."""

    REFUSED = "refused"
    """The connection is refused at once; no effect."""
    TIMED_OUT = "request lost"
    """The request never arrives; the caller waits until it gives up."""
    ANSWER_LOST = "answer lost"
    """It takes effect; the caller waits until it gives up."""
    BUSY = "asked to come back later"
    """Refused as 429 and 503 do, which name a time to wait; no effect."""
    SLOW = "slow"
    """It takes many seconds."""
    LATE = "takes effect after the caller gave up"
    DIES_BEFORE = "caller dies before it takes effect"
    DIES_AFTER = "caller dies after it took effect"


GIVE_UP = 10.0
"""Seconds after which a caller takes a call for lost."""
SLOWEST = 20.0
"""Seconds that a slow call takes at most."""
LATEST = 10.0
"""Seconds after its caller gave up within which a late request takes effect."""

_BUSY_AT_MOST = 60.0
"""Seconds that a busy system asks to wait at most."""

_ADD_VERSION = "secret-store.add-version"

LATE = " (late)"
"""How a call point ends whose effect came late."""


@attrs.define(eq=False)
class Actor:
    """A process of ours. Once dead, nothing that it still does has any effect."""

    name: str
    task: "asyncio.Task[Any] | None" = None
    dead: bool = False
    stopping: bool = False
    """It was told to stop."""
    lost: bool = False
    """The control plane takes it for lost, whether or not it still works."""
    stalled_until: float = 0.0
    """Virtual time before which it gets no processor."""

    def is_told(self) -> bool:
        """True once it was told to stop."""
        return self.stopping

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self.dead = True
        if self.task is not None:
            self.task.cancel()


ACTING: ContextVar[Actor] = ContextVar("acting")
"""Whose code runs."""


@attrs.frozen
class Cut:
    """Two parts that do not reach each other."""

    actor: str
    """The beginning of the name of who is cut off."""
    part: Part
    answers_only: bool
    """Requests arrive, answers do not."""


After = Callable[[Actor, str, tuple[Any, ...], Any], None]


@attrs.define
class Chaos:
    """Draws and counts what goes wrong. Each fault has a number; ``only`` those given happen."""

    loop: SeededLoop
    random: random.Random
    history: History
    rates: Mapping[CallFault, float]
    only: frozenset[int] | None = None
    late_versions: float = 0.0
    """Share of the requests to add a version that take effect late, beside what ``rates`` says."""
    after: After = lambda *_: None
    """Told of each call that took effect: who, call point, arguments, what came back."""
    cuts: list[Cut] = attrs.field(factory=list)
    unanswered: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    """How many calls took effect whose answers were lost, by actor and call point."""
    injected: list[str] = attrs.field(factory=list)
    """Every fault so far, those left out too, by number."""
    healed: bool = False
    _thresholds: list[tuple[float, CallFault]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        total = 0.0
        for fault, rate in self.rates.items():
            total += rate
            self._thresholds.append((total, fault))

    def inject(self, actor: str, what: str, detail: str = "") -> bool:
        """Note that ``what`` goes wrong now; False if this one is to be left out."""
        number = len(self.injected)
        self.injected.append(f"{self.loop.time():.1f} s, {actor}: {what} {detail}".rstrip())
        if self.only is not None and number not in self.only:
            return False
        self.history.add(self.loop.time(), actor, f"FAULT {number}: {what}", detail)
        return True

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.healed = True
        self.cuts.clear()
        self._thresholds.clear()
        self.late_versions = 0.0
        self.loop.before_step = None

    def draw(self, actor: Actor, point: str, subject: str) -> CallFault | None:
        """The fault of this call, if it has one."""
        if self.late_versions and point == _ADD_VERSION and self.random.random() < self.late_versions:
            late = CallFault.LATE
            return late if self.inject(actor.name, late.value, f"{point} {subject}") else None
        if not self._thresholds:
            return None
        drawn = self.random.random()
        for threshold, fault in self._thresholds:
            if drawn < threshold:
                return fault if self.inject(actor.name, fault.value, f"{point} {subject}") else None
        return None

    def cut_off(self, actor: Actor, part: Part) -> Cut | None:
        """What keeps the two apart, if anything does."""
        return next((cut for cut in self.cuts if cut.part is part and actor.name.startswith(cut.actor)), None)

    def kill_at(self, step: int) -> None:
        """Let whichever process runs at loop step ``step``, or next after it, die there."""
        self.loop.before_step = (step, self._kill_actor_of)

    def _kill_actor_of(self, handle: Handle) -> None:
        context = handle._context  # type: ignore[attr-defined]
        actor = context.get(ACTING)
        if actor is None or actor.dead:
            return
        self.loop.before_step = None
        if self.inject(actor.name, "killed between two steps"):
            actor.kill()


@attrs.define(eq=False)
class Link:
    """The way from one process to one outside system."""

    chaos: Chaos
    actor: Actor
    part: Part

    async def call(self, point: str, args: tuple[Any, ...], effect: Callable[[], Awaitable[Any]]) -> Any:
        """Make one call, which takes its time and may go wrong."""
        actor, chaos = self.actor, self.chaos
        if actor.dead:
            raise ProcessCrash(point)
        subject = subject_of(args)
        fault = chaos.draw(actor, point, subject)
        cut = chaos.cut_off(actor, self.part) if chaos.cuts else None
        if cut is not None:
            fault = CallFault.ANSWER_LOST if cut.answers_only else CallFault.TIMED_OUT
        chance = chaos.random.random
        await asyncio.sleep(0.01 + 0.1 * chance())
        if fault is CallFault.LATE:
            delay = GIVE_UP + LATEST * chance()
            chaos.loop.create_task(self._take_effect_late(delay, point, args, subject, effect))
        await self._arrive(fault, point, subject)
        if actor.stalled_until > chaos.loop.time():
            await asyncio.sleep(actor.stalled_until - chaos.loop.time())
        if actor.dead:
            raise ProcessCrash(point)
        try:
            answer = await self._effect(point, args, subject, effect)
        finally:
            if fault is CallFault.ANSWER_LOST:
                chaos.unanswered[actor.name, point] += 1
                await asyncio.sleep(GIVE_UP)
                self._fail(point, subject)
            if fault is CallFault.DIES_AFTER:
                await self._die()
            await asyncio.sleep(0.05 * chance())
        return answer

    async def _arrive(self, fault: CallFault | None, point: str, subject: str) -> None:
        """Raise unless the request arrives while its caller waits."""
        chance = self.chaos.random.random
        match fault:
            case CallFault.REFUSED:
                self._fail(point, subject)
            case CallFault.BUSY:
                self._fail(point, subject, retry_after=_BUSY_AT_MOST * chance())
            case CallFault.TIMED_OUT | CallFault.LATE:
                await asyncio.sleep(GIVE_UP)
                self._fail(point, subject)
            case CallFault.SLOW:
                await asyncio.sleep(SLOWEST * chance())
            case CallFault.DIES_BEFORE:
                await self._die()

    async def _effect(
        self, point: str, args: tuple[Any, ...], subject: str, effect: Callable[[], Awaitable[Any]]
    ) -> Any:
        chaos = self.chaos
        try:
            answer = await effect()
        except Exception as error:
            chaos.history.add(chaos.loop.time(), self.actor.name, point, f"{subject}: {error}")
            raise
        chaos.history.add(chaos.loop.time(), self.actor.name, point, subject)
        chaos.after(self.actor, point, args, answer)
        return answer

    async def _take_effect_late(
        self,
        delay: float,
        point: str,
        args: tuple[Any, ...],
        subject: str,
        effect: Callable[[], Awaitable[Any]],
    ) -> None:
        await asyncio.sleep(delay)
        try:
            await self._effect(point + LATE, args, subject, effect)
        except OperationError:
            return

    async def _die(self) -> NoReturn:
        self.actor.kill()
        await asyncio.get_running_loop().create_future()
        raise ProcessCrash

    def _fail(self, point: str, subject: str, retry_after: float | None = None) -> NoReturn:
        cause = "No answer (simulated)."
        raise TransientError(point, subject, self.part.value[1], cause, retry_after=retry_after)


class Linked:
    """A port on the other end of a :class:`Link`: each coroutine method goes through it."""

    def __init__(self, port: object, prefix: str, link: Link) -> None:
        self._port, self._prefix, self._link = port, prefix, link

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        point = f"{self._prefix}.{name.replace('_', '-')}"
        link = self._link

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await link.call(point, (*args, *kwargs.values()), lambda: method(*args, **kwargs))

        setattr(self, name, call)
        return call


def subject_of(args: tuple[Any, ...]) -> str:
    """What a call is about, in words, and never a payload."""
    if not args:
        return ""
    first = getattr(args[0], "key", None) or getattr(args[0], "ref", args[0])
    for name in ("path", "name", "cluster_id"):
        if (words := getattr(first, name, None)) is not None:
            return str(words)
    return str(first)


@attrs.define(eq=False)
class BrokerLink(FaultScript):
    """The way from one replica to the broker. A settlement that fails leaves the message with the broker."""

    link: Link = attrs.field(kw_only=True)

    @asynccontextmanager
    async def at(self, point: str, subject: str, reason: Reason) -> AsyncIterator[None]:
        """See :class:`FaultScript`."""
        link = self.link
        actor, chaos = link.actor, link.chaos
        if actor.dead:
            raise ProcessCrash(point)
        fault = chaos.draw(actor, point, subject)
        await asyncio.sleep(0.01 + 0.1 * chaos.random.random())
        lost = TransientError(point, subject, reason, "No answer (simulated).")
        cut = chaos.cut_off(actor, link.part)
        if (cut and not cut.answers_only) or fault in (
            CallFault.REFUSED,
            CallFault.BUSY,
            CallFault.TIMED_OUT,
            CallFault.LATE,
        ):
            raise lost
        if fault is CallFault.SLOW:
            await asyncio.sleep(SLOWEST * chaos.random.random())
        if fault is CallFault.DIES_BEFORE:
            await link._die()
        if actor.dead:
            raise ProcessCrash(point)
        yield
        chaos.history.add(chaos.loop.time(), actor.name, point, subject)
        chaos.after(actor, point, (subject,), None)
        if cut or fault is CallFault.ANSWER_LOST:
            raise lost
        if fault is CallFault.DIES_AFTER:
            await link._die()

    def reachable(self, point: str) -> bool:
        """See :class:`FaultScript`."""
        return not self.link.actor.dead and self.link.chaos.cut_off(self.link.actor, self.link.part) is None
