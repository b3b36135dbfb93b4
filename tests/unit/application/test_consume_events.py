"""Each event is settled exactly once, and only after its effect is durable."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise

import attrs
import pytest
from tests.unit.application.scene import Scene, event_about, new_cluster, simulated

from pullsecret.application.consume_events import ConsumeEvents, ConsumePolicy
from pullsecret.application.outcomes import Finalized, Outcome, Postponed, Refused, Skipped
from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.facts import (
    EventOutcome,
    EventPostponed,
    EventSettled,
    EventTaken,
    InternalFault,
    SkipReason,
)
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.cloudevents.codec import render
from pullsecret.infrastructure.memory.faults import Fault, FaultRule


async def consuming(scene: Scene, consume: ConsumeEvents, seconds: float) -> None:
    """Let ``consume`` work for simulated ``seconds``, then stop it in order."""
    stop = asyncio.Event()
    work = asyncio.create_task(consume(stop))
    await asyncio.sleep(seconds)
    stop.set()
    await work


async def publish(scene: Scene, event: ClusterEvent) -> None:
    await scene.world.broker.publish(*render(event))


def doing(scene: Scene, handle: Callable[[ClusterEvent], Awaitable[Outcome]]) -> ConsumeEvents:
    return attrs.evolve(scene.consume, handle=handle)


@simulated
async def test_a_handed_over_event_is_acknowledged_and_wakes_the_admission() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    await publish(scene, event_about(cluster.id))
    await consuming(scene, scene.consume, 1)
    assert scene.job_keys(cluster.id) == {(1, 1)}
    assert scene.world.broker.empty
    assert scene.wakes == 1
    assert [fact.outcome for fact in scene.facts(EventSettled)] == [EventOutcome.SUBMITTED]
    assert [fact.cluster_id for fact in scene.facts(EventTaken)] == [cluster.id]


ERROR = PermanentError("read-cluster", "c", Reason.INVALID_CLUSTER, "It is wrong.")


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Skipped(SkipReason.FILTERED), EventOutcome.SKIPPED),
        (Refused(ERROR), EventOutcome.REFUSED),
        (Finalized(), EventOutcome.FINALIZED),
    ],
)
@simulated
async def test_an_event_that_is_done_with_is_acknowledged(outcome: Outcome, told: EventOutcome) -> None:
    scene = Scene()

    async def handle(_event: ClusterEvent) -> Outcome:
        return outcome

    await publish(scene, event_about(new_cluster().id))
    await consuming(scene, doing(scene, handle), 1)
    assert scene.world.broker.empty
    assert scene.wakes == 0
    assert [fact.outcome for fact in scene.facts(EventSettled)] == [told]


@simulated
async def test_a_postponed_event_comes_again_after_growing_pauses() -> None:
    scene = Scene()
    times = []

    async def handle(_event: ClusterEvent) -> Outcome:
        times.append(scene.world.clock.monotonic())
        return Postponed("busy") if len(times) < 3 else Skipped(SkipReason.ALREADY_DONE)

    await publish(scene, event_about(new_cluster().id))
    await consuming(scene, doing(scene, handle), 10)
    first, second = (after - before for before, after in pairwise(times))
    assert 1 <= first <= 2
    assert 1.5 <= second <= 3
    assert [fact.cause for fact in scene.facts(EventPostponed)] == ["busy", "busy"]
    assert scene.world.broker.empty


@simulated
async def test_events_of_a_thousand_busy_clusters_leave_room_for_others() -> None:
    scene = Scene()
    looks: list[float] = []
    busy = {new_cluster().id: 0.0 for _ in range(2000)}
    quiet = new_cluster().id

    async def handle(event: ClusterEvent) -> Outcome:
        now = scene.world.clock.monotonic()
        if now - began < busy.get(event.cluster_id, -1):
            looks.append(now - began)
            return Postponed("busy")
        busy[event.cluster_id] = now - began
        return Skipped(SkipReason.ALREADY_DONE)

    for cluster_id in busy:
        busy[cluster_id] = 100
        await publish(scene, event_about(cluster_id))
    began = scene.world.clock.monotonic()
    work = asyncio.create_task(consuming(scene, doing(scene, handle), 300))
    await asyncio.sleep(90)
    await publish(scene, event_about(quiet))
    await work
    assert busy[quiet] < 91
    # The first looks come as the events do, the others at their pace.
    assert 2000 < len(looks) <= 2000 + 100 * 51
    # Once it is their turn, all are handled before the longest wait that so many make is over.
    assert max(busy.values()) < 100 + 2000 / 50 + 1
    assert scene.world.broker.empty


FAILURES = {
    "transient": TransientError("get-cluster", "c", Reason.HYPERFLEET_UNAVAILABLE, "It answered 503."),
    "permanent": PermanentError("submit", "j", Reason.KUBERNETES_PERMISSION_DENIED, "It may not."),
    "unforeseen": ZeroDivisionError("quotes anything"),
}


@pytest.mark.parametrize("kind", FAILURES)
@simulated
async def test_a_failure_brings_the_event_again_after_growing_pauses(kind: str) -> None:
    scene = Scene()
    times = []

    async def handle(_event: ClusterEvent) -> Outcome:
        times.append(scene.world.clock.monotonic())
        raise FAILURES[kind]

    cluster_id = new_cluster().id
    await publish(scene, event_about(cluster_id))
    await consuming(scene, doing(scene, handle), 100)
    pauses = [after - before for before, after in pairwise(times)]
    assert len(pauses) >= 4
    for number, pause in enumerate(pauses):
        assert 2**number / 2 <= pause < 2**number
    assert not scene.world.broker.empty
    causes = {fact.cause for fact in scene.facts(EventPostponed)}
    assert causes == ({"internal fault"} if kind == "unforeseen" else {str(FAILURES[kind])})
    faults = (
        {InternalFault("handle-event", "ZeroDivisionError", cluster_id)} if kind == "unforeseen" else set()
    )
    assert set(scene.facts(InternalFault)) == faults
    assert {fact.outcome for fact in scene.facts(EventSettled)} == {EventOutcome.POSTPONED}


@simulated
async def test_as_long_as_the_other_side_asks_for_is_waited() -> None:
    scene = Scene()

    async def handle(_event: ClusterEvent) -> Outcome:
        raise TransientError("get", "c", Reason.HYPERFLEET_UNAVAILABLE, "Not now.", retry_after=50.0)

    await publish(scene, event_about(new_cluster().id))
    await consuming(scene, doing(scene, handle), 60)
    assert [fact.delay for fact in scene.facts(EventPostponed)] == [50, 50]


@simulated
async def test_events_of_one_cluster_are_handled_one_after_the_other_and_others_side_by_side() -> None:
    scene = Scene()
    now, most = {}, {}

    async def handle(event: ClusterEvent) -> Outcome:
        for key in (event.cluster_id, "all"):
            now[key] = now.get(key, 0) + 1
            most[key] = max(most.get(key, 0), now[key])
        await asyncio.sleep(1)
        for key in (event.cluster_id, "all"):
            now[key] -= 1
        return Skipped(SkipReason.ALREADY_DONE)

    ids = [new_cluster().id for _ in range(4)]
    for number in range(12):
        await publish(scene, event_about(ids[number % 4], id=f"evt-{number}"))
    await consuming(scene, doing(scene, handle), 10)
    assert scene.world.broker.empty
    assert most == {"all": 4} | dict.fromkeys(ids, 1)


@simulated
async def test_no_more_events_than_configured_are_in_hand() -> None:
    scene = Scene()
    in_hand, most = 0, 0

    async def handle(_event: ClusterEvent) -> Outcome:
        nonlocal in_hand, most
        in_hand += 1
        most = max(most, in_hand)
        await asyncio.sleep(1)
        in_hand -= 1
        return Skipped(SkipReason.ALREADY_DONE)

    for number in range(9):
        await publish(scene, event_about(new_cluster().id, id=f"evt-{number}"))
    policy = attrs.evolve(scene.consume.policy, concurrency=3)
    await consuming(scene, attrs.evolve(doing(scene, handle), policy=policy), 10)
    assert most == 3
    assert scene.world.broker.empty


@attrs.define
class SlowToStop:
    """Brings nothing, and needs a while to tell its broker so after the waiting has ended."""

    ended: asyncio.Event = attrs.field(factory=asyncio.Event)
    told: bool = False

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator["SlowToStop"]:
        yield self

    async def receive(self) -> None:
        await self.ended.wait()

    async def stop(self) -> None:
        self.ended.set()
        await asyncio.sleep(1)
        self.told = True

    async def check(self) -> None:
        return


@simulated
async def test_the_broker_is_told_to_the_end_that_it_stops() -> None:
    source, scene = SlowToStop(), Scene()
    await consuming(scene, attrs.evolve(scene.consume, source=source), 1)
    assert source.told


@simulated
async def test_told_to_stop_it_finishes_what_is_in_hand_and_takes_nothing_new() -> None:
    scene = Scene()
    handled = []

    async def handle(event: ClusterEvent) -> Outcome:
        await asyncio.sleep(5)
        handled.append(event.id)
        return Skipped(SkipReason.ALREADY_DONE)

    await publish(scene, event_about(new_cluster().id, id="in-hand"))
    stop = asyncio.Event()
    work = asyncio.create_task(doing(scene, handle)(stop))
    await asyncio.sleep(1)
    stop.set()
    await asyncio.sleep(1)
    await publish(scene, event_about(new_cluster().id, id="new"))
    await work
    assert handled == ["in-hand"]
    assert len(scene.world.broker.waiting) == 1
    assert scene.world.broker.unsettled == 0


@simulated
async def test_killed_in_the_middle_the_event_comes_again() -> None:
    scene = Scene()
    handled = []

    async def handle(event: ClusterEvent) -> Outcome:
        handled.append(event.id)
        await asyncio.sleep(5)
        return Skipped(SkipReason.ALREADY_DONE)

    await publish(scene, event_about(new_cluster().id))
    work = asyncio.create_task(doing(scene, handle)(asyncio.Event()))
    await asyncio.sleep(1)
    work.cancel()
    await asyncio.wait([work])
    await consuming(scene, doing(scene, handle), 10)
    assert len(handled) == 2
    assert scene.world.broker.empty


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.LOSE_ANSWER])
@pytest.mark.parametrize("settlement", ["ack", "retry", "defer"])
@simulated
async def test_a_settlement_that_gets_lost_only_brings_the_event_again(settlement: str, fault: Fault) -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.fault(FaultRule(f"event-source.{settlement}", fault, nth=1))
    first = {"ack": scene.handle, "retry": failing, "defer": busy}[settlement]
    handlers = iter([first])

    async def handle(event: ClusterEvent) -> Outcome:
        return await next(handlers, scene.handle)(event)

    await publish(scene, event_about(cluster.id))
    await consuming(scene, doing(scene, handle), 20)
    assert scene.world.broker.empty
    assert scene.job_keys(cluster.id) == {(1, 1)}
    assert scene.world.faults.injected.total() == 1
    *postponed, lost = scene.facts(EventPostponed)
    assert lost.cause.startswith(f"event-source.{settlement} ")
    assert lost.delay == (postponed[0].delay if postponed else 0)
    assert len(postponed) == (settlement != "ack")


async def failing(_event: ClusterEvent) -> Outcome:
    raise FAILURES["transient"]


async def busy(_event: ClusterEvent) -> Outcome:
    return Postponed("busy")


@pytest.mark.parametrize(("made", "age"), [(7, 7), (0, 0), (-5, 0)], ids=["past", "now", "a clock ahead"])
@simulated
async def test_the_age_of_an_event_is_told_where_it_names_its_time(made: int, age: int) -> None:
    scene = Scene()
    time = scene.world.clock.now() - timedelta(seconds=made)
    await publish(scene, event_about(new_cluster().id, time=time))
    await consuming(scene, scene.consume, 1)
    assert [fact.age for fact in scene.facts(EventTaken)] == [age]


@simulated
async def test_a_submitted_job_is_durable_before_the_event_is_acknowledged() -> None:
    scene = Scene()
    cluster = scene.put(new_cluster())
    scene.fault(FaultRule("event-source.ack", Fault.CRASH_BEFORE, nth=1))
    await publish(scene, event_about(cluster.id))
    with pytest.raises(BaseExceptionGroup):
        await scene.consume(asyncio.Event())
    assert scene.job_keys(cluster.id) == {(1, 1)}
    assert len(scene.world.broker.waiting) == 1


@simulated
async def test_a_handled_event_makes_room_for_the_next_and_tells_how_long_it_took() -> None:
    scene = Scene()

    async def handle(_event: ClusterEvent) -> Outcome:
        await asyncio.sleep(2)
        return Skipped(SkipReason.ALREADY_DONE)

    for _ in range(3):
        await publish(scene, event_about(new_cluster().id))
    one_at_a_time = attrs.evolve(doing(scene, handle), policy=ConsumePolicy(concurrency=1))
    await asyncio.sleep(5)
    await consuming(scene, one_at_a_time, 10)
    assert [fact.duration for fact in scene.facts(EventSettled)] == [2, 2, 2]
    assert scene.world.broker.empty
