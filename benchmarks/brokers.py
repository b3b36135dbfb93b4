"""Events per second through ``handle event``, from a real broker: ``python -m benchmarks.brokers``.

The adapter's side runs on one core, everything else on the others. Skip path: the event filter is false.
Hand-over path: the cluster is read, the preconditions hold, the status is told, and a job is made durable;
with ``--outside embedded`` in an API and an API server that are stubs in the adapter's process and answer at
once, with ``--outside served`` in a real kube-apiserver and an API over HTTPS. Each run is a process of its
own, so that RSS is its own; the figures are the medians of the runs.
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import attrs
from benchmarks.filled_brokers import BROKERS
from benchmarks.outside_systems import OUTSIDE, Surroundings
from benchmarks.results import add_option, write_result

from pullsecret.domain.facts import EventSettled, Fact
from pullsecret.entrypoints.configuration import Configuration

PATHS = ("skip", "hand-over")
_EVENTS = {("skip", "embedded"): 20_000, ("hand-over", "embedded"): 5_000, ("hand-over", "served"): 500}
_ONE_RUN = "--one-run"
_PROFILED_LINES = 30


@attrs.define
class Settled:
    """Telemetry that counts settled events and keeps how long each took."""

    expected: int
    durations: list[float] = attrs.field(factory=list)
    outcomes: set[str] = attrs.field(factory=set)
    done: asyncio.Event = attrs.field(factory=asyncio.Event)

    def record(self, fact: Fact) -> None:
        """See the port."""
        if isinstance(fact, EventSettled):
            self.durations.append(fact.duration)
            self.outcomes.add(fact.outcome.value)
            if len(self.durations) >= self.expected:
                self.done.set()


async def measure(broker: str, path: str, outside: str, count: int, profile: bool) -> dict[str, Any]:
    """One run."""
    cores = os.sched_getaffinity(0)
    ours = max(cores)
    others = cores - {ours} or cores
    os.sched_setaffinity(0, others)  # of the processes that are started
    telemetry = Settled(count)
    concurrency = Configuration().events.concurrency
    clusters = count if path == "hand-over" else 0
    async with OUTSIDE[outside](clusters, telemetry) as surroundings:
        about = surroundings.clusters or [f"cls-{number}" for number in range(count)]
        provider = "gcp" if path == "hand-over" else "aws"
        async with BROKERS[broker](about, provider, telemetry, concurrency) as source:
            consume = attrs.evolve(surroundings.adapter.consume, source=source)
            os.sched_setaffinity(0, {ours})
            # As in production: what it watches for this tells it of jobs too.
            reporting = asyncio.create_task(surroundings.adapter.report())
            stop, profiler = asyncio.Event(), cProfile.Profile()
            if profile:
                profiler.enable()
            idle, spent = idle_seconds(), control_plane_seconds(surroundings)
            wall, cpu = time.perf_counter(), time.process_time()
            work = asyncio.create_task(consume(stop))
            done = asyncio.create_task(telemetry.done.wait())
            await asyncio.wait({work, done}, return_when="FIRST_COMPLETED")
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            idle = {core: seconds - idle[core] for core, seconds in idle_seconds().items()}
            spent = control_plane_seconds(surroundings) - spent
            profiler.disable()
            stop.set()
            await work
            reporting.cancel()
    if profile:
        statistics_of_it = pstats.Stats(profiler, stream=sys.stderr)
        statistics_of_it.sort_stats("tottime").print_stats(_PROFILED_LINES)
    expected = {"skipped"} if path == "skip" else {"submitted"}
    assert telemetry.outcomes == expected, telemetry.outcomes
    cuts = statistics.quantiles(telemetry.durations, n=100)
    return {
        "events": count,
        "events_per_second": round(count / wall),
        "events_per_cpu_second": round(count / cpu),
        **({"control_plane_cpu_seconds_per_event": round(spent / count, 4)} if spent else {}),
        "latency_p50_seconds": round(cuts[49], 6),
        "latency_p99_seconds": round(cuts[98], 6),
        "adapter_core_busy_ratio": round(1 - idle[ours] / wall, 3),
        "other_cores_busy_ratio": round(1 - statistics.mean(idle[each] for each in others) / wall, 3),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def control_plane_seconds(surroundings: Surroundings) -> float:
    """Processor time of API server, etcd and controllers, so far; none if they are embedded."""
    served = surroundings.control_plane
    return sum(served.cpu_seconds().values()) if served else 0.0


def idle_seconds() -> dict[int, float]:
    """How long each core has been idle since the machine started."""
    tick = os.sysconf("SC_CLK_TCK")
    lines = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
    return {
        int(line[0][3:]): (int(line[4]) + int(line[5])) / tick
        for line in lines
        if line[0].startswith("cpu") and line[0] != "cpu"
    }


def middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure, and the slowest and the fastest rate."""
    figures: dict[str, Any] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    rates = [run["events_per_second"] for run in runs]
    return {"runs": len(runs), **figures, "slowest_per_second": min(rates), "fastest_per_second": max(rates)}


def in_a_process(broker: str, path: str, outside: str, events: int) -> dict[str, Any]:
    """One run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.brokers", _ONE_RUN, "--broker", broker, "--path", path]
    command += ["--outside", outside, "--events", str(events)]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    figures: dict[str, Any] = json.loads(told.splitlines()[-1])
    return figures


def row(broker: str, figures: dict[str, Any]) -> str:
    """A row of the Markdown table."""
    return (
        f"| {broker}, {figures['path']} | {figures['events']:,.0f} | {figures['events_per_second']:,.0f} "
        f"({figures['slowest_per_second']:,}–{figures['fastest_per_second']:,}) "
        f"| {figures['events_per_cpu_second']:,.0f} | {figures['latency_p50_seconds'] * 1000:.2f} ms "
        f"| {figures['latency_p99_seconds'] * 1000:.1f} ms | {figures['peak_rss_bytes'] / 2**20:.0f} MiB |"
    )


def main() -> None:
    """Run what the arguments ask for; without a path, all of the broker's."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--broker", choices=BROKERS, default="rabbitmq")
    arguments.add_argument("--path", choices=PATHS)
    arguments.add_argument("--outside", choices=OUTSIDE, help="of the hand-over path; by default both")
    arguments.add_argument("--events", type=int, help="by default as many as take some seconds")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--profile", action="store_true", help="one run, and where its time goes")
    arguments.add_argument(_ONE_RUN, action="store_true", help=argparse.SUPPRESS)
    add_option(arguments)
    given = arguments.parse_args()
    chosen = [
        (path, outside)
        for path, outside in _EVENTS
        if given.path in (None, path) and given.outside in (None, outside)
    ]
    if given.one_run or given.profile:
        path, outside = chosen[0]
        events = given.events or _EVENTS[path, outside]
        print(json.dumps(asyncio.run(measure(given.broker, path, outside, events, given.profile))))
        return
    figures: list[dict[str, Any]] = []
    print("| Path | Events | Events/s | Events per second of CPU time | p50 | p99 | Peak RSS |")
    print("|---|---|---|---|---|---|---|")
    for path, outside in chosen:
        events = given.events or _EVENTS[path, outside]
        runs = [in_a_process(given.broker, path, outside, events) for _ in range(given.runs)]
        name = path if path == "skip" else f"{path}, {outside}"
        figures.append({"path": name, **middle(runs)})
        print(row(given.broker, figures[-1]), flush=True)
    if given.json:
        write_result(given.json, f"Throughput with {given.broker}", {"paths": figures})


if __name__ == "__main__":
    main()
