"""A part of the acceptance run, on the served cloud and on a project that only looks real.

The whole takes minutes: ``make acceptance``.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.acceptance.__main__ import main
from tests.acceptance.report import Result, Verdict
from tests.acceptance.runner import run_checks, select
from tests.acceptance.world import acceptance_world

from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.workloads import PodIdentity
from pullsecret.testing.kubernetes.control_plane import ControlPlane

pytestmark = pytest.mark.service

PROJECT = "acceptance-project"
ACCOUNT = "acceptance@acceptance-project.iam.gserviceaccount.com"
ROOT = Path(__file__).parents[2]


def failures(results: Mapping[str, Result]) -> dict[str, str]:
    """What went wrong."""
    return {box: result.figure for box, result in results.items() if result.verdict is Verdict.FAIL}


async def test_a_part_runs_on_the_served_cloud(control_plane: ControlPlane, rabbitmq: RabbitMQNode) -> None:
    chosen = select(["AC1", "AC2", "AC4.2", "AC5.3"], real_cloud=False)
    seen: list[str] = []
    async with acceptance_world(control_plane=control_plane, broker=rabbitmq) as world:
        results = await run_checks(world, chosen, False, lambda result: seen.append(result.box))
        world.served.fake.world.secrets.clear()
        again = await run_checks(world, select(["AC1.2"], real_cloud=False), False, lambda result: None)
    assert failures(results) == {}
    assert seen == list(results) == [each.box for each in chosen]
    assert results["AC1.1"].verdict is Verdict.NOT_RUN
    # The same check, where the box does not hold.
    assert "there is no secret" in failures(again)["AC1.2"]


@contextmanager
def looks_real(folder: Path) -> Iterator[tuple[FakeGoogleCloud, Callable[..., tuple[int, str]]]]:
    """A closed fake with a project, and what runs the acceptance there: exit code and what is said.

    It runs as on a machine of Google's, whose metadata server gives Application Default Credentials.
    """
    with FakeGoogleCloud(closed=True) as cloud:
        cloud.world.add_project(PROJECT)
        member = f"serviceAccount:{ACCOUNT}"
        cloud.world.workloads.pod = PodIdentity(member=member, email=ACCOUNT, project_id=PROJECT)
        for role in ("roles/secretmanager.admin", "roles/logging.privateLogViewer"):
            cloud.world.grant(PROJECT, member, role)
        # Jobs of another user read it.
        trust = folder / "trust"
        trust.mkdir(mode=0o755)
        certificate = cloud.authority.write_certificate(trust / "ca.pem")
        certificate.chmod(0o644)
        command = [
            *(sys.executable, "-m", "tests.acceptance", "--google-project", PROJECT),
            *("--secret-manager-endpoint", cloud.endpoints.secret_manager),
            *("--rest-endpoint", cloud.endpoints.rest, "--trust-file", str(certificate)),
        ]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GOOGLE_")},
            "GCE_METADATA_HOST": cloud.endpoints.metadata,
            "GCE_METADATA_IP": cloud.endpoints.metadata,
            "CLOUDSDK_CONFIG": str(folder / "no-gcloud"),
        }

        def run(*arguments: str) -> tuple[int, str]:
            ended = subprocess.run(
                [*command, *arguments],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=540,
                check=False,
            )
            return ended.returncode, ended.stderr

        yield cloud, run


def test_a_project_that_looks_real(tmp_path: Path) -> None:
    boxes = ("AC1.1", "AC1.2", "AC1.4", "AC1.5", "AC3.1", "AC3.5")
    with looks_real(tmp_path) as (cloud, run):
        code, said = run(*(f"--only={box}" for box in boxes))
        calls, left = list(cloud.world.calls), dict(cloud.world.secrets)
    assert code == 0, said
    # Nothing is only rehearsed there.
    assert f"{len(boxes)} pass, 0 fail, 0 not run here" in said
    made = {call.resource for call in calls if call.method == "AddSecretVersion"}
    assert len(made) == 2
    assert all(name.startswith(f"projects/{PROJECT}/secrets/hyperfleet-cls-acc-") for name in made)
    assert left == {}


def test_a_dry_run_touches_nothing(tmp_path: Path) -> None:
    with looks_real(tmp_path) as (cloud, run):
        code, said = run("--dry-run")
        assert code == 0
        assert f"Project {PROJECT}: secrets hyperfleet-cls-acc-" in said
        assert "AC1.1, AC1.2" in said
        assert cloud.world.calls == []


@pytest.mark.parametrize("project", ["", "Not_A_Project"])
def test_without_a_project_nothing_runs(project: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--google-project", project]) == 2
    assert "make acceptance-gcp PROJECT=your-project" in capsys.readouterr().err


def test_an_unknown_box_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "AC11"]) == 2
    assert "AC11 is no acceptance criterion" in capsys.readouterr().err
