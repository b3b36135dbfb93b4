"""What the operators' commands do, whichever broker; each broker's package subclasses it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pullsecret.domain.identifiers import ClusterId
from pullsecret.entrypoints.commands import broker, events
from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.testing.contracts.event_source import EventSourceHarness, new_event
from pullsecret.testing.contracts.samples import new_cluster_id


class BrokerCommands:
    """Override the fixtures ``harness`` and ``config``, a configuration file for the harness's broker."""

    @pytest.fixture
    def out(self, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
        return lambda: capsys.readouterr().out

    async def call(self, command: Callable[..., ExitCode], *given: Any, **options: Any) -> ExitCode:
        return await asyncio.to_thread(command, *given, **options)

    async def put_one_aside(self, harness: EventSourceHarness) -> ClusterId:
        event = new_event()
        await harness.publish(event)
        async with harness.source.subscribe() as subscription:
            delivery = await subscription.receive()
            assert delivery is not None
            await delivery.dead_letter("a person asked for it")
        return event.cluster_id

    async def test_what_is_published_arrives(self, harness: EventSourceHarness, config: Path) -> None:
        cluster_id = new_cluster_id()
        done = await self.call(events.publish, cluster_id=cluster_id.value, config=config, generation=3)
        assert done is ExitCode.OK
        async with harness.source.subscribe() as subscription:
            delivery = await subscription.receive()
            assert delivery is not None
            assert delivery.event.cluster_id == cluster_id
            assert delivery.event.data["generation"] == 3
            assert delivery.event.time is not None
            await delivery.ack()

    async def test_dead_letters_are_shown_without_their_bodies(
        self, harness: EventSourceHarness, config: Path, out: Callable[[], str]
    ) -> None:
        await harness.publish_raw({}, b"{'password': 'hunter2'}")
        cluster_id = await self.put_one_aside(harness)
        assert await self.call(events.list_, config=config, output="json") is ExitCode.OK
        listed = out()
        assert "hunter2" not in listed
        letters = [json.loads(line) for line in listed.splitlines()]
        assert {letter["event"] and letter["event"]["cluster_id"] for letter in letters} == {
            None,
            cluster_id.value,
        }
        assert await self.call(events.show, letters[0]["id"], config=config) is ExitCode.OK
        assert json.loads(out())["reason"] == letters[0]["reason"]
        assert await self.call(events.show, "nonesuch", config=config) is ExitCode.NOT_AS_IT_SHOULD_BE

    async def test_a_requeued_dead_letter_comes_again(
        self, harness: EventSourceHarness, config: Path, out: Callable[[], str]
    ) -> None:
        first, second = [await self.put_one_aside(harness) for _ in range(2)]
        assert await self.call(events.list_, config=config, output="json") is ExitCode.OK
        letters = [json.loads(line) for line in out().splitlines()]
        (wanted,) = [each["id"] for each in letters if each["event"]["cluster_id"] == second.value]
        assert await self.call(events.requeue, wanted, config=config) is ExitCode.OK
        async with harness.source.subscribe() as subscription:
            delivery = await subscription.receive()
            assert delivery is not None
            assert delivery.event.cluster_id == second
            await delivery.ack()
        assert await self.call(events.requeue, wanted, config=config) is ExitCode.NOT_AS_IT_SHOULD_BE
        assert len(await harness.dead_letters()) == 1
        assert first != second

    async def test_what_is_put_aside_again_meanwhile_is_not_put_back_again(
        self, harness: EventSourceHarness, config: Path, out: Callable[[], str]
    ) -> None:
        many = 10
        for _ in range(many):
            await self.put_one_aside(harness)

        async def put_aside_again() -> None:
            async with harness.source.subscribe() as subscription:
                while (delivery := await subscription.receive()) is not None:
                    await delivery.dead_letter("it can never be handled")

        adapter = asyncio.create_task(put_aside_again())
        try:
            done = await asyncio.wait_for(self.call(events.requeue, "all", config=config), harness.patience)
        finally:
            adapter.cancel()
        assert (done, out()) == (ExitCode.OK, f"{many} put back\n")

    async def test_check_finds_nothing_missing(
        self, harness: EventSourceHarness, config: Path, out: Callable[[], str]
    ) -> None:
        assert await self.call(broker.check, config=config, output="json") is ExitCode.OK
        problems = {each["problem"] for each in json.loads(out())}
        assert problems == {None}

    async def test_check_tells_what_is_missing(
        self, config: Path, missing_config: Path, out: Callable[[], str]
    ) -> None:
        assert await self.call(broker.check, config=missing_config) is ExitCode.NOT_AS_IT_SHOULD_BE
        told = out()
        assert "MISSING" in told
        assert "create" in told or "declare" in told
