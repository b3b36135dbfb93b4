"""The results of a run: as JSON, and as the page that is made from nothing else."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import attrs
from benchmarks.results import write_result
from tests.acceptance.boxes import Box, groups

ELSEWHERE: Final = "make acceptance-gcp PROJECT=your-project"
"""What runs the boxes that need a real project."""


_HEAD: Final = """\
# Acceptance

The acceptance criteria of the design, box by box, in its own words. This page is written by `make
acceptance` and by nothing else: each line below is what a check function of `tests/acceptance` found in
one run. No box can be marked by hand: `tests/acceptance/test_report.py` compares the page with the run's
own record (`tests/acceptance/record.json`) and the boxes with the design.

Real parts of the run: kube-apiserver, etcd and the controller manager; Jobs as processes of their own
user with a read-only root, started by a test node; RabbitMQ; Prometheus; the `pullsecret adapter`
process. Served by this project's fakes, over TLS: {cloud}.

**{counted}** in {seconds:.0f} s on {machine[cores]} cores of {machine[cpu]}, at commit `{commit}`,
{measured_at}.

```console
make acceptance
make acceptance ARGS="--only AC5 --only AC9.2"
```

The first writes this page, the second only looks at some boxes. A box that only a real Google Cloud
project can show is *not run here*; the figure is that of the same check on the served one. In a project
of yours,

```console
{elsewhere}
```

runs these check functions, and all others that look at Google Cloud. It signs in with Application Default
Credentials, which need `roles/secretmanager.admin` and `roles/logging.privateLogViewer`; names every
cluster with a prefix never used before; says what it creates before it does, and only that with
`ARGS=--dry-run`; and deletes the secrets that it made.
"""


class Verdict(StrEnum):
    """What became of a box."""

    PASS = "pass"
    FAIL = "**fail**"
    NOT_RUN = "not run here"


@attrs.frozen
class Result:
    """One box after a run."""

    box: str
    how: str
    check: str
    verdict: Verdict
    figure: str
    evidence: str
    seconds: float
    """How long the check took, with what it had to wait for."""
    note: str = ""
    """Why it was not run here, and what runs it elsewhere."""


@attrs.frozen
class Run:
    """All of a run, and what it was run on."""

    cloud: str
    results: Mapping[str, Result]
    seconds: float
    machine: Mapping[str, Any] = attrs.field(factory=dict)
    commit: str = ""
    measured_at: str = ""

    def count(self, verdict: Verdict) -> int:
        """How many boxes have this verdict."""
        return sum(result.verdict is verdict for result in self.results.values())


def write_json(run: Run, path: Path) -> None:
    """Keep the run, with machine and commit."""
    results = [attrs.asdict(result) for result in run.results.values()]
    figures = {"cloud": run.cloud, "duration_seconds": round(run.seconds, 1), "results": results}
    write_result(path, "acceptance", figures)


def read_json(path: Path) -> Run:
    """A run that was kept."""
    document = json.loads(path.read_text(encoding="utf-8"))
    figures = document["figures"]
    results = [Result(**{**given, "verdict": Verdict(given["verdict"])}) for given in figures["results"]]
    return Run(
        figures["cloud"],
        {result.box: result for result in results},
        figures["duration_seconds"],
        document["machine"],
        document["commit"],
        document["measured_at"],
    )


def page(run: Run) -> str:
    """``docs/acceptance.md``."""
    counted = ", ".join(
        f"{run.count(verdict)} {verdict.value.strip('*')}" for verdict in Verdict if run.count(verdict)
    )
    head = _HEAD.format(
        cloud=run.cloud,
        counted=counted,
        seconds=run.seconds,
        machine=run.machine,
        commit=run.commit,
        measured_at=run.measured_at,
        elsewhere=ELSEWHERE,
    )
    lines = head.splitlines()
    for group in groups():
        boxes = [box for box in group.all if box.id in run.results]
        if not boxes:
            continue
        lines += ["", f"## {group.id}: {group.title}", "", "| Box | How it was checked | Found | Result |"]
        lines += ["| --- | --- | --- | --- |"]
        lines += [_row(box, run.results[box.id]) for box in boxes if box in group.boxes or _short(box)]
        for box in boxes:
            if box in group.validations and not _short(box):
                lines += _snippet(box, run.results[box.id])
    return "\n".join(lines) + "\n"


def _row(box: Box, result: Result) -> str:
    how = f"{result.how} `{result.check}`"
    cells = [f"**{box.id}** {box.text}", how, _found(result), _verdict(result)]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _snippet(box: Box, result: Result) -> Sequence[str]:
    language, _, text = box.text.removeprefix("```").removesuffix("```").partition("\n")
    return [
        "",
        f"The design's validation ({language}):",
        "",
        "```text",
        text.rstrip(),
        "```",
        "",
        f"**{box.id}** {result.how} `{result.check}`",
        "",
        f"Found: {_found(result)}. Result: {_verdict(result)}.",
    ]


def _short(box: Box) -> bool:
    return not box.text.startswith("```")


def _found(result: Result) -> str:
    text = result.figure + (f" ({result.evidence})" if result.evidence else "")
    # Prometheus' and JSON's braces and asterisks are no markup here.
    return text.replace("*", "&#42;").replace("<", "&lt;").replace("\n", " ")


def _verdict(result: Result) -> str:
    return result.verdict.value + (f": {result.note}" if result.note else "")
