"""The fake Pub/Sub as a whole: start it, point Google's clients at it, script it, stop it."""

from types import TracebackType
from typing import Self

from grpc import StatusCode

from pullsecret.testing.gcp.clock import Clock
from pullsecret.testing.gcp.status import ApiError
from pullsecret.testing.pubsub.faults import Fault, FaultScript
from pullsecret.testing.pubsub.queue import Disturbances
from pullsecret.testing.pubsub.registry import Registry
from pullsecret.testing.pubsub.server import PubSubServer


class FakePubSub:
    """google.pubsub.v1 on a loopback port, from threads of its own, as long as the ``with`` block lasts.

    It keeps what the service documents and Google's emulator leaves out: retry policy, dead letters after
    counted deliveries, ack ids that end with their lease, confirmed acknowledgements, filters, flow control
    per stream. Time is the wall clock's, and :meth:`advance` moves it.
    """

    def __init__(self) -> None:
        self._registry = Registry(Clock())
        self._faults = FaultScript()
        self._server = PubSubServer(self._registry, self._faults)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    @property
    def address(self) -> str:
        """What ``PUBSUB_EMULATOR_HOST`` is set to."""
        return f"127.0.0.1:{self.port}"

    def fail(self, fault: Fault) -> None:
        """Script a fault."""
        self._faults.add(fault)

    def heal(self) -> None:
        """Forget every fault that was scripted."""
        self._faults.clear()

    def go_away(self) -> None:
        """Listen no more. Messages and leases stay, and time goes on for them."""
        self._server.stop()

    def come_back(self) -> None:
        """Listen again, on the same port."""
        self._server.start()

    def cut_streams(self, code: StatusCode = StatusCode.UNAVAILABLE) -> int:
        """End every open stream with this code; returns how many there were."""
        streams = self._server.streams()
        for stream in streams:
            stream.cut(ApiError(code, "The stream is reassigned."))
        return len(streams)

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass for leases, delays and publish times."""
        self._registry.advance(seconds)

    def disturbances(self, subscription: str) -> Disturbances:
        """What the subscription (its full name) does to deliveries; change it as you like."""
        return self._registry.queues[subscription].disturbances

    def serves(self, subscription: str) -> bool:
        """Whether there is a subscription of this full name."""
        return subscription in self._registry.queues

    def unsettled(self, subscription: str) -> int:
        """How many messages the subscription (its full name) holds: waiting, postponed or out."""
        with self._registry.changed:
            return self._registry.queues[subscription].unsettled

    def leases(self, subscription: str) -> list[float]:
        """Of the subscription's (its full name) deliveries that are not settled: seconds left to each."""
        with self._registry.changed:
            now = self._registry.now
            return [lease.until - now for lease in self._registry.queues[subscription].leases.values()]
