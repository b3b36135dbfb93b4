"""Brokers that bring events to several replicas that are processes: a real RabbitMQ, and one that is served.

The served one is the embedded broker over a socket. It stands in for a real broker where the broker is not
what is tested: at least once, redelivered as soon as the consumer's connection is gone.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

import attrs
from tests.integration.rabbitmq.harness import RabbitMQHarness

from pullsecret.domain.errors import TransientError
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.cloudevents.codec import Malformed, parse
from pullsecret.infrastructure.memory.broker import MemoryDelivery, MemoryEventSource
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.system_clock import SystemClock

_REPOSITORY: Final = Path(__file__).parents[2]
_HEADERS: Final = {"content-type": "application/cloudevents+json"}


class SystemBroker(Protocol):
    """One queue, which all replicas share."""

    async def publish(self, cluster_id: str, kind: str) -> None:
        """Publish an event about a cluster as Sentinel does."""
        ...

    async def is_empty(self) -> bool:
        """Whether no event waits or is postponed."""
        ...

    @property
    def sections(self) -> Mapping[str, Any]:
        """What a replica's configuration says about it."""
        ...

    def replica(self, configuration: Path, name: str) -> Sequence[str]:
        """The command line of a replica."""
        ...


def _event(cluster_id: str, kind: str) -> bytes:
    event = {
        "specversion": "1.0",
        "id": f"{kind}-{cluster_id}",
        "source": "hyperfleet-sentinel",
        "type": kind,
        "datacontenttype": "application/json",
        "data": {"clusterId": cluster_id, "provider": "gcp"},
    }
    return json.dumps(event).encode()


@attrs.frozen
class RabbitMQBroker:
    """A queue of a real RabbitMQ; replicas are the program itself."""

    harness: RabbitMQHarness

    async def publish(self, cluster_id: str, kind: str) -> None:
        await self.harness.publish_raw(_HEADERS, _event(cluster_id, kind))

    async def is_empty(self) -> bool:
        return await self.harness.left() == 0

    @property
    def sections(self) -> Mapping[str, Any]:
        settings = self.harness.settings
        section = {
            "urls": list(settings.urls),
            "user": settings.user,
            "passwordFile": str(settings.password_file),
            "exchange": settings.exchange,
            "delays": list(settings.delays),
            "heartbeat": settings.heartbeat,
        }
        return {"broker": "rabbitmq", "rabbitmq": section, "health": {"host": "127.0.0.1", "port": 0}}

    def replica(self, configuration: Path, name: str) -> Sequence[str]:
        program = Path(sys.executable).parent / "pullsecret"
        return ["env", f"POD_NAME={name}", str(program), "adapter", "--config", str(configuration)]


class ServedBroker:
    """One queue on a loopback port."""

    def __init__(self) -> None:
        world = EmbeddedWorld.create(latency=(0, 0), clock=SystemClock())
        self.queue = world.broker
        self._source = MemoryEventSource(world.broker, world.clock, world.faults)
        self.port = 0

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["ServedBroker"]:
        """Serve as long as the block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def publish(self, cluster_id: str, kind: str) -> None:
        await self.queue.publish(_HEADERS, _event(cluster_id, kind))

    async def is_empty(self) -> bool:
        return self.queue.empty

    @property
    def sections(self) -> Mapping[str, Any]:
        return {}

    def replica(self, configuration: Path, name: str) -> Sequence[str]:
        program = [sys.executable, "-m", "tests.system.replica", str(configuration), str(self.port), name]
        return ["env", f"--chdir={_REPOSITORY}", *program]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._source.subscribe() as subscription:
            in_hand: dict[int, MemoryDelivery] = {}
            settling = asyncio.create_task(self._settle(reader, in_hand))
            taking = asyncio.ensure_future(subscription.receive())
            while not settling.done():
                await asyncio.wait({settling, taking}, return_when=asyncio.FIRST_COMPLETED)
                if not taking.done() or (delivery := taking.result()) is None:
                    continue
                in_hand[id(delivery)] = delivery
                message = delivery.message
                line = {
                    "number": id(delivery),
                    "attempt": delivery.attempt,
                    "headers": dict(message.headers),
                    "body": message.body.decode(),
                }
                writer.write(json.dumps(line).encode() + b"\n")
                taking = asyncio.ensure_future(subscription.receive())
            await subscription.stop()
            taking.cancel()
        writer.close()

    async def _settle(self, reader: asyncio.StreamReader, in_hand: dict[int, MemoryDelivery]) -> None:
        with suppress(OSError):
            while line := await reader.readline():
                told = json.loads(line)
                delivery = in_hand.pop(told["number"])
                match told["how"]:
                    case "ack":
                        await delivery.ack()
                    case "retry":
                        await delivery.retry(told["delay"])
                    case "defer":
                        await delivery.defer(told["delay"])
                    case _:
                        await delivery.dead_letter(told["reason"])


@attrs.frozen
class _Delivery:
    event: ClusterEvent
    attempt: int
    _number: int
    _writer: asyncio.StreamWriter

    async def ack(self) -> None:
        await self._tell(how="ack")

    async def retry(self, delay: float) -> None:
        await self._tell(how="retry", delay=delay)

    async def defer(self, delay: float) -> None:
        await self._tell(how="defer", delay=delay)

    async def dead_letter(self, reason: str) -> None:
        await self._tell(how="dead-letter", reason=reason)

    async def _tell(self, **what: Any) -> None:
        self._writer.write(json.dumps({"number": self._number, **what}).encode() + b"\n")
        await self._writer.drain()


@attrs.frozen
class _Subscription:
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    _stopped: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def receive(self) -> _Delivery | None:
        stopped = asyncio.ensure_future(self._stopped.wait())
        line = asyncio.ensure_future(self._reader.readline())
        await asyncio.wait({stopped, line}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not line.done():
            line.cancel()
            return None
        told = json.loads(line.result())
        event = parse(told["headers"], told["body"].encode())
        assert not isinstance(event, Malformed)
        return _Delivery(event, told["attempt"], told["number"], self._writer)

    async def stop(self) -> None:
        self._stopped.set()

    async def check(self) -> None:
        pass


@attrs.frozen
class SocketEventSource:
    """EventSource port on a :class:`ServedBroker`."""

    port: int

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[_Subscription]:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as fault:
            raise TransientError(
                "subscribe", "broker", Reason.BROKER_UNAVAILABLE, fault.strerror or "gone"
            ) from None
        try:
            yield _Subscription(reader, writer)
        finally:
            writer.close()
