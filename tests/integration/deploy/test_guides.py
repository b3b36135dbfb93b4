"""The blocks of the operations guides that cannot simply be run: checked for what can be wrong in them."""

import re
import subprocess
import sys
from pathlib import Path

import hcl2
import pytest
import yaml
from deploy.generate.__main__ import render_chart
from tests.integration.deploy.conftest import ROOT, tool

PAGES = ("faq", "image", "install", "operate", "runbook", "security-model", "troubleshooting", "upgrade")
CHECKED = {"console", "hcl", "promql", "python", "sh", "yaml"}
"""``promql`` is executed by test_queries.py, ``python`` and ``sh`` by the tests of all documents."""


def blocks(language: str) -> list[tuple[str, str]]:
    """Page and text of each block, its indent taken away."""
    found = []
    for page in PAGES:
        text = (ROOT / "docs" / f"{page}.md").read_text()
        for indent, body in re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
            found.append((page, re.sub(f"^{indent}", "", body, flags=re.MULTILINE)))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_of_a_kind_that_is_checked(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text()
    assert set(re.findall(r"^ *```(\w+)$", text, re.MULTILINE)) <= CHECKED


@pytest.mark.parametrize(("page", "text"), blocks("console"))
def test_commands_are_well_formed(page: str, text: str, tmp_path: Path) -> None:
    script = tmp_path / f"{page}.sh"
    script.write_text(text)
    # SC2154: variables are the reader's.
    command = [tool("shellcheck"), "--shell=bash", "--exclude=SC2154,SC2148", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("page", "text"), blocks("console"))
def test_commands_name_files_that_are_there(page: str, text: str) -> None:
    for path in re.findall(r"\bdeploy/[\w./-]+", text):
        assert (ROOT / path).exists(), f"{page}: {path}"


VALUES = [block for block in blocks("yaml") if "apiVersion:" not in block[1]]
"""The others are objects of Kubernetes' own, with tests of their own."""


@pytest.mark.parametrize(("page", "text"), VALUES)
def test_values_are_taken_by_the_chart(page: str, text: str, tmp_path: Path, required_helm: str) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(text)
    assert list(yaml.safe_load_all(render_chart(f"--values={values}"))), page


@pytest.mark.parametrize(("page", "text"), blocks("hcl"))
def test_modules_are_given_what_they_need(page: str, text: str) -> None:
    (module,) = hcl2.loads(text)["module"]
    (given,) = module.values()
    source = ROOT / given["source"].strip('"')
    declared = hcl2.loads((source / "variables.tf").read_text())["variable"]
    wanted = {name.strip('"') for each in declared for name, body in each.items() if "default" not in body}
    assert wanted <= set(given), page


@pytest.mark.parametrize("script", ["customer", "management"])
def test_the_guide_names_every_permission(script: str) -> None:
    guide = (ROOT / "docs" / "install.md").read_text()
    table = (ROOT / "deploy" / "gcloud" / "permissions.sh").read_text()
    for permission in re.findall(r"secretmanager(\.\w+\.\w+)", table):
        assert permission.rpartition(".")[2] in guide
    assert f"{script}-setup.sh" in guide


def test_the_site_has_no_broken_link(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
