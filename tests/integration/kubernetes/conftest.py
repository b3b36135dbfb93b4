import uuid
from collections.abc import AsyncIterator

import pytest

from pullsecret.infrastructure.kubernetes.api import KubernetesApi
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.fixtures import control_plane
from pullsecret.testing.kubernetes.system import System, deploy_system

__all__ = ["control_plane"]


@pytest.fixture
async def admin(control_plane: ControlPlane) -> AsyncIterator[KubernetesApi]:
    """A client that may do everything."""
    async with KubernetesApi(control_plane.admin()) as api:
        yield api


@pytest.fixture
async def namespace(admin: KubernetesApi) -> str:
    """A namespace of this test's own."""
    name = f"clusters-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await admin.call("create", "/api/v1/namespaces", body)
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
