"""One StreamingPull: messages go out as there is room, and the client's requests come in beside them."""

import threading
from collections.abc import Iterator
from typing import Final

import grpc

from pullsecret.testing.gcp.status import ApiError
from pullsecret.testing.pubsub import messages as m
from pullsecret.testing.pubsub.messages import Message
from pullsecret.testing.pubsub.queue import Puller
from pullsecret.testing.pubsub.registry import Registry

_MOST_AT_A_TIME: Final = 100
_LOOK_AGAIN: Final = 1.0


class PullStream:
    """Use :meth:`responses` once."""

    def __init__(self, registry: Registry, requests: Iterator[Message]) -> None:
        self._registry = registry
        self._requests = requests
        first = next(requests)
        self._subscription = str(first.subscription)
        self._deadline = float(first.stream_ack_deadline_seconds)
        self._puller = Puller(first.max_outstanding_messages, first.max_outstanding_bytes)
        self._ended = False
        self._error: ApiError | None = None

    def cut(self, error: ApiError) -> None:
        """End the stream with ``error``."""
        with self._registry.changed:
            self._error = error
            self._registry.changed.notify_all()

    def end(self) -> None:
        """Nothing more goes out."""
        with self._registry.changed:
            self._ended = True
            self._registry.changed.notify_all()

    def responses(self) -> Iterator[Message]:
        """What goes out. Raises ApiError as the service ends a stream; returns once the client asks for
        nothing more."""
        threading.Thread(target=self._read, daemon=True, name="fake-pubsub-stream").start()
        while (taken := self._next()) is not None:
            settings = self._registry.queues[self._subscription].settings
            properties = m.StreamingPullResponse.SubscriptionProperties(
                exactly_once_delivery_enabled=settings.enable_exactly_once_delivery,
                message_ordering_enabled=settings.enable_message_ordering,
            )
            yield m.StreamingPullResponse(received_messages=taken, subscription_properties=properties)

    def _next(self) -> list[Message] | None:
        with self._registry.changed:
            while not self._ended:
                if self._error is not None:
                    raise self._error
                taken = self._registry.take(self._subscription, self._puller, self._deadline, _MOST_AT_A_TIME)
                if taken:
                    return taken
                self._registry.wait(self._subscription, _LOOK_AGAIN)
            return None

    def _read(self) -> None:
        try:
            for request in self._requests:
                self._deadline = float(request.stream_ack_deadline_seconds) or self._deadline
        except grpc.RpcError:
            pass  # the client is gone
        self.end()
