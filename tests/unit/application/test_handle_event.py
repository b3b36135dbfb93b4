"""Which events are looked at at all."""

import pytest
from tests.unit.application.scene import Says, Scene, event_about, new_cluster, simulated

from pullsecret.application.outcomes import JobSubmitted, Skipped
from pullsecret.domain.errors import TransientError
from pullsecret.domain.facts import EventSkipped, SkipReason
from pullsecret.domain.rollout import Rollout
from pullsecret.expressions import EvaluationError
from pullsecret.infrastructure.memory.faults import Fault, FaultRule


@simulated
async def test_an_event_that_passes_is_reconciled() -> None:
    event_filter = Says(True)
    scene = Scene(event_filter=event_filter)
    cluster = scene.put(new_cluster())
    event = event_about(cluster.id, data={"provider": "gcp"})
    assert isinstance(await scene.handle(event), JobSubmitted)
    (seen,) = event_filter.seen
    assert seen == {
        "event": {
            "Type": "cluster.create",
            "Id": "evt-1",
            "Source": "sentinel",
            "Data": {"provider": "gcp"},
        },
        "clusterId": cluster.id.value,
    }
    assert scene.facts(EventSkipped) == []


@pytest.mark.parametrize(
    ("event_filter", "skipped"),
    [
        (Says(False), Skipped(SkipReason.FILTERED)),
        (Says("true"), Skipped(SkipReason.FILTERED)),
        (
            Says(EvaluationError("Data has no x", "x", 0, 1)),
            Skipped(SkipReason.MISSING_DATA, "Data has no x"),
        ),
    ],
)
@simulated
async def test_an_event_that_does_not_pass_is_skipped_with_its_reason(
    event_filter: Says, skipped: Skipped
) -> None:
    scene = Scene(event_filter=event_filter)
    scene.fault(FaultRule("*.*", Fault.CRASH_BEFORE, probability=1))
    event = event_about(new_cluster().id)
    assert await scene.handle(event) == skipped
    assert scene.facts(EventSkipped) == [EventSkipped(event.cluster_id, skipped.reason, skipped.detail)]


@simulated
async def test_a_cluster_that_is_not_rolled_out_is_left_alone() -> None:
    scene = Scene(rollout=Rollout(enabled=False))
    scene.fault(FaultRule("*.*", Fault.CRASH_BEFORE, probability=1))
    cluster = scene.put(new_cluster())
    assert await scene.handle(event_about(cluster.id)) == Skipped(SkipReason.NOT_ROLLED_OUT)


@simulated
async def test_what_reconciling_skips_is_told_once() -> None:
    scene = Scene(preconditions=(Says(False, "a == b"),))
    cluster = scene.put(new_cluster())
    await scene.handle(event_about(cluster.id))
    assert scene.facts(EventSkipped) == [
        EventSkipped(cluster.id, SkipReason.PRECONDITION, "a == b is not true")
    ]


@simulated
async def test_an_api_that_does_not_answer_brings_the_event_again() -> None:
    scene = Scene()
    scene.fault(FaultRule("cluster-catalog.get", Fault.FAIL, nth=1))
    with pytest.raises(TransientError):
        await scene.handle(event_about(new_cluster().id))
