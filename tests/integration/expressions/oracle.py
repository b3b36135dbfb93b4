"""The real engine, as a program that answers cases."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.integration.expressions.cases import Case

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
            [self.binary, file], input=asked, capture_output=True, encoding="utf-8", timeout=120, check=True
        )
        return [answer_of(line) for line in told.stdout.split("\n") if line]


def answer_of(line: str) -> Answer:
    """The answer on a line of output, the oracle's or ours."""
    read = json.loads(line)
    return Answer(read["outcome"], read.get("type"), read.get("value"), read.get("unstable", False))


def built_oracle() -> Oracle:
    """The program, built once for each state of its source. Without a Go toolchain the test is skipped."""
    go = shutil.which("go")
    if go is None:
        message = "no Go toolchain: expressions are not compared with the real engine"
        if os.environ.get("PULLSECRET_REQUIRE_SERVICES") == "1":
            pytest.fail(message)
        pytest.skip(message)
    digest = hashlib.sha256()
    for source in sorted(PROGRAM.iterdir()):
        digest.update(source.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pullsecret"
    binary = cache / f"expr-oracle-{digest.hexdigest()[:16]}"
    if not binary.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = binary.with_suffix(f".{os.getpid()}")
        subprocess.run([go, "build", "-o", unfinished, "."], cwd=PROGRAM, check=True, timeout=280)
        unfinished.rename(binary)
    return Oracle(binary)
