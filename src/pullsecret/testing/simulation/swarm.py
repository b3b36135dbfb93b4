"""What a seed makes of a run: who is there, which kinds of faults there are, and when what happens.

Each run has only some kinds of faults, so that none hides another ("swarm testing", Groce et al., 2012).
"""

import random
from collections.abc import Generator, Iterator
from enum import Enum

import attrs

from pullsecret.application.finalize import FinalizePolicy
from pullsecret.domain.admission import ConcurrencyLimits
from pullsecret.domain.clean_up import Deletion
from pullsecret.domain.rollout import Rollout
from pullsecret.testing.simulation import incidents, platforms
from pullsecret.testing.simulation.chaos import CallFault, Part
from pullsecret.testing.simulation.incidents import Incident, Meddling
from pullsecret.testing.simulation.strays import HARMLESS, STRAYS
from pullsecret.testing.simulation.truth import CANARY, ClusterTruth, Spec

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
    MOVES = "clusters move to other projects and names of their stored secrets"
    GIVING_UP = "clusters are deleted and their secrets cannot be"
    STRANGERS = "somebody else's secrets come and go"
    PLACEMENT = "placement moves clusters to other namespaces, and back"
    CUSTOMERS = "customers disable, destroy and add versions of the stored secrets"


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
    projects: tuple[str, ...]
    rates: dict[CallFault, float]
    broker: BrokerFaults
    incidents: tuple[Incident, ...]
    tells_waiting: bool
    """Whether the API is told of unmet preconditions and of running jobs too, as today's one wants it."""
    asks_all: bool
    """Whether Sentinel asks for a sign of life of what is available too; nothing else tells of a move by
    placement."""
    limits: ConcurrencyLimits
    deletion: FinalizePolicy
    rollout: Rollout
    deletes_in_the_end: bool
    """Whether all clusters are deleted after everything has settled and jobs have been forgotten."""
    heals_at: float
    """Virtual time after which nothing goes wrong any more."""
    late_versions: float
    """Share of the requests to add a version that take effect late, beside what ``rates`` says."""


def draw_plan(seed: int) -> Plan:
    """The plan that belongs to ``seed``."""
    return _Drawing(random.Random(seed)).plan()  # noqa: S311 - repeatable on purpose


@attrs.define
class _Drawing:
    chance: random.Random
    clusters: list[ClusterTruth] = attrs.field(factory=list)
    projects: dict[str, None] = attrs.field(factory=dict)
    replicas: int = 1
    end: float = 0.0
    theme: Theme = Theme.NONE
    same_name: bool = False
    """Whether the clusters begin with stored secrets of the same name."""
    placement_moves: bool = False

    def plan(self) -> Plan:
        chance = self.chance
        self.replicas = chance.choice((1, 2, 2, 2, 3))
        self.end = chance.choice((60.0, 120.0, 200.0, 300.0))
        self.theme = chance.choice((Theme.NONE, *Theme))
        if self.theme is not Theme.NONE:
            self.end = max(self.end, 120.0)
        shared = chance.random() < 0.3
        self.same_name = shared and self._sometimes(0.2)
        clusters = 1 if self.theme is Theme.LAG else chance.choice((1, 1, 2, 2, 3))
        for number in range(clusters):
            name = f"c{number + 1}"
            project = "customer-1" if shared else f"customer-{number + 1}"
            self.clusters.append(ClusterTruth(name, project))
            self.projects[project] = None
        happens = [
            *self._owners(),
            *self._strangers(),
            *self._saboteurs(),
            *self._people(),
            *self._strays(),
            *self._platforms(),
            *self._placement(),
        ]
        tells_waiting = self._sometimes(0.3)
        return Plan(
            replicas=self.replicas,
            clusters=tuple(self.clusters),
            projects=tuple(self.projects),
            rates=self._rates(),
            broker=self._broker(),
            incidents=tuple(sorted(happens, key=lambda one: one.at)),
            tells_waiting=tells_waiting,
            asks_all=tells_waiting or self.placement_moves,
            limits=ConcurrencyLimits(1, 2) if self._sometimes(0.2) else ConcurrencyLimits(),
            deletion=self._deletion(),
            rollout=Rollout(share=0, clusters=("c1",)) if self._sometimes(0.05) else Rollout(),
            deletes_in_the_end=self._sometimes(0.5 if self.theme in (Theme.MOVES, Theme.PLACEMENT) else 0.1),
            heals_at=self.end,
            late_versions=0.3 if self._sometimes(0.1) else 0.0,
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

    def _deletion(self) -> FinalizePolicy:
        retain, giving_up = self._sometimes(0.2), self.theme is Theme.GIVING_UP
        return FinalizePolicy(
            stored_secret=Deletion.RETAIN if retain and not giving_up else Deletion.DELETE,
            give_up_after=self.chance.choice((45.0, 90.0)) if giving_up else 3600.0,
        )

    def _owners(self) -> Iterator[Incident]:
        for truth in self.clusters:
            yield from self._owner(truth)

    def _owner(self, truth: ClusterTruth) -> Iterator[Incident]:
        chance = self.chance
        made = chance.uniform(0.0, 5.0)
        first = Spec(incidents.fresh(truth, 1), truth.project)
        if self._sometimes(0.05):
            first = attrs.evolve(first, payload=f"{CANARY} is no JSON".encode(), usable=False)
        if self.same_name:
            first = attrs.evolve(first, secret_name="shared-name")
        yield Incident(made, "owner", f"creates {truth.id}", incidents.update(truth, first))
        if self._sometimes(0.1):
            truth.prepared = False
            when = self._time(made)
            yield Incident(when, "owner", f"lets {truth.id} be ready", incidents.become_prepared(truth))
        if self._sometimes(0.1):
            stop = incidents.stop_resolving(truth, for_good=self._sometimes(0.3))
            yield self._for_a_while("dns", f"is not done with {truth.id}", stop)
        last = yield from self._updates(truth, first, made)
        deleted = self._time(made)
        if self.theme in (Theme.DELETION, Theme.GIVING_UP):
            deleted = min(last + chance.uniform(0.0, 40.0), self.end)
        if self._sometimes(0.9 if self.theme in (Theme.DELETION, Theme.GIVING_UP) else 0.2):
            yield Incident(deleted, "owner", f"deletes {truth.id}", incidents.delete(truth))
            if self.theme is Theme.GIVING_UP:
                denied = platforms.deny(truth.project, "secretmanager.secrets.delete")
                what = f"{truth.project} lets nobody delete secrets"
                yield Incident(self._time(made), "cloud", what, denied, chance.uniform(20.0, 200.0))
        if self._sometimes(0.03):
            yield Incident(self._time(made), "api", f"forgets {truth.id}", incidents.vanish(truth))

    def _updates(self, truth: ClusterTruth, spec: Spec, made: float) -> Generator[Incident, None, float]:
        """Updates of ``truth``; when the last of them is."""
        chance = self.chance
        when, quickly = made, self.theme is not Theme.NONE or self._sometimes(0.5)
        goes_back = 0.5 if self.theme is Theme.LAG else 0.2
        moves = 0.5 if self.theme is Theme.MOVES else 0.05
        updates = chance.choice((0, 1, 1, 2, 3)) if self.theme is Theme.NONE else chance.randint(3, 8)
        payloads = [incidents.fresh(truth, 1)]
        for number in range(2, 2 + updates):
            when = min(when + chance.uniform(3.0, 20.0), self.end) if quickly else self._time(made)
            kind = chance.random()
            if kind < 0.12:
                unusable = f'{{"auths": {{"quay.io": {{"password": "{CANARY}-{number}"}}}}}}'.encode()
                spec = attrs.evolve(spec, payload=unusable, usable=False)
            elif kind < 0.12 + goes_back:
                spec = attrs.evolve(spec, payload=chance.choice(payloads), usable=True)
            elif not (spec.usable and self._sometimes(moves)):
                payloads.append(incidents.fresh(truth, number))
                spec = attrs.evolve(spec, payload=payloads[-1], usable=True)
            if self._sometimes(moves):
                spec = self._moved(truth, spec)
            yield Incident(when, "owner", f"updates {truth.id}", incidents.update(truth, spec))
        return when

    def _moved(self, truth: ClusterTruth, spec: Spec) -> Spec:
        """Another project or another name, or back to an earlier one."""
        if self._sometimes(0.5):
            spec = attrs.evolve(spec, project=self.chance.choice((truth.project, f"other-{truth.id}")))
            self.projects[spec.project] = None
            return spec
        names = (None, f"{truth.id}-registries", "shared-name" if self._sometimes(0.4) else None)
        return attrs.evolve(spec, secret_name=self.chance.choice(names))

    def _strangers(self) -> Iterator[Incident]:
        for truth in self.clusters:
            if not self._sometimes(0.9 if self.theme is Theme.STRANGERS else 0.15):
                continue
            spec = Spec(b"", truth.project, self.chance.choice((None, None, f"{truth.id}-registries")))
            before = self._sometimes(0.5)
            for _ in range(self.chance.randint(1, 4) if self.theme is Theme.STRANGERS else 1):
                put = self.chance.choice(
                    (
                        incidents.put_stored(truth, spec, incidents.SOMEBODYS),
                        incidents.put_stored(truth, spec, incidents.UNCLAIMED),
                        incidents.put_published(truth),
                    )
                )
                when = 0.0 if before else self._time()
                yield Incident(when, "somebody", f"has a secret where one of {truth.id} belongs", put)
                if self._sometimes(0.5):
                    removed = incidents.remove_foreign(truth)
                    what = f"removes what is in the way of {truth.id}"
                    yield Incident(self._time(when), "person", what, removed)
                if self.theme is Theme.STRANGERS and self._sometimes(0.5):
                    gone = incidents.delete_published(truth)
                    what = f"deletes cluster secret of {truth.id}"
                    yield Incident(self._time(), "saboteur", what, gone)

    def _people(self) -> Iterator[Incident]:
        for _ in range(self.chance.randint(1, 4) if self._sometimes(0.2) else 0):
            truth = self.chance.choice(self.clusters)
            what = f"asks for another attempt at {truth.id}"
            yield Incident(self._time(), "person", what, incidents.ask_again(truth))
        if self._sometimes(0.08):
            to = self.chance.choice((Rollout(enabled=False), Rollout(share=0, clusters=("c1",))))
            what = "switches off" if not to.enabled else "goes back to a part of the clusters"
            yield self._for_a_while("roll-out", what, platforms.roll_out(to))

    def _strays(self) -> Iterator[Incident]:
        for number in range(self.chance.randint(1, 5) if self._sometimes(0.15) else 0):
            kind = self.chance.choice(list(STRAYS))
            stray = incidents.publish_stray(number, STRAYS[kind], malformed=kind not in HARMLESS)
            yield Incident(self._time(), "stranger", f"publishes an event that {kind}", stray)

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
        customers = self.theme is Theme.CUSTOMERS
        for _ in range(self.chance.randint(2, 5) if customers else int(self._sometimes(0.15))):
            yield from self._meddling(self.chance.choice(self.clusters))

    def _meddling(self, truth: ClusterTruth) -> Iterator[Incident]:
        """A customer meddles; sometimes a person then asks for another attempt, which has to mend it."""
        chance, when = self.chance, self._time()
        how = chance.choice(list(Meddling))
        what = f"{how.value} of {truth.id}"
        yield Incident(when, "customer", what, incidents.meddle(truth, how), chance.uniform(5.0, 120.0))
        if self._sometimes(0.5):
            again = f"asks for another attempt at {truth.id}"
            yield Incident(when + chance.uniform(0.0, 20.0), "person", again, incidents.ask_again(truth))

    def _placement(self) -> Iterator[Incident]:
        moves = self.theme is Theme.PLACEMENT
        for truth in self.clusters:
            if not self._sometimes(0.9 if moves else 0.07):
                continue
            self.placement_moves = True
            names = [f"clusters-{truth.id}{elsewhere}" for elsewhere in ("", "-b", "-c")]
            for _ in range(self.chance.randint(1, 4) if moves else 1):
                namespace = self.chance.choice(names[1:] if not moves else names)
                what = f"moves {truth.id} to {namespace}"
                yield Incident(self._time(), "placement", what, incidents.place_in(truth, namespace))

    def _platforms(self) -> Iterator[Incident]:
        yield from self._customers_cloud()
        yield from self._network()
        yield from self._machines()
        yield from self._clocks()

    def _customers_cloud(self) -> Iterator[Incident]:
        chance, truth = self.chance, self.chance.choice(self.clusters)
        project = self.chance.choice(list(self.projects))
        if self._sometimes(0.2):
            permission = f"secretmanager.{chance.choice(_PERMISSIONS)}"
            yield self._for_a_while(
                "cloud", f"{project} lacks {permission}", platforms.deny(project, permission)
            )
        if self._sometimes(0.05):
            yield self._for_a_while("cloud", f"{project} has no API", platforms.switch_off(project))
        if self._sometimes(0.15):
            yield self._for_a_while("cloud", f"{project} is short of quota", platforms.quota_storm(project))
        if self.theme is Theme.LAG:
            lag = chance.uniform(10.0, 60.0)
            yield Incident(5.0, "cloud", "latest lags", platforms.stale_latest(project, lag), self.end)
        elif self._sometimes(0.2):
            lag = chance.uniform(5.0, 120.0)
            yield self._for_a_while(
                "cloud", f"latest lags {lag:.0f} s in {project}", platforms.stale_latest(project, lag)
            )
        if self._sometimes(0.15):
            lag = chance.uniform(1.0, 10.0)
            yield self._for_a_while("api", f"reads lag {lag:.0f} s", platforms.stale_reads(lag))
        if self._sometimes(0.05):
            yield self._for_a_while(
                "kubernetes", f"no namespace for {truth.id}", platforms.missing_namespace(truth)
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
            yield self._for_a_while("network", what, platforms.cut(who, part, answers_only=answers_only))

    def _machines(self) -> Iterator[Incident]:
        chance = self.chance

        def replica() -> int:
            return chance.randrange(self.replicas)

        if self._sometimes(0.3):
            for _ in range(chance.randint(1, 3)):
                yield Incident(self._time(), "machine", "kills a replica", platforms.kill(replica()))
        if self._sometimes(0.4):
            for _ in range(chance.randint(1, 4)):
                steps = chance.randint(1, 300)
                yield Incident(self._time(), "machine", "kills a process", platforms.kill_within(steps))
        for _ in range(chance.randint(1, 3) if self._sometimes(0.25) else 0):
            start = self._time()
            for number in range(self.replicas):
                yield Incident(start + 10 * number, "roll-out", "restarts", platforms.restart(number))
        if self._sometimes(0.15):
            yield Incident(self._time(), "machine", "drains a job", platforms.drain(chance.randrange(9)))
        if self._sometimes(0.2):
            seconds = chance.uniform(5.0, 40.0)
            yield Incident(self._time(), "machine", "stalls", platforms.stall(replica(), seconds))
        nodes = chance.randint(2, 5) if self.theme is Theme.NODES else int(self._sometimes(0.1))
        for _ in range(nodes):
            yield self._for_a_while("machine", "loses a node", platforms.lose_node(chance.randrange(9)))

    def _clocks(self) -> Iterator[Incident]:
        chance = self.chance
        if self._sometimes(0.25):
            jump = chance.choice((-3600.0, -120.0, -10.0, 10.0, 120.0, 3600.0)) * chance.random()
            number = chance.randrange(self.replicas)
            what = f"clock of replica-{number + 1} is {jump:+.0f} s off"
            yield self._for_a_while("machine", what, platforms.clock_jump(number, jump))
        if self._sometimes(0.15):
            jump = chance.choice((-3600.0, -60.0, 60.0, 3600.0)) * chance.random()
            what = f"clock of the jobs is {jump:+.0f} s off"
            yield self._for_a_while("machine", what, platforms.jobs_clock_jump(jump))

    def _for_a_while(self, who: str, what: str, happen: object) -> Incident:
        return Incident(self._time(), who, what, happen, self.chance.uniform(5.0, 120.0))  # type: ignore[arg-type]
