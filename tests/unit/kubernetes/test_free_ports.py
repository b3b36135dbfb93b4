"""Servers that start side by side, in whatever process, get ports of their own."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from pullsecret.testing.kubernetes import processes
from pullsecret.testing.kubernetes.processes import free_port

DRAWN_ELSEWHERE = """
import sys
from pathlib import Path
from pullsecret.testing.kubernetes import processes
processes._KERNELS_PORTS, processes._FIRST_PORT = Path(sys.argv[1]), int(sys.argv[2])
print(processes.free_port())
"""


def test_it_is_none_that_the_kernel_gives_out() -> None:
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert not any(low <= free_port() <= high for _ in range(50))


def test_no_port_is_given_out_twice_not_even_to_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ten of any, since other runs of the tests draw too.
    first = random.SystemRandom().randrange(10_000, 30_000)
    all_but_ten = tmp_path / "range"
    all_but_ten.write_text(f"{first + 10} 65535\n")
    monkeypatch.setattr(processes, "_KERNELS_PORTS", all_but_ten)
    monkeypatch.setattr(processes, "_FIRST_PORT", first)
    given: list[int] = []
    with pytest.raises(RuntimeError, match="no port is free"):
        given.extend(free_port() for _ in range(11))
    assert given
    assert len(given) == len(set(given))
    elsewhere = subprocess.run(
        [sys.executable, "-c", DRAWN_ELSEWHERE, all_but_ten, str(first)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no port is free" in elsewhere.stderr
