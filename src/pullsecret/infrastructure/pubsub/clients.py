"""Google's clients, opened and closed together."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import grpc
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from pullsecret.domain.errors import OperationError
from pullsecret.infrastructure.pubsub.failures import failure
from pullsecret.infrastructure.pubsub.settings import PubSubSettings
from pullsecret.infrastructure.pubsub.stream_ending import StreamEnding

EMULATOR: Final = "PUBSUB_EMULATOR_HOST"
"""The variable by which Google's clients find an emulator."""

_LONGEST_TIMEOUT: Final = 20.0
_Options = Sequence[tuple[str, int]]


class PubSubClients:
    """One publisher and one subscriber. Raises a permanent error where no identity can be found."""

    def __init__(self, settings: PubSubSettings) -> None:
        options = {"api_endpoint": settings.endpoint} if settings.endpoint else None
        self.streams = StreamEnding()
        try:
            # The generated one. The other takes a message's attributes for its own parameters where they are
            # called alike, and goes on publishing what its caller has given up.
            self.publisher = PublisherClient(transport=_publishing(), client_options=options)
            self.subscriber = SubscriberClient(
                transport=_transport(settings, self.streams), client_options=options
            )
        except Exception as error:  # the library raises whatever its parts do
            raise _told(settings, error) from None

    def close(self) -> None:
        """Close both. Blocks."""
        self.publisher.transport.close()  # type: ignore[no-untyped-call]
        self.subscriber.close()


def _publishing() -> PublisherGrpcTransport | None:
    emulator = os.environ.get(EMULATOR)
    return PublisherGrpcTransport(channel=grpc.insecure_channel(emulator)) if emulator else None


def _transport(
    settings: PubSubSettings, streams: StreamEnding
) -> SubscriberGrpcTransport | Callable[..., SubscriberGrpcTransport]:
    options = _keepalive(settings.keepalive) if settings.keepalive else []
    if emulator := os.environ.get(EMULATOR):
        return SubscriberGrpcTransport(channel=streams.of(grpc.insecure_channel(emulator, options)))
    return partial(SubscriberGrpcTransport, channel=partial(_channel, streams, options))


def _keepalive(seconds: float) -> _Options:
    timeout = round(min(seconds, _LONGEST_TIMEOUT) * 1000)
    return [
        ("grpc.keepalive_time_ms", round(seconds * 1000)),
        ("grpc.keepalive_timeout_ms", timeout),
        # gRPC sends no keepalive while it waits for the answer to a ping of its own, a minute by default.
        ("grpc.http2.ping_timeout_ms", timeout),
        # Else an idle stream would be looked after once a minute only.
        ("grpc.http2.max_pings_without_data", 0),
    ]


def _channel(
    streams: StreamEnding, further: _Options, *given: Any, options: _Options, **named: Any
) -> grpc.Channel:
    opened = SubscriberGrpcTransport.create_channel(*given, options=[*options, *further], **named)
    return streams.of(opened)


def _told(settings: PubSubSettings, error: Exception) -> OperationError:
    return failure("connect-broker", f"projects/{settings.project}", error)
