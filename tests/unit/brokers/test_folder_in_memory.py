"""Nothing stays in memory of a process of the tests, however it ended."""

import subprocess
import sys
from pathlib import Path

import pytest

from pullsecret.testing.brokers.fixtures import folder_in_memory

KILLED = """
import os, signal
from pullsecret.testing.brokers.fixtures import folder_in_memory
with folder_in_memory() as folder:
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_stays() -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, check=False)
    left = Path(killed.stdout.strip())
    assert left.is_dir()
    with folder_in_memory() as mine, folder_in_memory() as another:
        assert not left.exists()
        assert mine.is_dir()
    assert not mine.exists()
    assert not another.exists()


def test_a_folder_of_others_stays_whatever_it_begins_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pullsecret.testing.brokers.fixtures._MEMORY", tmp_path)
    theirs = [
        tmp_path / name for name in ("pullsecret-operator-e2e", "pullsecret-0-1-release", "pullsecret-4-2")
    ]
    for folder in theirs:
        folder.mkdir()
    with folder_in_memory() as mine:
        assert mine.parent == tmp_path
    assert all(folder.is_dir() for folder in theirs)
