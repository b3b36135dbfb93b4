"""What Google's emulator does differently from the service, by Google's own generated client.

And what becomes of events when it crashes, which takes everything it held.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import RetryPolicy, StreamingPullRequest
from tests.integration.fake_pubsub.raw import RawPubSub, data, raw_pubsub
from tests.integration.pubsub.harness import pubsub_harness, pubsub_settings
from tests.integration.pubsub.trial import PATIENCE, REPETITIONS, Record, until

from pullsecret.domain.facts import Interrupted
from pullsecret.testing.brokers.fleet import Fleet
from pullsecret.testing.brokers.pubsub import PubSubEmulator

pytestmark = pytest.mark.service
_HELD_UP = 3.0
_ARRIVES = 30.0
_TRIES = 10


@pytest.fixture
def raw(pubsub: PubSubEmulator) -> Iterator[RawPubSub]:
    with raw_pubsub(pubsub.address, ack_deadline_seconds=10) as raw:
        yield raw


class Stream:
    """A StreamingPull by hand."""

    def __init__(self, raw: RawPubSub, address: str) -> None:
        self.channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        client = SubscriberClient(transport=SubscriberGrpcTransport(channel=self.channel))
        self.requests: queue.Queue[StreamingPullRequest | None] = queue.Queue()
        self.requests.put(StreamingPullRequest(subscription=raw.subscription, stream_ack_deadline_seconds=10))
        self.received: queue.Queue[Any] = queue.Queue()
        self.ended = threading.Event()
        self.call = client.streaming_pull(iter(self.requests.get, None))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for response in self.call:
                for each in response.received_messages:
                    self.received.put(each)
        except exceptions.GoogleAPICallError:
            pass
        self.ended.set()


def cancel(stream: Stream) -> None:
    stream.call.cancel()


def ask_for_no_more(stream: Stream) -> None:
    stream.requests.put(None)


def comes_again_after(
    end: Callable[[Stream], None], raw: RawPubSub, address: str, within: float = _ARRIVES
) -> bool:
    """Whether a message that was given back after its stream ended so comes to the next stream in time."""
    raw.publish("a")
    first = Stream(raw, address)
    try:
        received = first.received.get(timeout=within)
    except queue.Empty:  # it went to a stream of before
        first.channel.close()
        return False
    end(first)
    assert first.ended.wait(_ARRIVES)
    raw.modify(0, received)
    second = Stream(raw, address)
    try:
        raw.ack(second.received.get(timeout=within))
    except queue.Empty:
        return False
    finally:
        ask_for_no_more(second)
        assert second.ended.wait(_ARRIVES)
        for stream in (first, second):
            stream.channel.close()
    return True


def test_it_goes_on_sending_to_streams_that_were_cancelled(raw: RawPubSub, pubsub: PubSubEmulator) -> None:
    """Not each time, but often. So the adapter ends its streams by asking for no more."""
    assert not all(comes_again_after(cancel, raw, pubsub.address, _HELD_UP) for _ in range(_TRIES))


def test_it_sends_to_no_stream_that_asked_for_no_more(raw: RawPubSub, pubsub: PubSubEmulator) -> None:
    assert all(comes_again_after(ask_for_no_more, raw, pubsub.address) for _ in range(3))


def test_it_ignores_the_retry_policy(pubsub: PubSubEmulator) -> None:
    """So the adapter postpones events by their leases, and tests of the policy run on the served fake."""
    policy = RetryPolicy(minimum_backoff=Duration(seconds=60), maximum_backoff=Duration(seconds=60))
    with raw_pubsub(pubsub.address, retry_policy=policy) as raw:
        raw.publish("a")
        (received,) = raw.subscriber.pull(subscription=raw.subscription, max_messages=1).received_messages
        raw.modify(0, received)
        again = raw.subscriber.pull(subscription=raw.subscription, max_messages=1, timeout=_ARRIVES)
        assert data(again.received_messages) == ["a"]


@pytest.mark.parametrize("repetition", range(REPETITIONS))
async def test_it_crashes_under_load(
    pubsub: PubSubEmulator, record_property: Record, repetition: int
) -> None:
    """Topic, subscription and events go with it; the adapter makes them anew, and Sentinel asks again."""
    async with pubsub_harness(pubsub_settings(), prefetch=20) as harness:
        fleet = Fleet(harness.publish)
        async with fleet.served_by(harness.source):
            old = fleet.grow(20)
            await fleet.announce(old)
            await fleet.at_rest(PATIENCE)
            fleet.renew(old)
            await fleet.announce([*old, *fleet.grow(10)])
            lost = fleet.published.total()
            pubsub.kill()
            pubsub.start()  # in this thread: the process ends with the thread that starts it
            await until(lambda: bool(harness.telemetry.of(Interrupted)))
            await there(
                partial(
                    harness.clients.subscriber.get_subscription,
                    subscription=harness.settings.subscription_path,
                )
            )
            await fleet.announce(fleet.clusters)
            await fleet.at_rest(PATIENCE)
        for name, value in fleet.prove(lost).items():
            record_property(name, value)


async def there(find: Callable[[], Any]) -> None:
    """Wait until what was lost is made again."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await asyncio.to_thread(find)
            except exceptions.GoogleAPICallError:
                await asyncio.sleep(0.05)
            else:
                return
