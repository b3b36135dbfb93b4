"""How RabbitMQ is reached, and what is expected there."""

from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

import attrs
from attrs.validators import ge, gt, in_, min_len

from pullsecret.domain.backoff import Backoff
from pullsecret.infrastructure.intake.circuit import IntakePause
from pullsecret.infrastructure.intake.topology import Topology
from pullsecret.infrastructure.loopback import is_loopback
from pullsecret.infrastructure.url_port import has_valid_port


class SignIn(StrEnum):
    """How the adapter proves who it is."""

    PLAIN = "plain"
    """User and password."""
    EXTERNAL = "external"
    """The client certificate."""


def _check_url(_instance: object, _attribute: object, urls: tuple[str, ...]) -> None:
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in ("amqp", "amqps") or not parts.hostname or not has_valid_port(parts):
            raise ValueError("'urls' must be amqp or amqps URLs")
        if parts.username or parts.password:
            raise ValueError("'urls' must not name a user or a password; use user and passwordFile")
        if parts.query or parts.fragment:
            raise ValueError("'urls' must have no query or fragment; every option has a key of its own")
        if parts.scheme == "amqp" and not is_loopback(parts.hostname):
            raise ValueError("'urls' must be amqps unless on loopback: passwords would be sent unencrypted")
    if len({urlsplit(url).path for url in urls}) > 1:
        raise ValueError("'urls' must all name the same virtual host")


def _check_management_url(_instance: object, _attribute: object, url: str | None) -> None:
    if url is None:
        return
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or not has_valid_port(parts)
        or parts.username
        or parts.query
    ):
        raise ValueError("'management_url' must be an http or https URL without user and query")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("'management_url' must be https unless on loopback: the password goes there")


def _ascending(_instance: object, _attribute: object, steps: tuple[float, ...]) -> None:
    if not steps or any(step <= 0 for step in steps) or list(steps) != sorted(set(steps)):
        raise ValueError("'delays' must be positive and ascending")


@attrs.frozen
class RabbitMQSettings:
    """Connection to RabbitMQ and the names there. Raises :class:`ValueError` naming what is wrong."""

    urls: tuple[str, ...] = attrs.field(
        default=("amqp://127.0.0.1:5672/",), validator=[min_len(1), _check_url]
    )
    """The cluster's nodes, for example ``amqps://rabbitmq-0.example.com:5671/hyperfleet``; the path is the
    virtual host. The first that answers is taken. ``amqps`` unless on loopback."""
    user: str = "guest"
    """The user of sign-in ``plain``."""
    password_file: Path | None = None
    """A file with the password, read again for each connection. Without one the password is ``guest``, which
    RabbitMQ accepts on loopback only."""
    sign_in: SignIn = SignIn.PLAIN
    """``plain``, or ``external`` to be known by the client certificate."""
    ca_bundle: Path | None = None
    """CA certificates (PEM) to trust instead of the system's."""
    client_certificate: Path | None = None
    """Certificate (PEM) to show to the broker."""
    client_key: Path | None = None
    """Its key (PEM)."""
    management_url: str | None = attrs.field(default=None, validator=_check_management_url)
    """RabbitMQ's management plugin, for example ``https://rabbitmq.example.com:15671``. Only ``broker check``
    uses it, to see the bindings, which AMQP does not show; the user then needs the tag ``management``."""
    connect_timeout: float = attrs.field(default=5.0, validator=gt(0))
    """Seconds for one node to answer, TLS and sign-in included."""
    heartbeat: int = attrs.field(default=10, validator=ge(1))
    """Seconds. A broker that says nothing for about three times as long is given up."""
    reconnect: Backoff = attrs.field(factory=lambda: Backoff(initial=0.5, factor=2, maximum=30))
    """Pauses between attempts to get a lost connection back."""
    publish_timeout: float = attrs.field(default=10.0, validator=gt(0))
    """Seconds for the broker to take a message that is put off or put aside; a broker with a memory or disk
    alarm takes none. The event is then kept in hand for its delay and handled again."""
    exchange: str = attrs.field(default="hyperfleet-clusters", validator=min_len(1))
    """Where Sentinel publishes; Sentinel calls it the topic."""
    exchange_type: str = attrs.field(default="topic", validator=in_(("topic", "fanout", "direct")))
    """As Sentinel's own configuration has it; today's default there is ``fanout``, its examples say
    ``topic``."""
    binding_keys: tuple[str, ...] = attrs.field(default=("#",), validator=min_len(1))
    """Routing keys of the events to take."""
    queue: str = attrs.field(validator=min_len(1))
    """The queue that all replicas share; other queues' names begin with it. By default the exchange's name
    and ``-pullsecret``."""
    topology: Topology = Topology.VERIFY
    """``verify`` or ``create``."""
    delivery_limit: int = attrs.field(default=50, validator=ge(1))
    """An event that so many consumers in a row lost in hand is put aside: it may be what kills them. What is
    only postponed does not count."""
    delays: tuple[float, ...] = attrs.field(
        default=(0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0), validator=_ascending
    )
    """Seconds; there is one queue for each, in which postponed events wait. A delay is rounded up to the next
    of them; a longer one than the last goes through several waits."""
    pause: IntakePause = attrs.field(factory=IntakePause)
    """When no event can be handled."""

    @queue.default
    def _queue_of_the_exchange(self) -> str:
        return f"{self.exchange}-pullsecret"

    @property
    def dead_letter_queue(self) -> str:
        """Where messages are put aside."""
        return f"{self.queue}.dead"

    def delay_queue(self, delay: float) -> str:
        """Where postponed events wait for one of :attr:`delays`."""
        return f"{self.queue}.after-{round(delay * 1000)}ms"

    @property
    def virtual_host(self) -> str:
        """The virtual host; ``/`` unless the URLs name one."""
        return unquote(urlsplit(self.urls[0]).path[1:]) or "/"
