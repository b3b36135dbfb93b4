"""The management cluster's Kubernetes secrets, embedded: namespaces, resource versions, conflicts."""

import itertools
from contextlib import AbstractAsyncContextManager

import attrs

from pullsecret.domain.cluster_secret import (
    CLUSTER_ANNOTATION,
    DOCKER_CONFIG_TYPE,
    ClusterSecret,
    PublishedSecret,
)
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import ClusterSecretRef
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.memory.faults import FaultScript
from pullsecret.infrastructure.memory.watched import WatchedMapping
from pullsecret.ports.cluster_secrets import ClusterSecretChangedError, NamespaceMissingError


@attrs.define
class MemoryControlPlane:
    """Namespaces and secrets. Inspect and prepare it directly; the service uses the port."""

    namespaces: set[str] = attrs.field(factory=set)
    secrets: WatchedMapping[ClusterSecretRef, PublishedSecret] = attrs.field(factory=WatchedMapping)
    immutable: set[ClusterSecretRef] = attrs.field(factory=set)
    written: dict[ClusterSecretRef, tuple[ClusterId, str]] = attrs.field(factory=dict)
    """What the service wrote and did not delete: for which cluster, and the resource version it got."""
    _versions: "itertools.count[int]" = attrs.field(factory=lambda: itertools.count(1))

    def put(self, secret: PublishedSecret) -> None:
        """Store ``secret`` with a new resource version, as any client of the API server might."""
        version = str(next(self._versions))
        self.secrets[secret.ref] = attrs.evolve(secret, resource_version=version)

    def note_written(self, ref: ClusterSecretRef) -> None:
        """Note that the service wrote the secret as it is now."""
        secret = self.secrets[ref]
        self.written[ref] = ClusterId(secret.annotations[CLUSTER_ANNOTATION]), secret.resource_version


@attrs.frozen
class MemoryClusterSecrets:
    """ClusterSecrets port on a :class:`MemoryControlPlane`."""

    control_plane: MemoryControlPlane
    faults: FaultScript

    async def get(self, ref: ClusterSecretRef) -> PublishedSecret | None:
        """See the port."""
        async with self._call("get", ref):
            return self.control_plane.secrets.get(ref)

    async def create(self, secret: ClusterSecret) -> None:
        """See the port."""
        ref = secret.ref
        async with self._call("create", ref):
            if ref.namespace not in self.control_plane.namespaces:
                raise NamespaceMissingError(
                    "create-cluster-secret",
                    ref.path,
                    Reason.NAMESPACE_MISSING,
                    f"Namespace {ref.namespace} does not exist.",
                )
            if ref in self.control_plane.secrets:
                raise self._changed("create-cluster-secret", ref)
            self.control_plane.put(
                PublishedSecret(
                    ref, dict(secret.labels), dict(secret.annotations), secret.payload, DOCKER_CONFIG_TYPE, ""
                )
            )
            self.control_plane.note_written(ref)

    async def replace(self, found: PublishedSecret, secret: ClusterSecret) -> None:
        """See the port."""
        ref = found.ref
        async with self._call("replace", ref):
            current = self._as_found("update-cluster-secret", found)
            if current.type != DOCKER_CONFIG_TYPE or ref in self.control_plane.immutable:
                raise PermanentError(
                    "update-cluster-secret",
                    ref.path,
                    Reason.CLUSTER_SECRET_CONFLICT,
                    f"The Kubernetes secret is immutable or not of type {DOCKER_CONFIG_TYPE}.",
                )
            self.control_plane.put(
                attrs.evolve(
                    current,
                    labels={**current.labels, **secret.labels},
                    annotations={**current.annotations, **secret.annotations},
                    payload=secret.payload,
                )
            )
            self.control_plane.note_written(ref)

    async def delete(self, found: PublishedSecret) -> None:
        """See the port."""
        async with self._call("delete", found.ref):
            if found.ref in self.control_plane.secrets:
                self._as_found("delete-cluster-secret", found)
                del self.control_plane.secrets[found.ref]
            self.control_plane.written.pop(found.ref, None)

    def _call(self, method: str, ref: ClusterSecretRef) -> AbstractAsyncContextManager[None]:
        return self.faults.at(f"cluster-secrets.{method}", ref.path, Reason.KUBERNETES_UNAVAILABLE)

    def _as_found(self, operation: str, found: PublishedSecret) -> PublishedSecret:
        current = self.control_plane.secrets.get(found.ref)
        if current is None or current.resource_version != found.resource_version:
            raise self._changed(operation, found.ref)
        return current

    def _changed(self, operation: str, ref: ClusterSecretRef) -> ClusterSecretChangedError:
        return ClusterSecretChangedError(
            operation, ref.path, Reason.WRITE_CONFLICT, "The secret is not as it was read."
        )
