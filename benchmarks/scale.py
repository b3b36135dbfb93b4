"""What provisioning costs as the number of clusters grows, on the embedded world.

``python -m benchmarks.scale --clusters 100 1000 10000``

Each size is a process of its own, ``pullsecret demo --clusters N``: the production use cases with every
outside system embedded and simulated time, so what is measured is the program's own work. The demo reads
everything back; a size that is not proven is no result. Processor time beyond that of a single cluster is
fitted as ``seconds = a * clusters ** b``: ``b`` of 1 is linear.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence

import attrs
from benchmarks.results import add_option, write_result


@attrs.frozen
class Run:
    """One size."""

    clusters: int
    cpu_seconds: float
    peak_rss_bytes: int
    simulated_seconds: float


def run(clusters: int) -> Run:
    """Provision ``clusters`` in a process of its own. Raises RuntimeError unless all of it is proven."""
    command = [sys.executable, "-m", "pullsecret.entrypoints.program", "demo", "--output", "json"]
    with subprocess.Popen(
        [*command, "--clusters", str(clusters)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"the demo with {clusters} clusters exited {process.returncode}")
    seconds = json.loads(told)["simulated_seconds"]
    return Run(clusters, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, seconds)


def growth(runs: Sequence[Run], start_up: float) -> float:
    """The exponent ``b`` of the least-squares fit in logarithms, beyond ``start_up`` seconds."""
    sizes = [math.log(one.clusters) for one in runs]
    costs = [math.log(one.cpu_seconds - start_up) for one in runs]
    middle, centre = sum(sizes) / len(runs), sum(costs) / len(runs)
    covariance = sum((size - middle) * (cost - centre) for size, cost in zip(sizes, costs, strict=True))
    return covariance / sum((size - middle) ** 2 for size in sizes)


def main() -> None:
    """Measure every size and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, nargs="+", default=[100, 300, 1000, 3000, 10000])
    add_option(parser)
    arguments = parser.parse_args()
    start_up, runs = run(1).cpu_seconds, []
    print("| clusters | processor time | per cluster | peak RSS |\n| --- | --- | --- | --- |")
    for clusters in arguments.clusters:
        one = run(clusters)
        runs.append(one)
        each = one.cpu_seconds / clusters * 1000
        print(
            f"| {clusters} | {one.cpu_seconds:.1f} s | {each:.1f} ms | {one.peak_rss_bytes / 1e6:.0f} MB |",
            flush=True,
        )
    exponent = growth(runs, start_up)
    print(f"\nProcessor time grows as clusters ** {exponent:.2f}.")
    if arguments.json:
        figures = {
            "start_up_cpu_seconds": start_up,
            "runs": [attrs.asdict(one) for one in runs],
            "growth_exponent": round(exponent, 3),
        }
        write_result(arguments.json, "Provisioning on the embedded world", figures)


if __name__ == "__main__":
    main()
