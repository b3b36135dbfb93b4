"""The image on UBI as far as it can be checked without its registry."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.integration.deploy.conftest import DEPLOY, ROOT, tool

CONTAINERFILE = DEPLOY / "image" / "Containerfile"
Instruction = tuple[str, list[str]]


def instructions() -> list[Instruction]:
    """Name and words of each instruction, options included."""
    text = re.sub(r"^\s*#.*\n", "", CONTAINERFILE.read_text(), flags=re.MULTILINE)
    joined = re.sub(r"\\\n\s*", " ", text)
    parted = (line.partition(" ") for line in joined.splitlines() if line.strip())
    return [(name, rest.split()) for name, _, rest in parted]


def of(name: str) -> list[list[str]]:
    return [words for found, words in instructions() if found == name]


def test_it_is_made_of_known_instructions_in_two_stages() -> None:
    assert {name for name, _ in instructions()} <= {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "CMD"}
    build, final = of("FROM")
    assert build[1:] == ["AS", "build"]
    assert build[0] == final[0]
    assert not build[0].endswith(":latest")


def test_whatever_it_copies_is_there() -> None:
    for words in of("COPY"):
        options = [word for word in words if word.startswith("--")]
        *sources, _ = [word for word in words if not word.startswith("--")]
        if any(option.startswith("--from=") for option in options):
            assert "--from=build" in options
        else:
            assert [source for source in sources if not (ROOT / source).exists()] == []


def test_it_runs_as_a_numbered_user_that_is_not_root() -> None:
    assert of("USER") == [["1000:1000"]]


@pytest.mark.parametrize("number", range(len(of("RUN"))))
def test_its_commands_are_clean_for_shellcheck(number: int, tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text(f"#!/bin/sh\n{' '.join(of('RUN')[number])}\n")
    done = subprocess.run([tool("shellcheck"), script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_both_images_install_the_same_extras() -> None:
    texts = [(DEPLOY / "image" / name).read_text() for name in ("Containerfile", "build-scratch.sh")]
    first, second = [set(re.findall(r"--extra ([a-z]+)", text)) for text in texts]
    assert first == second
