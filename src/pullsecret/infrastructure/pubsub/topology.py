"""What must be there: topic, subscription, dead letter topic, and a subscription that keeps dead letters.

Every function here blocks; call it from a thread.
"""

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import attrs
from google.api_core import exceptions
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import types

from pullsecret.domain.errors import OperationError, PermanentError
from pullsecret.infrastructure.intake.operations import Finding
from pullsecret.infrastructure.intake.topology import Topology
from pullsecret.infrastructure.pubsub.clients import PubSubClients
from pullsecret.infrastructure.pubsub.failures import failure
from pullsecret.infrastructure.pubsub.settings import PubSubSettings


@attrs.frozen
class Part:
    """A topic or a subscription."""

    name: str
    find: Callable[[], Any]
    """Raises ``NotFound`` if it is missing."""
    create: Callable[[], Any]
    how_to_create: str
    """A command line."""


def parts(clients: PubSubClients, settings: PubSubSettings) -> Iterator[Part]:
    """Every part, in an order in which they can be made."""
    yield _topic(clients, settings, settings.topic_path)
    yield _topic(clients, settings, settings.dead_letter_topic_path)
    dead_letters = types.Subscription(
        name=settings.dead_letter_subscription_path,
        topic=settings.dead_letter_topic_path,
        message_retention_duration=Duration(seconds=settings.retention),
        expiration_policy=types.ExpirationPolicy(),
    )
    yield _subscription(clients, settings, dead_letters, "")
    yield _subscription(clients, settings, subscription(settings), _flags(settings))


def subscription(settings: PubSubSettings) -> types.Subscription:
    """The subscription that a configuration asks for."""
    return types.Subscription(
        name=settings.subscription_path,
        topic=settings.topic_path,
        ack_deadline_seconds=settings.ack_deadline,
        message_retention_duration=Duration(seconds=settings.retention),
        enable_message_ordering=settings.ordering,
        enable_exactly_once_delivery=settings.exactly_once,
        filter=settings.filter or "",
        expiration_policy=types.ExpirationPolicy(),
        retry_policy=types.RetryPolicy(
            minimum_backoff=_duration(settings.retry_minimum),
            maximum_backoff=_duration(settings.retry_maximum),
        ),
        dead_letter_policy=types.DeadLetterPolicy(
            dead_letter_topic=settings.dead_letter_topic_path,
            max_delivery_attempts=settings.delivery_attempts,
        ),
    )


def ensure(clients: PubSubClients, settings: PubSubSettings) -> None:
    """Verify that everything is there, or create what is missing, as configured.

    Raises a permanent error naming what is missing or not allowed, or a transient one.
    """
    for part in parts(clients, settings):
        try:
            _ensured(part, settings.topology)
        except Exception as error:  # the library raises whatever its parts do
            raise failure("check-topology", part.name, error) from None


def _ensured(part: Part, topology: Topology) -> None:
    try:
        part.find()
    except exceptions.NotFound:
        if topology is Topology.VERIFY:
            raise
        try:
            part.create()
        except exceptions.AlreadyExists:
            return  # another replica was faster


def inspect(clients: PubSubClients, settings: PubSubSettings) -> list[Finding]:
    """Look for every part, and at the subscription's properties; nothing is created.

    Raises a transient error if Pub/Sub does not answer.
    """
    findings = []
    for part in parts(clients, settings):
        problem = None
        try:
            found = part.find()
            if part.name == settings.subscription_path:
                problem = _difference(found, settings)
        except Exception as fault:  # the library raises whatever its parts do
            error: OperationError = failure("check-topology", part.name, fault)
            if not isinstance(error, PermanentError):
                raise error from None
            problem = error.cause
        findings.append(Finding(part.name, problem, part.how_to_create))
    return findings


def _difference(found: types.Subscription, settings: PubSubSettings) -> str | None:
    if found.topic != settings.topic_path:
        return f"It belongs to {found.topic}."
    if found.push_config.push_endpoint:
        return "It pushes; the adapter pulls."
    policy = found.dead_letter_policy
    if policy.dead_letter_topic and policy.max_delivery_attempts < settings.delivery_attempts:
        return (
            f"It puts messages aside after {policy.max_delivery_attempts} deliveries; postponed ones count, "
            f"so an outage would put good events aside. {settings.delivery_attempts} are expected."
        )
    return None


def _topic(clients: PubSubClients, settings: PubSubSettings, path: str) -> Part:
    name = path.rpartition("/")[2]
    return Part(
        path,
        lambda: clients.publisher.get_topic(topic=path, timeout=settings.timeout, retry=None),
        lambda: clients.publisher.create_topic(name=path, timeout=settings.timeout, retry=None),
        f"gcloud pubsub topics create {shlex.quote(name)} --project={shlex.quote(settings.project)}",
    )


def _subscription(
    clients: PubSubClients, settings: PubSubSettings, wanted: types.Subscription, flags: str
) -> Part:
    name, topic = wanted.name.rpartition("/")[2], wanted.topic.rpartition("/")[2]
    return Part(
        wanted.name,
        lambda: clients.subscriber.get_subscription(
            subscription=wanted.name, timeout=settings.timeout, retry=None
        ),
        lambda: clients.subscriber.create_subscription(request=wanted, timeout=settings.timeout, retry=None),
        f"gcloud pubsub subscriptions create {shlex.quote(name)} --topic={shlex.quote(topic)} "
        f"--project={shlex.quote(settings.project)} --expiration-period=never "
        f"--message-retention-duration={settings.retention}s{flags}",
    )


def _flags(settings: PubSubSettings) -> str:
    flags = [
        f"--ack-deadline={settings.ack_deadline}",
        f"--min-retry-delay={settings.retry_minimum}s",
        f"--max-retry-delay={settings.retry_maximum}s",
        f"--dead-letter-topic={shlex.quote(settings.dead_letter_topic)}",
        f"--max-delivery-attempts={settings.delivery_attempts}",
    ]
    if settings.ordering:
        flags.append("--enable-message-ordering")
    if settings.exactly_once:
        flags.append("--enable-exactly-once-delivery")
    if settings.filter:
        flags.append(f"--message-filter={shlex.quote(settings.filter)}")
    return "".join(f" {flag}" for flag in flags)


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration
