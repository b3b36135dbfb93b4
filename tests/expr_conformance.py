"""The shared cases of the Expr language through the command line: prints how many agree, and which do not."""

import json
import subprocess
import sys
from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures" / "conformance"
COMMAND = Path(sys.executable).with_name("pullsecret")
TOLD = ("outcome", "type", "value")


def main() -> int:
    """0 if every case agrees."""
    with (FIXTURES / "expr-cases.jsonl").open("rb") as cases:
        ran = subprocess.run(
            [COMMAND, "expr", "--environments", FIXTURES / "expr-environments.json"],
            stdin=cases,
            capture_output=True,
            check=True,
        )
    wanted = [json.loads(line) for line in (FIXTURES / "expr-cases.jsonl").read_text().splitlines()]
    given = [json.loads(line) for line in ran.stdout.splitlines()]
    agreed = 0
    for case, answer in zip(wanted, given, strict=True):
        expected = {name: case[name] for name in TOLD if name in case}
        if answer == expected:
            agreed += 1
        else:
            sys.stdout.write(f"{case['expr']}\n  in {case['env']}: {expected}, not {answer}\n")
    sys.stdout.write(f"Expr conformance: {agreed} of {len(wanted)} cases agree with the engine.\n")
    return 0 if agreed == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
