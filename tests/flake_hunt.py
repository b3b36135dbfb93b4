"""Runs the tests again and again, each time in another order, and tells which ones do not always pass.

``python tests/flake_hunt.py --rounds 20 -- -n 4 --dist loadfile``; what follows ``--`` goes to pytest.
Exits 1 if any test failed in any round. ``--first-seed N --rounds 1`` repeats the round of seed N.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree


def failures(report: Path) -> list[str]:
    """The tests of a JUnit report that failed or could not be set up."""
    cases = ElementTree.parse(report).iter("testcase")  # noqa: S314 - our own file
    return [
        f"{case.get('classname')}::{case.get('name')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]


def one_round(seed: int, arguments: list[str], folder: Path) -> tuple[list[str], str]:
    """Run the tests in the order of ``seed``; the failed ones, and pytest's last line."""
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", f"--randomly-seed={seed}"]
    ran = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    last = ran.stdout.strip().splitlines()[-1:] or [ran.stderr.strip()]
    if not report.exists():
        return ["(pytest itself)"], last[0]
    return failures(report), last[0]


def main() -> int:
    """Run the rounds and print what did not always pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("arguments", nargs="*", help="for pytest")
    given = parser.parse_args()
    failed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(given.first_seed, given.first_seed + given.rounds):
            names, last = one_round(seed, given.arguments, Path(folder))
            failed.update(names)
            print(f"seed {seed}: {last}", *names, sep="\n  ", flush=True)
    for name, count in failed.most_common():
        print(f"{name}: failed in {count} of {given.rounds} rounds")
    print(f"{len(failed)} tests that do not always pass in {given.rounds} rounds.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
