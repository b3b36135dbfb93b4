"""Runs the tests again and again, each time in another order, and tells which ones do not always pass.

``python -m tests.flake_hunt --rounds 20 -- -n 4 --dist loadfile``; what follows ``--`` goes to pytest.
Exits 1 if any test failed in any round. ``--first-seed N --rounds 1`` repeats the round of seed N;
``--until 17:30`` begins no round that would not end by then, if it takes as long as the longest so far.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import attrs
from benchmarks.results import add_option, write_result

GRACE: Final = 60.0
"""Seconds that an interrupted round has to tidy up."""


@attrs.frozen
class Round:
    """What one run of all tests came to."""

    seed: int
    counts: Mapping[str, int]
    seconds: float
    failed: Mapping[str, str]
    """The tests that failed or could not be set up, each with what it says."""
    left_behind: Sequence[str]
    """Processes that outlived it; they were killed."""

    @property
    def row(self) -> dict[str, Any]:
        """For the record."""
        return {"seed": str(self.seed), **self.counts, "duration_seconds": round(self.seconds, 1)}

    @property
    def bad(self) -> list[str]:
        """Whatever should not have been."""
        return [*self.failed, *(f"(left behind) {command}" for command in self.left_behind)]


def play(seed: int, arguments: Sequence[str], folder: Path) -> Round:
    """Run the tests in the order of ``seed``. All that they leave in temporary folders is in ``folder``."""
    report, temporary = folder / "report.xml", folder / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)  # as that which it stands for
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", f"--randomly-seed={seed}"]
    began = time.monotonic()
    with (folder / "output").open("w+") as output:
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(temporary)},
            start_new_session=True,
        )
        try:
            code = process.wait()
        finally:
            _end(process)
            left_behind = [_kill(pid) for pid in _members(process.pid)]
        output.seek(0)
        said = output.read()
    counts, failed = read(report) if report.exists() else ({}, {})
    if code and not failed:
        failed = {f"(pytest itself, exit code {code})": said[-5000:]}
    return Round(seed, counts, time.monotonic() - began, failed, left_behind)


def _end(process: "subprocess.Popen[Any]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _members(session: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session, *_ = stat.read_text().rpartition(") ")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(its_session) == session and state != "Z":
            yield int(stat.parent.name)


def _kill(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return f"process {pid}, which ended late"
    return command


def read(report: Path) -> tuple[dict[str, int], dict[str, str]]:
    """How many tests of a JUnit report passed, were skipped and failed; what each failed one says."""
    failed, skipped, total = {}, 0, 0
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - our own file
        total += 1
        skipped += case.find("skipped") is not None
        for end in (*case.findall("failure"), *case.findall("error")):
            failed[f"{case.get('classname')}::{case.get('name')}"] = end.text or end.get("message") or ""
    counts = {"passed": total - skipped - len(failed), "skipped": skipped, "failed": len(failed)}
    return counts, failed


def hunt(rounds: int, first_seed: int, until: datetime | None, arguments: Sequence[str]) -> Iterator[Round]:
    """Play the rounds, as many as there is time for."""
    longest = 0.0
    for seed in range(first_seed, first_seed + rounds):
        if until is not None and datetime.now() + timedelta(seconds=longest) > until:
            print(f"No time for another round before {until:%H:%M}.", flush=True)
            return
        folder = Path(tempfile.mkdtemp(prefix="flakes-"))
        folder.chmod(0o755)  # tests start processes of other users
        try:
            played = play(seed, arguments, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        longest = max(longest, played.seconds)
        yield played


def tell(number: int, played: Round) -> None:
    """Print what a round came to."""
    counts = ", ".join(f"{count} {what}" for what, count in played.counts.items())
    print(f"round {number}, seed {played.seed}: {counts}, {played.seconds:.0f} s", flush=True)
    for name in played.bad:
        print(f"  {name}\n{played.failed.get(name, '')}".rstrip(), flush=True)


def figures(played: Sequence[Round]) -> dict[str, Any]:
    """For the record."""
    bad = Counter(name for each in played for name in each.bad)
    return {
        "rounds": len(played),
        "rounds without a failure": sum(not each.bad for each in played),
        "rounds in which it failed": dict(bad.most_common()),
        "each round": [each.row for each in played],
    }


def moment(text: str) -> datetime:
    """The next time that the clock shows ``text`` (HH:MM)."""
    now = datetime.now()
    then = datetime.combine(now.date(), datetime.strptime(text, "%H:%M").time())
    return then if then > now else then + timedelta(days=1)


def main() -> int:
    """Run the rounds and print what did not always pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("--until", type=moment, metavar="HH:MM")
    parser.add_argument("arguments", nargs="*", help="for pytest")
    add_option(parser)
    given = parser.parse_args()
    played: list[Round] = []
    try:
        for each in hunt(given.rounds, given.first_seed, given.until, given.arguments):
            played.append(each)
            tell(len(played), each)
    except KeyboardInterrupt:
        print("Interrupted.", flush=True)
    finally:
        if given.json and played:
            write_result(given.json, "All tests, each time in another order", figures(played))
    bad = Counter(name for each in played for name in each.bad)
    for name, count in bad.most_common():
        print(f"{name}: in {count} of {len(played)} rounds")
    print(f"{len(bad)} tests that do not always pass in {len(played)} rounds.")
    return 1 if bad or not played else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
