"""The job runner on real Jobs: the contract, and what only Kubernetes can do to a job."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.kubernetes.job_harness import IMAGE, ObedientJobs, obedient_image, obedient_settings

from pullsecret.infrastructure.kubernetes.api import KubernetesApi
from pullsecret.testing.contracts import JobRunnerContract
from pullsecret.testing.kubernetes.node_agent import NodeAgent
from pullsecret.testing.kubernetes.system import System

pytestmark = [pytest.mark.service, pytest.mark.asyncio]


@pytest.fixture
async def node(admin: KubernetesApi, system: System, tmp_path: Path) -> AsyncIterator[NodeAgent]:
    control = tmp_path / "control"
    control.mkdir()
    images = {IMAGE: obedient_image(control)}
    async with NodeAgent(admin, system.namespace, images, tmp_path / "node") as node:
        yield node


@pytest.fixture
async def harness(adapter: KubernetesApi, system: System, node: NodeAgent, tmp_path: Path) -> ObedientJobs:
    return ObedientJobs(adapter, tmp_path / "control", obedient_settings(system.namespace))


class TestContract(JobRunnerContract):
    @pytest.fixture
    async def harness(self, harness: ObedientJobs) -> ObedientJobs:
        return harness
