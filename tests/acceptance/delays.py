"""What took how long in a run, from what the test node and the API noted."""

import re
from collections.abc import Collection, Sequence
from typing import Final

from tests.acceptance.world import AcceptanceWorld

_JOB: Final = re.compile(r"pullsecret-(?P<cluster>.+)-gen(?P<generation>\d+)(?:-try\d+)?\Z")


def status_delays(world: AcceptanceWorld, clusters: Collection[str] | None = None) -> list[float]:
    """Seconds from the end of each job's process to the acceptance of the status that tells it.

    A job whose end was not told is left out.
    """
    delays = []
    for finding in world.node.findings:
        named = _JOB.match(finding.job)
        if named is None or (clusters is not None and named["cluster"] not in clusters):
            continue
        told = [
            (report.observed_time - finding.ended.finished_at).total_seconds()
            for cluster_id, report in world.hyperfleet.store.accepted
            if cluster_id == named["cluster"] and report.adapter == "pullsecret"
            if report.observed_generation == int(named["generation"])
            if report.observed_time >= finding.ended.finished_at
        ]
        if told:
            delays.append(min(told))
    return delays


def process_seconds(world: AcceptanceWorld, clusters: Collection[str] | None = None) -> list[float]:
    """How long each job's process lived."""
    return [
        (finding.ended.finished_at - finding.ended.started_at).total_seconds()
        for finding in world.node.findings
        if clusters is None or ((named := _JOB.match(finding.job)) and named["cluster"] in clusters)
    ]


def most_at_once(world: AcceptanceWorld) -> int:
    """How many job processes lived at the same moment, at most."""
    moments = []
    for finding in world.node.findings:
        moments += [(finding.ended.started_at, 1), (finding.ended.finished_at, -1)]
    most = running = 0
    for _, step in sorted(moments):
        running += step
        most = max(most, running)
    return most


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of the values do not pass."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
