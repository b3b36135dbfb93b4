"""``pullsecret simulate``: search for defects by simulation, and replay what was found."""

import os
import re
import sys
from collections.abc import Iterable
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.testing.simulation.search import run_seeds, shrink
from pullsecret.testing.simulation.simulation import Outcome
from pullsecret.testing.simulation.simulation import simulate as run_seed

_HISTORY_LINES = 60
_RANGE = re.compile(r"(\d+)(?:\.\.(\d+))?\Z")


def simulate(
    *,
    seeds: str = "1..200",
    seed: int | None = None,
    only: str | None = None,
    workers: Annotated[int | None, Parameter(validator=Number(gte=1, lte=256))] = None,
    history: Annotated[bool, Parameter(negative="")] = False,
) -> ExitCode:
    """Let everything go wrong around the production use cases, in virtual time, and check that all ends well.

    Each seed is one history: crashes, lost and late messages, partitions, stale reads, wrong clocks, drift,
    updates and deletions. The same seed gives the same history everywhere.

    Exits 0 if every invariant held, 1 if one was broken, 2 if an option cannot be used.

    For example:

    ```
    pullsecret simulate
    pullsecret simulate --seeds 1..2000 --workers 2
    pullsecret simulate --seed 248 --history
    ```

    Parameters
    ----------
    seeds
        Which seeds to run, as ``FIRST..LAST``.
    seed
        Run this one alone; if it fails, show its history with the fewest faults that suffice.
    only
        With ``--seed``: let only the faults of these numbers happen, such as ``3,7..9``.
    workers
        How many processes run seeds; by default one for each processor.
    history
        With ``--seed``: show the whole history, whether or not it fails.
    """
    try:
        chosen = _numbers(seeds)
        kept = None if only is None else frozenset(_numbers(only))
    except ValueError as error:
        sys.stderr.write(f"simulate: {error}\n")
        return ExitCode.WRONG_USE
    if kept is not None and seed is None:
        sys.stderr.write("simulate: give --only together with --seed.\n")
        return ExitCode.WRONG_USE
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if seed is None:
        return _search(console, chosen, workers or os.cpu_count() or 1)
    return _replay(console, seed, kept, history)


def _search(console: Console, seeds: list[int], workers: int) -> ExitCode:
    failed, virtual = 0, 0.0
    with _progress() as progress:
        task = progress.add_task("seeds", total=len(seeds))
        for verdict in run_seeds(seeds, workers):
            progress.advance(task)
            virtual += verdict.virtual_seconds
            if verdict.violations:
                failed += 1
                console.print(f"Seed {verdict.seed}: {verdict.violations[0]}")
                console.print(f"  Replay: pullsecret simulate --seed {verdict.seed}")
    console.print(f"{len(seeds)} seeds, {virtual / 3600:.1f} virtual hours: {failed} failed.")
    return ExitCode.NOT_AS_IT_SHOULD_BE if failed else ExitCode.OK


def _replay(console: Console, seed: int, only: frozenset[int] | None, history: bool) -> ExitCode:
    outcome = run_seed(seed, only)
    if not outcome.failed:
        if history:
            _show(console, outcome, None)
        console.print(f"Seed {seed}: every invariant held; {len(outcome.faults)} faults.")
        return ExitCode.OK
    fewest = shrink(outcome, only)
    smallest = run_seed(seed, fewest)
    _show(console, outcome if history else smallest, None if history else _HISTORY_LINES)
    for violation in smallest.violations:
        console.print(f"Violated: {violation}")
    numbers = ",".join(map(str, sorted(fewest)))
    console.print(f"{len(fewest)} of {len(outcome.faults)} faults suffice.")
    console.print(f"  Replay: pullsecret simulate --seed {seed} --only {numbers} --history")
    return ExitCode.NOT_AS_IT_SHOULD_BE


def _show(console: Console, outcome: Outcome, last: int | None) -> None:
    console.print("  seconds  who                          what                           to what")
    for line in outcome.history.lines(last):
        console.print(line)


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("[bold]Simulating"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("seeds"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _numbers(text: str) -> list[int]:
    """``3,7..9`` as 3, 7, 8, 9. Raises :class:`ValueError`."""
    return [number for part in text.split(",") for number in _range(part.strip())]


def _range(text: str) -> Iterable[int]:
    match = _RANGE.match(text)
    if match is None:
        raise ValueError(f"{text!r} is neither a number nor a range such as 1..200")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise ValueError(f"{text!r} ends before it begins")
    return range(first, last + 1)
