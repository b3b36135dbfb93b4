"""The ClusterSecrets port: the Kubernetes secret HyperShift uses, written by server-side apply."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Final

import attrs

from pullsecret.domain.cluster_secret import (
    DOCKER_CONFIG_KEY,
    DOCKER_CONFIG_TYPE,
    ClusterSecret,
    PublishedSecret,
)
from pullsecret.domain.errors import OperationError, PermanentError
from pullsecret.domain.provisioning import ClusterSecretRef
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.infrastructure.kubernetes.api import APPLY, STRATEGIC_PATCH, KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError, operation_error
from pullsecret.infrastructure.kubernetes.field_ownership import other_appliers
from pullsecret.infrastructure.kubernetes.job_reading import time_of
from pullsecret.infrastructure.kubernetes.paths import NAMESPACES, namespace_path, secret_path
from pullsecret.infrastructure.kubernetes.published_metadata import FIELD_MANAGER, PROTECTION
from pullsecret.ports.cluster_secrets import (
    ClusterSecretChangedError,
    NamespaceMissingError,
    NamespaceNotReadyError,
)

NEW_NAMESPACE_SECONDS: Final = 300
"""In a namespace younger than this, whoever binds our rights may not have got to it yet."""

_NO_VERSION: Final = "1"
"""A resource version that no secret ever has: it belongs to the first object of a control plane's life.
Applying with it creates a secret that is not there, and conflicts with one that is."""


@attrs.frozen
class KubernetesClusterSecrets:
    """Writes whole secrets under our field manager, each write bound to the resource version that was read.

    Fields that somebody changed by hand are taken back. Fields that another *applier* declares (a GitOps
    tool, say) are not: that would be a fight without an end, so it is refused (``ClusterSecretConflict``).
    """

    api: KubernetesApi
    protect: bool = False
    """Put a finalizer on each secret, so that one that somebody deletes stays readable until its repair."""

    create_namespaces: bool = False
    """Make a missing namespace instead of waiting for it."""

    async def get(self, ref: ClusterSecretRef) -> PublishedSecret | None:
        """See the port."""
        found = await self._read("read-cluster-secret", ref)
        return None if found is None else _published(ref, found)

    async def create(self, secret: ClusterSecret) -> None:
        """See the port."""
        operation = "create-cluster-secret"
        try:
            await self._create(secret)
        except ApiError as fault:
            if fault.namespace_missing:
                raise _no_namespace(operation, secret.ref, "does not exist") from None
            await self._explain_refusal(operation, secret.ref, fault)
            raise _error(operation, secret.ref, fault) from None

    async def replace(self, found: PublishedSecret, secret: ClusterSecret) -> None:
        """See the port."""
        operation = "update-cluster-secret"
        current = await self._read(operation, found.ref)
        if current is None or current["metadata"]["resourceVersion"] != found.resource_version:
            raise _changed(operation, found.ref)
        if found.deleted:
            # What was once deleted can only go and be made anew.
            await self._let_go(operation, found.ref, current)
            await self.create(secret)
            return
        if problem := _unchangeable(current):
            raise PermanentError(operation, found.ref.path, Reason.CLUSTER_SECRET_CONFLICT, problem)
        try:
            await self._apply(secret, found.resource_version, force=True)
        except ApiError as fault:
            if fault.not_found:
                raise _changed(operation, found.ref) from None
            raise _error(operation, found.ref, fault) from None

    async def delete(self, found: PublishedSecret) -> None:
        """See the port."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"resourceVersion": found.resource_version},
        }
        operation = "delete-cluster-secret"
        try:
            left = (await self.api.call("delete", _path(found.ref), options)).body
        except ApiError as fault:
            if not fault.not_found:
                raise _error(operation, found.ref, fault) from None
            return
        if left["kind"] == "Secret":
            await self._let_go(operation, found.ref, left)

    async def _create(self, secret: ClusterSecret) -> None:
        try:
            await self._apply(secret, _NO_VERSION, force=False)
        except ApiError as fault:
            if not fault.namespace_missing or not self.create_namespaces:
                raise
            await self._create_namespace(secret)
            await self._apply(secret, _NO_VERSION, force=False)

    async def _create_namespace(self, secret: ClusterSecret) -> None:
        metadata = {"name": secret.ref.namespace, "labels": dict(secret.labels)}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        try:
            await self.api.call("create", NAMESPACES, body)
        except ApiError as fault:
            if not fault.already_exists:
                raise

    async def _let_go(self, operation: str, ref: ClusterSecretRef, current: Object) -> None:
        """Take our finalizer, if it is there, off a deleted secret; those of others may still keep it."""
        metadata = current["metadata"]
        if PROTECTION not in (metadata.get("finalizers") or []):
            return
        body = {
            "metadata": {"uid": metadata["uid"], "$deleteFromPrimitiveList/finalizers": [PROTECTION]},
        }
        try:
            await self.api.call("patch", _path(ref), body, content_type=STRATEGIC_PATCH)
        except ApiError as fault:
            if not fault.not_found:
                raise _error(operation, ref, fault) from None

    async def _read(self, operation: str, ref: ClusterSecretRef) -> Object | None:
        try:
            return await self.api.get_or_none(_path(ref))
        except ApiError as fault:
            await self._explain_refusal(operation, ref, fault)
            raise operation_error(operation, fault) from None

    async def _explain_refusal(self, operation: str, ref: ClusterSecretRef, fault: ApiError) -> None:
        """Raise :class:`NamespaceMissingError` if we are refused because the namespace is not there (yet).

        Where rights are bound in each namespace, one that does not exist answers 403, and so does a new one
        until somebody has bound them.
        """
        if fault.status != 403:
            return
        try:
            namespace = await self.api.get_or_none(namespace_path(ref.namespace))
        except ApiError:
            return  # The refusal itself says enough.
        if namespace is None:
            raise _no_namespace(operation, ref, "does not exist")
        age = (datetime.now(UTC) - time_of(namespace["metadata"]["creationTimestamp"])).total_seconds()
        if age < NEW_NAMESPACE_SECONDS:
            cause = f"Namespace {ref.namespace} is {age:.0f} s old and we have no rights in it yet."
            raise NamespaceNotReadyError(operation, ref.path, Reason.NAMESPACE_MISSING, cause)

    async def _apply(self, secret: ClusterSecret, resource_version: str, *, force: bool) -> None:
        wanted = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": secret.ref.name,
                "namespace": secret.ref.namespace,
                "resourceVersion": resource_version,
                "labels": dict(secret.labels),
                "annotations": dict(secret.annotations),
                **({"finalizers": [PROTECTION]} if self.protect else {}),
            },
            "type": DOCKER_CONFIG_TYPE,
            "data": {DOCKER_CONFIG_KEY: base64.b64encode(secret.payload.reveal()).decode()},
        }
        await self.api.call(
            "patch",
            _path(secret.ref),
            wanted,
            content_type=APPLY,
            sensitive=True,
            query={"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"},
        )


def _unchangeable(current: Object) -> str | None:
    """Why the secret cannot become ours in one step, if it cannot."""
    if current["type"] != DOCKER_CONFIG_TYPE:
        return f"The Kubernetes secret is of type {current['type']}, which can never be changed."
    if current.get("immutable"):
        return "The Kubernetes secret is immutable."
    if rivals := other_appliers(current, FIELD_MANAGER, ("f:data", f"f:{DOCKER_CONFIG_KEY}")):
        return f"Its content is also declared by {', '.join(rivals)}, which would write it back."
    return None


def _published(ref: ClusterSecretRef, found: Object) -> PublishedSecret:
    metadata = found["metadata"]
    return PublishedSecret(
        ref,
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        payload=_payload(found),
        type=found["type"],
        resource_version=metadata["resourceVersion"],
        deleted="deletionTimestamp" in metadata,
    )


def _payload(found: Object) -> SecretPayload | None:
    encoded = (found.get("data") or {}).get(DOCKER_CONFIG_KEY)
    try:
        return None if encoded is None else SecretPayload(base64.b64decode(encoded, validate=True))
    except binascii.Error:
        return None


def _error(operation: str, ref: ClusterSecretRef, fault: ApiError) -> OperationError:
    return _changed(operation, ref) if fault.status == 409 else operation_error(operation, fault)


def _changed(operation: str, ref: ClusterSecretRef) -> ClusterSecretChangedError:
    return ClusterSecretChangedError(
        operation, ref.path, Reason.WRITE_CONFLICT, "The secret is not as it was read."
    )


def _no_namespace(operation: str, ref: ClusterSecretRef, why: str) -> NamespaceMissingError:
    cause = f"Namespace {ref.namespace} {why}."
    return NamespaceMissingError(operation, ref.path, Reason.NAMESPACE_MISSING, cause)


def _path(ref: ClusterSecretRef) -> str:
    return secret_path(ref.namespace, ref.name)
