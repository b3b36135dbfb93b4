"""Many seeds on several processors, and the fewest faults with which a failing one still fails."""

import gc
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import attrs

from pullsecret.testing.simulation.simulation import Outcome, simulate

_SEEDS_AT_ONCE = 20
_SHRINKING_RUNS = 400


@attrs.frozen
class Verdict:
    """How one seed ended, without its history: running the seed again gives that."""

    seed: int
    violations: tuple[str, ...]
    virtual_seconds: float


def run_seeds(seeds: Sequence[int], workers: int) -> Iterator[Verdict]:
    """Run ``seeds`` on ``workers`` processes; verdicts come in the order of the seeds."""
    batches = [seeds[start : start + _SEEDS_AT_ONCE] for start in range(0, len(seeds), _SEEDS_AT_ONCE)]
    if workers == 1:
        for batch in batches:
            yield from _run_batch(batch)
        return
    with ProcessPoolExecutor(workers, initializer=gc.freeze) as pool:
        for verdicts in pool.map(_run_batch, batches):
            yield from verdicts


def _run_batch(seeds: Sequence[int]) -> list[Verdict]:
    verdicts = []
    for seed in seeds:
        outcome = simulate(seed)
        verdicts.append(Verdict(seed, outcome.violations, outcome.virtual_seconds))
    return verdicts


def shrink(failed: Outcome, only: frozenset[int] | None = None) -> frozenset[int]:
    """A small set of the numbers of its faults with which the seed fails in the same way.

    Leaves out halves, quarters, ... as long as it still fails ("delta debugging", Zeller, 1999).
    """
    wanted = kind(failed)
    kept = sorted(range(len(failed.faults)) if only is None else only)
    parts, runs = 2, 0
    while len(kept) > 1 and runs < _SHRINKING_RUNS:
        size = -(-len(kept) // parts)
        for start in range(0, len(kept), size):
            fewer = kept[:start] + kept[start + size :]
            runs += 1
            if kind(simulate(failed.seed, frozenset(fewer))) == wanted:
                kept, parts = fewer, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(kept), parts * 2)
    return frozenset(kept)


def kind(outcome: Outcome) -> str | None:
    """Which invariant was broken first, whatever the names and numbers; None if none was."""
    return re.sub(r"\d+", "N", outcome.violations[0]) if outcome.failed else None
