"""Google's own Go client works against the served fake."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pullsecret.testing.gcp.cloud import FakeGoogleCloud

PROGRAM = Path(__file__).parents[2] / "go-client"


def go() -> str:
    found = shutil.which("go")
    if found is None:
        message = "no Go toolchain: the official Go client is not tested against the fake"
        if os.environ.get("PULLSECRET_REQUIRE_SERVICES") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.mark.service
def test_the_official_go_client(fake_google_cloud: FakeGoogleCloud, tmp_path: Path) -> None:
    binary = tmp_path / "goclient"
    subprocess.run([go(), "build", "-o", binary, "."], cwd=PROGRAM, check=True, timeout=280)
    project = fake_google_cloud.world.add_project("switched-off")
    project.disabled_services.add("secretmanager.googleapis.com")
    trust = fake_google_cloud.authority.write_certificate(tmp_path / "ca.pem")
    ran = subprocess.run(
        [binary, fake_google_cloud.endpoints.secret_manager, trust],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "ok: create and read",
        "ok: checksums",
        "ok: etags",
        "ok: states and listing",
        "ok: error details",
        "ok: delete",
    ]
