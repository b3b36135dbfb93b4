"""EventSource on RabbitMQ: acknowledged after the hand-over, postponed in delay queues, mended inside."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import attrs
from aiormq import spec
from aiormq.abc import DeliveredMessage

from pullsecret.domain.errors import OperationError
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.facts import BacklogSeen, CircuitChanged, CircuitState, EventPutAside, Interrupted
from pullsecret.infrastructure.cloudevents.broker_attributes import http_headers
from pullsecret.infrastructure.cloudevents.codec import Malformed, parse
from pullsecret.infrastructure.intake.circuit import IntakeCircuit
from pullsecret.infrastructure.intake.inbox import Inbox
from pullsecret.infrastructure.rabbitmq import marks
from pullsecret.infrastructure.rabbitmq.outbox import Outbox
from pullsecret.infrastructure.rabbitmq.session import Session
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.ports.clock import Clock
from pullsecret.ports.telemetry import Telemetry

_LOOK_AT_BACKLOG_EVERY: Final = 15.0
_AGAIN_AFTER: Final = 5.0


@attrs.frozen(eq=False)
class RabbitMQDelivery:
    """Delivery port."""

    event: ClusterEvent
    message: DeliveredMessage
    attempt: int
    session: Session
    _subscription: "RabbitMQSubscription"

    async def ack(self) -> None:
        """See the port. Raises a transient error if the event will come again."""
        await self.session.ack(_tag(self.message))
        self._subscription.circuit.handled()

    async def retry(self, delay: float) -> None:
        """See the port. Where the broker takes no message, the event is kept in hand for ``delay``."""
        self._subscription.circuit.failed(delay)
        await self._later(delay)

    async def defer(self, delay: float) -> None:
        """See the port, and :meth:`retry`."""
        self._subscription.circuit.handled()
        await self._later(delay)

    async def _later(self, delay: float) -> None:
        await self._subscription.postpone(self.session, self.message, delay, self.attempt + 1)

    async def dead_letter(self, reason: str) -> None:
        """See the port. Raises an error if the broker does not keep the message; it then comes again."""
        await self._subscription.put_aside(self.session, self.message, self.attempt, reason)
        self._subscription.circuit.handled()


def _tag(message: DeliveredMessage) -> int:
    delivery = message.delivery
    return delivery.delivery_tag or 0 if isinstance(delivery, spec.Basic.Deliver) else 0


class RabbitMQSubscription:
    """Subscription port, over one session after another."""

    def __init__(
        self, settings: RabbitMQSettings, clock: Clock, telemetry: Telemetry, replica: str, prefetch: int
    ) -> None:
        self.circuit = IntakeCircuit(settings.pause, clock)
        self._settings = settings
        self._clock = clock
        self._telemetry = telemetry
        self._name = f"pullsecret {replica}"
        self._prefetch = prefetch
        self._outbox = Outbox(settings, f"{self._name} (postponing)")
        self._inbox: Inbox[RabbitMQDelivery] = Inbox(self.circuit)
        self._keeping: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._away: OperationError | None = None
        self._putting: set[asyncio.Task[None]] = set()
        self._holds: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin. Raises a transient or a permanent error."""
        self._keeping = asyncio.create_task(self._keep(await self._new_session()))

    async def receive(self) -> RabbitMQDelivery | None:
        """See the port."""
        return await self._inbox.receive()

    async def stop(self) -> None:
        """See the port. What nobody has received yet goes to other replicas at once."""
        unreceived = self._inbox.stop()
        if self._session is not None:
            await self._session.cancel()
        for delivery in unreceived:
            await delivery.session.give_back(_tag(delivery.message))

    async def check(self) -> None:
        """See the port. It asks nobody; heartbeats tell, after about three of them at the latest."""
        if self._away is not None:
            # Raised anew each time, it must not collect the places it was raised at.
            raise self._away.with_traceback(None)

    async def close(self) -> None:
        """End. The broker takes back what is not settled."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._putting:
            # What is being put aside would only come again to be put aside.
            await asyncio.wait(self._putting, timeout=self._settings.publish_timeout)
        for hold in list(self._holds):
            hold.cancel()
        await asyncio.gather(*self._holds, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        await self._outbox.close()

    async def postpone(self, session: Session, message: DeliveredMessage, delay: float, attempt: int) -> None:
        """Let ``message`` come again after ``delay`` seconds, by a copy in the queue that holds it."""
        steps = self._settings.delays
        step = next((step for step in steps if step >= delay), steps[-1])
        queue = self._settings.delay_queue(step) if delay > 0 else self._settings.queue
        remaining = max(0, round((delay - step) * 1000))
        properties = marks.copy_of(message, **{marks.ATTEMPT: attempt, marks.REMAINING: remaining})
        try:
            await self._outbox.put(message.body, properties, queue=queue)
        except OperationError as error:
            self._telemetry.record(Interrupted("postpone-event", delay, error))
            _spawn(self._hold(session, message, delay, attempt), self._holds)
            return
        await session.ack(_tag(message))

    async def put_aside(self, session: Session, message: DeliveredMessage, attempt: int, reason: str) -> None:
        """Keep ``message`` for a person. Raises an error if the broker does not; it then comes again."""
        properties = marks.copy_of(message, **{marks.REASON: reason})
        try:
            await self._outbox.put(message.body, properties, queue=self._settings.dead_letter_queue)
        except OperationError:
            _spawn(self._hold(session, message, _AGAIN_AFTER, attempt + 1), self._holds)
            raise
        await session.ack(_tag(message))
        self._telemetry.record(EventPutAside(reason))

    async def _hold(self, session: Session, message: DeliveredMessage, delay: float, attempt: int) -> None:
        # It takes up a place of the prefetch meanwhile, so a broker with an alarm slows the intake.
        await self._clock.sleep(max(delay, 0.1))
        # Given back it would count as lost by us, and be put aside as what kills consumers.
        await self._take(session, message, attempt)

    async def _arrive(self, session: Session, message: DeliveredMessage) -> None:
        await self._take(session, message, marks.attempt_of(message))

    async def _take(self, session: Session, message: DeliveredMessage, attempt: int) -> None:
        if self._inbox.stopped:
            await session.give_back(_tag(message))
            return
        if session.lost.done():
            return  # the broker brings it again
        if marks.remaining_of(message):
            _spawn(self._put_off_further(session, message, attempt), self._putting)
            return
        headers = http_headers(marks.headers_of(message), message.header.properties.content_type)
        event = parse(headers, message.body)
        if isinstance(event, Malformed):
            _spawn(self._put_malformed_aside(session, message, attempt, event.reason), self._putting)
            return
        self._inbox.put(RabbitMQDelivery(event, message, attempt, session, self))

    async def _put_off_further(self, session: Session, message: DeliveredMessage, attempt: int) -> None:
        with suppress(OperationError):  # the session is lost, and the broker brings it again
            await self.postpone(session, message, marks.remaining_of(message), attempt)

    async def _put_malformed_aside(
        self, session: Session, message: DeliveredMessage, attempt: int, reason: str
    ) -> None:
        try:
            await self.put_aside(session, message, attempt, reason)
        except OperationError as error:
            self._telemetry.record(Interrupted("put-aside", _AGAIN_AFTER, error))

    async def _new_session(self) -> Session:
        self._session = await Session.open(self._settings, self._name, self._prefetch, self._arrive)
        return self._session

    async def _keep(self, session: Session) -> None:
        """Replace lost sessions, for as long as it takes."""
        while True:
            self._away = error = await self._watch(session)
            self._inbox.drop()  # the broker brings them again
            self._telemetry.record(CircuitChanged("rabbitmq", CircuitState.OPEN))
            self._telemetry.record(BacklogSeen(None))
            await session.close()
            session = await self._mended(error)
            self._away = None
            self._telemetry.record(CircuitChanged("rabbitmq", CircuitState.CLOSED))
            if self._inbox.stopped:
                await session.cancel()

    async def _watch(self, session: Session) -> OperationError:
        while True:
            try:
                async with asyncio.timeout(_LOOK_AT_BACKLOG_EVERY):
                    return await asyncio.shield(session.lost)
            except TimeoutError:
                pass
            try:
                self._telemetry.record(BacklogSeen(await session.waiting()))
            except OperationError as error:
                return error

    async def _mended(self, error: OperationError) -> Session:
        attempt = 0
        while True:
            attempt += 1
            pause = self._settings.reconnect.pause(attempt, self._clock.chance())
            self._telemetry.record(Interrupted("consume-events", pause, error))
            await self._clock.sleep(pause)
            try:
                return await self._new_session()
            except OperationError as failed:
                self._away = error = failed


def _spawn(work: Coroutine[Any, Any, None], into: set[asyncio.Task[None]]) -> None:
    task = asyncio.create_task(work)
    into.add(task)
    task.add_done_callback(into.discard)


@attrs.frozen
class RabbitMQEventSource:
    """EventSource port; any number of replicas may subscribe."""

    settings: RabbitMQSettings
    clock: Clock
    telemetry: Telemetry
    replica: str
    """A name that no other replica has; the broker shows it with the connection."""
    prefetch: int = 50
    """Deliveries unsettled at a time: as many as are handled at once."""

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[RabbitMQSubscription]:
        """See the port."""
        subscription = RabbitMQSubscription(
            self.settings, self.clock, self.telemetry, self.replica, self.prefetch
        )
        try:
            await subscription.open()
            yield subscription
        finally:
            await subscription.close()
