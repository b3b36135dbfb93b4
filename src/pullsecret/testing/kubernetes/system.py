"""A system namespace as it is deployed: Pod Security, accounts, rights."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from pullsecret.infrastructure.kubernetes import rbac
from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError
from pullsecret.infrastructure.kubernetes.connection import from_kubeconfig
from pullsecret.testing.kubernetes.control_plane import ControlPlane

_COLLECTIONS: Final = {
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings"),
}
_TOKEN_SECONDS: Final = 7200


@attrs.frozen
class System:
    """A namespace that enforces the ``restricted`` Pod Security level, with our accounts and rights."""

    control_plane: ControlPlane
    admin: KubernetesApi
    namespace: str

    async def connect(self, account: str = rbac.ADAPTER, server: str | None = None) -> Any:
        """A client configuration with the rights of ``account``, by a bound token as a pod has."""
        return from_kubeconfig(await self.kubeconfig(account, server))

    async def kubeconfig(self, account: str = rbac.ADAPTER, server: str | None = None) -> Path:
        """The same as a file; ``server`` stands in for the API server's own address."""
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{account}/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_SECONDS},
        }
        token = (await self.admin.call("create", path, request)).body["status"]["token"]
        file = self.control_plane.folder / f"{account}-{uuid.uuid4().hex[:8]}.kubeconfig"
        return self.control_plane.write_kubeconfig(file, {"token": token}, server)

    async def add_placement(self, name: str) -> None:
        """A namespace for a hosted control plane, in which our jobs may write the cluster secret."""
        await create_namespace(self.admin, name)
        await create(self.admin, [rbac.job_binding(name, self.namespace)])


async def deploy_system(control_plane: ControlPlane, admin: KubernetesApi) -> System:
    """A new system namespace with everything of ``deploy/rbac``."""
    namespace = f"hyperfleet-{uuid.uuid4().hex[:8]}"
    await create_namespace(admin, namespace, {"pod-security.kubernetes.io/enforce": "restricted"})
    await create(admin, rbac.objects_for(namespace))
    return System(control_plane, admin, namespace)


async def create_namespace(admin: KubernetesApi, name: str, labels: dict[str, str] | None = None) -> None:
    """Create a namespace."""
    metadata = {"name": name, "labels": labels or {}}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    await admin.call("create", "/api/v1/namespaces", body)


async def create(admin: KubernetesApi, objects: Sequence[Object]) -> None:
    """Create accounts, roles and bindings; what is there already stays."""
    for item in objects:
        group, resource = _COLLECTIONS[item["kind"]]
        namespace = item["metadata"].get("namespace")
        path = f"{group}/namespaces/{namespace}/{resource}" if namespace else f"{group}/{resource}"
        try:
            await admin.call("create", path, item)
        except ApiError as fault:
            if not fault.already_exists:
                raise
