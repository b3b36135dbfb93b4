"""Random histories end in a state where what the API believes equals what the stores hold."""

import asyncio
from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.hyperfleet.simulated import PROJECT, SimulatedWorld

from pullsecret.infrastructure.memory.faults import Fault, FaultRule
from pullsecret.infrastructure.memory.simulated_time import run_simulated
from pullsecret.testing.contracts.samples import pull_secret_text
from pullsecret.testing.hyperfleet.records import Dialect

CLUSTERS = ("cls-1", "cls-2", "cls-3")
LIMIT = 6 * 3600.0
RATES = {
    Fault.FAIL: 0.05,
    Fault.LOSE_ANSWER: 0.03,
    Fault.DELAY: 0.02,
    Fault.CRASH_BEFORE: 0.01,
    Fault.CRASH_AFTER: 0.01,
}
RULES = (
    *(FaultRule("*.*", fault, probability=rate) for fault, rate in RATES.items()),
    *(FaultRule("hyperfleet-api", fault, probability=rate) for fault, rate in RATES.items()),
    FaultRule("sentinel.publish", Fault.DROP, probability=0.1),
    FaultRule("sentinel.publish", Fault.DUPLICATE, probability=0.1),
)


@attrs.frozen
class Step:
    """After ``pause`` seconds, something happens to a cluster or to the API."""

    action: str
    cluster: str
    pause: float


@attrs.define
class History:
    """Plays steps on a world."""

    world: SimulatedWorld
    secrets: dict[str, list[str]] = attrs.field(factory=dict)

    def create(self, cluster_id: str) -> None:
        if cluster_id not in self.secrets:
            self.secrets[cluster_id] = [pull_secret_text()]
            self.world.create_cluster(cluster_id, self.secrets[cluster_id][-1])

    def new_secret(self, cluster_id: str) -> None:
        self._patch(cluster_id, pull_secret_text())

    def back_to_the_last_secret(self, cluster_id: str) -> None:
        self._patch(cluster_id, self.secrets.get(cluster_id, [""])[-2:][0])

    def unusable_secret(self, cluster_id: str) -> None:
        self._patch(cluster_id, "none at all")

    def change_elsewhere(self, cluster_id: str) -> None:
        if self._changeable(cluster_id):
            spec = self.world.fake.store.get(cluster_id).spec
            self.world.patch(cluster_id, {**spec, "nodes": spec.get("nodes", 0) + 1})

    def delete(self, cluster_id: str) -> None:
        if self._changeable(cluster_id):
            self.world.delete(cluster_id)

    async def old_event(self, cluster_id: str) -> None:
        for event in self._events(cluster_id)[:1]:
            await self.world.deliver(event)

    async def late_event(self, cluster_id: str) -> None:
        for event in self._events(cluster_id)[-1:]:
            await self.world.deliver(event, delay=200)

    def stale_report(self, cluster_id: str) -> None:
        """Somebody's old report arrives once more."""
        store = self.world.fake.store
        told = [
            report for of, report in store.accepted if of == cluster_id and report.adapter == "pullsecret"
        ]
        if cluster_id in store.clusters and told:
            recent = self.world.embedded.clock.now() - told[0].observed_time < timedelta(minutes=30)
            newest = store.get(cluster_id).reports["pullsecret"]
            if recent and told[0].observed_time < newest.observed_time:
                assert store.report(cluster_id, told[0]) is None

    def api_goes(self, _cluster_id: str) -> None:
        self.world.link.down = True

    def api_comes(self, _cluster_id: str) -> None:
        self.world.link.down = False

    def deny(self, _cluster_id: str) -> None:
        self.world.embedded.cloud.project(PROJECT).denied.add("secretmanager.secrets.delete")

    def permit(self, _cluster_id: str) -> None:
        self.world.embedded.cloud.project(PROJECT).denied.clear()

    def _events(self, cluster_id: str) -> list[dict[str, Any]]:
        return [
            e for e in self.world.published if cluster_id in (e["data"].get("id"), e["data"].get("clusterId"))
        ]

    def _changeable(self, cluster_id: str) -> bool:
        cluster = self.world.fake.store.clusters.get(cluster_id)
        return cluster is not None and cluster.deleted_time is None

    def _patch(self, cluster_id: str, secret: str) -> None:
        if self._changeable(cluster_id):
            self.secrets[cluster_id].append(secret)
            self.world.patch(cluster_id, self.world.spec(secret))


ACTIONS = [name for name, member in vars(History).items() if callable(member) and not name.startswith("_")]
STEPS = st.builds(
    Step,
    # Changes and deletions more often: they are what the rest gets in the way of.
    action=st.sampled_from([*ACTIONS, "new_secret", "new_secret", "delete"]),
    cluster=st.sampled_from(CLUSTERS),
    pause=st.floats(min_value=0, max_value=90),
)


async def play(dialect: Dialect, steps: list[Step], seed: int) -> None:
    world = SimulatedWorld.create(dialect, seed=seed, faults=RULES, replicas=2)
    history = History(world)
    for cluster_id in CLUSTERS[:2]:
        history.create(cluster_id)
    async with world.running():
        for step in steps:
            await asyncio.sleep(step.pause)
            happened = getattr(history, step.action)(step.cluster)
            if happened is not None:
                await happened
        history.api_comes("")
        history.permit("")
        world.embedded.faults.quieten()
        await agreement(world)
        # And it stays so, whatever still comes late.
        await asyncio.sleep(300)
        assert world.disagreements() == []


async def agreement(world: SimulatedWorld, limit: float = LIMIT) -> None:
    deadline = world.embedded.clock.monotonic() + limit
    while found := world.disagreements():
        assert world.embedded.clock.monotonic() < deadline, found
        await asyncio.sleep(5)


@pytest.mark.parametrize("dialect", list(Dialect))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(steps=st.lists(STEPS, min_size=4, max_size=15), seed=st.integers(0, 2**16))
def test_what_the_api_believes_is_what_the_stores_hold(
    dialect: Dialect, steps: list[Step], seed: int
) -> None:
    run_simulated(play(dialect, steps, seed))
