"""What each process costs before it does anything, as a multiple of a bare interpreter's cost.

Ratios, since they hold on a fast machine and on a slow one. benchmarks/job_footprint.py has the figures.
"""

import subprocess
import sys
from functools import reduce

import attrs
import pytest

# Not getrusage's peak: a child begins with its parent's.
_REPORT = """
import time
cpu = time.process_time()
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")), cpu)
"""
_JOB = """
import pullsecret.entrypoints.job, pullsecret.infrastructure.gcp.secret_store
from pullsecret.infrastructure.kubernetes import cluster_secrets, connection
"""
_BARE_RUNS = 5
_RUNS = 25


@attrs.frozen
class Cost:
    """The least of several runs, which is what the code itself takes."""

    memory: float
    cpu: float

    @classmethod
    def of_a_run(cls, code: str) -> "Cost":
        """Run ``code`` in a fresh interpreter."""
        # Isolated, and without the environment: a run under coverage or a debugger measures only this.
        ran = subprocess.run(
            [sys.executable, "-I", "-c", code + _REPORT], capture_output=True, text=True, check=True, env={}
        )
        memory, cpu = ran.stdout.split()
        return cls(float(memory), float(cpu))

    def or_less(self, other: "Cost") -> "Cost":
        """The lesser of both in each."""
        return Cost(min(self.memory, other.memory), min(self.cpu, other.cpu))

    def fits(self, within: "Cost") -> bool:
        """Whether it is no more in either."""
        return self.memory <= within.memory and self.cpu <= within.cpu


@pytest.fixture(scope="module")
def bare() -> Cost:
    return reduce(Cost.or_less, (Cost.of_a_run("") for _ in range(_BARE_RUNS)))


@pytest.mark.parametrize(
    ("code", "memory", "cpu"),
    [
        pytest.param("import pullsecret.entrypoints.program", 1.5, 3, id="entry point"),
        pytest.param("import pullsecret.entrypoints.cli", 3, 15, id="command line"),
        pytest.param(_JOB, 6.5, 35, id="job with both its clients"),
        pytest.param("import pullsecret.entrypoints.container", 7, 60, id="adapter"),
    ],
)
def test_a_process_stays_within_its_multiple_of_a_bare_interpreter(
    bare: Cost, code: str, memory: float, cpu: float
) -> None:
    within = Cost(memory * bare.memory, cpu * bare.cpu)
    cost = Cost.of_a_run(code)
    # The first run may have to compile, and who shares a core's caches with others takes longer for the same.
    for _ in range(_RUNS):
        if cost.fits(within):
            break
        cost = cost.or_less(Cost.of_a_run(code))
    assert cost.memory <= within.memory
    assert cost.cpu <= within.cpu
