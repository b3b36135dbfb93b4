"""What a seed makes of a run: who is there, which kinds of faults there are, and when what happens.

Each run has only some kinds of faults, so that none hides another ("swarm testing", Groce et al., 2012).
"""

import random
from collections.abc import Iterator
from enum import Enum

import attrs

from pullsecret.domain.admission import ConcurrencyLimits
from pullsecret.domain.reasons import Reason
from pullsecret.testing.simulation import incidents
from pullsecret.testing.simulation.chaos import CallFault, Part
from pullsecret.testing.simulation.incidents import Incident
from pullsecret.testing.simulation.truth import CANARY, ClusterTruth

_PERMISSIONS = ("secrets.get", "secrets.create", "versions.add", "versions.access", "secrets.delete")
_REACHES = {
    "replica": (Part.BROKER, Part.HYPERFLEET, Part.KUBERNETES, Part.CLOUD),
    "job": (Part.KUBERNETES, Part.CLOUD),
    "sentinel": (Part.BROKER,),
}


class Theme(Enum):
    """What a run has more of than others."""

    NONE = "none"
    LAG = "``latest`` lags while pull secrets change quickly and change back"
    NODES = "nodes get lost under jobs"
    DELETION = "clusters are deleted while they are worked on, and calls are slow"


@attrs.frozen
class BrokerFaults:
    """Shares of published messages that get lost, doubled, or come late."""

    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0


@attrs.frozen
class Plan:
    """One run, decided beforehand."""

    replicas: int
    clusters: tuple[ClusterTruth, ...]
    foreign: dict[str, str]
    """By cluster: where somebody else's secret is, ``cloud`` or ``cluster``; an ``adoptable`` one is not."""
    rates: dict[CallFault, float]
    broker: BrokerFaults
    incidents: tuple[Incident, ...]
    tells_waiting: bool
    """Whether the API is told of unmet preconditions and of running jobs too, as today's one wants it."""
    limits: ConcurrencyLimits
    heals_at: float
    """Virtual time after which nothing goes wrong any more."""


def draw_plan(seed: int) -> Plan:
    """The plan that belongs to ``seed``."""
    return _Drawing(random.Random(seed)).plan()  # noqa: S311 - repeatable on purpose


@attrs.define
class _Drawing:
    chance: random.Random
    clusters: list[ClusterTruth] = attrs.field(factory=list)
    foreign: dict[str, str] = attrs.field(factory=dict)
    replicas: int = 1
    end: float = 0.0
    theme: Theme = Theme.NONE

    def plan(self) -> Plan:
        chance = self.chance
        self.replicas = chance.choice((1, 2, 2, 2, 3))
        self.end = chance.choice((60.0, 120.0, 200.0, 300.0))
        self.theme = chance.choice((Theme.NONE, *Theme))
        if self.theme is not Theme.NONE:
            self.end = max(self.end, 120.0)
        shared = chance.random() < 0.3
        clusters = 1 if self.theme is Theme.LAG else chance.choice((1, 1, 2, 2, 3))
        for number in range(clusters):
            name = f"c{number + 1}"
            project = "customer-1" if shared else f"customer-{number + 1}"
            self.clusters.append(ClusterTruth(name, project))
        happens = [*self._owners(), *self._saboteurs(), *self._platforms()]
        return Plan(
            replicas=self.replicas,
            clusters=tuple(self.clusters),
            foreign=self.foreign,
            rates=self._rates(),
            broker=self._broker(),
            incidents=tuple(sorted(happens, key=lambda one: one.at)),
            tells_waiting=self._sometimes(0.3),
            limits=ConcurrencyLimits(1, 2) if self._sometimes(0.2) else ConcurrencyLimits(),
            heals_at=self.end,
        )

    def _sometimes(self, probability: float = 0.3) -> bool:
        return self.chance.random() < probability

    def _time(self, earliest: float = 0.0) -> float:
        return self.chance.uniform(earliest, self.end)

    def _rates(self) -> dict[CallFault, float]:
        heavy = self.chance.choice((0.01, 0.03, 0.1))
        rates = {fault: heavy * self.chance.random() for fault in CallFault if self._sometimes(0.35)}
        for dying in (CallFault.DIES_BEFORE, CallFault.DIES_AFTER):
            if dying in rates:
                rates[dying] = min(rates[dying], 0.02)
        if self.theme is Theme.DELETION:
            rates[CallFault.SLOW] = 0.1
        return rates

    def _broker(self) -> BrokerFaults:
        def share() -> float:
            return 0.3 * self.chance.random() if self._sometimes(0.4) else 0.0

        return BrokerFaults(share(), share(), share())

    def _owners(self) -> Iterator[Incident]:
        for truth in self.clusters:
            yield from self._owner(truth)

    def _owner(self, truth: ClusterTruth) -> Iterator[Incident]:
        chance = self.chance
        made = chance.uniform(0.0, 5.0)
        payloads = [incidents.fresh(truth, 1)]
        yield Incident(made, "owner", f"creates {truth.id}", incidents.update(truth, payloads[0]))
        if self._sometimes(0.1):
            truth.ready = False
            when = self._time(made)
            yield Incident(when, "owner", f"lets {truth.id} be ready", incidents.become_ready(truth))
        if self._sometimes(0.15):
            yield from self._somebody_elses(truth)
        when, quickly = made, self.theme is not Theme.NONE or self._sometimes(0.5)
        goes_back = 0.5 if self.theme is Theme.LAG else 0.2
        updates = chance.choice((0, 1, 1, 2, 3)) if self.theme is Theme.NONE else chance.randint(3, 8)
        for number in range(2, 2 + updates):
            when = min(when + chance.uniform(3.0, 20.0), self.end) if quickly else self._time(made)
            kind = chance.random()
            if kind < 0.12:
                unusable = f'{{"auths": {{"quay.io": {{"password": "{CANARY}-{number}"}}}}}}'.encode()
                change = incidents.update(truth, unusable, usable=False)
            elif kind < 0.12 + goes_back:
                change = incidents.update(truth, chance.choice(payloads))
            else:
                payloads.append(incidents.fresh(truth, number))
                change = incidents.update(truth, payloads[-1])
            yield Incident(when, "owner", f"updates {truth.id}", change)
        deleted = self._time(made)
        if self.theme is Theme.DELETION:
            deleted = min(when + chance.uniform(0.0, 40.0), self.end)
        if self._sometimes(0.9 if self.theme is Theme.DELETION else 0.2):
            yield Incident(deleted, "owner", f"deletes {truth.id}", incidents.delete(truth))

    def _somebody_elses(self, truth: ClusterTruth) -> Iterator[Incident]:
        where = self.chance.choice(("cloud", "cluster", "adoptable"))
        self.foreign[truth.id] = where
        if where == "adoptable":
            return
        truth.refusal = Reason.NAMING_CONFLICT if where == "cloud" else Reason.CLUSTER_SECRET_CONFLICT
        if self._sometimes(0.5):
            yield Incident(
                self._time(),
                "person",
                f"removes what is in the way of {truth.id}",
                incidents.remove_foreign(truth),
            )

    def _saboteurs(self) -> Iterator[Incident]:
        if self._sometimes(0.25):
            for _ in range(self.chance.randint(1, 3)):
                truth = self.chance.choice(self.clusters)
                name, drift = self.chance.choice(
                    (
                        ("deletes cluster secret", incidents.delete_published(truth)),
                        ("alters cluster secret", incidents.alter_published(truth)),
                    )
                )
                yield Incident(self._time(), "saboteur", f"{name} of {truth.id}", drift)
        if self._sometimes(0.15):
            truth = self.chance.choice(self.clusters)
            how = self.chance.choice(("disable", "add", "delete"))
            yield Incident(
                self._time(), "saboteur", f"stored secret of {truth.id}: {how}", incidents.meddle(truth, how)
            )

    def _platforms(self) -> Iterator[Incident]:
        yield from self._customers_cloud()
        yield from self._network()
        yield from self._machines()

    def _customers_cloud(self) -> Iterator[Incident]:
        chance, truth = self.chance, self.chance.choice(self.clusters)
        if self._sometimes(0.2):
            permission = f"secretmanager.{chance.choice(_PERMISSIONS)}"
            yield self._for_a_while(
                "cloud", f"{truth.project} lacks {permission}", incidents.deny(truth, permission)
            )
        if self._sometimes(0.05):
            yield self._for_a_while("cloud", f"{truth.project} has no API", incidents.switch_off(truth))
        if self._sometimes(0.15):
            yield self._for_a_while(
                "cloud", f"{truth.project} is short of quota", incidents.quota_storm(truth)
            )
        if self.theme is Theme.LAG:
            lag = chance.uniform(10.0, 60.0)
            yield Incident(5.0, "cloud", "latest lags", incidents.stale_latest(truth, lag), self.end)
        elif self._sometimes(0.2):
            lag = chance.uniform(5.0, 120.0)
            yield self._for_a_while(
                "cloud", f"latest lags {lag:.0f} s in {truth.project}", incidents.stale_latest(truth, lag)
            )
        if self._sometimes(0.05):
            yield self._for_a_while(
                "kubernetes", f"no namespace for {truth.id}", incidents.missing_namespace(truth)
            )

    def _network(self) -> Iterator[Incident]:
        if not self._sometimes(0.4):
            return
        for _ in range(self.chance.randint(1, 3)):
            kind = self.chance.choice(("replica", "replica", "job", "sentinel"))
            who = f"replica-{self.chance.randint(1, self.replicas)}" if kind == "replica" else kind
            part = self.chance.choice(_REACHES[kind])
            answers_only = self._sometimes(0.3)
            what = f"{who} {'hears nothing from' if answers_only else 'does not reach'} {part.value[0]}"
            yield self._for_a_while("network", what, incidents.cut(who, part, answers_only=answers_only))

    def _machines(self) -> Iterator[Incident]:
        chance = self.chance

        def replica() -> int:
            return chance.randrange(self.replicas)

        if self._sometimes(0.3):
            for _ in range(chance.randint(1, 3)):
                yield Incident(self._time(), "machine", "kills a replica", incidents.kill(replica()))
        if self._sometimes(0.4):
            for _ in range(chance.randint(1, 4)):
                steps = chance.randint(1, 300)
                yield Incident(self._time(), "machine", "kills a process", incidents.kill_within(steps))
        if self._sometimes(0.2):
            start = self._time()
            for number in range(self.replicas):
                yield Incident(start + 10 * number, "roll-out", "restarts", incidents.restart(number))
        if self._sometimes(0.25):
            jump = chance.choice((-3600.0, -120.0, -10.0, 10.0, 120.0, 3600.0)) * chance.random()
            number = replica()
            what = f"clock of replica-{number + 1} is {jump:+.0f} s off"
            yield self._for_a_while("machine", what, incidents.clock_jump(number, jump))
        if self._sometimes(0.15):
            yield Incident(self._time(), "machine", "drains a job", incidents.drain(chance.randrange(9)))
        if self._sometimes(0.2):
            seconds = chance.uniform(5.0, 40.0)
            yield Incident(self._time(), "machine", "stalls", incidents.stall(replica(), seconds))
        nodes = chance.randint(2, 5) if self.theme is Theme.NODES else int(self._sometimes(0.1))
        for _ in range(nodes):
            yield self._for_a_while("machine", "loses a node", incidents.lose_node(chance.randrange(9)))

    def _for_a_while(self, who: str, what: str, happen: object) -> Incident:
        return Incident(self._time(), who, what, happen, self.chance.uniform(5.0, 120.0))  # type: ignore[arg-type]
