"""Topics and subscriptions, and what calls do to them."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from google.protobuf import empty_pb2
from google.rpc import error_details_pb2
from grpc import StatusCode

from pullsecret.testing.gcp.clock import Clock
from pullsecret.testing.gcp.status import ApiError
from pullsecret.testing.pubsub import messages as m
from pullsecret.testing.pubsub.messages import Message
from pullsecret.testing.pubsub.queue import Puller, Queue

DELETED_TOPIC: Final = "_deleted-topic_"
_MOST_ATTRIBUTES: Final = 100
"""Of a message; see https://cloud.google.com/pubsub/quotas#resource_limits."""
T = TypeVar("T")


class Registry:
    """Every method holds the lock; :attr:`changed` wakes up whoever waits for messages."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.changed = threading.Condition(threading.RLock())
        self.topics: dict[str, Message] = {}
        self.queues: dict[str, Queue] = {}
        self._message_ids = itertools.count(1)

    @property
    def now(self) -> float:
        """Seconds since the epoch, as the test's clock has it."""
        return self.clock.now().timestamp()

    def create_topic(self, request: Message) -> Message:
        """See google.pubsub.v1."""
        with self.changed:
            if request.name in self.topics:
                raise ApiError(
                    StatusCode.ALREADY_EXISTS, f"Resource already exists (resource={request.name})."
                )
            self.topics[request.name] = request
            return request

    def get_topic(self, request: Message) -> Message:
        """See google.pubsub.v1."""
        with self.changed:
            return _found(self.topics, request.topic)

    def delete_topic(self, request: Message) -> Message:
        """See google.pubsub.v1. Its subscriptions stay, with what they hold."""
        with self.changed:
            _found(self.topics, request.topic)
            del self.topics[request.topic]
            for queue in self.queues.values():
                if queue.settings.topic == request.topic:
                    queue.settings.topic = DELETED_TOPIC
            return empty_pb2.Empty()

    def publish(self, request: Message) -> Message:
        """See google.pubsub.v1."""
        with self.changed:
            _found(self.topics, request.topic)
            if any(len(message.attributes) > _MOST_ATTRIBUTES for message in request.messages):
                raise ApiError(StatusCode.INVALID_ARGUMENT, "A message has too many attributes.")
            ids = [self._publish(request.topic, message) for message in request.messages]
            self.changed.notify_all()
            return m.PublishResponse(message_ids=ids)

    def create_subscription(self, request: Message) -> Message:
        """See google.pubsub.v1."""
        with self.changed:
            _found(self.topics, request.topic)
            if request.name in self.queues:
                raise ApiError(
                    StatusCode.ALREADY_EXISTS, f"Resource already exists (resource={request.name})."
                )
            self.queues[request.name] = Queue(request, self._forwarded)
            return request

    def get_subscription(self, request: Message) -> Message:
        """See google.pubsub.v1."""
        with self.changed:
            return _found(self.queues, request.subscription).settings

    def delete_subscription(self, request: Message) -> Message:
        """See google.pubsub.v1. What it holds is gone, and its streams end."""
        with self.changed:
            _found(self.queues, request.subscription)
            del self.queues[request.subscription]
            self.changed.notify_all()
            return empty_pb2.Empty()

    def acknowledge(self, request: Message) -> Message:
        """See google.pubsub.v1."""
        return self._settle(request.subscription, lambda queue: queue.acknowledge(request.ack_ids))

    def modify_ack_deadline(self, request: Message) -> Message:
        """See google.pubsub.v1."""
        seconds = request.ack_deadline_seconds
        return self._settle(
            request.subscription, lambda queue: queue.modify(request.ack_ids, seconds, self.now)
        )

    def pull(self, request: Message, wait: float) -> Message:
        """See google.pubsub.v1. Waits for a message for up to ``wait`` seconds."""
        end, puller = time.monotonic() + wait, Puller()
        with self.changed:
            while not (taken := self.take(request.subscription, puller, None, request.max_messages)):
                left = end - time.monotonic()
                if request.return_immediately or left <= 0:
                    break
                self.wait(request.subscription, left)
            return m.PullResponse(received_messages=taken)

    def take(self, subscription: str, puller: Puller, deadline: float | None, most: int) -> list[Message]:
        """Lease up to ``most`` messages, for ``deadline`` seconds or as the subscription says."""
        with self.changed:
            queue = _found(self.queues, subscription)
            queue.pass_time(self.now)
            return queue.take(puller, deadline or queue.ack_deadline, most, self.now)

    def wait(self, subscription: str, at_most: float) -> None:
        """Return when something may have changed. The caller holds the lock."""
        change = self.queues[subscription].next_change() if subscription in self.queues else None
        soon = at_most if change is None else min(at_most, change - self.now)
        self.changed.wait(max(soon, 0.001))

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        with self.changed:
            self.clock.advance(seconds)
            for queue in self.queues.values():
                queue.pass_time(self.now)
            self.changed.notify_all()

    def _settle(self, subscription: str, how: Callable[[Queue], Mapping[str, str]]) -> Message:
        with self.changed:
            wrong = how(_found(self.queues, subscription))
            self.changed.notify_all()
        if wrong:
            raise ack_failure(wrong)
        return empty_pb2.Empty()

    def _publish(self, topic: str, message: Message) -> str:
        message.message_id = str(next(self._message_ids))
        message.publish_time.FromDatetime(self.clock.now())
        for queue in self.queues.values():
            if queue.settings.topic == topic:
                queue.offer(message)
        return str(message.message_id)

    def _forwarded(self, queue: Queue, letter: Message) -> bool:
        topic = queue.settings.dead_letter_policy.dead_letter_topic
        if topic in self.topics:
            self._publish(topic, letter)
        return topic in self.topics


def ack_failure(wrong: Mapping[str, str]) -> ApiError:
    """How exactly-once delivery tells what is wrong with ack ids."""
    detail = error_details_pb2.ErrorInfo(
        reason="EXACTLY_ONCE_ACKID_FAILURE", domain="pubsub.googleapis.com", metadata=wrong
    )
    return ApiError(
        StatusCode.INVALID_ARGUMENT, "Some acknowledgement ids in the request were invalid.", (detail,)
    )


def _exists(name: str) -> ApiError:
    message = f"Resource already exists in the project (resource={name.rpartition('/')[2]})."
    return ApiError(StatusCode.ALREADY_EXISTS, message)


def _found(things: Mapping[str, T], name: str) -> T:
    if name not in things:
        raise ApiError(StatusCode.NOT_FOUND, f"Resource not found (resource={name.rpartition('/')[2]}).")
    return things[name]
