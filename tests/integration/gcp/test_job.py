"""The job process, as a pod runs it: real control plane, real process, served Google Cloud over TLS."""

from pathlib import Path

import pytest

from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.customer import onboard
from pullsecret.testing.gcp.job_pod import JobPod
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.fixtures import control_plane

__all__ = ["control_plane"]

pytestmark = [pytest.mark.service]


@pytest.fixture
async def pod(control_plane: ControlPlane, closed_google_cloud: FakeGoogleCloud, tmp_path: Path) -> JobPod:
    customer = onboard(closed_google_cloud, tmp_path)
    return await JobPod.create(customer, control_plane, tmp_path)


async def test_it_provisions_once(pod: JobPod) -> None:
    run = await pod.run()
    assert run.exit_code == 0, run.log
