"""What provisioning costs as the number of clusters grows, on the embedded world.

``python -m benchmarks.scale --clusters 100 1000 10000``

The production use cases play the demo's fleet with every outside system embedded and in simulated time, so
what is measured is the program's own work. All is read back; a size that is not proven is no result. Each
size is a process of its own.

Two series: jobs at a time in proportion to the fleet (a tenth of it), and bounded as by default (100). With a
bound a larger fleet waits longer, and Sentinel reminds of each waiting cluster every minute: it takes more
events for each cluster. So processor time beyond that of a single cluster is fitted twice, as
``seconds = a * clusters ** b`` and as ``seconds = a * events ** b``: ``b`` of 1 is linear. A third fit leaves
out what Python's garbage collector took, which goes through everything that the embedded world remembers.
"""

import argparse
import gc
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

import attrs
from benchmarks.results import add_option, write_result

from pullsecret.domain.admission import ConcurrencyLimits
from pullsecret.domain.facts import EventTaken
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import embedded_adapter
from pullsecret.entrypoints.demo.fleet import make_fleet
from pullsecret.entrypoints.demo.play import play
from pullsecret.entrypoints.demo.verify import verify
from pullsecret.infrastructure.memory.simulated_time import run_simulated
from pullsecret.infrastructure.memory.world import EmbeddedWorld

_BOUND: Final = 100
_SHORT: Final = 1000
_SHORT_TIMES: Final = 3


@attrs.frozen
class Run:
    """One size."""

    clusters: int
    jobs_at_a_time: int
    events: int
    cpu_seconds: float
    collector_cpu_seconds: float
    """Of ``cpu_seconds``, what the garbage collector took."""
    peak_rss_bytes: int
    simulated_seconds: float


def by_clusters(run: Run) -> int:
    """The size of the fleet."""
    return run.clusters


def by_events(run: Run) -> int:
    """How many events it took."""
    return run.events


class Collector:
    """Counts the garbage collector's processor time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0
        gc.callbacks.append(self._on)

    def _on(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._since = time.process_time()
        else:
            self.seconds += time.process_time() - self._since


def one(clusters: int, at_a_time: int) -> Run:
    """Provision ``clusters`` in this process. Raises RuntimeError unless all of it is proven."""
    collector = Collector()
    world = EmbeddedWorld.create(1, [])
    fleet = make_fleet(world, clusters, 1)
    limits = ConcurrencyLimits(per_project=at_a_time, overall=at_a_time)
    configuration = attrs.evolve(Configuration.default(), limits=limits)
    build = embedded_adapter(configuration, world, world.telemetry)
    played = run_simulated(play(world, fleet, build, lambda: None))
    if not played.settled or verify(world, fleet):
        raise RuntimeError(f"{clusters} clusters: not all is where it should be")
    return Run(
        clusters,
        at_a_time,
        len(world.telemetry.of(EventTaken)),
        time.process_time(),
        collector.seconds,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        played.simulated_seconds,
    )


@cache
def apart(clusters: int, at_a_time: int) -> Run:
    """:func:`one` in a process of its own: the cheapest of some if it is so short that whatever else the
    machine does would show."""
    command = [sys.executable, "-m", "benchmarks.scale", "--one", str(clusters), str(at_a_time)]
    times = _SHORT_TIMES if clusters <= _SHORT else 1
    texts = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(times)]
    return min((Run(**json.loads(text)) for text in texts), key=lambda run: run.cpu_seconds)


def whole(run: Run) -> float:
    """All processor time."""
    return run.cpu_seconds


def without_collector(run: Run) -> float:
    """Processor time but for the garbage collector's."""
    return run.cpu_seconds - run.collector_cpu_seconds


def growth(
    runs: Sequence[Run],
    start_up: float,
    size: Callable[[Run], int],
    cost: Callable[[Run], float] = whole,
) -> float:
    """The exponent ``b`` of the least-squares fit in logarithms, beyond ``start_up`` seconds."""
    sizes = [math.log(size(run)) for run in runs]
    costs = [math.log(cost(run) - start_up) for run in runs]
    middle, centre = sum(sizes) / len(runs), sum(costs) / len(runs)
    covariance = sum((one - middle) * (cost - centre) for one, cost in zip(sizes, costs, strict=True))
    return covariance / sum((one - middle) ** 2 for one in sizes)


def row(run: Run, start_up: float) -> dict[str, object]:
    """What is told of a run: its figures, and what each cluster and each event cost beyond ``start_up``."""
    beyond = run.cpu_seconds - start_up
    return {
        **attrs.asdict(run),
        "cpu_per_cluster_seconds": beyond / run.clusters,
        "cpu_per_event_seconds": beyond / run.events,
    }


def series(sizes: Sequence[int], share: float, start_up: float) -> list[Run]:
    """A run of each size; ``share`` of its clusters have a job at a time, if that is more than the bound."""
    print(
        "| clusters | jobs at a time | events | processor time | collector | per cluster | per event | RSS |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    runs = []
    for clusters in sizes:
        run = apart(clusters, max(_BOUND, int(clusters * share)))
        runs.append(run)
        beyond = (run.cpu_seconds - start_up) * 1000
        columns = (
            f"| {clusters} | {run.jobs_at_a_time} | {run.events} | {run.cpu_seconds:.1f} s",
            f"{run.collector_cpu_seconds:.1f} s",
            f"{beyond / clusters:.1f} ms | {beyond / run.events:.2f} ms",
            f"{run.peak_rss_bytes / 1e6:.0f} MB |",
        )
        print(" | ".join(columns), flush=True)
    return runs


def main() -> None:
    """Measure every size in both series and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, nargs="+", default=[100, 300, 1000, 3000, 10000])
    parser.add_argument("--one", type=int, nargs=2, metavar=("CLUSTERS", "AT_A_TIME"), help="only this run")
    add_option(parser)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(attrs.asdict(one(*arguments.one))))
        return
    start_up = apart(1, _BOUND).cpu_seconds
    figures: dict[str, object] = {"start_up_cpu_seconds": start_up}
    for name, share in (("in_proportion", 0.1), ("bounded", 0.0)):
        runs = series(arguments.clusters, share, start_up)
        of_clusters, of_events = (growth(runs, start_up, size) for size in (by_clusters, by_events))
        without = growth(runs, start_up, by_clusters, without_collector)
        print(f"\nProcessor time grows as clusters ** {of_clusters:.2f} and as events ** {of_events:.2f};")
        print(f"without the garbage collector as clusters ** {without:.2f}.\n")
        figures[name] = [row(run, start_up) for run in runs]
        figures[f"{name}_growth_exponent_by_clusters"] = round(of_clusters, 2)
        figures[f"{name}_growth_exponent_by_events"] = round(of_events, 2)
        figures[f"{name}_growth_exponent_by_clusters_without_collector"] = round(without, 2)
    if arguments.json:
        write_result(arguments.json, "Provisioning on the embedded world", figures)


if __name__ == "__main__":
    main()
