"""One piece of work at a time for each cluster."""

import asyncio

import pytest
from tests.unit.application.scene import simulated

from pullsecret.application.keyed_locks import ClusterLocks
from pullsecret.domain.identifiers import ClusterId

A, B = ClusterId("cls-a"), ClusterId("cls-b")


@simulated
async def test_the_same_cluster_waits_in_the_order_of_asking_and_others_do_not() -> None:
    locks, order = ClusterLocks(), []

    async def work(cluster_id: ClusterId, name: str) -> None:
        async with locks.hold(cluster_id):
            await asyncio.sleep(1)
            order.append((name, asyncio.get_running_loop().time()))

    await asyncio.gather(work(A, "a1"), work(A, "a2"), work(B, "b1"), work(A, "a3"))
    assert order == [("a1", 1), ("b1", 1), ("a2", 2), ("a3", 3)]


@simulated
async def test_clusters_that_nobody_works_on_are_forgotten() -> None:
    locks = ClusterLocks()
    async with locks.hold(A):
        waiting = asyncio.create_task(locks.hold(A).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(locks._locks) == 1
    with pytest.raises(ValueError, match="on purpose"):
        async with locks.hold(B):
            raise ValueError("on purpose")
    assert not locks._locks
    assert not locks._users
