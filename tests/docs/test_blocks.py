"""Every command and every snippet in the documents works as it stands there.

``sh`` blocks are run by ``sh -e`` in a folder that looks like a checkout, with ``.venv/bin`` on the ``PATH``.
``python`` blocks are run too, by pytest where they define tests. What cannot run here is a ``console``
block, and its commands stand in ``CANNOT_RUN`` below with the reason.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from tests.docs.blocks import PAGES, ROOT, Block, blocks

from pullsecret.entrypoints.configuration.structure import structure
from pullsecret.entrypoints.configuration.yaml_file import read_yaml

CI_RUNS = {"make install", "make check", "make architecture", "make demo", "make test", "make services"}
"""Continuous integration runs these itself, on a clean checkout."""

SERVES = ("pullsecret fake-gcp", "pullsecret fake-hyperfleet")
"""These serve until they are interrupted."""

CANNOT_RUN: Mapping[str, str] = {
    "kubectl ": "needs a management cluster with the service on it",
    "make acceptance": "takes minutes, or a real project; tests/acceptance runs parts of it",
    "helm ": "needs a management cluster; tests/integration/deploy renders and checks the chart",
    "deploy/gcloud/customer-setup.sh --project": "changes a real Google Cloud project",
    "deploy/gcloud/management-setup.sh --project": "changes a real Google Cloud project",
    "gcloud ": "needs a real Google Cloud project",
    "terraform ": "changes a real Google Cloud project",
    "pullsecret fake-hyperfleet": "serves until stopped, and the block shows what it answers",
    "curl -s -X POST http://127.0.0.1:8000/": "talks to the server of the block before",
    "pullsecret preflight --project": "asks a real Google Cloud project",
    "pullsecret adapter": "serves until stopped, on a broker and a management cluster",
    "docker ": "needs a container engine",
    "podman ": "needs a container engine",
    "oc adm ": "needs an OpenShift cluster",
    "skopeo ": "needs a registry",
    "deploy/image/build-scratch.sh --tag": "needs a container engine; tests/integration builds and loads it",
    "pullsecret fake-gcp": "serves until stopped",
    "pullsecret broker check": "needs the broker of the configuration; tests/integration runs it against one",
    "pullsecret events ": "needs the broker of the configuration; tests/integration runs it against one",
}
"""How a command of a ``console`` block starts, and why no test runs it."""

UNUSED_PLUGINS = ("anyio", "hypothesispytest", "pytest_cov", "randomly", "timeout", "xdist")
"""Of pytest, which no block uses; to import them takes half of its start."""

NEEDS_SERVICE = ("docker compose",)
"""Commands of ``sh`` blocks that need a real service."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder in which everything of the repository is where a reader has it, safe to write into."""
    for part in ROOT.iterdir():
        if part.name == "examples":
            shutil.copytree(part, tmp_path / part.name)
        elif part.name not in {".git", ".pytest_cache", "mutants"}:
            (tmp_path / part.name).symlink_to(part)
    return tmp_path


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "COLUMNS": "100"}


def run(arguments: list[str], folder: Path) -> str:
    """What went wrong, or nothing."""
    ended = subprocess.run(
        arguments, cwd=folder, env=environment(), capture_output=True, text=True, timeout=540, check=False
    )
    return "" if ended.returncode == 0 else f"exit code {ended.returncode}\n{ended.stdout}\n{ended.stderr}"


def shell_blocks() -> list[object]:
    return [
        pytest.param(
            block,
            id=str(block),
            marks=[pytest.mark.service] if any(word in block.text for word in NEEDS_SERVICE) else [],
        )
        for block in blocks("sh")
    ]


@pytest.mark.parametrize("block", shell_blocks())
def test_a_shell_block_runs(block: Block, checkout: Path) -> None:
    made = [command for command in block.commands if command.startswith("make ")]
    if made:
        targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        missing = [command for command in made if command.split()[1] not in targets]
        assert not missing, f"{block}: the Makefile has no such target: {missing}"
        other = [command for command in block.commands if command not in CI_RUNS]
        assert not other, f"{block}: continuous integration does not run {other}; make it a console block"
        return
    if block.text.startswith(SERVES):
        problem = serve(block.text, checkout)
    else:
        problem = run(["sh", "-e", "-c", block.text], checkout)
    assert not problem, f"{block} does not run as it stands there:\n{block.text}\n{problem}"


def serve(command: str, folder: Path) -> str:
    """Start a server, wait for its first line, interrupt it; say what went wrong."""
    server = subprocess.Popen(
        ["sh", "-c", f"exec {command}"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert server.stdout is not None
    first = server.stdout.readline()
    server.send_signal(signal.SIGINT)
    rest, _ = server.communicate(timeout=300)
    return "" if first.strip() and server.returncode == 0 else f"exit code {server.returncode}\n{first}{rest}"


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_python_block_runs(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "test_block.py"
    file.write_text(block.text)
    defines_tests = re.search(r"^(def test_|class Test)", block.text, re.MULTILINE)
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path)]
    arguments += (f"-pno:{plugin}" for plugin in UNUSED_PLUGINS)
    problem = run([sys.executable, *(arguments if defines_tests else []), str(file)], tmp_path)
    assert not problem, f"{block} does not run as it stands there:\n{problem}"


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_a_console_block_says_why_it_cannot_run(block: Block) -> None:
    unknown = [command for command in block.commands if not command.startswith(tuple(CANNOT_RUN))]
    assert not unknown, f"{block}: make it an sh block, or name the reason in CANNOT_RUN: {unknown}"


def test_no_block_hides_behind_another_language() -> None:
    assert blocks("bash", "shell", "zsh", "py", "python3", "pycon") == []


@pytest.mark.parametrize("block", [each for each in blocks("yaml") if "configuration" in each.page], ids=str)
def test_a_configuration_in_its_page_is_valid(block: Block) -> None:
    assert yaml.safe_load(block.text)
    assert structure(read_yaml(block.text))[1] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing, f"{page.name} links to what is not there: {missing}"


def test_there_are_blocks_of_each_kind() -> None:
    assert len(blocks("sh")) > 10
    assert len(blocks("python")) > 4
    assert len(blocks("console")) > 1
