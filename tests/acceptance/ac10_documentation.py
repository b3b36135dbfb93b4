"""AC10: Documentation."""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml
from tests.acceptance import scenes
from tests.acceptance.checks import Finding, Where, check, require
from tests.acceptance.world import AcceptanceWorld
from tests.docs.blocks import PAGES, blocks

from pullsecret.domain.reasons import Reason

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
_LINK: Final = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


@check("AC10.1", "The README has the diagram of all parts, and leads to the page about the architecture.")
async def readme(world: AcceptanceWorld) -> Finding:
    text = (ROOT / "README.md").read_text()
    for part in ("Sentinel", "adapter", "HyperFleet API", "Secret Manager", "Kubernetes secret"):
        require(part in text.split("## ")[0], f"the overview does not name {part}")
    require("](docs/architecture.md)" in text, "no link to docs/architecture.md")
    layers = re.findall(r"^\| `(\w+\.py)` \|", (DOCS / "architecture.md").read_text(), re.MULTILINE)
    source = {path.name for path in (ROOT / "src").rglob("*.py")}
    require(layers and set(layers) <= source, f"files that are not there: {set(layers) - source}")
    return Finding(
        f"diagram and overview; docs/architecture.md explains {len(layers)} use cases that are there"
    )


@check("AC10.2", "The guide names both ways to sign in, and every role and script that it needs is there.")
async def identity(world: AcceptanceWorld) -> Finding:
    text = (DOCS / "identity.md").read_text() + (DOCS / "install.md").read_text()
    for part in (
        "iam.workloadIdentityUser",
        "pullsecret-manager@",
        "metadata server",
        "workload identity pool",
    ):
        require(part in text, f"the guide does not name {part}")
    scripts = sorted(set(re.findall(r"deploy/(?:gcloud/[\w-]+\.sh|terraform/\w+)", text)))
    missing = [name for name in scripts if not (ROOT / name).exists()]
    require(len(scripts) >= 4 and not missing, f"scripts {scripts}, missing {missing}")
    return Finding(
        f"docs/identity.md, docs/install.md; {len(scripts)} scripts and modules", ", ".join(scripts)
    )


@check(
    "AC10.3",
    "Every reason that a condition can have stands in the guide's table of reasons with a meaning and a "
    "remedy.",
)
async def troubleshooting(world: AcceptanceWorld) -> Finding:
    require(
        "](reasons.md)" in (DOCS / "troubleshooting.md").read_text(), "the guide does not lead to the reasons"
    )
    rows = dict(re.findall(r"^\| `(\w+)` \|(.+)\|$", (DOCS / "reasons.md").read_text(), re.MULTILINE))
    missing = [reason.value for reason in Reason if reason.value not in rows]
    require(not missing, f"reasons without a row: {missing}")
    headings = re.findall(r"^## .+$", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    return Finding(f"{len(headings)} sections; {len(rows)} of {len(Reason)} reasons explained")


@check(
    "AC10.4",
    "The page has an example for each dialect; its members are those of a status that the adapter told in "
    "this run.",
)
async def status_format(world: AcceptanceWorld) -> Finding:
    text = (DOCS / "status-format.md").read_text()
    examples = re.findall(r"<!-- example: (\w+ \w+) -->\n```json\n(.*?)```", text, re.DOTALL)
    parsed = {name: json.loads(body) for name, body in examples}
    require({"ddr success", "v1 success"} <= set(parsed), f"examples {sorted(parsed)}")
    told = await world.statuses(await scenes.created(world))
    example = parsed["ddr success"]
    same = set(told) == set(example) and set(told["data"]) == set(example["data"])
    require(
        same,
        f"told {sorted(told)} {sorted(told['data'])}, documented {sorted(example)} {sorted(example['data'])}",
    )
    return Finding(
        f"docs/status-format.md, {len(parsed)} examples; members as told", "by GET of the statuses"
    )


@check("AC10.5", "Every alert that the chart brings has a section in the runbook.")
async def runbook(world: AcceptanceWorld) -> Finding:
    groups = yaml.safe_load((ROOT / "deploy" / "alerts" / "pullsecret.rules.yaml").read_text())["groups"]
    alerts = [rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule]
    text = (DOCS / "runbook.md").read_text()
    missing = [alert for alert in alerts if f"## {alert}" not in text]
    require(alerts and not missing, f"alerts without a section: {missing}")
    return Finding(f"docs/runbook.md, {len(alerts)} of {len(alerts)} alerts")


@check("AC10.v1", "The files are in the repository, by git.")
async def present(world: AcceptanceWorld) -> Finding:
    tracked = set(_output(["git", "ls-files", "README.md", "docs"]).split())
    wanted = {"README.md"} | {
        f"docs/{name}.md"
        for name in ("architecture", "identity", "troubleshooting", "status-format", "runbook")
    }
    require(wanted <= tracked, f"missing: {sorted(wanted - tracked)}")
    return Finding(f"{len(wanted)} of {len(wanted)}, of {len(tracked)} pages in all")


@check("AC10.v2", "No program can.", where=Where.PERSON)
async def reviewed(world: AcceptanceWorld) -> Finding:
    return Finding("a reviewer's act")


@check(
    "AC10.v3",
    "`mkdocs build --strict` fails for any broken link or anchor of the site; the README's and "
    "CONTRIBUTING's links are looked up among the files. Links to other sites are not asked.",
)
async def links(world: AcceptanceWorld) -> Finding:
    with tempfile.TemporaryDirectory() as site:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", site]
        await asyncio.to_thread(_output, command)
        pages = sum(name.endswith(".html") for name in os.listdir(site))
    checked, missing = 0, []
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        for target in _LINK.findall(text):
            checked += 1
            missing += [] if (page.parent / target).exists() else [f"{page.name}: {target}"]
    require(not missing, f"broken: {missing}")
    return Finding(f"{pages} pages built strictly, {checked} links lead to files, 0 broken")


@check(
    "AC10.v4",
    "The documents' test suite is run: every `sh` and `python` block as it stands, every configuration read.",
)
async def examples(world: AcceptanceWorld) -> Finding:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "tests/docs",
    ]
    told = await asyncio.to_thread(_output, command)
    summary = re.search(r"(\d+) passed", told)
    require(summary, told[-500:])
    assert summary is not None
    counted = {language: len(blocks(language)) for language in ("sh", "python", "console")}
    return Finding(
        f"{counted['sh']} sh and {counted['python']} python blocks ran; {summary[1]} tests passed",
        f"{counted['console']} console blocks name why they cannot run",
    )


def _output(command: Sequence[str]) -> str:
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    require(ended.returncode == 0, f"{' '.join(command[:4])}: {(ended.stdout + ended.stderr)[-800:]}")
    return ended.stdout
