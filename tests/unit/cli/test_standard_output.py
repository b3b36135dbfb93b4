"""Whatever standard output is, a command ends in good order."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import pytest

from pullsecret.testing.patience import PATIENCE

MUCH = ("expr", "1..100000")


def start(
    *arguments: str, out: int | IO[Any] = subprocess.PIPE, environ: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "pullsecret.entrypoints.program", *arguments],
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environ or {})},
    )


def ended(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    _, problems = process.communicate(timeout=PATIENCE)
    return process.returncode, problems.decode()


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_went_away_ends_the_command_silently(unbuffered: str) -> None:
    process = start(*MUCH, environ={"PYTHONUNBUFFERED": unbuffered})
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert ended(process) == (1, "")


@pytest.mark.parametrize("command", [MUCH, ("expr", "1"), ("config", "schema"), ("demo", "--clusters", "1")])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_an_output_that_is_full_is_told_in_one_line(command: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        code, problems = ended(start(*command, out=full))
    assert code == 1
    assert problems.splitlines() == ["Standard output cannot be written: No space left on device."]


def test_an_output_that_is_closed_gets_nothing() -> None:
    closed = subprocess.run(
        ["sh", "-c", 'exec "$0" -m pullsecret.entrypoints.program expr 1 >&-', sys.executable],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (closed.returncode, closed.stderr) == (0, b"")


def test_what_an_encoding_lacks_is_escaped_as_json_does_it() -> None:
    process = start("expr", '"é€😀"', environ={"PYTHONIOENCODING": "latin-1"})
    out, problems = process.communicate(timeout=PATIENCE)
    assert (process.returncode, problems) == (0, b"")
    assert out.decode("latin-1") == '"é\\u20ac\\ud83d\\ude00"\n'


def test_an_interrupt_before_anything_was_done_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        # Whoever starts the tests in the background has it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'pullsecret.entrypoints.commands.demo':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
    )
    code, problems = ended(start("demo", environ={"PYTHONPATH": str(tmp_path)}))
    assert (code, problems) == (-signal.SIGINT, "Interrupted\n")
