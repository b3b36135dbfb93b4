"""The ClusterSecretWatch port on a metadata-only watch."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from pullsecret.domain.drift import Drift, DriftKind
from pullsecret.domain.facts import InternalFault
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import ClusterSecretRef, ProvisionKey
from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.api_errors import ApiError, operation_error
from pullsecret.infrastructure.kubernetes.job_events import JobEvents, Severity
from pullsecret.infrastructure.kubernetes.job_objects import JobObjects
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.paths import ALL_SECRETS
from pullsecret.infrastructure.kubernetes.published_metadata import (
    CLUSTER_SECRETS,
    PublishedMetadata,
    published_metadata,
)
from pullsecret.infrastructure.kubernetes.reflector import Reflector, Selection
from pullsecret.ports.telemetry import Telemetry

_PUBLISHED = "published"


class KubernetesClusterSecretWatch:
    """Needs the role of ``deploy/rbac/drift.yaml``. Use one instance for one :meth:`drifts`."""

    def __init__(self, api: KubernetesApi, settings: JobSettings, telemetry: Telemetry, replica: str) -> None:
        self._jobs = JobObjects(api, settings)
        self._events = JobEvents(api, telemetry, replica)
        self._telemetry = telemetry
        self._drifts: asyncio.Queue[Drift | None] = asyncio.Queue()
        """None once nothing more is to be expected."""
        self._secrets = Reflector(
            api,
            Selection(ALL_SECRETS, CLUSTER_SECRETS, metadata_only=True, keep=_keep),
            self._on_secret,
            resync=settings.times.resync,
            on_fault=self._on_fault,
        )

    async def drifts(self) -> AsyncGenerator[Drift, None]:
        """See the port. Raises what nobody foresaw and the watch met."""
        watching = asyncio.get_running_loop().create_task(self._secrets.run())
        watching.add_done_callback(lambda _: self._drifts.put_nowait(None))
        try:
            while (drift := await self._drifts.get()) is not None:
                yield drift
            watching.result()
        finally:
            watching.cancel()

    async def look(self, secret: ClusterSecretRef) -> DriftKind | None:
        """See the port."""
        await self._secrets.synced.wait()
        found = self._secrets.objects.get(secret.path)
        if found is None:
            return DriftKind.DELETED
        published: PublishedMetadata | None = found[_PUBLISHED]
        return DriftKind.ALTERED if published is None else published.drift

    def places(self, cluster_id: ClusterId) -> Sequence[ClusterSecretRef]:
        """See the port."""
        published: list[PublishedMetadata | None] = [
            found[_PUBLISHED] for found in self._secrets.objects.values()
        ]
        return [each.ref for each in published if each is not None and each.cluster_id == cluster_id]

    async def tell_repair(self, drift: Drift, job: ProvisionKey) -> None:
        """See the port."""
        try:
            found = await self._jobs.get(job)
        except ApiError as fault:
            self._on_fault(fault)
            return
        if found is not None:
            message = f"{drift.secret.path} drifted ({drift.kind.value}); this job writes it anew."
            await self._events.tell(found, Severity.WARNING, "SecretDrifted", message)

    def _on_secret(self, before: Object | None, now: Object | None) -> None:
        was: PublishedMetadata | None = before[_PUBLISHED] if before is not None else None
        is_now: PublishedMetadata | None = now[_PUBLISHED] if now is not None else None
        known = is_now or was
        if known is None:
            return
        if now is None:
            kind: DriftKind | None = DriftKind.DELETED
        elif is_now is None:
            kind = DriftKind.ALTERED
        else:
            kind = is_now.drift
        if kind is not None:
            self._drifts.put_nowait(Drift(known.cluster_id, known.ref, kind))

    def _on_fault(self, fault: ApiError) -> None:
        reason = operation_error("watch-cluster-secrets", fault).reason
        self._telemetry.record(InternalFault("watch-cluster-secrets", str(reason)))


def _keep(found: Object) -> Object:
    metadata = found["metadata"]
    kept = {name: metadata[name] for name in ("name", "namespace", "resourceVersion")}
    return {"metadata": kept, _PUBLISHED: published_metadata(found)}
