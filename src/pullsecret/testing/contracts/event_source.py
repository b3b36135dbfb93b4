"""What every EventSource does."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import pytest

from pullsecret.domain.events import ClusterEvent, TraceContext
from pullsecret.ports.event_source import Delivery, EventSource, Subscription
from pullsecret.testing.contracts.samples import new_cluster_id

_TRACE = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=value")
_count = iter(range(1, 1_000_000))


class EventSourceHarness(Protocol):
    """What the suite needs beside the source."""

    source: EventSource
    """The source under test; nothing waits in it, and at most :attr:`prefetch` deliveries are unsettled."""
    prefetch: int
    """At least 2."""
    patience: float
    """Seconds within which what is to arrive has arrived, however busy the machine is."""
    moment: float
    """Seconds within which what comes at once has come, as a rule."""

    def another_replica(self) -> EventSource:
        """A second source on the same queue."""
        ...

    async def publish(self, event: ClusterEvent) -> None:
        """Publish ``event`` as Sentinel would."""
        ...

    async def publish_raw(self, headers: Mapping[str, str], body: bytes) -> None:
        """Publish any message."""
        ...

    async def dead_letters(self) -> Sequence[str]:
        """The reasons of the messages put aside."""
        ...


def new_event() -> ClusterEvent:
    """An event never published before."""
    cluster_id = new_cluster_id()
    data = {"clusterId": cluster_id.value, "provider": "gcp", "generation": 1}
    return ClusterEvent(f"evt-{next(_count)}", "sentinel", "cluster.create", cluster_id, data, _TRACE)


@pytest.mark.asyncio
class EventSourceContract:
    """Subclass it and override :meth:`harness`."""

    @pytest.fixture
    async def harness(self) -> EventSourceHarness:
        """The source under test and its surroundings."""
        raise NotImplementedError

    async def next(self, harness: EventSourceHarness, subscription: Subscription) -> Delivery:
        """The next delivery."""
        async with asyncio.timeout(harness.patience):
            delivery = await subscription.receive()
        assert delivery is not None
        return delivery

    async def nothing(self, harness: EventSourceHarness, subscription: Subscription) -> None:
        """Make sure that nothing is delivered for a while."""
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(harness.moment):
                await subscription.receive()

    async def test_an_event_arrives_whole(self, harness: EventSourceHarness) -> None:
        event = new_event()
        await harness.publish(event)
        async with harness.source.subscribe() as subscription:
            delivery = await self.next(harness, subscription)
            assert delivery.event == event
            assert delivery.attempt == 1
            await delivery.ack()

    async def test_what_is_acknowledged_does_not_come_again(self, harness: EventSourceHarness) -> None:
        await harness.publish(new_event())
        async with harness.source.subscribe() as subscription:
            await (await self.next(harness, subscription)).ack()
            await self.nothing(harness, subscription)
        async with harness.another_replica().subscribe() as subscription:
            await self.nothing(harness, subscription)

    async def test_what_is_not_settled_comes_again(self, harness: EventSourceHarness) -> None:
        event = new_event()
        await harness.publish(event)
        async with harness.source.subscribe() as subscription:
            await self.next(harness, subscription)
        async with harness.another_replica().subscribe() as subscription:
            delivery = await self.next(harness, subscription)
            assert delivery.event == event
            await delivery.ack()

    @pytest.mark.parametrize("settlement", ["retry", "defer"])
    async def test_what_is_postponed_comes_again_but_not_at_once(
        self, harness: EventSourceHarness, settlement: str
    ) -> None:
        event = new_event()
        await harness.publish(event)
        async with harness.source.subscribe() as subscription:
            first = await self.next(harness, subscription)
            earliest = asyncio.get_running_loop().time() + harness.moment
            await {"retry": first.retry, "defer": first.defer}[settlement](3 * harness.moment)
            delivery = await self.next(harness, subscription)
            assert delivery.event == event
            assert asyncio.get_running_loop().time() > earliest
            await delivery.ack()

    async def test_a_retry_does_not_hold_up_others(self, harness: EventSourceHarness) -> None:
        late, other = new_event(), new_event()
        await harness.publish(late)
        async with harness.source.subscribe() as subscription:
            await (await self.next(harness, subscription)).retry(harness.patience)
            await harness.publish(other)
            delivery = await self.next(harness, subscription)
            assert delivery.event == other
            await delivery.ack()

    async def test_many_retries_make_no_poison(self, harness: EventSourceHarness) -> None:
        event = new_event()
        await harness.publish(event)
        async with harness.source.subscribe() as subscription:
            for number in range(12):
                delivery = await self.next(harness, subscription)
                assert delivery.event == event
                await (delivery.retry if number % 2 else delivery.defer)(0.0)
            await (await self.next(harness, subscription)).ack()
        assert await harness.dead_letters() == []

    async def test_what_is_put_aside_does_not_come_again(self, harness: EventSourceHarness) -> None:
        await harness.publish(new_event())
        async with harness.source.subscribe() as subscription:
            await (await self.next(harness, subscription)).dead_letter("no use")
            await self.nothing(harness, subscription)
        assert await harness.dead_letters() == ["no use"]

    @pytest.mark.parametrize(
        "body",
        [b"", b"\xff\x00", b"[]", b"{}", b'{"specversion": "1.0"}', b"[" * 100_000],
        ids=["empty", "no text", "list", "no attributes", "too few attributes", "too deep"],
    )
    async def test_a_malformed_message_is_put_aside_and_others_go_on(
        self, harness: EventSourceHarness, body: bytes
    ) -> None:
        event = new_event()
        await harness.publish_raw({}, body)
        await harness.publish(event)
        async with harness.source.subscribe() as subscription:
            delivery = await self.next(harness, subscription)
            assert delivery.event == event
            await delivery.ack()
        (reason,) = await harness.dead_letters()
        assert reason

    async def test_unsettled_deliveries_are_bounded(self, harness: EventSourceHarness) -> None:
        for _ in range(harness.prefetch + 1):
            await harness.publish(new_event())
        async with harness.source.subscribe() as subscription:
            held = [await self.next(harness, subscription) for _ in range(harness.prefetch)]
            await self.nothing(harness, subscription)
            await held[0].ack()
            await (await self.next(harness, subscription)).ack()
            for delivery in held[1:]:
                await delivery.ack()

    async def test_an_open_subscription_is_in_touch_with_its_broker(
        self, harness: EventSourceHarness
    ) -> None:
        async with harness.source.subscribe() as subscription:
            async with asyncio.timeout(harness.patience):
                await subscription.check()

    async def test_stopping_ends_the_waiting(self, harness: EventSourceHarness) -> None:
        async with harness.source.subscribe() as subscription:
            waiting = asyncio.create_task(subscription.receive())
            await asyncio.sleep(0)
            await subscription.stop()
            async with asyncio.timeout(harness.patience):
                assert await waiting is None
                assert await subscription.receive() is None

    async def test_after_stopping_what_is_in_hand_may_be_settled(self, harness: EventSourceHarness) -> None:
        await harness.publish(new_event())
        async with harness.source.subscribe() as subscription:
            delivery = await self.next(harness, subscription)
            await subscription.stop()
            await delivery.ack()
        async with harness.another_replica().subscribe() as subscription:
            await self.nothing(harness, subscription)

    async def test_replicas_share_the_work(self, harness: EventSourceHarness) -> None:
        events = [new_event() for _ in range(10)]
        for event in events:
            await harness.publish(event)
        seen: list[str] = []

        async def consume(source: EventSource) -> None:
            async with source.subscribe() as subscription:
                while len(seen) < len(events):
                    try:
                        async with asyncio.timeout(harness.moment):
                            delivery = await subscription.receive()
                    except TimeoutError:
                        continue
                    assert delivery is not None
                    seen.append(delivery.event.id)
                    await delivery.ack()

        async with asyncio.timeout(harness.patience):
            await asyncio.gather(consume(harness.source), consume(harness.another_replica()))
        assert sorted(seen) == sorted(event.id for event in events)
