"""Google's own Go client works against the served fake."""

import subprocess
from pathlib import Path

import pytest
from tests.services.go_program import built

from pullsecret.testing.gcp.cloud import FakeGoogleCloud

PROGRAM = Path(__file__).parents[2] / "go-client"


@pytest.mark.service
def test_the_official_go_client(fake_google_cloud: FakeGoogleCloud, tmp_path: Path) -> None:
    project = fake_google_cloud.world.add_project("switched-off")
    project.disabled_services.add("secretmanager.googleapis.com")
    trust = fake_google_cloud.authority.write_certificate(tmp_path / "ca.pem")
    ran = subprocess.run(
        [built(PROGRAM), fake_google_cloud.endpoints.secret_manager, trust],
        capture_output=True,
        text=True,
        timeout=300,
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
