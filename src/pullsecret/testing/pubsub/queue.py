"""What one subscription holds: messages that wait, leases of those that are out, and the policies.

It differs from the service in one point: of messages with one ordering key, the next is sent once the one
before is settled, so there is never a later one out that would have to come again.
"""

import heapq
import itertools
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from pullsecret.testing.pubsub.faults import INVALID_ACK_ID
from pullsecret.testing.pubsub.message_filter import parse_filter
from pullsecret.testing.pubsub.messages import Message, PubsubMessage, ReceivedMessage

_SMALLEST_DEADLINE: Final = 10
_FEWEST_ATTEMPTS: Final = 5


@attrs.define(eq=False)
class Stored:
    """A message until it is settled."""

    message: Message
    size: int
    sequence: int
    visible_at: float = 0.0
    deliveries: int = 0
    failures: int = 0
    """How often it came back: negatively acknowledged, or its lease ended."""
    settled: bool = False


@attrs.define(eq=False)
class Puller:
    """Whoever messages are leased to, and how many it takes at a time; 0 for any number."""

    most_messages: int = 0
    most_bytes: int = 0
    messages: int = 0
    bytes: int = 0

    @property
    def has_room(self) -> bool:
        """Whether it takes one more, however big that is."""
        few = not self.most_messages or self.messages < self.most_messages
        return few and (not self.most_bytes or self.bytes < self.most_bytes)


@attrs.define(eq=False)
class Lease:
    """A delivery that is not settled."""

    stored: Stored
    puller: Puller
    until: float


@attrs.define
class Disturbances:
    """What a service without exactly-once delivery or ordering may do at any time."""

    duplicate: int = 0
    """So many of the next deliveries come twice."""
    newest_first: bool = False


class Queue:
    """Not safe for threads; its owner sees to that. ``forward`` takes what becomes a dead letter, and tells
    whether there was a topic for it."""

    def __init__(self, settings: Message, forward: Callable[["Queue", Message], bool]) -> None:
        self.settings = settings
        self.disturbances = Disturbances()
        self.leases: dict[str, Lease] = {}
        """By ack id."""
        self._forward = forward
        self._passes = parse_filter(settings.filter)
        self._sequence = itertools.count()
        self._ready: list[tuple[int, Stored]] = []
        self._postponed: list[tuple[float, int, Stored]] = []
        self._ended: dict[str, Stored] = {}
        self._first_of_key: dict[str, Stored] = {}
        self._behind: defaultdict[str, deque[Stored]] = defaultdict(deque)

    @property
    def unsettled(self) -> int:
        """Messages that wait or are out."""
        waiting = [stored for _, stored in self._ready] + [stored for *_, stored in self._postponed]
        behind = sum(len(each) for each in self._behind.values())
        out = {id(lease.stored) for lease in self.leases.values()}
        return sum(not stored.settled for stored in waiting) + behind + len(out)

    def offer(self, message: Message) -> None:
        """Take a published message, if the filter lets it pass."""
        if self._passes(message.attributes):
            stored = Stored(message, message.ByteSize(), next(self._sequence))
            heapq.heappush(self._ready, (stored.sequence, stored))

    def take(self, puller: Puller, deadline: float, most: int, now: float) -> list[Message]:
        """Lease up to ``most`` messages for ``deadline`` seconds, as ReceivedMessage."""
        taken: list[Message] = []
        while len(taken) < most and puller.has_room:
            stored = self._next()
            if stored is None:
                break
            stored.deliveries += 1
            for _ in range(self._copies()):
                taken.append(self._lease(stored, puller, now + deadline))
        return taken

    def acknowledge(self, ack_ids: Sequence[str]) -> dict[str, str]:
        """Settle messages. Returns what is wrong with ack ids, where the subscription tells."""
        wrong = {}
        for ack_id in ack_ids:
            lease = self.leases.get(ack_id)
            stored = lease.stored if lease else self._ended.get(ack_id)
            if lease is None and self.settings.enable_exactly_once_delivery:
                wrong[ack_id] = INVALID_ACK_ID
            elif stored is not None:
                self._settle(stored)
        return wrong

    def modify(self, ack_ids: Sequence[str], seconds: float, now: float) -> dict[str, str]:
        """Let leases end in ``seconds``; 0 is a negative acknowledgement. Returns what is wrong, as above."""
        wrong = {}
        for ack_id in ack_ids:
            lease = self.leases.get(ack_id)
            if lease is None:
                if self.settings.enable_exactly_once_delivery:
                    wrong[ack_id] = INVALID_ACK_ID
            elif seconds:
                lease.until = now + seconds
            else:
                self._fail(lease.stored, now)
        return wrong

    def pass_time(self, now: float) -> None:
        """End leases that are over, and let postponed messages through."""
        for stored in {lease.stored for lease in self.leases.values() if lease.until <= now}:
            self._fail(stored, now)
        while self._postponed and self._postponed[0][0] <= now:
            *_, stored = heapq.heappop(self._postponed)
            heapq.heappush(self._ready, (stored.sequence, stored))

    def next_change(self) -> float | None:
        """When :meth:`pass_time` has something to do."""
        times = [lease.until for lease in self.leases.values()]
        if self._postponed:
            times.append(self._postponed[0][0])
        return min(times, default=None)

    @property
    def ack_deadline(self) -> int:
        """Seconds of a lease where the puller asks for no other."""
        return int(self.settings.ack_deadline_seconds) or _SMALLEST_DEADLINE

    def _next(self) -> Stored | None:
        while self._ready:
            if self.disturbances.newest_first:
                self._ready.sort()
                stored = self._ready.pop()[1]
                heapq.heapify(self._ready)
            else:
                stored = heapq.heappop(self._ready)[1]
            if stored.settled:
                continue
            key = stored.message.ordering_key if self.settings.enable_message_ordering else ""
            if key and self._first_of_key.setdefault(key, stored) is not stored:
                self._behind[key].append(stored)
                continue
            return stored
        return None

    def _copies(self) -> int:
        if self.disturbances.duplicate and not self.settings.enable_exactly_once_delivery:
            self.disturbances.duplicate -= 1
            return 2
        return 1

    def _lease(self, stored: Stored, puller: Puller, until: float) -> Message:
        ack_id = uuid.uuid4().hex
        self.leases[ack_id] = Lease(stored, puller, until)
        puller.messages += 1
        puller.bytes += stored.size
        attempt = stored.deliveries if self.settings.HasField("dead_letter_policy") else 0
        return ReceivedMessage(ack_id=ack_id, message=stored.message, delivery_attempt=attempt)

    def _end_leases(self, stored: Stored) -> None:
        for ack_id in [each for each, lease in self.leases.items() if lease.stored is stored]:
            lease = self.leases.pop(ack_id)
            lease.puller.messages -= 1
            lease.puller.bytes -= stored.size
            self._ended[ack_id] = stored

    def _settle(self, stored: Stored) -> None:
        self._end_leases(stored)
        stored.settled = True
        key = stored.message.ordering_key
        if self._first_of_key.get(key) is stored:
            del self._first_of_key[key]
            if behind := self._behind[key]:
                following = behind.popleft()
                heapq.heappush(self._ready, (following.sequence, following))
                # The others wait their turn behind it.
                self._first_of_key[key] = following

    def _fail(self, stored: Stored, now: float) -> None:
        self._end_leases(stored)
        stored.failures += 1
        policy = self.settings.dead_letter_policy
        counts = bool(policy.dead_letter_topic)
        too_often = counts and stored.deliveries >= (policy.max_delivery_attempts or _FEWEST_ATTEMPTS)
        if too_often and self._forward(self, self._dead_letter(stored)):
            self._settle(stored)
            return
        stored.visible_at = now + self._backoff(stored.failures)
        heapq.heappush(self._postponed, (stored.visible_at, stored.sequence, stored))

    def _backoff(self, failures: int) -> float:
        if not self.settings.HasField("retry_policy"):
            return 0.0
        policy = self.settings.retry_policy
        shortest = _seconds(policy, "minimum_backoff", 10)
        longest = _seconds(policy, "maximum_backoff", 600)
        return float(min(longest, shortest * 2 ** min(failures - 1, 20)))

    def _dead_letter(self, stored: Stored) -> Message:
        letter = PubsubMessage()
        letter.CopyFrom(stored.message)
        _, project, _, name = self.settings.name.split("/")
        mark = "CloudPubSubDeadLetterSource"
        letter.attributes[f"{mark}DeliveryCount"] = str(stored.deliveries)
        letter.attributes[f"{mark}Subscription"] = name
        letter.attributes[f"{mark}SubscriptionProject"] = project
        letter.attributes[f"{mark}TopicPublishTime"] = stored.message.publish_time.ToJsonString()
        return letter


def _seconds(policy: Message, field: str, unset: float) -> float:
    return float(getattr(policy, field).ToMilliseconds() / 1000) if policy.HasField(field) else unset
