"""Every fault of a broker's tests again and again, and a table of what became of it.

``python -m benchmarks.broker_faults --broker rabbitmq --repetitions 20 --waiting 100000 --json FILE``. What
FILE holds of an earlier run of the same commit is added to. Exits 1 if any repetition fails.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.results import add_option, commit, write_result

NAMES = {"rabbitmq": "Faults of RabbitMQ", "pubsub": "Faults of Pub/Sub"}
TESTS = {
    "rabbitmq": ["tests/integration/rabbitmq/test_faults.py"],
    "pubsub": [
        "tests/integration/fake_pubsub/test_faults.py",
        "tests/integration/pubsub/test_emulator.py::test_it_crashes_under_load",
    ],
}
_CASE = re.compile(r"test_(?P<fault>\w+)\[(?:(?P<variant>[^\]]+)-)?\d+\]")
_COUNTERS = {
    "clusters": "clusters",
    "generations": "generations",
    "events published": "events_published",
    "events handled": "events_handled",
    "versions stored": "versions_stored",
}
_KINDS_OF_FRAMES = "a connection cut at a frame"
Figures = dict[str, dict[str, int]]
"""By fault: repetitions, how many passed, and the sums of their counters."""


def run(broker: str, repetitions: int, waiting: int, only: str) -> Figures:
    """Run the tests; their output goes to standard error."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        environment = {
            **os.environ,
            "PULLSECRET_REPETITIONS": str(repetitions),
            "PULLSECRET_WAITING_EVENTS": str(waiting),
            "PULLSECRET_REQUIRE_SERVICES": "1",
        }
        command = [sys.executable, "-m", "pytest", *TESTS[broker], "-q", "-p", "no:randomly", "--timeout=600"]
        subprocess.run(
            [*command, "-k", only, "--show-capture=no", "-o", "junit_family=xunit1", f"--junitxml={report}"],
            env=environment,
            stdout=sys.stderr,
            check=False,
        )
        return counted(ElementTree.parse(report).iter("testcase"))


def counted(cases: Iterable[ElementTree.Element]) -> Figures:
    """The report's cases, added up by fault."""
    figures: Figures = {}
    for case in cases:
        name = _CASE.fullmatch(case.get("name", ""))
        if name is None:
            continue
        fault = name["fault"].replace("_", " ")
        if name["variant"] and fault != _KINDS_OF_FRAMES:
            fault = f"{fault}: {name['variant'].replace('_', ' ')}"
        sums = Counter(figures.get(fault, {}))
        sums["repetitions"] += 1
        sums["passed"] += case.find("failure") is None and case.find("error") is None
        for each in case.iter("property"):
            if key := _COUNTERS.get(each.get("name", "")):
                sums[key] += int(each.get("value", "0"))
        figures[fault] = {key: sums[key] for key in ("repetitions", "passed", *_COUNTERS.values())}
    return figures


def added(one: Mapping[str, Mapping[str, int]], other: Mapping[str, Mapping[str, int]]) -> Figures:
    """Both together."""
    sums: Figures = {}
    for figures in (one, other):
        for fault, counters in figures.items():
            known = sums.setdefault(fault, {})
            for name, value in counters.items():
                known[name] = known.get(name, 0) + value
    return sums


def earlier(file: Path, name: str) -> Figures:
    """What ``file`` holds of this commit."""
    if not file.exists():
        return {}
    known = json.loads(file.read_text())
    if known["name"] != name or known["commit"] != commit():
        return {}
    return {row.pop("fault"): row for row in known["figures"]["faults"]}


def table(figures: Mapping[str, Mapping[str, int]]) -> str:
    """Markdown."""
    columns = {"repetitions": "Repetitions", "passed": "Passed"} | {
        key: name.capitalize() for name, key in _COUNTERS.items()
    }
    lines = [f"| Fault | {' | '.join(columns.values())} |", "|---" * (len(columns) + 1) + "|"]
    for name, sums in figures.items():
        told = (f"{sums[key]:,}" if sums[key] or key == "passed" else "–" for key in columns)
        lines.append(f"| {name[0].upper()}{name[1:]} | {' | '.join(told)} |")
    return "\n".join(lines)


def main() -> int:
    """Run what the arguments ask for."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--broker", choices=TESTS, default="rabbitmq")
    arguments.add_argument("--repetitions", type=int, default=20)
    arguments.add_argument("--waiting", type=int, default=100_000, help="events that wait at the start")
    arguments.add_argument("--only", default="test", help="faults whose names contain this (pytest -k)")
    add_option(arguments)
    given = arguments.parse_args()
    name = NAMES[given.broker]
    before = earlier(given.json, name) if given.json else {}
    figures = added(before, run(given.broker, given.repetitions, given.waiting, given.only))
    if given.json:
        rows = [{"fault": fault, **row} for fault, row in figures.items()]
        write_result(given.json, name, {"faults": rows})
    print(table(figures))
    return 0 if all(sums["passed"] == sums["repetitions"] for sums in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
