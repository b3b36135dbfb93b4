"""A replica is ready once everything it depends on is in reach, and says what is not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest

from pullsecret.domain.errors import OperationError, TransientError
from pullsecret.domain.reasons import Reason
from pullsecret.entrypoints.readiness import Readiness
from pullsecret.infrastructure.intake.checked_source import CheckedEventSource
from pullsecret.ports.event_source import Delivery, Subscription

AWAY = TransientError("subscribe", "queue", Reason.BROKER_UNAVAILABLE, "Nobody answers.")
CUT = TransientError("consume-events", "queue", Reason.BROKER_UNAVAILABLE, "The connection is gone.")


async def well() -> None:
    return


async def ill() -> None:
    raise AWAY


async def hanging() -> None:
    await asyncio.sleep(60)


async def test_it_is_not_ready_before_everything_is_counted_in() -> None:
    readiness = Readiness()
    assert await readiness.problems(1) == ["the adapter is starting"]
    readiness.started()
    assert await readiness.problems(1) == []


async def test_each_system_that_is_out_of_reach_has_a_line() -> None:
    readiness = Readiness()
    for system, probe in {"A": well, "B": ill, "C": hanging, "D": hanging}.items():
        readiness.depends_on(system, probe)
    readiness.started()
    assert await readiness.problems(0.05) == [
        "B: Nobody answers.",
        "C: no answer within 0.05 s",
        "D: no answer within 0.05 s",
    ]


@attrs.define
class Source:
    """EventSource and Subscription port, which fail with what they are given."""

    refusal: OperationError | None = None
    cut: OperationError | None = None

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        if self.refusal:
            raise self.refusal
        yield self

    async def receive(self) -> Delivery | None:
        return None

    async def stop(self) -> None:
        return

    async def check(self) -> None:
        if self.cut:
            raise self.cut


async def problem(checked: CheckedEventSource) -> str | None:
    try:
        await checked.check()
    except OperationError as error:
        return error.cause
    return None


async def test_a_broker_is_in_reach_while_there_is_a_subscription_that_is() -> None:
    source = Source()
    checked = CheckedEventSource(source)
    assert await problem(checked) == "There is no subscription yet."
    async with checked.subscribe():
        assert await problem(checked) is None
        source.cut = CUT
        assert await problem(checked) == CUT.cause
        source.cut = None
        assert await problem(checked) is None
    assert await problem(checked) == "There is no subscription yet."


async def test_a_broker_that_refuses_is_out_of_reach_for_its_own_reason() -> None:
    checked = CheckedEventSource(Source(refusal=AWAY))
    with pytest.raises(TransientError):
        async with checked.subscribe():
            raise AssertionError("it subscribed")
    for _ in range(2):
        assert await problem(checked) == AWAY.cause
