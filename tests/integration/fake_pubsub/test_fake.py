"""The fake keeps what Pub/Sub documents; the same is asked of the emulator in tests/integration/pubsub."""

import re
import time
from typing import Any

import pytest
from google.api_core import exceptions
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1.types import DeadLetterPolicy, RetryPolicy
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.fake_pubsub.raw import data, raw_pubsub

from pullsecret.testing.gcp.status import ApiError
from pullsecret.testing.patience import PATIENCE
from pullsecret.testing.pubsub.fake import FakePubSub
from pullsecret.testing.pubsub.faults import TRANSIENT_ACK_FAILURE, Fault
from pullsecret.testing.pubsub.message_filter import parse_filter


def backoff(shortest: int, longest: int) -> RetryPolicy:
    return RetryPolicy(minimum_backoff=Duration(seconds=shortest), maximum_backoff=Duration(seconds=longest))


def test_a_message_is_out_until_it_is_acknowledged_or_its_lease_ends(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address, ack_deadline_seconds=600) as raw:
        raw.publish("a", "b")
        first, second = raw.pull()
        assert raw.pull() == []
        raw.ack(second)
        fake_pubsub.advance(300)
        assert raw.pull() == []
        fake_pubsub.advance(300)
        assert data(raw.pull()) == ["a"]
        assert first.delivery_attempt == 0  # counted only with a dead letter policy


def test_a_lease_can_be_made_longer_and_shorter(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address, ack_deadline_seconds=100) as raw:
        raw.publish("a", "b")
        first, second = raw.pull()
        raw.modify(600, first)
        raw.modify(0, second)
        assert data(raw.pull()) == ["b"]
        fake_pubsub.advance(100)
        assert data(raw.pull()) == ["b"]
        fake_pubsub.advance(500)
        assert sorted(data(raw.pull())) == ["a", "b"]


def test_the_retry_policy_spaces_deliveries(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address, retry_policy=backoff(150, 600)) as raw:
        raw.publish("a")
        # What passes by itself meanwhile is much less.
        for pause in (150, 300, 600, 600):
            raw.modify(0, *raw.pull())
            fake_pubsub.advance(pause / 2)
            assert raw.pull() == []
            fake_pubsub.advance(pause / 2)
        assert data(raw.pull()) == ["a"]


def test_what_is_delivered_too_often_goes_to_the_dead_letter_topic(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address) as base:
        policy = DeadLetterPolicy(dead_letter_topic=base.topic, max_delivery_attempts=5)
        with raw_pubsub(fake_pubsub.address, dead_letter_policy=policy) as raw:
            raw.publish("a", colour="red")
            for attempt in range(1, 6):
                (received,) = raw.pull()
                assert received.delivery_attempt == attempt
                raw.modify(0, received)
            assert raw.pull() == []
            assert fake_pubsub.unsettled(raw.subscription) == 0
            (letter,) = base.pull()
            attributes = dict(letter.message.attributes)
            assert letter.message.data == b"a"
            assert attributes.pop("colour") == "red"
            prefix = "CloudPubSubDeadLetterSource"
            assert attributes.pop(f"{prefix}DeliveryCount") == "5"
            assert attributes.pop(f"{prefix}Subscription") == raw.subscription.rpartition("/")[2]
            assert attributes.pop(f"{prefix}SubscriptionProject") == "example-project"
            assert re.match(r"\d{4}-\d\d-\d\dT", attributes.pop(f"{prefix}TopicPublishTime"))
            assert attributes == {}


def test_without_its_dead_letter_topic_nothing_is_put_aside(fake_pubsub: FakePubSub) -> None:
    policy = DeadLetterPolicy(
        dead_letter_topic="projects/example-project/topics/gone", max_delivery_attempts=5
    )
    with raw_pubsub(fake_pubsub.address, dead_letter_policy=policy) as raw:
        raw.publish("a")
        for _ in range(7):
            raw.modify(0, *raw.pull())
        assert data(raw.pull()) == ["a"]


def test_messages_with_one_key_come_one_after_the_other(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address, enable_message_ordering=True) as raw:
        raw.publish("a1", "a2", "a3", key="a")
        raw.publish("b1", key="b")
        first, other = raw.pull()
        assert data([first, other]) == ["a1", "b1"]
        raw.modify(0, first)
        (first,) = raw.pull()
        assert data([first]) == ["a1"]
        raw.ack(first)
        (second,) = raw.pull()
        assert data([second]) == ["a2"]
        raw.ack(second)
        assert data(raw.pull()) == ["a3"]


def test_exactly_once_delivery_refuses_ack_ids_whose_lease_ended(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address, enable_exactly_once_delivery=True) as raw:
        raw.publish("a")
        (late,) = raw.pull()
        fake_pubsub.advance(11)
        (again,) = raw.pull()
        for refused in (lambda: raw.ack(late), lambda: raw.modify(10, late)):
            with pytest.raises(exceptions.InvalidArgument) as told:
                refused()
            assert told.value.reason == "EXACTLY_ONCE_ACKID_FAILURE"
            assert told.value.metadata == {late.ack_id: "PERMANENT_FAILURE_INVALID_ACK_ID"}
        raw.ack(again)
        fake_pubsub.advance(11)
        assert raw.pull() == []


def test_without_exactly_once_delivery_a_late_acknowledgement_counts(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address) as raw:
        raw.publish("a")
        (late,) = raw.pull()
        fake_pubsub.advance(11)
        raw.pull()
        raw.ack(late)
        fake_pubsub.advance(11)
        assert raw.pull() == []


def test_duplicates_and_disorder(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address) as raw:
        raw.publish("a", "b", "c")
        disturbances = fake_pubsub.disturbances(raw.subscription)
        disturbances.newest_first = True
        disturbances.duplicate = 1
        received = raw.pull()
        assert data(received) == ["c", "c", "b", "a"]
        raw.ack(received[0])
        fake_pubsub.advance(11)
        assert sorted(data(raw.pull())) == ["a", "b"]


def test_a_topic_that_is_deleted_leaves_its_subscriptions(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address) as raw:
        raw.publish("a")
        raw.publisher.delete_topic(topic=raw.topic)
        found = raw.subscriber.get_subscription(subscription=raw.subscription)
        assert found.topic == "_deleted-topic_"
        assert data(raw.pull()) == ["a"]
        with pytest.raises(exceptions.NotFound):
            raw.publish("b")
        raw.subscriber.delete_subscription(subscription=raw.subscription)
        with pytest.raises(exceptions.NotFound):
            raw.pull()


def test_a_message_has_a_hundred_attributes_at_most(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address) as raw:
        raw.publish("a", **{f"note-{number}": "x" for number in range(100)})
        with pytest.raises(exceptions.InvalidArgument):
            raw.publish("b", **{f"note-{number}": "x" for number in range(101)})
        assert data(raw.pull()) == ["a"]


def test_what_is_there_is_not_created_twice(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address) as raw:
        with pytest.raises(exceptions.AlreadyExists):
            raw.publisher.create_topic(name=raw.topic)
        with pytest.raises(exceptions.AlreadyExists):
            raw.subscriber.create_subscription(name=raw.subscription, topic=raw.topic)


@pytest.mark.parametrize(
    ("fault", "raised", "left"),
    [
        (Fault("Acknowledge", StatusCode.PERMISSION_DENIED), exceptions.PermissionDenied, 1),
        (Fault("Acknowledge", StatusCode.ABORTED, takes_effect=True), exceptions.Aborted, 0),
        (Fault("Acknowledge", code=None), None, 1),
        (Fault("Acknowledge", code=None, takes_effect=True, delay=0.01), None, 0),
        (Fault("Acknowledge", ack_failure=TRANSIENT_ACK_FAILURE), exceptions.InvalidArgument, 1),
    ],
    ids=["refused", "answer lost", "request lost", "slow", "ack failure"],
)
def test_faults(fake_pubsub: FakePubSub, fault: Fault, raised: Any, left: int) -> None:
    with raw_pubsub(fake_pubsub.address) as raw:
        raw.publish("a")
        received = raw.pull()
        fake_pubsub.fail(fault)
        if raised:
            with pytest.raises(raised):
                raw.ack(*received)
        else:
            raw.ack(*received)
        assert fake_pubsub.unsettled(raw.subscription) == left
        fake_pubsub.heal()
        raw.ack(*received)
        assert fake_pubsub.unsettled(raw.subscription) == 0


def test_a_fault_may_skip_calls(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address) as raw:
        raw.publish("a", "b")
        first, second = raw.pull()
        fake_pubsub.fail(Fault("Acknowledge", StatusCode.ABORTED, skip=1))
        raw.ack(first)
        with pytest.raises(exceptions.Aborted):
            raw.ack(second)
        raw.ack(second)


def test_it_goes_away_and_comes_back_with_what_it_held(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address) as raw:
        raw.publish("a")
        fake_pubsub.go_away()
        with pytest.raises(exceptions.ServiceUnavailable):
            raw.subscriber.get_subscription(subscription=raw.subscription, retry=None)
        fake_pubsub.come_back()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:  # gRPC connects again in its own time
            try:
                assert data(raw.pull()) == ["a"]
                return
            except exceptions.ServiceUnavailable:
                time.sleep(0.05)
        pytest.fail("it did not come back")


_RED = {"colour": "red", "iana.org/size": "10"}


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ("attributes:colour", True),
        ("attributes:size", False),
        ('attributes."iana.org/size" = "10"', True),
        ('attributes.colour = "red"', True),
        ('attributes.colour != "red"', False),
        ('attributes.shape != "round"', True),
        ('hasPrefix(attributes.colour, "re")', True),
        ('hasPrefix(attributes.shape, "")', False),
        ('NOT attributes:colour OR attributes.colour = "red"', True),
        ('-attributes:colour AND attributes.colour = "red"', False),
        ('attributes:colour AND (attributes:size OR attributes.colour="red")', True),
    ],
)
def test_filters(text: str, passes: bool) -> None:
    assert parse_filter(text)(_RED) is passes


@pytest.mark.parametrize(
    "text", ["colour", 'attributes.colour > "a"', "attributes:a AND attributes:b OR attributes:c", "(", '"a']
)
def test_a_malformed_filter_is_refused(fake_pubsub: FakePubSub, text: str) -> None:
    with pytest.raises(exceptions.InvalidArgument), raw_pubsub(fake_pubsub.address, filter=text):
        pass


@given(st.text(max_size=40))
def test_no_filter_breaks_the_parser(text: str) -> None:
    try:
        predicate = parse_filter(text)
    except ApiError:
        return
    assert predicate({}) in (True, False)


def test_the_filter_keeps_messages_away(fake_pubsub: FakePubSub) -> None:
    with raw_pubsub(fake_pubsub.address, filter='attributes.colour = "red"') as raw:
        raw.publish("a", colour="red")
        raw.publish("b", colour="blue")
        assert data(raw.pull()) == ["a"]
