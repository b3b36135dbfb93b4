"""What each process costs before it does anything, as a multiple of a bare interpreter's cost.

Ratios, since they hold on a fast machine and on a slow one. benchmarks/job_footprint.py has the figures.
"""

import subprocess
import sys

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
_RUNS = 5
_LOOKS = 4


@attrs.frozen
class Cost:
    """The least of several runs, which is what the code itself takes."""

    memory: float
    cpu: float

    @classmethod
    def of(cls, code: str) -> "Cost":
        """Run ``code`` in fresh interpreters; the first run may have to compile."""
        runs = [_run(code) for _ in range(_RUNS)]
        return cls(min(memory for memory, _ in runs), min(cpu for _, cpu in runs))

    def fits(self, within: "Cost") -> bool:
        """Whether it is no more in either."""
        return self.memory <= within.memory and self.cpu <= within.cpu


def _run(code: str) -> tuple[float, float]:
    # Isolated, and without the environment: a run under coverage or a debugger measures only this.
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code + _REPORT], capture_output=True, text=True, check=True, env={}
    )
    memory, cpu = ran.stdout.split()
    return float(memory), float(cpu)


@pytest.fixture(scope="module")
def bare() -> Cost:
    return Cost.of("")


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
    # Who shares a core's caches with others takes longer for the same, so a second look may show less.
    cost = Cost.of(code)
    for _ in range(_LOOKS):
        if cost.fits(within):
            break
        cost = Cost.of(code)
    assert cost.memory <= within.memory
    assert cost.cpu <= within.cpu
