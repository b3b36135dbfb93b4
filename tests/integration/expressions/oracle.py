"""The real engine, as a program that answers cases."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from tests.integration.expressions.cases import Case
from tests.services.go_program import built

PROGRAM = Path(__file__).parents[2] / "expr-oracle"


@attrs.frozen
class Answer:
    """What an expression comes to; ``unstable`` if the engine itself does not always say the same."""

    outcome: str
    type: str | None
    value: Any
    unstable: bool = False


@attrs.frozen
class Oracle:
    """Answers with the real engine."""

    binary: Path

    def answers(
        self, cases: Sequence[Case], environments: Mapping[str, Mapping[str, Any]], directory: Path
    ) -> list[Answer]:
        """One answer for each case, in order. ``directory`` is for a file."""
        file = directory / "environments.json"
        file.write_text(json.dumps(environments))
        asked = "".join(case.line() for case in cases)
        told = subprocess.run(
            [self.binary, file], input=asked, capture_output=True, encoding="utf-8", timeout=300, check=True
        )
        return [answer_of(line) for line in told.stdout.split("\n") if line]


def answer_of(line: str) -> Answer:
    """The answer on a line of output, the oracle's or ours."""
    read = json.loads(line)
    return Answer(read["outcome"], read.get("type"), read.get("value"), read.get("unstable", False))


def built_oracle() -> Oracle:
    """The program; without a Go toolchain the test is skipped."""
    return Oracle(built(PROGRAM))
