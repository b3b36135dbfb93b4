"""What the demo tells at its end, independent of how it is shown."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import attrs

from pullsecret.domain.conditions import Status, StatusReport
from pullsecret.entrypoints.demo.fleet import FleetCluster
from pullsecret.entrypoints.demo.play import Played
from pullsecret.infrastructure.memory.world import EmbeddedWorld

SKIPPED = "(skipped)"


@attrs.frozen
class OutcomeRow:
    """Clusters that ended in the same way; durations are simulated seconds from the newest generation's
    making to the status that told its end, None where nothing is told."""

    outcome: str
    clusters: int
    p50: float | None
    p95: float | None


@attrs.frozen
class UnhappyRow:
    """A cluster a person has to look at."""

    cluster_id: str
    reason: str
    message: str


@attrs.frozen
class Summary:
    """The whole demo."""

    clusters: int
    seed: int
    faults: str
    injected_faults: int
    crashes: int
    simulated_seconds: float
    outcomes: Sequence[OutcomeRow]
    unhappy: Sequence[UnhappyRow]
    problems: Mapping[str, Sequence[str]]
    """What the read-back found wrong, by cluster; empty is the proof."""


def summarise(
    world: EmbeddedWorld,
    fleet: Sequence[FleetCluster],
    played: Played,
    problems: Mapping[str, Sequence[str]],
    seed: int,
    faults: str,
) -> Summary:
    """Count and order what was told about ``fleet``."""
    durations: dict[str, list[float | None]] = defaultdict(list)
    unhappy: list[UnhappyRow] = []
    for cluster in fleet:
        report = world.hyperfleet.status(cluster.id)
        durations[_outcome(report)].append(_duration(world, cluster, played))
        if report and report.conditions.health.status is not Status.TRUE:
            applied = report.conditions.applied
            unhappy.append(UnhappyRow(cluster.id, str(applied.reason), applied.message))
    return Summary(
        clusters=len(fleet),
        seed=seed,
        faults=faults,
        injected_faults=sum(world.faults.injected.values()),
        crashes=played.crashes,
        simulated_seconds=round(played.simulated_seconds, 1),
        outcomes=[_row(outcome, times) for outcome, times in sorted(durations.items())],
        unhappy=sorted(unhappy, key=lambda row: (row.reason, row.cluster_id)),
        problems=problems,
    )


def _outcome(report: StatusReport | None) -> str:
    return SKIPPED if report is None else str(report.conditions.applied.reason)


def _duration(world: EmbeddedWorld, cluster: FleetCluster, played: Played) -> float | None:
    known = world.hyperfleet.statuses.get(cluster.id)
    if known is None:
        return None
    ended = max(known.transitions.applied, known.transitions.available)
    return max(0.0, (ended - played.newest_since[cluster.id]).total_seconds())


def _row(outcome: str, times: Sequence[float | None]) -> OutcomeRow:
    known = sorted(time for time in times if time is not None)

    def quantile(share: float) -> float | None:
        return round(known[min(len(known) - 1, int(share * len(known)))], 2) if known else None

    return OutcomeRow(outcome, len(times), quantile(0.5), quantile(0.95))
