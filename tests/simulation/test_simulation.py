"""The simulation finds nothing in the use cases, finds what is planted there, and repeats itself."""

import os
import subprocess
import sys

import pytest
from tests.simulation.planted import PLANTS, Plant, stores_without_looking

from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.testing.simulation.command import simulate as command
from pullsecret.testing.simulation.search import kind, run_seeds, shrink
from pullsecret.testing.simulation.simulation import Outcome, simulate

FOUND_WITHIN = 300
"""Seeds."""


def test_every_invariant_holds() -> None:
    """A few seeds only; continuous integration runs thousands by ``make simulate``."""
    failed = [verdict for verdict in run_seeds(range(1, 41), workers=1) if verdict.violations]
    assert failed == []


@pytest.mark.parametrize(("plant", "said", "since"), PLANTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_planted_defect_is_found(plant: Plant, said: str, since: int) -> None:
    with plant():
        assert said in first_failure(since).violations[0]


def first_failure(since: int = 1) -> Outcome:
    for seed in range(since, since + FOUND_WITHIN):
        outcome = simulate(seed)
        if outcome.failed:
            return outcome
    raise AssertionError(f"not found within {FOUND_WITHIN} seeds")


def test_a_seed_gives_the_same_history_in_every_process() -> None:
    program = (
        "from pullsecret.testing.simulation.simulation import simulate\n"
        "print([simulate(seed).history.digest() for seed in (3, 7, 16)])"
    )

    def digests(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        ran = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        return ran.stdout

    here = f"{[simulate(seed).history.digest() for seed in (3, 7, 16)]}\n"
    assert digests("0") == digests("1") == here


def test_seeds_differ() -> None:
    assert len({simulate(seed).history.digest() for seed in range(1, 6)}) == 5


def test_a_failure_is_replayed_with_fewer_faults() -> None:
    with stores_without_looking():
        failed = first_failure()
        fewest = shrink(failed)
        assert 0 < len(fewest) < len(failed.faults)
        assert kind(simulate(failed.seed, fewest)) == kind(failed)
    assert not simulate(failed.seed, fewest).failed


def test_without_any_fault_nothing_happens_and_all_is_well() -> None:
    outcome = simulate(1, frozenset())
    assert not outcome.failed
    assert not any(action.startswith("FAULT") for _, _, action, _ in outcome.history.entries)


def test_the_command_tells_how_to_replay(capsys: pytest.CaptureFixture[str]) -> None:
    with stores_without_looking():
        seed = first_failure().seed
        assert command(seeds=f"1..{seed}", workers=1) is ExitCode.NOT_AS_IT_SHOULD_BE
        assert f"Replay: pullsecret simulate --seed {seed}\n" in capsys.readouterr().out
        assert command(seed=seed) is ExitCode.NOT_AS_IT_SHOULD_BE
    told = capsys.readouterr().out
    assert "VIOLATION" in told
    assert "equals the one before" in told
    assert "--only" in told


def test_the_command_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(seeds="1..2", workers=2) is ExitCode.OK
    assert "2 seeds" in capsys.readouterr().out
    assert command(seed=1, only="0..3,5", history=True) is ExitCode.OK
    assert "every invariant held" in capsys.readouterr().out


@pytest.mark.parametrize(
    "given", [{"seeds": "some"}, {"seeds": "5..1"}, {"only": "1"}, {"seed": 1, "only": "x"}]
)
def test_wrong_use_is_told(given: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    assert command(**given) is ExitCode.WRONG_USE  # type: ignore[arg-type]
    assert "simulate:" in capsys.readouterr().err
