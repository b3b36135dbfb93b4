import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.kubernetes.job_harness import (
    IMAGE,
    ObedientJobs,
    obedient_image,
    obedient_settings,
)

from pullsecret.infrastructure.kubernetes.api import CallLimits, KubernetesApi
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.node_agent import NodeAgent
from pullsecret.testing.kubernetes.system import System, create_namespace, deploy_system
from pullsecret.testing.patience import PATIENCE


@pytest.fixture
async def admin(control_plane: ControlPlane) -> AsyncIterator[KubernetesApi]:
    """A client that may do everything, and waits for an API server that is away."""
    async with KubernetesApi(control_plane.admin(), limits=CallLimits(patience=PATIENCE)) as api:
        yield api


@pytest.fixture
async def namespace(admin: KubernetesApi) -> str:
    """A namespace of this test's own."""
    name = f"clusters-{uuid.uuid4().hex[:8]}"
    await create_namespace(admin, name)
    return name


@pytest.fixture
async def system(control_plane: ControlPlane, admin: KubernetesApi) -> System:
    """A system namespace of this test's own, deployed as in production."""
    return await deploy_system(control_plane, admin)


@pytest.fixture
async def adapter(system: System) -> AsyncIterator[KubernetesApi]:
    """A client with the adapter's rights in the system namespace."""
    async with KubernetesApi(await system.connect()) as api:
        yield api


@pytest.fixture
async def node(admin: KubernetesApi, system: System, tmp_path: Path) -> AsyncIterator[NodeAgent]:
    """A node whose containers end as the test says."""
    control = tmp_path / "control"
    control.mkdir()
    images = {IMAGE: obedient_image(control)}
    async with NodeAgent(admin, system.namespace, images, tmp_path / "node") as node:
        yield node


@pytest.fixture
async def jobs(adapter: KubernetesApi, system: System, node: NodeAgent, tmp_path: Path) -> ObedientJobs:
    """Jobs whose containers wait to be ended, run with the adapter's rights."""
    return ObedientJobs(adapter, tmp_path / "control", obedient_settings(system.namespace))
