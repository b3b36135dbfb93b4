"""Commands run as a user runs them."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import attrs
import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


@attrs.frozen
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it wrote, as one JSON value."""
        return json.loads(self.out)


Command = Callable[..., Ran]


@pytest.fixture
def pullsecret(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run ``pullsecret`` in this process, as wide as a terminal of 100 columns."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: object) -> Ran:
        from pullsecret.entrypoints.cli import _command_line

        out, err = io.StringIO(), io.StringIO()
        tokens = [str(argument) for argument in arguments]
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = _command_line(next(iter(tokens), None))(tokens)
        except SystemExit as end:
            code = end.code
        return Ran(int(code or 0), out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def program() -> Command:
    """Run the installed program as a process of its own."""

    def run(*arguments: object, environ: Mapping[str, str] | None = None, columns: int = 100) -> Ran:
        ended = subprocess.run(
            [sys.executable, "-m", "pullsecret.entrypoints.program", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "COLUMNS": str(columns), **(environ or {})},
        )
        return Ran(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def examples() -> Path:
    """The repository's examples."""
    return EXAMPLES
