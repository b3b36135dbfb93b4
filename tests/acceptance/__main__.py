"""``python -m tests.acceptance``: the design's acceptance criteria, box by box, in one run.

Exit codes: 0 if every box holds, 1 if one fails, 2 if it cannot be run.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from tests.acceptance.real_project import GoogleProject, NotReadyError, plan, real_cloud
from tests.acceptance.report import Result, Run, Verdict, page, read_json, write_json
from tests.acceptance.runner import UnknownBoxError, run_checks, select
from tests.acceptance.world import FLEET, acceptance_world, served_cloud

from pullsecret.testing.brokers.rabbitmq import RabbitMQMissingError
from pullsecret.testing.kubernetes.binaries import BinariesMissingError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "acceptance.md"
RECORD = ROOT / "tests" / "acceptance" / "record.json"
_STYLES = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.NOT_RUN: "yellow"}
SERVED = "the HyperFleet API, Google Secret Manager, the token exchange, IAM Credentials and Cloud Logging"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what ``arguments`` ask for; returns the exit code."""
    given = _parser().parse_args(arguments)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        project = _project(given)
        chosen = select(given.only, project is not None)
        if project is not None:
            console.print(plan(project, chosen))
            if given.dry_run:
                return 0
        run = asyncio.run(_run(given, project, console))
    except (UnknownBoxError, NotReadyError, BinariesMissingError, RabbitMQMissingError) as problem:
        console.print(f"acceptance: {problem}", markup=False)
        return 2
    _keep(given, run)
    console.print(
        f"{run.count(Verdict.PASS)} pass, {run.count(Verdict.FAIL)} fail, "
        f"{run.count(Verdict.NOT_RUN)} not run here, in {run.seconds:.0f} s"
    )
    return 1 if run.count(Verdict.FAIL) else 0


async def _run(given: argparse.Namespace, project: GoogleProject | None, console: Console) -> Run:
    chosen = select(given.only, project is not None)

    def progress(result: Result) -> None:
        style = _STYLES[result.verdict]
        told = (
            f"{result.verdict.value.strip('*'):12} {result.box:15} {result.seconds:5.1f} s  {result.figure}"
        )
        console.print(told[:240], style=style, markup=False)

    began = time.monotonic()
    console.print("starting control plane, broker, adapter and Prometheus ...")
    prefix = project.prefix if project else "cls-"
    opening = real_cloud(project) if project else served_cloud
    async with acceptance_world(opening, prefix) as world:
        world.fleet_size = given.fleet
        console.print(f"ready after {time.monotonic() - began:.0f} s")
        results = await run_checks(world, chosen, project is not None, progress)
        if given.logs:
            _keep_logs(world.adapter_log(), world.job_log(), given.logs)
    cloud = f"the HyperFleet API only; Google Cloud was the project {project.id}" if project else SERVED
    return Run(cloud, results, time.monotonic() - began)


def _project(given: argparse.Namespace) -> GoogleProject | None:
    if given.google_project is None:
        return None
    return GoogleProject.of(
        given.google_project, given.secret_manager_endpoint, given.rest_endpoint, given.trust_file
    )


def _keep(given: argparse.Namespace, run: Run) -> None:
    if given.page is None:
        return
    write_json(run, given.record)
    given.page.write_text(page(read_json(given.record)), encoding="utf-8")


def _keep_logs(adapter: str, jobs: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter.log").write_text(adapter)
    (folder / "jobs.log").write_text(jobs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.acceptance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Examples:\n"
        "  python -m tests.acceptance --only AC5 --only AC9.2\n"
        "  python -m tests.acceptance --page docs/acceptance.md\n"
        "  python -m tests.acceptance --google-project my-project --dry-run",
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="BOX", help="AC5, AC5.4; may be repeated"
    )
    parser.add_argument("--page", type=Path, help=f"write the page here, e.g. {PAGE.relative_to(ROOT)}")
    parser.add_argument("--record", type=Path, default=RECORD, help="the JSON that the page is made from")
    parser.add_argument("--fleet", type=int, default=FLEET, help="clusters of the load test")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the adapter's and the jobs' logs")
    cloud = parser.add_argument_group("a real Google Cloud project in place of the served one")
    cloud.add_argument(
        "--google-project", metavar="PROJECT", help="run the boxes that look at Google Cloud there"
    )
    cloud.add_argument("--dry-run", action="store_true", help="say what would be made there, and stop")
    cloud.add_argument("--secret-manager-endpoint", metavar="HOST:PORT", help="in place of Google's")
    cloud.add_argument("--rest-endpoint", metavar="URL", help="in place of Google's")
    cloud.add_argument("--trust-file", type=Path, help="further authority to trust (PEM), for such endpoints")
    return parser


if __name__ == "__main__":
    sys.exit(main())
