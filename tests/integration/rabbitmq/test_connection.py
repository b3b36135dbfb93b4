"""Ways to reach RabbitMQ, and what is told when it cannot be reached."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
from tests.integration.kubernetes.job_harness import eventually
from tests.integration.rabbitmq.harness import RabbitMQHarness, rabbitmq_harness, settings_for

from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.infrastructure.intake.topology import Topology
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.infrastructure.rabbitmq.event_source import RabbitMQEventSource
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings, SignIn
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.brokers.rabbitmq import CERTIFICATE_USER, RabbitMQNode
from pullsecret.testing.contracts.event_source import new_event
from pullsecret.testing.kubernetes.processes import free_port


@pytest.fixture
async def harness(rabbitmq: RabbitMQNode, tmp_path: Path) -> AsyncIterator[RabbitMQHarness]:
    async with rabbitmq_harness(rabbitmq, settings_for(rabbitmq, tmp_path)) as harness:
        yield harness


def source_with(settings: RabbitMQSettings) -> RabbitMQEventSource:
    return RabbitMQEventSource(settings, SystemClock(), MemoryTelemetry(), "pod-7", 3)


async def takes_an_event(harness: RabbitMQHarness, settings: RabbitMQSettings) -> None:
    event = new_event()
    await harness.publish(event)
    async with source_with(settings).subscribe() as subscription:
        delivery = await subscription.receive()
        assert delivery is not None
        assert delivery.event == event
        await delivery.ack()


async def refusal(settings: RabbitMQSettings) -> OperationError:
    with pytest.raises(OperationError) as refused:
        async with source_with(settings).subscribe():
            raise AssertionError("it subscribed")
    assert "not-a-secret" not in str(refused.value)
    return refused.value


async def test_tls_with_a_private_authority(harness: RabbitMQHarness, rabbitmq: RabbitMQNode) -> None:
    urls = (f"amqps://localhost:{rabbitmq.tls_port}/",)
    await takes_an_event(harness, attrs.evolve(harness.settings, urls=urls, ca_bundle=rabbitmq.ca))
    unknown = await refusal(attrs.evolve(harness.settings, urls=urls))
    assert isinstance(unknown, TransientError)
    assert "CERTIFICATE" in unknown.cause.upper()


async def test_a_client_certificate_signs_in(harness: RabbitMQHarness, rabbitmq: RabbitMQNode) -> None:
    certificate, key = rabbitmq.client_certificate()
    settings = attrs.evolve(
        harness.settings,
        urls=(f"amqps://localhost:{rabbitmq.tls_port}/",),
        ca_bundle=rabbitmq.ca,
        client_certificate=certificate,
        client_key=key,
        sign_in=SignIn.EXTERNAL,
        user="nobody",
    )
    assert isinstance(await refusal(settings), PermanentError)
    rabbitmq.add_user(CERTIFICATE_USER)
    await takes_an_event(harness, settings)


async def test_another_node_is_taken_where_the_first_is_away(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode
) -> None:
    urls = (f"amqp://127.0.0.1:{free_port()}/", *harness.settings.urls)
    await takes_an_event(harness, attrs.evolve(harness.settings, urls=urls))


async def test_the_broker_shows_which_replica_it_is(harness: RabbitMQHarness, rabbitmq: RabbitMQNode) -> None:
    async def shown() -> bool:
        listed = await asyncio.to_thread(rabbitmq.control, "list_connections", "client_properties")
        return "pullsecret pod-7" in listed

    async with source_with(harness.settings).subscribe():
        await eventually(shown)


async def test_nobody_listens(harness: RabbitMQHarness) -> None:
    urls = (f"amqp://127.0.0.1:{free_port()}/",)
    assert isinstance(await refusal(attrs.evolve(harness.settings, urls=urls)), TransientError)


async def test_a_wrong_password(harness: RabbitMQHarness, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    error = await refusal(attrs.evolve(harness.settings, password_file=wrong))
    assert isinstance(error, PermanentError)
    assert "sign-in" in error.cause


async def test_a_missing_password_file(harness: RabbitMQHarness, tmp_path: Path) -> None:
    error = await refusal(attrs.evolve(harness.settings, password_file=tmp_path / "none"))
    assert isinstance(error, PermanentError)
    assert "passwordFile" in error.cause


async def test_a_missing_virtual_host(harness: RabbitMQHarness) -> None:
    urls = tuple(f"{url}nowhere" for url in harness.settings.urls)
    assert isinstance(await refusal(attrs.evolve(harness.settings, urls=urls)), PermanentError)


async def test_verify_names_the_missing_queue(harness: RabbitMQHarness) -> None:
    settings = attrs.evolve(harness.settings, topology=Topology.VERIFY)
    await takes_an_event(harness, settings)
    await harness.channel.queue_delete(settings.dead_letter_queue)
    error = await refusal(settings)
    assert isinstance(error, PermanentError)
    assert settings.dead_letter_queue in str(error)
    assert "broker check" in error.remedy


async def test_create_does_not_touch_what_exists_in_another_form(harness: RabbitMQHarness) -> None:
    error = await refusal(attrs.evolve(harness.settings, delivery_limit=7))
    assert isinstance(error, PermanentError)
    assert harness.settings.queue in str(error)


@pytest.mark.parametrize("topology", list(Topology))
async def test_the_documented_rights_suffice(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, topology: Topology
) -> None:
    names, exchange = f"^{harness.settings.queue}", f"^{harness.settings.exchange}$"
    rights = {
        Topology.VERIFY: ("^$", r"^amq\.default$", names),
        Topology.CREATE: (
            f"{exchange}|{names}",
            rf"^amq\.default$|{names}",
            f"{names}|{exchange}",
        ),
    }[topology]
    user = f"limited-{harness.settings.exchange}-{topology.value}"
    rabbitmq.add_user(user, *rights)
    settings = attrs.evolve(harness.settings, user=user, topology=topology)
    await harness.publish_raw({}, b"malformed")
    await takes_an_event(harness, settings)
    assert len(await harness.dead_letters()) == 1
    await harness.publish(new_event())
    async with source_with(settings).subscribe() as subscription:
        delivery = await subscription.receive()
        assert delivery is not None
        await delivery.retry(0.1)
        again = await subscription.receive()
        assert again is not None
        assert again.attempt == 2
        await again.ack()
