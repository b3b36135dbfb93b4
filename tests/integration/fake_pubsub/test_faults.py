"""Whatever Pub/Sub does, and the way to it: every published event ends in one converged cluster state.

Google's client and the production use cases serve an embedded world with events from the served fake.
``PULLSECRET_REPETITIONS`` repeats each fault; docs/brokers.md has the results.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import attrs
import pytest
from grpc import StatusCode
from tests.integration.pubsub.harness import PubSubHarness, pubsub_harness, pubsub_settings
from tests.integration.pubsub.trial import PATIENCE, REPETITIONS, WAITING, Record, Trial, until

from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.facts import Interrupted
from pullsecret.infrastructure.intake.circuit import IntakePause
from pullsecret.infrastructure.pubsub.clients import EMULATOR
from pullsecret.infrastructure.pubsub.event_source import stretched
from pullsecret.ports.event_source import EventSource, Subscription
from pullsecret.testing.brokers.fleet import wait_until
from pullsecret.testing.contracts.event_source import new_event
from pullsecret.testing.pubsub.fake import FakePubSub
from pullsecret.testing.pubsub.faults import INVALID_ACK_ID, TRANSIENT_ACK_FAILURE, Fault
from pullsecret.testing.tcp_proxy import CutAfter, tcp_proxy

pytestmark = pytest.mark.parametrize("repetition", range(REPETITIONS))

RESETS = 3
"""Google's client opens a stream five times in ten seconds at most."""


@pytest.fixture
async def harness(fake_pubsub: FakePubSub) -> AsyncIterator[PubSubHarness]:
    async with pubsub_harness(pubsub_settings(), prefetch=20) as harness:
        yield harness


@pytest.fixture
def trial(harness: PubSubHarness, fake_pubsub: FakePubSub, record_property: Record) -> Trial:
    return Trial(harness, record_property, partial(fake_pubsub.unsettled, harness.settings.subscription_path))


async def passes(fake: FakePubSub, seconds: float = 11.0) -> None:
    """Leases that nobody extends end."""
    await asyncio.sleep(0.3)
    fake.advance(seconds)


# What a single call may do: each row is scripted while the fleet is at work.
CALLS = {
    "opening a stream is refused for now": [Fault("StreamingPull", times=3)],
    "acknowledgements are refused for now": [Fault("Acknowledge", times=3)],
    "acknowledgements take effect, answers are lost": [Fault("Acknowledge", takes_effect=True, times=3)],
    "acknowledgements are lost, nobody knows": [Fault("Acknowledge", code=None, times=5)],
    "acknowledgements end in an internal error": [Fault("Acknowledge", StatusCode.INTERNAL, times=5)],
    "changes of leases are refused for now": [Fault("ModifyAckDeadline", times=3)],
    "changes of leases are lost, nobody knows": [Fault("ModifyAckDeadline", code=None, times=20)],
    "every call is slow": [
        Fault("Acknowledge", code=None, takes_effect=True, delay=0.2, times=20),
        Fault("ModifyAckDeadline", code=None, takes_effect=True, delay=0.2, times=20),
    ],
}


@pytest.mark.parametrize("faults", CALLS.values(), ids=CALLS)
async def test_calls_go_wrong(
    trial: Trial, fake_pubsub: FakePubSub, faults: list[Fault], repetition: int
) -> None:
    async def go_wrong() -> None:
        for fault in faults:
            fake_pubsub.fail(fault)
        fake_pubsub.cut_streams()
        await passes(fake_pubsub)
        await until(lambda: trial.fleet.resting == len(trial.fleet.clusters))
        fake_pubsub.heal()
        await passes(fake_pubsub)

    async with trial.fleet.served_by(trial.harness.source):
        await trial.disturbed(go_wrong)
    await trial.proven()


@pytest.mark.parametrize("failure", [INVALID_ACK_ID, TRANSIENT_ACK_FAILURE])
async def test_exactly_once_acknowledgements_are_refused(
    fake_pubsub: FakePubSub, record_property: Record, failure: str, repetition: int
) -> None:
    """For good, so that the event comes again, or for now, so that Google's client tries again."""
    async with pubsub_harness(pubsub_settings(exactly_once=True), prefetch=20) as harness:
        unsettled = partial(fake_pubsub.unsettled, harness.settings.subscription_path)
        trial = Trial(harness, record_property, unsettled)

        async def refuse() -> None:
            fake_pubsub.fail(Fault("Acknowledge", ack_failure=failure, times=3))
            await until(lambda: trial.fleet.resting == len(trial.fleet.clusters))
            while unsettled():
                await passes(fake_pubsub, 61)  # what was refused for good comes again after its deadline
                await asyncio.sleep(0.5)

        async with trial.fleet.served_by(harness.source):
            await trial.disturbed(refuse)
        await trial.proven()


@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.INTERNAL, StatusCode.CANCELLED])
async def test_streams_are_cut_under_load(
    trial: Trial, fake_pubsub: FakePubSub, code: StatusCode, repetition: int
) -> None:
    async def cut() -> None:
        for _ in range(3):
            await until(lambda: fake_pubsub.cut_streams(code) > 0)
            await asyncio.sleep(random.uniform(0.01, 0.1))
        await passes(fake_pubsub)

    async with trial.fleet.served_by(trial.harness.source):
        await trial.disturbed(cut)
    await trial.proven()


async def test_it_is_away_under_load(trial: Trial, fake_pubsub: FakePubSub, repetition: int) -> None:
    async def away() -> None:
        await asyncio.to_thread(fake_pubsub.go_away)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(fake_pubsub.come_back)
        await passes(fake_pubsub)

    async with trial.fleet.served_by(trial.harness.source, trial.harness.another_replica()):
        await trial.disturbed(away)
    await trial.proven()


async def test_everything_comes_twice_and_the_newest_first(
    trial: Trial, fake_pubsub: FakePubSub, repetition: int
) -> None:
    disturbances = fake_pubsub.disturbances(trial.harness.settings.subscription_path)
    disturbances.newest_first, disturbances.duplicate = True, 1000
    async with trial.fleet.served_by(trial.harness.source):
        await trial.disturbed(partial(asyncio.sleep, 0))
    assert disturbances.duplicate < 1000
    await trial.proven()


async def test_a_right_is_taken_and_given_back(
    trial: Trial, fake_pubsub: FakePubSub, repetition: int
) -> None:
    """It is told with what to do, and the consumer comes back."""
    refused = StatusCode.PERMISSION_DENIED

    async def take() -> None:
        for method in ("StreamingPull", "Acknowledge", "ModifyAckDeadline", "GetSubscription"):
            fake_pubsub.fail(Fault(method, refused, times=None))
        fake_pubsub.cut_streams(refused)
        await until(lambda: bool(told(trial, PermanentError)))
        fake_pubsub.heal()
        await passes(fake_pubsub)

    async with trial.fleet.served_by(trial.harness.source):
        await trial.disturbed(take)
    assert "docs/brokers.md" in (told(trial, PermanentError)[0].error.remedy or "")
    await trial.proven()


def told(trial: Trial, kind: type[OperationError]) -> list[Interrupted]:
    return [fact for fact in trial.harness.telemetry.of(Interrupted) if isinstance(fact.error, kind)]


async def test_the_subscription_is_deleted(trial: Trial, fake_pubsub: FakePubSub, repetition: int) -> None:
    """With topology create it is made again. What it held is gone with it, and Sentinel asks anew."""
    fleet, path = trial.fleet, trial.harness.settings.subscription_path
    clients = trial.harness.clients
    async with fleet.served_by(trial.harness.source):
        await trial.disturbed(partial(asyncio.sleep, 0), clusters=10)
        await asyncio.to_thread(clients.subscriber.delete_subscription, subscription=path)
        await until(lambda: fake_pubsub.serves(path))
        await trial.disturbed(partial(asyncio.sleep, 0), clusters=10)
    await trial.proven()


async def test_the_topic_is_deleted(
    trial: Trial, harness: PubSubHarness, fake_pubsub: FakePubSub, repetition: int
) -> None:
    """What was published before is handled, and the adapter tells what to do."""
    fleet = trial.fleet
    await fleet.announce(fleet.grow(10))
    await asyncio.to_thread(harness.clients.publisher.delete_topic, topic=harness.settings.topic_path)
    async with fleet.served_by(harness.source):
        await trial.ends()
    await trial.proven()
    async with harness.source.subscribe() as subscription:
        with pytest.raises(PermanentError, match="topic was deleted"):
            await subscription.check()


@attrs.frozen
class Through:
    """A source that reaches the fake by another way."""

    source: EventSource
    port: int

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(EMULATOR, f"127.0.0.1:{self.port}")
            opening = self.source.subscribe()
            subscription = await opening.__aenter__()
        try:
            yield subscription
        finally:
            await opening.__aexit__(None, None, None)


async def test_connections_are_reset_under_load(
    trial: Trial, fake_pubsub: FakePubSub, repetition: int
) -> None:
    async with tcp_proxy(fake_pubsub.port) as proxy:

        async def reset() -> None:
            for _ in range(RESETS):
                await asyncio.sleep(random.uniform(0.01, 0.15))
                before = proxy.connections
                proxy.reset_all()
                await until(lambda: proxy.connections > before)  # noqa: B023 - awaited here
            await passes(fake_pubsub)

        async with trial.fleet.served_by(Through(trial.harness.source, proxy.port)):
            await trial.disturbed(reset)
    await trial.proven()


@pytest.mark.parametrize("cut_after", [1, 60, 500, 1_000, 5_000])
async def test_a_connection_is_cut_at_any_byte(
    trial: Trial, harness: PubSubHarness, fake_pubsub: FakePubSub, repetition: int, cut_after: int
) -> None:
    """In HTTP/2's settings, headers and data, while topology is verified and while messages arrive."""
    await trial.fleet.announce(trial.fleet.grow(20))
    async with tcp_proxy(fake_pubsub.port) as proxy:
        source = Through(
            attrs.evolve(harness.source, settings=attrs.evolve(harness.settings, timeout=2)), proxy.port
        )
        proxy.cut = lambda: CutAfter(cut_after)
        with suppress(OperationError, TimeoutError):
            async with trial.fleet.served_until_killed_by(source):
                await until(lambda: proxy.connections > 0)
                async with asyncio.timeout(1):
                    await until(lambda: proxy.connections > 1)
        assert proxy.connections
        proxy.cut = None
        fake_pubsub.advance(61)
        async with trial.fleet.served_by(source):
            await trial.ends()
    await trial.proven()


async def test_a_half_open_connection(
    trial: Trial, harness: PubSubHarness, fake_pubsub: FakePubSub, repetition: int
) -> None:
    """Nothing arrives and nothing is refused; keepalives find out."""
    quick = attrs.evolve(harness.source, settings=attrs.evolve(harness.settings, keepalive=0.5))
    async with tcp_proxy(fake_pubsub.port) as proxy:

        async def hold() -> None:
            before = proxy.connections
            proxy.hold()
            await until(lambda: proxy.connections > before)
            proxy.release()
            await passes(fake_pubsub)

        async with trial.fleet.served_by(Through(quick, proxy.port)):
            await trial.disturbed(hold)
    await trial.proven()


async def test_one_of_two_replicas_dies(
    trial: Trial, harness: PubSubHarness, fake_pubsub: FakePubSub, repetition: int
) -> None:
    """Its connection is cut for good, with events in hand."""
    async with tcp_proxy(fake_pubsub.port) as proxy:
        quick = attrs.evolve(harness.settings, timeout=1, shutdown_timeout=1)
        dying = Through(attrs.evolve(harness.source, settings=quick), proxy.port)
        async with trial.fleet.served_by(harness.another_replica()):

            async def die() -> None:
                async with trial.fleet.served_until_killed_by(dying):
                    await asyncio.sleep(0.3)
                    proxy.hold()
                    await asyncio.sleep(0.1)
                await passes(fake_pubsub, 61)

            await trial.disturbed(die)
        proxy.reset_all()
    await trial.proven()


async def test_a_slow_consumer_holds_no_more_than_its_concurrency(
    harness: PubSubHarness, fake_pubsub: FakePubSub, repetition: int
) -> None:
    path = harness.settings.subscription_path
    for _ in range(50):
        await harness.publish(new_event())
    async with harness.source.subscribe() as subscription:
        await subscription.receive()
        await until(lambda: len(fake_pubsub.leases(path)) >= harness.prefetch)
        await asyncio.sleep(0.3)
        assert len(fake_pubsub.leases(path)) == harness.prefetch
    await until(lambda: fake_pubsub.leases(path) == [])
    assert fake_pubsub.unsettled(path) == 50


async def test_large_and_many_messages(trial: Trial, harness: PubSubHarness, repetition: int) -> None:
    """An event of a million bytes, and many that wait at the start."""
    fleet = trial.fleet
    events = [fleet.event(cluster) for cluster in fleet.grow(20) for _ in range(WAITING // 20)]
    large = attrs.evolve(fleet.event(fleet.clusters[0]), data={"filler": "x" * 1_000_000})
    await harness.publish_all([large, *events])
    async with fleet.served_by(harness.source):
        await trial.ends()
    await trial.proven()


async def test_a_lease_is_extended_while_an_event_is_in_hand(
    harness: PubSubHarness, fake_pubsub: FakePubSub, repetition: int
) -> None:
    path = harness.settings.subscription_path
    await harness.publish(new_event())
    async with harness.source.subscribe() as subscription:
        delivery = await subscription.receive()
        assert delivery is not None
        fake_pubsub.advance(5)
        (left,) = fake_pubsub.leases(path)
        await until(lambda: fake_pubsub.leases(path)[0] > left + 1)
        await delivery.ack()
    assert fake_pubsub.unsettled(path) == 0


async def test_a_lease_is_extended_up_to_its_maximum(
    fake_pubsub: FakePubSub, caplog: pytest.LogCaptureFixture, repetition: int
) -> None:
    """Whoever holds an event longer than that has lost it to another replica."""
    # Google's loggers tell nobody above them.
    logging.getLogger("google").addHandler(caplog.handler)
    settings = pubsub_settings(max_lease=0.1)
    async with pubsub_harness(settings) as harness:
        event = new_event()
        await harness.publish(event)
        async with harness.source.subscribe() as slow:
            assert await slow.receive() is not None
            await until(lambda: "leased too long" in caplog.text)
            fake_pubsub.advance(11)
            async with harness.another_replica().subscribe() as other:
                taken = [asyncio.ensure_future(each.receive()) for each in (slow, other)]
                done, waiting = await asyncio.wait(taken, return_when=asyncio.FIRST_COMPLETED)
                (again,) = [task.result() for task in done]
                assert again is not None
                assert again.event == event
                await again.ack()
                for task in waiting:
                    task.cancel()
    assert fake_pubsub.unsettled(settings.subscription_path) == 0


async def test_an_acknowledgement_that_exactly_once_delivery_refuses_is_told(
    fake_pubsub: FakePubSub, repetition: int
) -> None:
    async with pubsub_harness(pubsub_settings(exactly_once=True)) as harness:
        await harness.publish(new_event())
        async with harness.source.subscribe() as subscription:
            delivery = await subscription.receive()
            assert delivery is not None
            fake_pubsub.fail(Fault("Acknowledge", ack_failure=INVALID_ACK_ID))
            with pytest.raises(TransientError):
                await delivery.ack()
            fake_pubsub.advance(61)
            again = await subscription.receive()
            assert again is not None
            assert again.event == delivery.event
            await again.ack()
        assert fake_pubsub.unsettled(harness.settings.subscription_path) == 0


async def test_what_loses_its_consumers_is_put_aside(fake_pubsub: FakePubSub, repetition: int) -> None:
    """By Pub/Sub's dead letter policy, which counts."""
    # What is given back at once might go out on the stream that is just ending, which counts too.
    settings = pubsub_settings(delivery_attempts=5, retry_minimum=10.0, retry_maximum=10.0)
    async with pubsub_harness(settings) as harness:
        await harness.publish(new_event())
        for attempt in range(1, 6):
            async with harness.source.subscribe() as subscription:
                delivery = await subscription.receive()
                assert delivery is not None
                assert delivery.attempt == attempt
            fake_pubsub.advance(11)
        assert fake_pubsub.unsettled(settings.subscription_path) == 0
        assert fake_pubsub.unsettled(settings.dead_letter_subscription_path) == 1


async def test_postponed_events_outlast_an_outage_of_hours(fake_pubsub: FakePubSub, repetition: int) -> None:
    """Of the hundred deliveries that Pub/Sub allows."""
    settings = pubsub_settings(retry_minimum=1.0, retry_maximum=30.0, pause=IntakePause(after=1000))
    path = settings.subscription_path
    async with pubsub_harness(settings) as harness:
        await harness.publish(new_event())
        gone = 0.0
        async with harness.source.subscribe() as subscription:
            while gone < 2.5 * 3600:
                delivery = await subscription.receive()
                assert delivery is not None
                await delivery.retry(30.0)
                # Google's client may extend the lease once more meanwhile, which then makes it shorter.
                with suppress(TimeoutError):
                    await wait_until(lambda: max(fake_pubsub.leases(path), default=0) > 15, patience=5)
                fake_pubsub.advance(max(fake_pubsub.leases(path)))
                gone += stretched(30.0, delivery.attempt)
                fake_pubsub.advance(31)  # the retry policy's pause
                gone += 31
        assert fake_pubsub.unsettled(path) == 1
        assert await harness.dead_letters() == []


async def test_when_nothing_can_be_handled_the_intake_pauses(
    fake_pubsub: FakePubSub, repetition: int
) -> None:
    settings = pubsub_settings(pause=IntakePause(after=3, seconds=30))
    async with pubsub_harness(settings, prefetch=10) as harness:
        for _ in range(8):
            await harness.publish(new_event())
        taken = 0
        async with harness.source.subscribe() as subscription:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE) as time_left:
                    while (delivery := await subscription.receive()) is not None:
                        taken += 1
                        await delivery.retry(20)
                        if taken == 3:
                            time_left.reschedule(asyncio.get_running_loop().time() + 1)
        assert taken == 3


async def test_events_whose_turn_has_not_come_pause_no_intake(
    fake_pubsub: FakePubSub, repetition: int
) -> None:
    settings = pubsub_settings(pause=IntakePause(after=3, seconds=2 * PATIENCE))
    async with pubsub_harness(settings, prefetch=10) as harness:
        for _ in range(8):
            await harness.publish(new_event())
        async with harness.source.subscribe() as subscription, asyncio.timeout(PATIENCE):
            for _ in range(8):
                delivery = await subscription.receive()
                assert delivery is not None
                await delivery.defer(2 * PATIENCE)


async def test_stopping_while_pubsub_is_away_ends(
    harness: PubSubHarness, fake_pubsub: FakePubSub, repetition: int
) -> None:
    """Whatever Google's client is doing at that moment; what is in hand comes again after its lease."""
    path = harness.settings.subscription_path
    quick = attrs.evolve(harness.settings, timeout=0.5, shutdown_timeout=0.5)
    event = new_event()
    await harness.publish(event)
    for moment in (0.0, 0.0, 0.01, 0.02, 0.05):
        async with attrs.evolve(harness.source, settings=quick).subscribe() as subscription:
            assert await subscription.receive() is not None
            await asyncio.to_thread(fake_pubsub.go_away)
            await asyncio.sleep(moment)
            await subscription.stop()
        await asyncio.to_thread(fake_pubsub.come_back)
        fake_pubsub.advance(61)
    async with harness.source.subscribe() as subscription:
        again = await subscription.receive()
        assert again is not None
        assert again.event == event
        await again.ack()
    assert fake_pubsub.unsettled(path) == 0


async def test_what_a_lost_stream_brought_can_be_acknowledged(
    harness: PubSubHarness, fake_pubsub: FakePubSub, repetition: int
) -> None:
    path = harness.settings.subscription_path
    await harness.publish(new_event())
    async with harness.source.subscribe() as subscription:
        delivery = await subscription.receive()
        assert delivery is not None
        fake_pubsub.cut_streams(StatusCode.PERMISSION_DENIED)
        await until(lambda: bool(harness.telemetry.of(Interrupted)))
        await delivery.ack()
        assert fake_pubsub.unsettled(path) == 0
