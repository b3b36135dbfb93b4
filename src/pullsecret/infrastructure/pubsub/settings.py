"""How Google Cloud Pub/Sub is reached, and what is expected there."""

import attrs
from attrs.validators import and_, ge, gt, le, min_len, optional

from pullsecret.infrastructure.intake.circuit import IntakePause
from pullsecret.infrastructure.intake.topology import Topology


@attrs.frozen
class PubSubSettings:
    """Names in Google Cloud Pub/Sub. The identity is the pod's own (Workload Identity) or whatever Google's
    libraries find; with ``PUBSUB_EMULATOR_HOST`` in the environment the emulator there is used."""

    project: str = attrs.field(validator=min_len(1))
    """The Google Cloud project that holds topic and subscription."""
    topic: str = attrs.field(default="hyperfleet-clusters", validator=min_len(3))
    """Where Sentinel publishes."""
    subscription: str = attrs.field(validator=min_len(3))
    """What all replicas share. By default the topic's name and ``-pullsecret``."""
    dead_letter_topic: str = attrs.field(validator=min_len(3))
    """Where messages are put aside. By default the subscription's name and ``-dlq``."""
    dead_letter_subscription: str = attrs.field(validator=min_len(3))
    """What keeps them until a person looks. By default the dead letter topic's name."""
    endpoint: str | None = None
    """Host and port of a regional endpoint; by default the global one."""
    topology: Topology = Topology.VERIFY
    """``verify`` or ``create``."""
    filter: str | None = None
    """Pub/Sub's own filter on attributes, for a subscription that is created."""
    ordering: bool = True
    """Whether a created subscription keeps the order of messages with the same ordering key."""
    exactly_once: bool = False
    """Whether a created subscription delivers exactly once. An existing one's setting is always honoured."""
    ack_deadline: int = attrs.field(default=60, validator=and_(ge(10), le(600)))
    """Seconds until a created subscription brings a message again whose consumer is silent."""
    retry_minimum: float = attrs.field(default=1.0, validator=[ge(0), le(600)])
    """Seconds. The created subscription's retry policy: the first pause after a consumer lost a message."""
    retry_maximum: float = attrs.field(default=30.0, validator=[ge(0), le(600)])
    """Seconds. Its longest pause. Added to the delay that the adapter asks for itself."""
    delivery_attempts: int = attrs.field(default=100, validator=and_(ge(5), le(100)))
    """A created subscription puts a message aside that was delivered so often. Postponed deliveries count,
    so the adapter stretches its delays: a hundred take at least two and a half hours."""
    retention: int = attrs.field(default=7 * 86_400, validator=and_(ge(600), le(31 * 86_400)))
    """Seconds that created subscriptions keep what nobody took."""
    max_lease: float = attrs.field(default=1800.0, validator=gt(0))
    """Seconds for which the deadline of an event in hand is extended; after that it goes to somebody else."""
    max_bytes: int = attrs.field(default=64 * 1024 * 1024, validator=ge(1024 * 1024))
    """Bytes of events in hand at a time, beside their number."""
    timeout: float = attrs.field(default=10.0, validator=gt(0))
    """Seconds for one call."""
    keepalive: float | None = attrs.field(default=None, validator=optional(gt(0)))
    """Seconds of silence after which the connection is tried; it is given up after as many again, twenty at
    most. By default 30, and never at the emulator, which takes offence."""
    shutdown_timeout: float = attrs.field(default=5.0, validator=gt(0))
    """Seconds for the last acknowledgements to be sent when the adapter stops."""
    pause: IntakePause = attrs.field(factory=IntakePause)
    """When no event can be handled."""

    @subscription.default
    def _subscription_of_the_topic(self) -> str:
        return f"{self.topic}-pullsecret"

    @dead_letter_topic.default
    def _dead_letters_of_the_subscription(self) -> str:
        return f"{self.subscription}-dlq"

    @dead_letter_subscription.default
    def _named_as_its_topic(self) -> str:
        return self.dead_letter_topic

    @property
    def topic_path(self) -> str:
        """The topic's full name."""
        return f"projects/{self.project}/topics/{self.topic}"

    @property
    def subscription_path(self) -> str:
        """The subscription's full name."""
        return f"projects/{self.project}/subscriptions/{self.subscription}"

    @property
    def dead_letter_topic_path(self) -> str:
        """Its full name."""
        return f"projects/{self.project}/topics/{self.dead_letter_topic}"

    @property
    def dead_letter_subscription_path(self) -> str:
        """Its full name."""
        return f"projects/{self.project}/subscriptions/{self.dead_letter_subscription}"
