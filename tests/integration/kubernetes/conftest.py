import uuid
from collections.abc import AsyncIterator

import pytest

from pullsecret.infrastructure.kubernetes.api import KubernetesApi
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.fixtures import control_plane

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
