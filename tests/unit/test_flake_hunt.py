"""The hunt finds what does not always pass, and leaves nothing behind."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from tests import flake_hunt

TESTS = """\
import os, subprocess, sys, tempfile
import pytest

def test_sound():
    with open({seen!r}, "a") as seen:
        print(tempfile.mkdtemp(), file=seen)

def test_flaky(request):
    assert request.config.getoption("randomly_seed") % 2 == 0, "an odd round"

@pytest.mark.skip(reason="so it is")
def test_skipped(): ...

def test_untidy(request):
    if request.config.getoption("randomly_seed") == 12:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdout=subprocess.DEVNULL)
"""


def hunt(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    file = folder / "test_it.py"
    file.write_text(TESTS.format(seen=str(folder / "seen")))
    given = ["-c", "/dev/null", "--rootdir", str(folder), "-p", "no:cacheprovider", str(file)]
    return subprocess.run(
        [sys.executable, "-m", "tests.flake_hunt", *arguments, "--", *given],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_fails_in_some_rounds_is_told_and_recorded(tmp_path: Path) -> None:
    record = tmp_path / "hunt.json"
    ended = hunt(tmp_path, "--rounds=2", "--first-seed=11", f"--json={record}")
    assert ended.returncode == 1, ended.stderr
    assert "round 1, seed 11: 2 passed, 1 skipped, 1 failed" in ended.stdout
    assert "round 2, seed 12: 3 passed, 1 skipped, 0 failed" in ended.stdout
    assert "an odd round" in ended.stdout
    assert "test_it::test_flaky: in 1 of 2 rounds" in ended.stdout
    figures = json.loads(record.read_text())["figures"]
    assert [each["seed"] for each in figures["each round"]] == ["11", "12"]
    assert [each["failed"] for each in figures["each round"]] == [1, 0]
    assert figures["rounds without a failure"] == 0
    (flaky,) = (name for name in figures["rounds in which it failed"] if "left behind" not in name)
    assert flaky == "test_it::test_flaky"
    # A process that a test leaves to others is a defect too, and ends.
    (left,) = (name for name in figures["rounds in which it failed"] if "left behind" in name)
    assert "time.sleep(600)" in left
    assert [folder for folder in (tmp_path / "seen").read_text().split() if Path(folder).exists()] == []


def test_no_round_begins_that_would_not_end_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(flake_hunt.hunt(20, 1, datetime.now(), [])) == []
    assert "No time for another round" in capsys.readouterr().out


def test_what_pytest_itself_cannot_do_is_a_failure(tmp_path: Path) -> None:
    played = flake_hunt.play(1, ["--no-such-option"], tmp_path)
    (name,) = played.bad
    assert "exit code 4" in name
    assert "no-such-option" in played.failed[name]
