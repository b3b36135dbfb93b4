"""``pullsecret demo``: provision a mixed fleet in the embedded world and prove the result."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Literal

import attrs
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console, Group
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import embedded_adapter
from pullsecret.entrypoints.demo.faults import FaultLevel, fault_rules
from pullsecret.entrypoints.demo.fleet import FleetCluster, make_fleet
from pullsecret.entrypoints.demo.play import play
from pullsecret.entrypoints.demo.summary import Summary, summarise
from pullsecret.entrypoints.demo.verify import verify
from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.infrastructure.memory.simulated_time import run_simulated
from pullsecret.infrastructure.memory.world import EmbeddedWorld

_EMBEDDED = 100
_ON_WIRES = 20
_UNHAPPY = "For a person to look at"
_ROOM_FOR_MESSAGES = 60
"""Columns of a terminal; in fewer, a table leaves a message hardly a word a line."""


def demo(
    *,
    clusters: Annotated[int | None, Parameter(validator=Number(gte=1, lte=100_000))] = None,
    seed: int = 1,
    faults: FaultLevel = FaultLevel.NONE,
    real_wires: Annotated[bool, Parameter(negative="")] = False,
    output: Literal["table", "json"] = "table",
) -> ExitCode:
    """Provision a fleet of clusters in the embedded world, then read everything back and prove it.

    Some clusters are on AWS, some lack data, some meet a naming conflict, a missing permission or a quota.
    The production use cases run, only the outside is embedded; time is simulated, so waits cost nothing.

    Exits 0 if every cluster is where it should be, 1 if any is not.

    For example:

    ```
    pullsecret demo
    pullsecret demo --clusters 1000 --seed 7
    pullsecret demo --faults heavy --output json
    ```

    Parameters
    ----------
    clusters
        How many clusters; a hundred hold every kind in its share. By default 100, with ``--real-wires`` 20.
    seed
        The same seed gives the same fleet, the same faults and the same run.
    faults
        How much goes wrong: lost connections and answers, slow calls, crashes of the adapter and of jobs,
        lost, doubled and late events. Not with ``--real-wires``.
    real_wires
        Serve the HyperFleet API over HTTPS, Secret Manager over gRPC with TLS and a RabbitMQ broker, if it is
        installed, over AMQP, all on localhost, and run the adapter on them in real time.
    output
        ``table`` for people, ``json`` for machines.
    """
    if real_wires:
        if faults is not FaultLevel.NONE:
            sys.stderr.write(
                "Give --faults or --real-wires, not both: faults are injected into embedded parts.\n"
            )
            return ExitCode.WRONG_USE
        return _over_real_wires(clusters or _ON_WIRES, seed, output)
    clusters = clusters or _EMBEDDED
    world = EmbeddedWorld.create(seed, fault_rules(faults))
    fleet = make_fleet(world, clusters, seed)
    build = embedded_adapter(Configuration.default(), world, world.telemetry)
    with _Look(world, fleet) as look:
        played = run_simulated(play(world, fleet, build, look))
    problems = verify(world, fleet)
    if not played.settled:
        problems["(all)"] = [*problems.get("(all)", []), "the fleet did not come to rest"]
    summary = summarise(world, fleet, played, problems, seed, faults.value)
    if output == "json":
        sys.stdout.write(json.dumps(attrs.asdict(summary), indent=2) + "\n")
    else:
        _show(summary)
    return ExitCode.NOT_AS_IT_SHOULD_BE if problems else ExitCode.OK


def _over_real_wires(clusters: int, seed: int, output: Literal["table", "json"]) -> ExitCode:
    # What serves the other systems is a part for tests; nothing else here depends on it.
    try:
        play = import_module("pullsecret.testing.real_wires.play")
    except ModuleNotFoundError as missing:
        sys.stderr.write(f"{missing.name} is not installed; install pullsecret[all].\n")
        return ExitCode.WRONG_USE
    summary = asyncio.run(play.play_on_real_wires(clusters, seed))
    if output == "json":
        sys.stdout.write(json.dumps(attrs.asdict(summary), indent=2) + "\n")
    else:
        console = Console()
        for system, where in summary.wires.items():
            console.print(f"{system}: {where}", highlight=False, soft_wrap=True)
        for outcome, count in summary.outcomes.items():
            console.print(f"{count:5} {outcome}", highlight=False)
        _show_proof(console, summary.problems, f"{clusters} clusters in {summary.seconds:.0f} seconds.")
    return ExitCode.NOT_AS_IT_SHOULD_BE if summary.problems else ExitCode.OK


class _Look:
    """The progress bar, moved on each time the demo looks up from its work."""

    def __init__(self, world: EmbeddedWorld, fleet: list[FleetCluster]) -> None:
        self._world, self._fleet = world, fleet
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("[bold]Provisioning"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("clusters told"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("clusters", total=len(fleet))

    def __enter__(self) -> Callable[[], None]:
        self._progress.start()
        return self._move

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _move(self) -> None:
        self._progress.update(self._task, completed=len(self._world.hyperfleet.statuses))


def _show(summary: Summary) -> None:
    console = Console()
    console.print(_outcomes(summary))
    if summary.unhappy:
        console.print(_unhappy(summary) if console.width >= _ROOM_FOR_MESSAGES else _unhappy_listed(summary))
    told = (
        f"{summary.clusters} clusters in {summary.simulated_seconds:.0f} simulated seconds, "
        f"{summary.injected_faults} faults injected, {summary.crashes} crashes of the adapter."
    )
    _show_proof(console, summary.problems, told)


def _show_proof(console: Console, problems: Mapping[str, Sequence[str]], told: str) -> None:
    for cluster_id, found in problems.items():
        for problem in found:
            console.print(f"[red]{cluster_id}: {problem}[/red]")
    console.print(told)
    if problems:
        console.print(f"[red]{len(problems)} not where they should be.[/red]")
    else:
        console.print("[green]Read back from both stores and from the API: all where they should be.[/green]")


def _outcomes(summary: Summary) -> Table:
    table = Table(title="What became of the clusters", title_justify="left")
    table.add_column("Outcome", overflow="fold")
    for heading in ("Clusters", "p50 s", "p95 s"):
        table.add_column(heading, justify="right")
    for row in summary.outcomes:
        table.add_row(row.outcome, str(row.clusters), _seconds(row.p50), _seconds(row.p95))
    return table


def _unhappy(summary: Summary) -> Table:
    table = Table(title=_UNHAPPY, title_justify="left")
    table.add_column("Cluster", no_wrap=True)
    table.add_column("Reason", no_wrap=True)
    table.add_column("What failed, why, and what to do", overflow="fold")
    for row in summary.unhappy:
        table.add_row(row.cluster_id, row.reason, row.message)
    return table


def _unhappy_listed(summary: Summary) -> Group:
    return Group(
        Text(_UNHAPPY, "italic"),
        *(
            Group(f"{row.cluster_id} {row.reason}", Padding(Text(row.message, overflow="fold"), (0, 0, 0, 2)))
            for row in summary.unhappy
        ),
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
